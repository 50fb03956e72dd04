"""The mixture over noise levels: shares, what is given, and what a given part looks like."""

import pytest
import torch

from spacetime_video.models.shapes import LatentShape
from spacetime_video.training.levels import (
    CORRUPTED,
    DETAIL_SHARE,
    FIRST_FRAME,
    LARGEST_CORRUPTION,
    SHARES,
    apply_levels,
    draw_levels,
    draw_sigma,
)

GRID = LatentShape(5, 4, 4)
MANY = 4000


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_shares_of_the_mixture() -> None:
    assert sum(SHARES.values()) == pytest.approx(1.0)
    levels = draw_levels(MANY, GRID, generator())
    given = levels.given
    by_frame = given.all(3).all(2)
    whole = (given.any(3).any(2) == by_frame).all(1)
    nothing = ~given.flatten(1).any(1)
    frames = levels.sigma.amax((2, 3))
    independent = nothing & (frames != frames[:, :1]).any(1)
    first, last = by_frame[:, 0], by_frame[:, -1]
    falling = ~(by_frame.int().diff(dim=1) > 0).any(1)  # once not given, never again
    only_prefix = whole & first & ~last & falling
    assert independent.float().mean() == pytest.approx(SHARES["independent"], abs=0.02)
    assert (nothing & ~independent).float().mean() == pytest.approx(SHARES["plain"], abs=0.03)
    assert (~whole).float().mean() == pytest.approx(SHARES["box"], abs=0.015)
    assert only_prefix.float().mean() == pytest.approx(SHARES["prefix"], abs=0.025)
    alone = only_prefix & (by_frame.sum(1) == 1)
    expected = FIRST_FRAME + (1 - FIRST_FRAME) / 4
    assert alone.sum() / only_prefix.sum() == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize("grid", [GRID, LatentShape(1, 4, 4), LatentShape(2, 1, 3), (3, 2, 2)])
def test_something_is_always_left_to_predict(grid: tuple[int, int, int]) -> None:
    levels = draw_levels(MANY, LatentShape(*grid), generator())
    assert not levels.given.flatten(1).all(1).any()
    assert levels.given.any()


def test_given_tokens_carry_little_noise_and_the_others_their_level() -> None:
    levels = draw_levels(MANY, GRID, generator())
    context = levels.sigma[levels.given]
    assert float(context.max()) <= LARGEST_CORRUPTION
    clips = levels.given.flatten(1).any(1)
    noisy = (levels.sigma * levels.given).flatten(1).amax(1)[clips] > 0
    assert noisy.float().mean() == pytest.approx(CORRUPTED, abs=0.03)
    clips_given = levels.given & (levels.sigma > 0)
    lowest = torch.where(clips_given, levels.sigma, 2.0).flatten(1).amin(1)
    highest = torch.where(clips_given, levels.sigma, -1.0).flatten(1).amax(1)
    some = clips_given.flatten(1).any(1)
    assert torch.equal(lowest[some], highest[some])


def on_pixels(tokens: torch.Tensor) -> torch.Tensor:
    """(B, F, 4, 4) -> (B, 3, F, 8, 8)."""
    wide = tokens.repeat_interleave(2, 2).repeat_interleave(2, 3)
    return wide[:, None].expand(-1, 3, -1, -1, -1)


def test_given_parts_are_the_clip_itself_unless_corrupted() -> None:
    g = generator(3)
    levels = draw_levels(256, GRID, g)
    clean, noise = torch.randn(2, 256, 3, 5, 8, 8, generator=g)
    noisy = apply_levels(clean, noise, levels, (1, 2, 2), g)
    given, altered = on_pixels(levels.given), levels.altered[:, None, None, None, None]
    sigma = on_pixels(levels.sigma)
    exact = given & (sigma == 0) & ~altered
    assert exact.any()
    assert torch.equal(noisy[exact], clean[exact])
    plain, changed = (1 - sigma) * clean + sigma * noise, altered & given
    torch.testing.assert_close(noisy[~changed], plain[~changed])
    assert changed.any()
    assert not torch.allclose(noisy[changed], plain[changed], atol=1e-2)


def test_the_shift_moves_levels_towards_noise() -> None:
    low, high = draw_sigma((MANY,), generator(), 1.0), draw_sigma((MANY,), generator(), 3.0)
    moved = high != low
    assert float(low.median()) == pytest.approx(0.5, abs=0.03)
    assert float(high[moved].median()) == pytest.approx(0.75, abs=0.03)
    torch.testing.assert_close(high[moved], (3 * low / (1 + 2 * low))[moved])
    assert (~moved).float().mean() == pytest.approx(DETAIL_SHARE, abs=0.03)
    fewer = draw_sigma((MANY,), generator(), 3.0, 0.1)
    assert (fewer == low).float().mean() == pytest.approx(0.1, abs=0.03)
