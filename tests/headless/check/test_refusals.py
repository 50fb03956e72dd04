"""What a graph would refuse is told before its networks compute, and nothing else happens."""

import json
import logging
import random
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from spacetime_video import hosts
from spacetime_video.graph.errors import NodeFailed
from spacetime_video.graph.executor import Executor
from spacetime_video.graph.validate import validate
from spacetime_video.headless.check import refusals
from spacetime_video.headless.engine import Engine, Job
from spacetime_video.hosts.standalone.folders import Folders, use_folders
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.media import NoRoomError
from spacetime_video.models.dit.network import VideoDiT
from spacetime_video.models.text.t5 import T5Encoder
from spacetime_video.models.vae.network import VideoVAE
from spacetime_video.nodes.video.video import SpacetimeDecodeVideo

from ..conftest import node


@pytest.fixture
def folders(tmp_path):
    return Folders.of(input=tmp_path / "input", output=tmp_path / "output", temp=tmp_path / "temp")


@pytest.fixture
def engine(models_dir, folders, standalone):
    with use_folders(folders):
        yield Engine(StandaloneHost(models=models_dir, device="cpu", dtype="fp32"))
    hosts.use(standalone)


@pytest.fixture
def looked(engine, folders):
    """What is refused of a graph; a run of it says the same."""

    def look(graph):
        prompt = engine.prompt(Job(workflow=graph, folders=folders))
        with use_folders(folders):
            checked = validate(prompt.nodes, engine.registry)
        return engine.refusal_of(prompt, checked, folders)

    return look


@pytest.fixture
def computed(monkeypatch):
    """Networks that have computed."""
    calls = []

    def count(kind, name):
        made = getattr(kind, name)

        def call(self, *given, **options):
            calls.append(kind.__name__)
            return made(self, *given, **options)

        monkeypatch.setattr(kind, name, call)

    count(VideoDiT, "forward")
    count(T5Encoder, "forward")
    count(VideoVAE, "decode_chunk")
    count(VideoVAE, "encode_chunk")
    return calls


def test_a_refusal_behind_a_sampler_comes_before_it(engine, folders, graph, computed):
    graph["22"] = node("SpacetimeViewTimeline", "View", latent=["11", 0])

    with pytest.raises(
        NodeFailed, match=r'"View" .* failed: this latent has no given frames'
    ) as told:
        engine.run(Job(workflow=graph, folders=folders))

    assert computed == []
    assert (told.value.node_id, told.value.title) == ("22", "View")


def test_it_is_the_error_of_the_run(engine, folders, graph, computed, monkeypatch):
    graph["22"] = node("SpacetimeViewTimeline", "View", latent=["11", 0])
    job = Job(workflow=graph, folders=folders)
    with pytest.raises(NodeFailed) as early:
        engine.run(job)
    with pytest.raises(NodeFailed) as late:
        engine.run_prompt(engine.prompt(job), folders)

    assert str(early.value) == str(late.value)
    assert computed.count("VideoDiT") == 2


def test_nothing_else_happens(looked, graph, folders, tmp_path, caplog):
    graph["2"]["inputs"]["text"] = "a red sphere, \N{SNOWMAN}"  # a warning of the run
    graph["23"] = node("SpacetimeDecodeToFile", latent=["11", 0], vae=["1", 2], crf=18.0)
    graph["24"] = node(
        "SaveVideo", video=["23", 0], filename_prefix="b", format="auto", codec="auto"
    )
    graph["25"] = node("PreviewImage", images=["12", 0])
    states = (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist())
    host, level = hosts.host(), logging.root.manager.disable

    with warnings.catch_warnings(record=True) as warned, caplog.at_level(logging.DEBUG):
        assert looked(graph) is None

    assert (warned, caplog.records) == ([], [])
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1:] == (random.getstate(), np.random.get_state()[1].tolist())
    assert (hosts.host(), logging.root.manager.disable) == (host, level)
    assert _get_current_dispatch_mode_stack() == []
    assert sorted(path.name for path in tmp_path.rglob("*")) == []


def test_a_graph_without_a_transformer_is_not_looked_at(looked, monkeypatch):
    monkeypatch.setattr(Executor, "run", None)
    frames = node("SpacetimeExampleClip", "Clip", seed=1, width=16, height=16, frames=1, fps=8.0,
                  shape="any", colour="any", motion="any", setting="any")  # fmt: skip
    assert looked({"1": frames, "2": node("PreviewImage", images=["1", 0])}) is None


FAILURES = {
    "of another kind": (RuntimeError("no kernel"), False),
    "for want of memory": (NoRoomError("too large"), False),
    "a refusal": (ValueError("too red"), True),
}


@pytest.mark.parametrize(("problem", "counts"), FAILURES.values(), ids=FAILURES.keys())
def test_only_what_the_run_refuses_too_counts(looked, graph, monkeypatch, problem, counts):
    def fail(*given, **named):
        raise problem

    monkeypatch.setattr(SpacetimeDecodeVideo, "execute", fail)
    refused = looked(graph)
    assert (refused is not None) == counts
    graph["22"] = node("SpacetimeViewTimeline", "View", latent=["11", 0])  # beside it
    assert looked(graph) is not None


def test_who_looks_at_values_is_left_and_the_others_go_on(looked, graph, monkeypatch):
    def look(cls, latent, vae):
        raise ValueError("black") if not latent["samples"].any() else AssertionError

    monkeypatch.setattr(SpacetimeDecodeVideo, "execute", classmethod(look))
    assert looked(graph) is None
    graph["22"] = node("SpacetimeViewTimeline", "View", latent=["11", 0])
    assert looked(graph).title == "View"


def test_a_node_that_takes_too_long_is_left(looked, graph, monkeypatch):
    graph["22"] = node("SpacetimeViewTimeline", "View", latent=["11", 0])
    monkeypatch.setattr(refusals, "NODE_SECONDS", 0.0)
    assert looked(graph) is None


def test_shapes_are_those_of_the_run(engine, folders, graph, monkeypatch):
    graph["20"] = node("SpacetimeEncodeVideo", images=["12", 0], vae=["1", 2], fps=8.0)
    graph["21"] = node("PreviewAny", source=["20", 0])
    seen = {}
    execute = Executor._execute

    def watch(self, at, run, held):
        made = execute(self, at, run, held)
        if at.id in seen:
            both.append((at.class_type, shapes(made.outputs), seen.pop(at.id)))
        else:
            seen[at.id] = shapes(made.outputs)
        return made

    both = []
    monkeypatch.setattr(Executor, "_execute", watch)
    engine.run(Job(workflow=graph, folders=folders))
    compared = {kind for kind, ours, theirs in both if ours == theirs and ours}
    assert [each for each in both if each[1] != each[2]] == []
    assert compared >= {
        "SpacetimeEncodePrompt", "SpacetimeUnpatchify", "SpacetimeDecodeVideo",
        "SpacetimeEncodeVideo",
    }  # fmt: skip


def shapes(value):
    if isinstance(value, torch.Tensor):
        return [(tuple(value.shape), value.dtype)]
    if hasattr(value, "chunks") and hasattr(value, "whole"):
        return [tuple(value.shape), *(shape for part in value.chunks() for shape in shapes(part))]
    if isinstance(value, dict):
        return [shape for each in value.values() for shape in shapes(each)]
    if isinstance(value, list | tuple):
        return [shape for each in value for shape in shapes(each)]
    return []


def test_examples_are_not_refused_and_their_sizes_are_found(
    examples, folders, standalone, monkeypatch
):
    """And torch's compiler, which takes a second, is not imported for it."""
    code = (
        "import json, sys\n"
        "from pathlib import Path\n"
        "from spacetime_video.headless.check.rehearsal import RehearsalHost, tokens_at_first\n"
        "from spacetime_video.headless.engine import Engine, Job\n"
        "from spacetime_video.graph.validate import validate\n"
        "from spacetime_video.hosts.standalone.folders import Folders, use_folders\n"
        "from spacetime_video.hosts.standalone.host import StandaloneHost\n"
        "folders = Folders.of(input=sys.argv[2], output=sys.argv[2])\n"
        "engine, found, sizes = Engine(StandaloneHost(device='cpu')), {}, {}\n"
        "for path in sorted(Path(sys.argv[1]).glob('*.json')):\n"
        "    job = Job(workflow=json.loads(path.read_text(encoding='utf-8')), folders=folders)\n"
        "    prompt = engine.prompt(job)\n"
        "    with use_folders(folders):\n"
        "        graph = validate(prompt.nodes, engine.registry)\n"
        "    refused = engine.refusal_of(prompt, graph, folders)\n"
        "    if refused: found[path.name] = str(refused)\n"
        "    short = RehearsalHost(\n"
        "        models=folders.input, device='cpu', dtype='fp32', is_short=True)\n"
        "    sizes[path.name] = tokens_at_first(prompt.nodes, engine.registry, short, folders)\n"
        "print(json.dumps([found, sizes, 'torch._dynamo' in sys.modules]))\n"
    )
    from .conftest import EXAMPLES

    done = subprocess.run(
        [sys.executable, "-c", code, str(EXAMPLES), str(folders.input)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    refused, sizes, has_compiler = json.loads(done.stdout.splitlines()[-1])
    assert (refused, has_compiler) == ({}, False)
    without = {name for name, tokens in sizes.items() if not tokens}
    assert without == {
        "compare_schedules.json", "explore_the_world.json", "reconstruct_video.json"
    }  # fmt: skip
