"""Loaded random models, and the parts that a sampling node takes."""

from collections.abc import Sequence
from types import SimpleNamespace

import pytest
import torch

from spacetime_video import hosts
from spacetime_video.hosts.standalone.folders import Folders, use_folders
from spacetime_video.models.control.network import DilatedBranch
from spacetime_video.models.dit.network import VideoDiT
from spacetime_video.nodes.control.controlnet import SpacetimeLoadControlNet
from spacetime_video.nodes.load.models import SpacetimeLoadModels
from spacetime_video.nodes.prompt.prompt import SpacetimeEncodePrompt
from spacetime_video.nodes.sampling.noise import SpacetimeNoise
from spacetime_video.nodes.sampling.sampling import (
    SpacetimeDenoiser,
    SpacetimeSample,
    SpacetimeSamplePatches,
)
from spacetime_video.nodes.sampling.solvers import SpacetimeSolver
from spacetime_video.nodes.schedules.schedules import SpacetimeSchedule

from .controlled import Controlled


@pytest.fixture(autouse=True)
def _host(standalone):
    hosts.use(standalone)


@pytest.fixture(scope="session")
def loaded(standalone, model_names):
    hosts.use(standalone)
    model, clip, vae = SpacetimeLoadModels.execute(**model_names).args
    return SimpleNamespace(model=model, clip=clip, vae=vae)


class Bench:
    """Runs the sampling nodes on the random model."""

    def __init__(self, models: SimpleNamespace) -> None:
        self.models = models
        self.positive = self.prompt("a red sphere moves left")
        self.negative = self.prompt("")

    def prompt(self, text: str):
        return SpacetimeEncodePrompt.execute(self.models.clip, text)[0]

    def guider(self, guidance: float = 3.0, model=None):
        model = model or self.models.model
        return SpacetimeDenoiser.execute(model, self.positive, self.negative, guidance)[0]

    def parts(self, *, guidance=3.0, steps=3, seed=5, solver="euler", model=None, guider=None):
        return (
            guider or self.guider(guidance, model),
            SpacetimeNoise.execute(seed)[0],
            SpacetimeSolver.execute(solver)[0],
            SpacetimeSchedule.execute(steps, 3.0)[0],
        )

    def sample(self, latent, **options):
        return SpacetimeSample.execute(*self.parts(**options), latent)[0]

    def sample_patches(self, tokens, **options):
        return SpacetimeSamplePatches.execute(*self.parts(**options), tokens)[0]


@pytest.fixture(scope="session")
def bench(loaded) -> Bench:
    return Bench(loaded)


@pytest.fixture
def network_calls(monkeypatch) -> Sequence[torch.Size]:
    """Shape of the tokens at every evaluation of the network."""
    calls, original = [], VideoDiT.forward_tokens

    def counted(self, tokens, *rest, **named):
        calls.append(tokens.shape)
        return original(self, tokens, *rest, **named)

    monkeypatch.setattr(VideoDiT, "forward_tokens", counted)
    return calls


@pytest.fixture(scope="module")
def control_net():
    return SpacetimeLoadControlNet.execute("random_control.safetensors", "fp32")[0]


@pytest.fixture
def seen(monkeypatch):
    """The hints (1, L, E) that the branch is given, and the layouts beside them."""
    calls, original = [], DilatedBranch.forward

    def watch(network, inside, hint, contexts):
        calls.append((hint, inside.layout))
        return original(network, inside, hint, contexts)

    monkeypatch.setattr(DilatedBranch, "forward", watch)
    return calls


@pytest.fixture
def controlled(bench, control_net):
    return Controlled(bench, control_net)


@pytest.fixture
def folders(tmp_path):
    """Empty folders of input and output, in use."""
    with use_folders(Folders.of(input=tmp_path / "input", output=tmp_path / "output")) as chosen:
        chosen.input.mkdir()
        chosen.output.mkdir()
        yield chosen
