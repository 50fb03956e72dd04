"""Schedules of a model's own levels: hand-known numbers, strengths, and what a kind lacks."""

import pytest
import torch

from spacetime_video.samplers.schedules.few_step import lcm_flow_sigmas
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.schedules.model_levels import (
    MODEL_SPACINGS,
    ContinuousLevels,
    FlowLevels,
    check_flow_sigmas,
    model_sigmas,
)
from spacetime_video.samplers.schedules.spacings import beta_sigmas, karras_sigmas
from spacetime_video.samplers.schedules.stock import simple_sigmas
from spacetime_video.samplers.schedules.table import NoiseTable

from ...tables import stable_diffusion_table

TABLE = stable_diffusion_table()
KINDS = {
    "flow": (FlowLevels(3.0), set(MODEL_SPACINGS) - {"leading"}),
    "table": (TABLE, set(MODEL_SPACINGS) - {"linear-quadratic"}),
    "continuous": (ContinuousLevels(0.002, 700.0), {"auto", "karras", "exponential"}),
}
EVERY_KIND = pytest.mark.parametrize(("levels", "spacings"), KINDS.values(), ids=KINDS)


@EVERY_KIND
@pytest.mark.parametrize("spacing", MODEL_SPACINGS)
def test_a_kind_has_its_schedules_and_names_them_otherwise(levels, spacings, spacing):
    if spacing not in spacings:
        with pytest.raises(ValueError, match=f"no spacing '{spacing}' for .*: use auto, ") as told:
            model_sigmas(levels, spacing, 5)
        assert {name for name in MODEL_SPACINGS if name in str(told.value).split("use ")[1]} == (
            spacings
        )
        return
    for strength in (1.0, 0.5):
        sigmas = model_sigmas(levels, spacing, 5, strength=strength)
        assert sigmas.shape == (6,)
        assert sigmas.dtype == torch.float32
        assert sigmas[-1] == 0
        assert (sigmas.diff() < 0).all()


def test_what_suits_a_kind():
    torch.testing.assert_close(
        model_sigmas(FlowLevels(5.0), "auto", 4), torch.tensor([1, 0.9375, 5 / 6, 0.625, 0])
    )
    assert torch.equal(model_sigmas(TABLE, "auto", 4), TABLE.trailing(4))
    svd = model_sigmas(ContinuousLevels(0.002, 700.0), "auto", 25)
    assert torch.equal(svd, karras_sigmas(25, sigma_min=0.002, sigma_max=700.0))


def test_strength_takes_the_end_of_a_longer_schedule():
    half = model_sigmas(FlowLevels(3.0), "trailing", 4, strength=0.5)
    assert torch.equal(half, flow_sigmas(8, shift=3.0)[4:])
    assert half[0].item() == pytest.approx(0.75)
    assert torch.equal(model_sigmas(TABLE, "karras", 3, strength=0.3), TABLE.karras(10)[7:])


def test_strength_of_latent_consistency_is_its_own():
    half = model_sigmas(FlowLevels(3.0), "lcm", 4, strength=0.5)
    assert torch.equal(half, lcm_flow_sigmas(4, shift=3.0, strength=0.5))
    assert model_sigmas(TABLE, "lcm", 2, strength=0.5)[0].item() == pytest.approx(TABLE.sigmas[499])


def test_a_flows_range_is_that_of_its_table():
    karras = model_sigmas(FlowLevels(3.0), "karras", 6)
    assert karras[0] == 1
    assert karras[-2].item() == pytest.approx(simple_sigmas(1000, 3.0)[-2].item(), rel=1e-6)
    assert torch.equal(model_sigmas(FlowLevels(3.0), "beta", 6), beta_sigmas(6, shift=3.0))


def test_beta_of_ones_is_even_in_time():
    even = NoiseTable(tuple(2.0**n for n in range(11)))
    assert even.beta(5, a=1.0, b=1.0).tolist() == pytest.approx([1024, 256, 64, 16, 4, 0])


@pytest.mark.parametrize("spacing", ["trailing", "leading", "beta"])
def test_more_steps_than_timesteps(spacing):
    with pytest.raises(ValueError, match="1001 steps for 1000 trained timesteps: use fewer"):
        model_sigmas(TABLE, spacing, 1001)
    with pytest.raises(ValueError, match="3000 steps"):
        model_sigmas(TABLE, spacing, 30, strength=0.01)


@pytest.mark.parametrize("strength", [0.0, -1.0, 1.01])
def test_strength_out_of_range(strength):
    with pytest.raises(ValueError, match="must be above 0 and at most 1"):
        model_sigmas(TABLE, "auto", 4, strength=strength)


def test_levels_of_other_kinds_are_told_from_a_flows():
    check_flow_sigmas(torch.tensor([1.0, 0.0]))
    check_flow_sigmas(torch.zeros(0))
    with pytest.raises(ValueError, match=r"levels from 14\.6: .* use Schedule, or Model Schedule"):
        check_flow_sigmas(torch.tensor([14.6, 0.0]))
