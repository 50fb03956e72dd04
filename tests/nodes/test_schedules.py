"""Schedule nodes: hand-known levels, the library's numbers, wires, and what is refused."""

import math

import pytest
import torch

from spacetime_video.graph.errors import GraphError
from spacetime_video.graph.executor import Executor
from spacetime_video.graph.registry import Registry
from spacetime_video.hosts.standalone.stock_primitive import PreviewAny
from spacetime_video.model_loaders.files import read_file
from spacetime_video.nodes.latent.latents import SpacetimeEmptyVideo
from spacetime_video.nodes.sampling.sampling import SpacetimeSample
from spacetime_video.nodes.schedules.few_step import (
    SpacetimeFewStepSchedule,
    SpacetimeLCMSchedule,
)
from spacetime_video.nodes.schedules.model_schedule import SpacetimeModelSchedule
from spacetime_video.nodes.schedules.schedules import (
    SpacetimeCustomSchedule,
    SpacetimeSchedule,
    SpacetimeSpacedSchedule,
)
from spacetime_video.nodes.schedules.shifts import SpacetimeShiftForSize, SpacetimeStretchSchedule
from spacetime_video.samplers.schedules.few_step import few_step_grids, lcm_flow_sigmas
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.schedules.model_levels import MODEL_SPACINGS, FlowLevels, model_sigmas
from spacetime_video.samplers.schedules.shifts import stretch_to_terminal
from spacetime_video.samplers.schedules.spacings import (
    beta_sigmas,
    exponential_sigmas,
    karras_sigmas,
    linear_quadratic_sigmas,
)
from spacetime_video.training.distil import ORIGINAL_STEPS
from spacetime_video.weights import bundled

NODES = [
    SpacetimeSpacedSchedule,
    SpacetimeFewStepSchedule,
    SpacetimeLCMSchedule,
    SpacetimeCustomSchedule,
    SpacetimeModelSchedule,
    SpacetimeShiftForSize,
    SpacetimeStretchSchedule,
    SpacetimeSchedule,
    SpacetimeEmptyVideo,
    PreviewAny,
]


def defaults(node):
    inputs = node.GET_SCHEMA().inputs
    return {spec.id: spec.default for spec in inputs if getattr(spec, "default", None) is not None}


def levels(node, **given):
    return node.execute(**{**defaults(node), **given})[0]


def video(frames, height, width, channels=16):
    return {"samples": torch.zeros(1, channels, frames, height, width)}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, beta_sigmas(30, shift=3.0)),
        (
            {"steps": 8, "shift": 5.0, "alpha": 0.5, "beta": 0.8},
            beta_sigmas(8, shift=5.0, a=0.5, b=0.8),
        ),
        (
            {"spacing": "linear-quadratic", "steps": 40, "threshold": 0.05},
            linear_quadratic_sigmas(40, threshold=0.05),
        ),
        (
            {"spacing": "exponential", "sigma_min": 0.1, "sigma_max": 20.0},
            exponential_sigmas(30, sigma_min=0.1, sigma_max=20.0),
        ),
        (
            {"spacing": "karras", "sigma_min": 0.002, "sigma_max": 700.0, "rho": 5.0},
            karras_sigmas(30, sigma_min=0.002, sigma_max=700.0, rho=5.0),
        ),
    ],
)
def test_spaced_levels_are_the_librarys(given, wanted):
    assert torch.equal(levels(SpacetimeSpacedSchedule, **given), wanted)


def test_spaced_levels_by_hand():
    even = levels(SpacetimeSpacedSchedule, steps=4, shift=5.0, alpha=1.0, beta=1.0)
    assert even.tolist() == pytest.approx([1, 0.9375, 5 / 6, 0.625, 0])
    halves = levels(
        SpacetimeSpacedSchedule, spacing="exponential", steps=4, sigma_min=0.125, sigma_max=1.0
    )
    assert halves.tolist() == pytest.approx([1, 0.5, 0.25, 0.125, 0])


def test_alpha_and_beta_crowd_the_end_they_say():
    plain = {"steps": 20, "shift": 1.0, "alpha": 1.0, "beta": 1.0}
    clean = levels(SpacetimeSpacedSchedule, **{**plain, "alpha": 0.5})
    noisy = levels(SpacetimeSpacedSchedule, **{**plain, "beta": 0.5})
    assert (clean < 0.1).sum() > 4 > (clean > 0.9).sum()
    assert (noisy > 0.9).sum() > 4 > (noisy < 0.1).sum()


@pytest.mark.parametrize("spacing", ["beta", "linear-quadratic", "exponential", "karras"])
def test_defaults_of_every_spacing_are_for_flow_models(spacing):
    sigmas = levels(SpacetimeSpacedSchedule, spacing=spacing)
    assert sigmas[0] == 1
    assert len(sigmas) == 31


def test_few_step_grids_are_all_offered_and_told():
    (grid,) = SpacetimeFewStepSchedule.GET_SCHEMA().inputs
    assert grid.options == list(few_step_grids())
    for name, wanted in few_step_grids().items():
        assert torch.equal(levels(SpacetimeFewStepSchedule, grid=name), wanted)
    for name in ("lightning_4", "lightning_8", "ltx_distilled_second_pass", "rcm_1", "rcm_4"):
        assert name in grid.tooltip
    assert levels(SpacetimeFewStepSchedule).tolist() == pytest.approx([1, 0.9375, 5 / 6, 0.625, 0])


def test_new_lcm_schedules_have_the_levels_of_the_included_lora():
    (lora,) = bundled("loras").values()
    told = read_file(lora, matrices=False).info
    trained = flow_sigmas(ORIGINAL_STEPS, shift=told["shift"])
    wanted = trained[:: ORIGINAL_STEPS // told["steps"]]
    assert levels(SpacetimeLCMSchedule).tolist() == pytest.approx(wanted.tolist())


def test_lcm_levels():
    of_fifty = levels(SpacetimeLCMSchedule, shift=1.0, original_steps=50)
    assert of_fifty.tolist() == pytest.approx([1, 0.76, 0.5, 0.26, 0])
    given = {"steps": 3, "shift": 5.0, "original_steps": 100, "strength": 0.6}
    assert torch.equal(
        levels(SpacetimeLCMSchedule, **given),
        lcm_flow_sigmas(3, shift=5.0, original_steps=100, strength=0.6),
    )


@pytest.mark.parametrize(
    "text",
    ["1, 0.8, 0.4, 0", "1, 0.8, 0.4", " 1 0.8\n0.4 ", "1.0,0.8,4e-1,0.0,", "1\uff0c0.8\u30010.4"],
)
def test_custom_levels_are_those_written(text):
    assert levels(SpacetimeCustomSchedule, levels=text).tolist() == pytest.approx([1, 0.8, 0.4, 0])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1, half, 0", "'half' is not a noise level: write decreasing numbers"),
        ("1; 0.5; 0", "'1;' is not a noise level"),
        ("0, 0.5, 1", r"levels \[0\.0, 0\.5, 1\.0\]: list decreasing numbers above 0"),
        ("1, 0,8, 0,4", "list decreasing numbers"),
        ("inf, 1, 0", "list decreasing numbers"),
        ("nan", "list decreasing numbers"),
        ("0", "list decreasing numbers"),
        ("", "list decreasing numbers"),
    ],
)
def test_custom_levels_that_are_none_are_refused_before_the_run(text, told):
    with pytest.raises(ValueError, match=told):
        SpacetimeCustomSchedule.execute(text)
    with pytest.raises(GraphError, match=told):
        run({"1": node(SpacetimeCustomSchedule, levels=text), "2": node(PreviewAny, source="1")})


@pytest.mark.parametrize("spacing", sorted(set(MODEL_SPACINGS) - {"leading"}))
def test_model_levels_are_those_of_the_models_shift(loaded, spacing):
    given = {"model": loaded.model, "steps": 6, "spacing": spacing, "strength": 0.5}
    wanted = model_sigmas(FlowLevels(loaded.model.shift), spacing, 6, strength=0.5)
    assert torch.equal(levels(SpacetimeModelSchedule, **given), wanted)


def test_a_model_schedule_is_the_schedule_with_the_models_shift(loaded):
    made = levels(SpacetimeModelSchedule, model=loaded.model)
    assert torch.equal(made, levels(SpacetimeSchedule, shift=loaded.model.shift))
    with pytest.raises(ValueError, match=r"no spacing 'leading' for a flow model: use auto"):
        levels(SpacetimeModelSchedule, model=loaded.model, spacing="leading")


@pytest.mark.parametrize(
    ("given", "latent", "shift", "tokens"),
    [
        ({}, video(21, 60, 104), 3.0, 32760),
        ({}, video(21, 90, 160), 3 * math.sqrt(75600 / 32760), 75600),
        (
            {"reference_tokens": 80, "reference_shift": 2.0},
            video(5, 16, 16),
            4.0,
            320,
        ),
        ({"rule": "flux"}, video(1, 128, 128), math.exp(1.15), 4096),
        ({"rule": "ltx"}, video(13, 16, 24, 128), math.exp(0.95 + 1.1 * 3968 / 3072), 4992),
        ({"rule": "open-sora"}, video(9, 32, 32), 3.0, 2304),
        ({"rule": "open-sora"}, video(4, 128, 128), 6.0, 16384),
    ],
)
def test_shift_for_size(given, latent, shift, tokens):
    made = SpacetimeShiftForSize.execute(
        **{**defaults(SpacetimeShiftForSize), **given}, latent=latent
    )
    assert made[0] == pytest.approx(shift)
    assert made[1] == tokens


def test_half_a_patch_is_a_token():
    assert SpacetimeShiftForSize.execute(video(2, 5, 7), "area", 24, 1.5).args == (1.5, 24)


def test_shift_for_size_wants_a_video():
    with pytest.raises(ValueError, match=r"\(5, 4, 8, 6\) is not a video latent .*: use Empty"):
        SpacetimeShiftForSize.execute({"samples": torch.zeros(5, 4, 8, 6)}, "area", 1, 1.0)


def test_a_stretched_schedule_ends_at_its_terminal_level():
    sigmas = flow_sigmas(20, shift=4.0)
    made = levels(SpacetimeStretchSchedule, sigmas=sigmas)
    assert torch.equal(made, stretch_to_terminal(sigmas))
    assert made[-2].item() == pytest.approx(0.1)
    with pytest.raises(ValueError, match=r"levels from 14\.6 to 0: only those of a flow model"):
        levels(SpacetimeStretchSchedule, sigmas=torch.tensor([14.6, 2.0, 0.0]))


@pytest.mark.parametrize(
    ("kind", "given", "told"),
    [
        (SpacetimeSpacedSchedule, {"spacing": "cosine"}, "unknown spacing 'cosine': choose one"),
        (
            SpacetimeSpacedSchedule,
            {"spacing": "karras", "sigma_min": 2.0, "sigma_max": 1.0},
            "from sigma_max 1 down to sigma_min 2",
        ),
        (SpacetimeFewStepSchedule, {"grid": "rcm_9"}, "unknown grid 'rcm_9': choose one of"),
        (SpacetimeLCMSchedule, {"steps": 51}, "51 steps of 24 trained steps: use 1 to 24"),
        (SpacetimeLCMSchedule, {"strength": 0.01}, "of 0 trained .*: a strength of 0.01 is too"),
        (SpacetimeLCMSchedule, {"steps": 8, "strength": 0.1}, "8 steps of 2"),
    ],
)
def test_refused_before_the_run(kind, given, told):
    with pytest.raises(ValueError, match=told):
        levels(kind, **given)
    with pytest.raises(GraphError, match=told):
        run({"1": node(kind, **given), "2": node(PreviewAny, source="1")})


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (SpacetimeModelSchedule, {"spacing": "cosine"}),
        (SpacetimeShiftForSize, {"rule": "cosine"}),
    ],
)
def test_unknown_choices_name_the_known_ones(kind, values):
    (choice,) = values
    (spec,) = (spec for spec in kind.GET_SCHEMA().inputs if spec.id == choice)
    assert "'cosine': choose one of " + ", ".join(spec.options) in kind.validate_inputs(**values)
    assert kind.validate_inputs(**{choice: None}) is True
    assert all(kind.validate_inputs(**{choice: each}) is True for each in spec.options)


def test_values_that_come_over_wires_are_not_checked_before_the_run():
    assert SpacetimeSpacedSchedule.validate_inputs("karras", None, 0.001) is True
    assert SpacetimeLCMSchedule.validate_inputs(None, 50, 1.0) is True
    assert SpacetimeCustomSchedule.validate_inputs(None) is True
    assert SpacetimeFewStepSchedule.validate_inputs(None) is True


def test_a_flow_model_refuses_levels_of_other_models(bench):
    sigmas = levels(SpacetimeSpacedSchedule, spacing="karras", sigma_max=14.6)
    guider, noise, sampler, _ = bench.parts()
    with pytest.raises(ValueError, match=r"levels from 14\.6: .* use Schedule, or Model Schedule"):
        SpacetimeSample.execute(guider, noise, sampler, sigmas, video(2, 4, 4))


def test_a_shift_goes_over_a_wire_into_a_schedule():
    prompt = {
        "1": node(SpacetimeEmptyVideo),
        "2": node(SpacetimeShiftForSize, latent="1", reference_tokens=20, reference_shift=2.0),
        "3": node(SpacetimeSchedule, steps=4, shift="2"),
        "4": node(PreviewAny, source="3"),
    }
    tokens = SpacetimeShiftForSize.execute(
        SpacetimeEmptyVideo.execute(**defaults(SpacetimeEmptyVideo))[0], "area", 20, 2.0
    )[1]
    wanted = flow_sigmas(4, shift=2 * math.sqrt(tokens / 20))
    assert run(prompt).outputs["4"]["text"] == [str(wanted)]


def node(kind, **inputs):
    """A node of a prompt; an input that is a node's number is a wire from its first output."""
    wired = {
        name: [value, 0]
        if isinstance(value, str) and value.isdigit() and name != "levels"
        else value
        for name, value in {**defaults(kind), **inputs}.items()
    }
    return {"class_type": kind.GET_SCHEMA().node_id, "inputs": wired}


def run(prompt):
    return Executor(Registry.from_nodes(NODES)).run(prompt)
