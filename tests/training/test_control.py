"""Control branches in training: what of it moves, what a hint does, black ones."""

from dataclasses import replace
from math import prod

import pytest
import torch

from spacetime_video.models.dit.config import TINY_DIT
from spacetime_video.models.latent_format import LatentFormat
from spacetime_video.models.patchify import patch_grid
from spacetime_video.models.vae.network import VideoVAE
from spacetime_video.training import control
from spacetime_video.training.checkpoint import Length, TrainState
from spacetime_video.training.control import (
    HINT_DROP,
    BlackHints,
    base_fingerprint,
    control_validation,
    focused,
    light_branch,
    steered_by,
    train_control,
)
from spacetime_video.training.control_start import fresh_branch
from spacetime_video.training.denoiser import PromptedDiT, draw_batch, flow_loss, predict
from spacetime_video.training.latents import LatentSet
from spacetime_video.training.levels import draw_levels

from .conftest import always, latent_set

LATENT = LatentFormat(channels=4)
USUAL = {name: getattr(control, name) for name in ("BLOCKS", "WIDTH", "HEADS", "FFN")}


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in {"BLOCKS": 2, "WIDTH": 16, "HEADS": 2, "FFN": 32}.items():
        monkeypatch.setattr(control, name, size)


@pytest.fixture
def base(model: PromptedDiT) -> PromptedDiT:
    """A denoiser that predicts something."""
    with torch.no_grad():
        model.dit.head.head.weight.normal_(std=0.2, generator=torch.Generator().manual_seed(2))
    return model.eval().requires_grad_(False)


@pytest.fixture
def black(vae: VideoVAE) -> BlackHints:
    return BlackHints(vae, LATENT)


def hinted(frames: int = 1, *, loop: bool = False) -> LatentSet:
    """Clips whose prompts say nothing of what they are, and whose hints say all."""
    data = latent_set(frames, loop=loop)
    return replace(data, hints=data.latents, token_ids=torch.ones_like(data.token_ids))


def run_of(base: PromptedDiT, steps: int) -> TrainState:
    branch = fresh_branch(light_branch(base.dit.config), torch.Generator().manual_seed(3))
    return TrainState(branch, rate=1e-2, length=Length(steps=steps), seed=1, optimiser="muon")


def test_branches_are_small_and_spread_over_the_denoiser() -> None:
    with pytest.MonkeyPatch.context() as usual:
        for name, size in USUAL.items():
            usual.setattr(control, name, size)
        branch = fresh_branch(light_branch(TINY_DIT), torch.Generator().manual_seed(1))
        assert branch.control.after == (0, 2, 5)
        light_branch(replace(TINY_DIT, layers=6)).check_base(replace(TINY_DIT, layers=6))
    assert 2 * sum(weight.numel() for weight in branch.parameters()) <= 2_000_000


def test_a_hint_comes_to_say_what_prompts_do_not(base: PromptedDiT, black: BlackHints) -> None:
    before = base_fingerprint(base.dit.state_dict())
    data, state = hinted(), run_of(base, 40)
    first = control_validation(state.module, base, data, LATENT)
    assert first["with the hint"] == first["without"], "a fresh branch changes nothing"
    for _ in train_control(state, base, always(data), black):
        pass
    seen = control_validation(state.module, base, data, LATENT)
    assert seen["with the hint"] < 0.9 * seen["without"]
    assert seen["with the hint"] < 0.9 * seen["with another clip's hint"]
    assert seen["without"] == first["without"]
    assert base_fingerprint(base.dit.state_dict()) == before


@pytest.mark.parametrize("loop", [False, True])
def test_clips_loops_and_shorter_ones_have_their_hints(
    loop: bool, base: PromptedDiT, black: BlackHints
) -> None:
    data = replace(hinted(3, loop=loop), hints=2 * latent_set(3, loop=loop).latents)
    lengths = set()
    for seed in range(40):
        g = torch.Generator().manual_seed(seed)
        batch = draw_batch(data, LATENT, ("fps",), g)
        assert batch.keys is None
        assert batch.hint is not None
        assert torch.equal(batch.hint, 2 * batch.clean)
        lengths.add(batch.shape.frames)
    assert lengths == ({3} if loop else {1, 2, 3})
    state = run_of(base, 3)
    assert all(loss == loss for loss in train_control(state, base, always(data), black))
    assert state.skipped == 0


def test_some_hints_are_black(black: BlackHints, vae: VideoVAE) -> None:
    batch = draw_batch(hinted(), LATENT, (), torch.Generator().manual_seed(0))
    dropped = black.dropped(batch, torch.Generator().manual_seed(0))
    assert batch.hint is not None
    assert dropped.hint is not None
    changed = (dropped.hint != batch.hint).flatten(1).any(1)
    assert 0.2 * HINT_DROP < changed.float().mean() < 2.5 * HINT_DROP
    with torch.no_grad():
        empty = vae.encode(-torch.ones(1, 3, 1, 32, 32))
    assert torch.allclose(
        dropped.hint[changed], empty.expand(int(changed.sum()), -1, -1, -1, -1), atol=0.02
    )


def test_the_loss_is_focused_where_hints_are_not_black(black: BlackHints) -> None:
    batch = draw_batch(hinted(2), LATENT, (), torch.Generator().manual_seed(0))
    empty = black.like(batch)
    hint = empty.repeat(len(batch.clean), 1, 1, 1, 1)
    hint[1:, :, 1, 2:4, :2] += 3.0
    hint[1:, :, 0, :2, :2] += 1.5
    weight = focused(replace(batch, hint=hint), empty, (1, 2, 2), 4.0)
    rows = hint.shape[3] // 2
    assert torch.equal(weight[0], torch.ones_like(weight[0])), "black hints have no focus"
    assert weight[1].unique().tolist() == pytest.approx([1.0, 2.0, 5.0])
    per_frame = weight[1].reshape(2, rows, -1)
    assert per_frame[1, 1, 0] == pytest.approx(5.0)
    assert per_frame[0, 0, 0] == pytest.approx(2.0)


def test_weights_only_matter_relative_to_each_other(base: PromptedDiT) -> None:
    batch = draw_batch(hinted(2), LATENT, (), torch.Generator().manual_seed(0))
    grid = patch_grid(batch.shape, base.dit.config.patch)
    count, length = len(batch.clean), prod(grid)

    def loss(weight: torch.Tensor | None) -> float:
        levels = draw_levels(count, grid, torch.Generator().manual_seed(1))
        noise = torch.Generator().manual_seed(2)
        return float(flow_loss(base, batch, levels, noise, weight=weight))

    even = torch.ones(count, length)
    first = torch.where(torch.arange(length) == 0, 1e6, 1.0).expand(count, -1)
    assert loss(even) == loss(None)
    assert loss(7 * even) == pytest.approx(loss(None))
    assert loss(first) != pytest.approx(loss(None), rel=1e-3)


def test_the_branch_is_given_the_denoisers_prompts(base: PromptedDiT) -> None:
    branch = run_of(base, 1).module
    with torch.no_grad():
        for weight in branch.parameters():
            weight.normal_(std=0.3, generator=torch.Generator().manual_seed(1))
    batch = draw_batch(hinted(2), LATENT, (), torch.Generator().manual_seed(0))
    assert batch.hint is not None
    seen: list[torch.Tensor] = []
    steer = steered_by(branch, base, batch.hint)
    level = torch.full((len(batch.clean),), 0.5)
    with torch.no_grad():
        plain = predict(base, batch, batch.clean, level)
        steered = predict(
            base, batch, batch.clean, level, lambda text: seen.append(text) or steer(text)
        )
    longest = int(batch.mask.sum(1).max())
    assert seen[0].shape == (len(batch.clean), longest, 8)
    assert torch.equal((seen[0] != 0).flatten(1).any(1), batch.prompted)
    assert not torch.allclose(plain, steered)
