"""Batches that were recorded and not run: their files, their manifest and their logs."""

import os
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest
import torch

from spacetime_video.headless.batch.batches import batches_folder
from spacetime_video.headless.batch.job import BatchJob
from spacetime_video.headless.batch.layout import Layout
from spacetime_video.headless.batch.manifest import (
    DONE,
    FAILED,
    FILE,
    RUNNING,
    SAVING,
    Manifest,
    SavedFile,
    write_plan,
)
from spacetime_video.media import save_image, write_video

GRAPH = {"1": {"class_type": "A", "inputs": {}}}


@dataclass(kw_only=True)
class Made:
    """A job, and what has become of it."""

    name: str
    prompt: str = ""
    seed: str = ""
    source: str = "graph.json"
    assignments: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    state: str = DONE
    error: str = ""
    node: str = ""
    seconds: float = 1.0
    details: dict = field(default_factory=dict)


@pytest.fixture(scope="session")
def media(tmp_path_factory):
    """The bytes of a clip and of a picture."""
    folder = tmp_path_factory.mktemp("media")
    ramp = torch.linspace(0, 1, 8)[:, None, None, None]
    write_video(folder / "clip.mp4", (ramp.expand(8, 36, 64, 3)).split(8), fps=8)
    save_image(folder / "picture.png", torch.full((40, 30, 3), 0.3))
    return {path.suffix: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def record(tmp_path, media, monkeypatch):
    """Record a batch of made jobs; gives its folders."""
    batches = count()
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # no power fails here

    def write(*made, reason="ended", runs=None):
        output = tmp_path / "output"
        layout = Layout(output, batches_folder(output) / f"batch{next(batches)}")
        jobs = [
            BatchJob(
                id=f"{number:05}",
                name=each.name,
                source=each.source,
                workflow=GRAPH,
                assignments=each.assignments,
                prompts=(each.prompt,) if each.prompt else (),
                seeds=(each.seed,) if each.seed else (),
            )
            for number, each in enumerate(made, 1)
        ]
        header = {"batch": layout.batch.name, "digest": "d", "settings": {}}
        order = range(len(jobs)) if runs is None else runs
        write_plan(layout.batch / FILE, header, [[jobs[number]] for number in order])
        manifest = Manifest(layout.batch / FILE)
        manifest.session({"torch": "2"})
        for job, each in zip(jobs, made, strict=True):
            end_job(manifest, layout, job.id, each, media)
        if reason is not None:
            manifest.close(reason)
        return layout

    return write


def end_job(manifest, layout, job, made, media):
    """Record what has become of a job, with its files and its log."""
    if made.state in (DONE, FAILED, RUNNING):
        manifest.change(job, RUNNING)
        log = layout.log(job)
        log.parent.mkdir(exist_ok=True)
        log.write_text(f"{made.name} begins", encoding="utf-8", errors="replace")
    if made.state == FAILED:
        manifest.change(job, FAILED, error=made.error, node=made.node, details=made.details)
    elif made.state == DONE:
        files = tuple(saved(layout.output / name, name, media) for name in made.files)
        facts = {"files": files, "seconds": made.seconds, "details": made.details}
        manifest.change(job, SAVING, **facts)
        manifest.change(job, DONE)


def saved(path, name, media):
    path.parent.mkdir(parents=True, exist_ok=True)
    behind = name.encode() if path.suffix == ".png" else b""  # so that no two pictures are equal
    data = media.get(path.suffix, b"?") + behind
    path.write_bytes(data)
    return SavedFile(saved=Path(name).name, name=name, sha256=sha256(data).hexdigest(), bytes=1)
