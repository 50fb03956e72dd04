"""A rehearsal asks of networks what a run asks of them."""

from collections import Counter

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from spacetime_video import hosts
from spacetime_video.graph.errors import NodeFailed
from spacetime_video.graph.workflow import to_api
from spacetime_video.headless.check.meter import META, Work, cost_of
from spacetime_video.headless.check.networks import RehearsedVAE
from spacetime_video.headless.check.rehearsal import (
    RehearsalHost,
    rehearse,
    tokens_at_first,
)
from spacetime_video.headless.engine import Engine, Job, standalone_registry
from spacetime_video.hosts.standalone.folders import Folders
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.models.dit.network import VideoDiT
from spacetime_video.models.layers import Unfilled
from spacetime_video.models.lora import WeightDelta
from spacetime_video.models.vae.network import TINY_VAE, WAN21_VAE, VideoVAE
from spacetime_video.models.vae.place import as_if_on
from spacetime_video.samplers.noise.frames import FrameNoise

EXAMPLES = ["few_step_text_to_video", "seamless_loop", "branch", "outpaint"]

CACHED = "guided_sampling"
"""Has a step cache, of which nobody knows beforehand what it saves."""


@pytest.fixture
def counted(monkeypatch):
    """Calls of the networks with the shapes of what they are given."""
    calls = Counter()

    def count(kind, name):
        made = getattr(kind, name)

        def call(self, x, *given, **options):
            if x.device != META:
                calls[name, tuple(x.shape)] += 1
            return made(self, x, *given, **options)

        monkeypatch.setattr(kind, name, call)

    count(VideoDiT, "forward")
    count(VideoVAE, "encode_chunk")
    count(VideoVAE, "decode_chunk")
    return calls


def rehearsed_calls(parts):
    found = Counter()
    for part in parts:
        for key, count in part.work.calls.items():
            if part.work.name == "sampling":
                found["forward", tuple(key[0])] += count
            elif part.work.name in ("decoding", "encoding"):
                found[f"{key[0]}_chunk", tuple(key[1])] += count
    return found


@pytest.mark.parametrize("name", [*EXAMPLES, CACHED])
def test_every_call_is_counted(examples, name, tmp_path, counted, standalone):
    workflow, folders = examples(name), Folders.of(input=tmp_path, output=tmp_path / "out")
    models = tmp_path / "models"
    host = RehearsalHost(models=models, device="cpu", dtype="fp32")
    registry = standalone_registry(host)

    parts = rehearse(to_api(workflow, registry), registry, host, folders)
    assert counted == Counter()
    Engine(StandaloneHost(models=models, device="cpu", dtype="fp32")).run(
        Job(workflow=workflow, folders=folders)
    )
    hosts.use(standalone)

    asked = rehearsed_calls(parts)
    assert (asked.total() > counted.total()) if name == CACHED else (asked == counted)
    assert not (tmp_path / "out/spacetime").exists()


FIRST = {
    "text_to_video": 2 * 5 * 4 * 4,
    "few_step_text_to_video": 5 * 4 * 4,
    "compare_samplers": 2 * 5 * 4 * 4,
    "explore_the_world": 0,
}
"""Tokens of the first evaluation: rows, latent frames, rows and columns of patches."""


@pytest.fixture
def first(tmp_path, standalone):
    """Tokens of the first evaluation of a workflow."""

    def tokens_of(workflow):
        host = RehearsalHost(models=tmp_path, device="cpu", dtype="fp32", is_short=True)
        registry = standalone_registry(host)
        folders = Folders.of(input=tmp_path, output=tmp_path / "out")
        return tokens_at_first(to_api(workflow, registry), registry, host, folders)

    yield tokens_of
    hosts.use(standalone)


def test_the_first_evaluation_tells_its_size(examples, first, counted):
    assert {name: first(examples(name)) for name in FIRST} == FIRST
    assert counted == Counter()


def test_a_graph_that_fails_before_it_samples_says_so(examples, first, monkeypatch):
    def fail(*given):
        raise ValueError("no noise today")

    monkeypatch.setattr(FrameNoise, "generate_noise", fail)
    with pytest.raises(NodeFailed, match="no noise today"):
        first(examples("branch"))


def test_costs_are_those_of_the_arithmetic():
    layers = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4)).to(META)
    x = torch.zeros(5, 8, device=META)

    cost, made = cost_of(lambda: layers(x))

    assert cost.flops == 2 * 5 * (8 * 32 + 32 * 4)
    assert made.shape == (5, 4)
    assert cost.bytes == 4 * 5 * (32 + 32)  # the first layer's output until the ReLU's is made


def test_a_network_costs_what_it_computes(model_names, models_dir):
    """On a CPU exactly; elsewhere sides that double are not folded into the weights."""
    from spacetime_video.model_loaders.load import build_vae, read_vae

    weights = read_vae(models_dir / "vae" / model_names["vae"])
    vae, latent = build_vae(weights), torch.zeros(1, 16, 2, 4, 4)
    counter, plain = FlopCounterMode(display=False), sdpa_kernel(SDPBackend.MATH)
    with plain, counter, torch.inference_mode():
        vae.decode_chunk(latent, None)

    vae.to(META)
    with as_if_on(torch.device("cpu")):
        here, _ = cost_of(lambda: vae.decode_chunk(latent.to(META), None))
    elsewhere, _ = cost_of(lambda: vae.decode_chunk(latent.to(META), None))

    computed = counter.get_total_flops()  # without the taps on zeros before a clip
    assert 0 < computed == here.flops < elsewhere.flops < 1.3 * computed


def test_a_lora_is_a_transformer_of_its_own(examples, tmp_path, standalone):
    host = RehearsalHost(models=tmp_path, device="cpu", dtype="fp32")
    registry = standalone_registry(host)
    workflow = to_api(examples("few_step_text_to_video"), registry)
    folders = Folders.of(input=tmp_path, output=tmp_path / "out")

    parts = rehearse(workflow, registry, host, folders)
    base, lora = [part for part in parts if part.work.name == "sampling"]
    model = host.models.make_model(base.weights, dtype="fp32")
    changed = host.models.with_lora(model, {}, 1.0, live=False, distilled=True)
    with pytest.raises(AttributeError):
        host.models.with_lora(model, {"blocks.99.x": WeightDelta(full=torch.ones(1))}, 1, live=True)
    hosts.use(standalone)

    assert (base.work.calls, lora.tokens) == ({}, 80)
    assert 0 < lora.work.weights < base.work.weights
    assert (model.distilled, changed.distilled) == (False, True)


@pytest.mark.parametrize(
    ("config", "dtype", "side", "measured"),
    [
        (WAN21_VAE, torch.float32, 256, 922),
        (WAN21_VAE, torch.bfloat16, 256, 485),
        (WAN21_VAE, torch.bfloat16, 128, 212),
        (TINY_VAE, torch.float32, 256, 225),
        (TINY_VAE, torch.bfloat16, 256, 114),
    ],
)
def test_memory_of_a_decode_is_what_a_cpu_was_seen_to_take(config, dtype, side, measured):
    """17 frames in a process of their own, in MB beyond the weights; one thread, glibc."""
    with META:
        vae = VideoVAE(config, ops=Unfilled).to(dtype).eval().requires_grad_(False)
    decoding = Work("decoding", 0)
    standing = RehearsedVAE(vae, decoding, Work("encoding", 0), torch.device("cpu"))
    side //= vae.space_factor
    cache = None
    for part in torch.zeros(1, config.z_channels, 5, side, side, dtype=dtype).split(4, dim=2):
        _, cache = standing.decode_chunk(part, cache)
    assert 0.8 < decoding.peak / 1e6 / measured < 1.25


def test_weights_are_no_memory_of_a_call():
    layers = nn.Linear(8, 32).to(META)
    x = torch.zeros(5, 8, device=META)

    cost, _ = cost_of(lambda: x @ layers.weight[:16].T, layers.parameters())

    assert cost.bytes == 4 * 5 * 16
