"""Random graphs of the host's own nodes: a video as long as asked for, or a refusal before work."""

import random
import re
import shutil
from fractions import Fraction

import pytest
import torch

from spacetime_video import hosts
from spacetime_video.graph.errors import GraphError, NodeFailed
from spacetime_video.graph.validate import validate
from spacetime_video.headless.check import refusals
from spacetime_video.headless.engine import Engine, Job
from spacetime_video.headless.failure import message_of
from spacetime_video.hosts.standalone.folders import Folders, use_folders
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.media import probe_video, read_video, save_image, write_video
from spacetime_video.media.limits import MOST_PIXELS
from spacetime_video.model_loaders.files import write_file
from spacetime_video.models.dit.network import VideoDiT

from .expected import Expected, Shape
from .generated import Drawing

GRAPHS, MANY = 30, 300
MOST = 2**24
"""Pixels of a clip: by chance a picture is enlarged so far that encoding it takes hours."""
SAMPLED = 0.6
ENDS = ("SaveVideo", "SaveVideo", "SaveVideo", "SaveImage", "PreviewImage", "PreviewAny")
FIXED = {
    "model": "random_dit.safetensors",
    "unet_name": "random_dit.safetensors",
    "text_encoder": "random_text.safetensors",
    "clip_name": "random_text.safetensors",
    "vae": "random_vae.safetensors",
    "vae_name": "random_vae.safetensors",
    "control_net": "random_control.safetensors",
    "control_net_name": "random_control.safetensors",
    "lora": "random_lora.safetensors",
    "lora_name": "random_lora.safetensors",
    "dtype": "fp32",
    "weight_dtype": "default",
    "image": "a.png",
    "file": "walk.mp4",
}
FILES = {"a.png": Shape(1, 32, 32), "walk.mp4": Shape(9, 32, 32)}
LOOK_AT_VALUES = frozenset({
    "SpacetimeCannyEdges", "SpacetimeDecodeToFile", "SpacetimeDragAndAnimate",
    "SpacetimeDrawMotion", "SpacetimeFlowEdit", "SpacetimeLowDetail", "SpacetimeMeasureVideo",
    "SpacetimeOpticalFlow", "SpacetimePlaceOnTimeline", "SpacetimeStepCache",
    "SpacetimeWarpedNoise",
})  # fmt: skip
"""Nodes that look at what networks have made, or work on it for long: these, and those behind them,
may refuse late."""

RAW = re.compile(r"\b[A-Z]\w*(Error|Exception)\b|Traceback|check failed")
"""In messages that were not meant for people."""


@pytest.fixture(scope="module")
def places(tmp_path_factory, models_dir):
    """Folders with weights, among them a LoRA that fits, and with a picture and a clip."""
    root = tmp_path_factory.mktemp("generated")
    shutil.copytree(models_dir, root / "models")
    pair = {"lora_A": torch.randn(2, 24), "lora_B": torch.randn(24, 2)}
    layer = "diffusion_model.blocks.1.self_attn.q"
    tensors = {f"{layer}.{name}.weight": value for name, value in pair.items()}
    write_file(root / "models/loras/random_lora.safetensors", tensors, {})
    g = torch.Generator().manual_seed(1)
    save_image(root / "input/a.png", torch.rand(32, 32, 3, generator=g))
    frames = [torch.rand(9, 32, 32, 3, generator=g)]
    write_video(root / "input/walk.mp4", frames, fps=Fraction(8))
    return root


@pytest.fixture
def bench(places, tmp_path, standalone, monkeypatch):
    """An engine, its folders, and a list with an entry for each evaluation of the network."""
    folders = Folders.of(input=places / "input", output=tmp_path / "output", temp=tmp_path / "temp")
    with use_folders(folders):
        host = StandaloneHost(models=places / "models", device="cpu", dtype="fp32")
        engine = Engine(host)
    evaluations: list[int] = []
    forward = VideoDiT.forward

    def counted(self, *given, **options):
        made = forward(self, *given, **options)
        evaluations.append(1)
        return made

    monkeypatch.setattr(VideoDiT, "forward", counted)
    monkeypatch.setenv(MOST_PIXELS.variable, str(MOST))
    monkeypatch.setattr(refusals, "NODE_SECONDS", 20.0)  # also where the machine is busy
    monkeypatch.setattr(refusals, "MOST_SECONDS", 300.0)
    yield engine, folders, evaluations
    hosts.use(standalone)


def drawn(schemas, seed):
    dice = random.Random(seed)
    most, samples = dice.choice([8, 14, 20]), dice.random() < SAMPLED
    drawing = Drawing(schemas, dice, FIXED, most=most, samples=samples)
    end = drawing.add(dice.choice(ENDS))
    return drawing.nodes, end


def faults_of(seed, schemas, bench):
    """What is wrong with how a graph ended, and whether it ran."""
    engine, folders, evaluations = bench
    nodes, end = drawn(schemas, seed)
    evaluations.clear()
    refused = None
    try:
        prompt = engine.prompt(Job(workflow=nodes, folders=folders))
        with use_folders(folders):
            graph = validate(prompt.nodes, engine.registry)
        refused = engine.refusal_of(prompt, graph, folders)
        result = engine.run_prompt(prompt, folders)
    except GraphError as problem:
        return [told for told in [message_of(problem)] if RAW.search(told)], False
    except NodeFailed as problem:
        return list(faults_of_refusal(refused, problem, nodes, len(evaluations))), False
    except Exception as problem:
        return [f"{type(problem).__name__}: {problem}"], False
    if refused is not None:
        return [f"runs, and should be refused: {refused}"], True
    return list(differences(nodes, end, result.outputs[end], folders)), True


def faults_of_refusal(early, late, nodes, evaluations):
    """What is wrong with a refusal, and with what was said of it before the run."""
    told = message_of(late)
    if RAW.search(told):
        yield told
    if early is not None and str(early) != str(late):
        yield f"told before the run: {early}; but then: {told}"
    if early is None and evaluations and not looks_at_values(nodes, late.node_id):
        yield f"after {evaluations} evaluations: {told}"


def looks_at_values(nodes, key):
    """Whether a node or one of those that feed it looks at what networks have made."""
    node = nodes[key]
    feeds = (value[0] for value in node["inputs"].values() if isinstance(value, list))
    kind = node["class_type"]
    return kind in LOOK_AT_VALUES or any(looks_at_values(nodes, feed) for feed in feeds)


def differences(nodes, end, shown, folders):
    """What is otherwise than the graph's nodes say."""
    if nodes[end]["class_type"] != "SaveVideo":
        return
    wanted = Expected(nodes, FILES).of([end, 0])
    files = [folders.output / each["subfolder"] / each["filename"] for each in shown["images"]]
    if None not in wanted[0] and len(files) != len(wanted):
        yield f"{len(files)} files, {len(wanted)} expected"
    for path, shape in zip(files, wanted, strict=False):
        info = probe_video(path)
        made = (info.frames, info.height, info.width)
        whole = sum(len(part) for part in read_video(path))
        if any(want not in (None, got) for want, got in zip(shape, made, strict=False)):
            yield f"{path.name} has (frames, height, width) {made}, {shape} expected"
        if whole != info.frames:
            yield f"{path.name} says {info.frames} frames and holds {whole}"


def check(count, bench):
    with use_folders(bench[1]):
        schemas = {name: node.GET_SCHEMA() for name, node in bench[0].registry.items()}
    faults, ran = {}, 0
    for seed in range(count):
        found, worked = faults_of(seed, schemas, bench)
        ran += worked
        if found:
            faults[seed] = found
    assert faults == {}
    assert ran > count / 8


def test_graphs_of_anyone(bench):
    check(GRAPHS, bench)


@pytest.mark.slow
def test_graphs_of_anyone_many(bench):
    check(MANY, bench)
