"""`spacetime world`: clips of the toy world on disk, each with its ground truth."""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track

from ..media import save_image
from ..toyworld import KINDS, Scene, caption, draw_scene, render
from .run import INTERRUPTED, check_writable
from .world_files import contact_sheet, strip_of, write_clip

ANY = "any"
OVERVIEW = "overview.png"
MOST_SHOWN = 24
"""How many clips the overview shows."""


@dataclass(frozen=True, kw_only=True)
class WorldOptions:
    """What the command line said; None where the seed chooses."""

    folder: Path
    count: int
    kind: str
    seed: int
    frames: int
    width: int
    height: int
    fps: float
    style: str | None
    camera: str | None
    loop: bool


def world_command(options: WorldOptions) -> int:
    """Write the clips, print where they are, and return the exit code."""
    try:
        _check(options)
        scenes = draw_scenes(options)
        _check_free(options.folder, scenes)
        for line in write_world(options, scenes):
            sys.stdout.write(f"{line}\n")
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except (ValueError, OSError) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


def draw_scenes(options: WorldOptions) -> list[Scene]:
    """Draw one scene per seed from the first on."""
    kind = "loop" if options.loop else None if options.kind == ANY else options.kind
    seeds = range(options.seed, options.seed + options.count)
    duration = options.frames / options.fps
    return [
        draw_scene(seed, kind=kind, style=options.style, camera=options.camera, duration=duration)
        for seed in seeds
    ]


def write_world(options: WorldOptions, scenes: Sequence[Scene]) -> list[str]:
    """Render and write every scene and the overview; return a line on each thing written."""
    lines, strips = [], []
    for scene in track(scenes, "clips", console=Console(stderr=True), disable=len(scenes) < 2):
        clip = render(
            [scene],
            frames=options.frames,
            height=options.height,
            width=options.width,
            fps=options.fps,
        )
        with _new_folder(options.folder / folder_name(scene)) as folder:
            write_clip(folder, scene, clip, options.fps)
        lines.append(f"{options.folder / folder_name(scene)}  {caption(scene)}")
        if len(strips) < MOST_SHOWN:
            strips.append(strip_of(clip.video[0], caption(scene)))
    overview = options.folder / OVERVIEW
    save_image(overview, contact_sheet(strips))
    return [*lines, f"{overview}  {len(strips)} of {len(scenes)} clips at a glance"]


def folder_name(scene: Scene) -> str:
    """Return the name of a clip's folder, such as "hits_000003"."""
    return f"{scene.kind}_{scene.seed:06}"


def _check(options: WorldOptions) -> None:
    if options.kind not in (ANY, *KINDS):
        names = ", ".join((*KINDS, ANY))
        raise ValueError(f"unknown kind {options.kind!r}: use one of {names}")
    if options.loop and options.kind not in (ANY, "single", "loop"):
        raise ValueError(f"--loop with --kind {options.kind}: loops are a kind of their own")
    if not options.fps > 0:
        raise ValueError(f"{options.fps} frames per second: use more than 0")
    check_writable(options.folder)


def _check_free(folder: Path, scenes: Sequence[Scene]) -> None:
    taken = [name for name in map(folder_name, scenes) if (folder / name).exists()]
    if taken:
        raise ValueError(
            f"{folder} already holds {taken[0]}"
            + (f" and {len(taken) - 1} more of these clips" if len(taken) > 1 else "")
            + ": use another folder or another --seed"
        )


@contextmanager
def _new_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside `path`, which becomes it when the block succeeds."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        unfinished.rename(path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
