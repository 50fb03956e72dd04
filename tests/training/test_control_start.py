"""A control branch begins from its base, learns from its hints, and comes back from a file."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from spacetime_video.model_loaders.load import DiTWeights, build_control, build_dit, read_control
from spacetime_video.models.control.config import ControlConfig
from spacetime_video.models.dit.config import DiTConfig
from spacetime_video.models.dit.network import VideoDiT
from spacetime_video.models.hooks import BlockHooks
from spacetime_video.models.latent_format import LatentFormat
from spacetime_video.models.patchify import to_patches
from spacetime_video.samplers.control import BoundControl, HintState
from spacetime_video.training.control_start import begun_control, control_info
from spacetime_video.training.recipe import write_weights

STEPS, BATCH, LATENT = 50, 8, LatentFormat(channels=4)
BASE = DiTConfig(
    dim=24, heads=2, ffn_dim=32, layers=3, in_channels=4, out_channels=4, text_dim=8,
    text_length=4, freq_dim=16,
)  # fmt: skip
SAME = {"base_dim": 24, "hint_channels": 4, "latent_channels": 4}
RESIDUAL = ControlConfig(design="residual", after=(0, 1), dim=24, heads=2, ffn_dim=32, **SAME)
DILATED = ControlConfig(
    design="dilated", after=(0, 1), dim=16, heads=1, ffn_dim=32, text_dim=8, text_length=4,
    freq_dim=16, **SAME,
)  # fmt: skip
BOTH = pytest.mark.parametrize("config", [RESIDUAL, DILATED], ids=["residual", "dilated"])


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def base() -> DiTWeights:
    generator, state = seeded(0), VideoDiT(BASE).state_dict()
    drawn = {name: torch.randn(w.shape, generator=generator) * 0.2 for name, w in state.items()}
    return DiTWeights(BASE, LATENT, drawn)


def velocity(network: VideoDiT, branch, x: Tensor, sigma: Tensor, text: Tensor, hint: Tensor):
    contexts = [branch.prepare(text, network.embed_text)]
    blocks = (1.0,) * branch.control.layers
    bound = BoundControl(branch, contexts, HintState(to_patches(hint)), 1.0, blocks)
    return network(x, sigma, [network.prepare(text)], hooks=BlockHooks(branches=(bound,)))


def test_blocks_of_a_residual_branch_are_copies(base: DiTWeights) -> None:
    branch = begun_control(base, RESIDUAL, seeded(1))
    copied = branch.state_dict()
    for name in ("self_attn.q.weight", "cross_attn.norm_k.weight", "modulation", "ffn.2.bias"):
        for number, place in enumerate(RESIDUAL.after):
            assert torch.equal(
                copied[f"vace_blocks.{number}.{name}"], base.state[f"blocks.{place}.{name}"]
            )
    with pytest.raises(ValueError, match="belongs to another model"):
        begun_control(base, ControlConfig(**{**DILATED.to_dict(), "text_dim": 16}), seeded(1))


@BOTH
def test_a_branch_learns_more_with_its_hint_than_without(
    base: DiTWeights, config: ControlConfig
) -> None:
    """Of clips of random colours only the hint tells which; the prompt is the same for all."""
    network = build_dit(base)
    losses = {}
    for with_hint in (True, False):
        branch, g = begun_control(base, config, seeded(1)), seeded(2)
        optimiser = torch.optim.AdamW(branch.parameters(), lr=3e-3)
        history = []
        for _ in range(STEPS):
            colours = torch.randn(BATCH, 4, 1, 1, 1, generator=g)
            clean = colours.expand(-1, -1, 2, 4, 4)
            noise = torch.randn(clean.shape, generator=g)
            sigma = torch.rand(BATCH, generator=g) * 0.5 + 0.5
            level = sigma[:, None, None, None, None]
            hint = clean if with_hint else torch.zeros_like(clean)
            text = torch.ones(BATCH, 4, 8)
            x = (1 - level) * clean + level * noise
            made = velocity(network, branch, x, sigma, text, hint)
            loss = (made - (noise - clean)).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            history.append(float(loss.detach()))
        assert all(weight.grad is None for weight in network.parameters())
        losses[with_hint] = (sum(history[:5]) / 5, sum(history[-10:]) / 10)
    assert losses[True][1] < 0.9 * losses[False][1] < 0.9 * losses[False][0]


@BOTH
def test_a_branch_comes_back_from_its_file(
    base: DiTWeights, config: ControlConfig, tmp_path: Path
) -> None:
    branch = begun_control(base, config, seeded(1))
    write_weights(tmp_path / "a.safetensors", branch.state_dict(), control_info(config, LATENT))
    read = read_control(tmp_path / "a.safetensors")
    assert (read.config, read.latent.channels) == (config, 4)
    built = build_control(read).state_dict()
    for name, weight in branch.state_dict().items():
        assert torch.equal(built[name], weight.half().float()), name
