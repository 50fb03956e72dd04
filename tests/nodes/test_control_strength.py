"""Nodes that say how strongly a ControlNet acts, on the standalone host."""

from functools import partial
from itertools import permutations

import pytest
import torch

from spacetime_video.hosts import host
from spacetime_video.models.shapes import LatentShape
from spacetime_video.nodes.control.plot import SpacetimePlotControl
from spacetime_video.nodes.control.region import SpacetimeControlInRegion, lit, region
from spacetime_video.nodes.control.strength import (
    SpacetimeControlOverFrames,
    SpacetimeControlOverSteps,
    SpacetimeControlPerLayer,
)
from spacetime_video.nodes.helpers import control_strength, hints
from spacetime_video.nodes.helpers.control_strength import strength_map
from spacetime_video.nodes.schedules.schedules import SpacetimeSchedule
from spacetime_video.samplers.clips import Clip
from spacetime_video.samplers.control import BoundControl

from ..other_device import OTHER, other_device
from .controlled import FRAMES, Controlled, latent, pictures


def over_frames(net, keys, counted_in="frames", interpolation="linear"):
    return SpacetimeControlOverFrames.execute(net, keys, counted_in, interpolation)[0]


def over_steps(net, preset="custom", weakest=0.0, keys="0: 1", interpolation="linear"):
    return SpacetimeControlOverSteps.execute(net, preset, weakest, keys, interpolation)[0]


def per_layer(net, shape="custom", falloff=1.0, factors="1, 1"):
    return SpacetimeControlPerLayer.execute(net, shape, falloff, factors)[0]


def in_region(net, mask, invert=False, feather=0.0, outside=0.0, image=None):
    return SpacetimeControlInRegion.execute(net, mask, invert, feather, outside, image)[0]


def mask(frames=1, seed=9):
    return torch.rand(frames, 24, 24, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def acting(monkeypatch):
    """Factors of the residuals at every run of a branch: of all, of blocks, of places."""
    calls, original = [], BoundControl.__call__

    def watch(bound, inside):
        calls.append((bound.factor, bound.blocks, bound.state.weights))
        return original(bound, inside)

    monkeypatch.setattr(BoundControl, "__call__", watch)
    return calls


@pytest.fixture
def told(bench, control_net):
    """Samples with a ControlNet that was told something."""

    def sample(change=lambda net: net, **options):
        return Controlled(bench, change(control_net)).sample(**options)

    return sample


NOTHING = [
    lambda net: over_frames(net, "0: 0, 5: 0"),
    lambda net: over_steps(net, keys="0: 0"),
    lambda net: per_layer(net, factors="0, 0"),
    lambda net: in_region(net, torch.zeros(1, 8, 8)),
]
WHOLE = [
    lambda net: over_frames(net, "0: 1, 9: 1", "seconds", "ease"),
    lambda net: over_steps(net, "constant"),
    lambda net: over_steps(net, "fade out", weakest=1.0),
    lambda net: per_layer(net, "falling"),
    lambda net: in_region(net, torch.ones(1, 8, 8), feather=3.0),
    lambda net: in_region(net, torch.zeros(FRAMES, 8, 8), invert=True),
    lambda net: in_region(net, mask(), outside=1.0),
]


def test_no_factor_is_no_control_and_all_of_it_is_the_ControlNet_itself(told, bench):  # noqa: N802
    plain, whole = bench.sample(latent())["samples"], told()
    assert not torch.allclose(plain, whole, atol=1e-3)
    assert [n for n, nothing in enumerate(NOTHING) if not torch.equal(told(nothing), plain)] == []
    assert [n for n, all_of_it in enumerate(WHOLE) if not torch.equal(told(all_of_it), whole)] == []


def test_they_multiply_in_any_order(told, acting):
    parts = [
        lambda net: over_frames(net, "0: 1, 16: 0.2"),
        lambda net: over_steps(net, "fade out", weakest=0.3),
        lambda net: per_layer(net, factors="1, 0.5"),
        lambda net: in_region(net, mask()),
    ]

    def chained(order, net):
        for number in order:
            net = parts[number](net)
        return net

    made = [told(partial(chained, order)) for order in list(permutations(range(4)))[::7]]
    for other in made[1:]:
        torch.testing.assert_close(other, made[0], atol=1e-5, rtol=1e-5)
    half = told(partial(chained, range(4)), strength=0.5)
    assert not torch.allclose(half, made[0], atol=1e-4)
    factors = [factor for factor, _, _ in acting]
    assert factors[:3] == pytest.approx([1.0, 1 - 0.7 / 3, 1 - 1.4 / 3], abs=1e-5)
    assert factors[-3:] == pytest.approx([0.5, 0.5 - 0.35 / 3, 0.5 - 0.7 / 3], abs=1e-5)
    assert {blocks for _, blocks, _ in acting} == {(1.0, 0.5)}
    means = acting[0][2].mean((0, 2, 3))
    assert (means / means[0]).tolist() == pytest.approx(
        [1, 1 - 0.05 * 2.5, 1 - 0.05 * 6.5, 1 - 0.05 * 10.5, 1 - 0.05 * 14.5], abs=1e-5
    )


def test_the_same_ControlNet_goes_on_unchanged(told, control_net):  # noqa: N802
    over_frames(over_steps(control_net, "fade in"), "0: 0.5")
    assert not host().models.about_control(control_net).strength.scheduled


def test_stock_nodes_apply_what_it_was_told(bench, control_net, told):
    from spacetime_video.hosts.standalone.stock_control import ControlNetApplyAdvanced

    def change(net):
        return over_steps(in_region(net, mask()), "fade out")

    prompts = ControlNetApplyAdvanced.execute(
        bench.positive, bench.negative, change(control_net), pictures(), 0.7, 0.0, 1.0,
        bench.models.vae,
    )  # fmt: skip
    guider = Controlled(bench, control_net).guider(prompts[0], prompts[1])
    made = bench.sample(latent(), guider=guider)["samples"]
    assert torch.equal(made, told(change, strength=0.7))


def test_two_may_take_turns(bench, control_net, acting):
    """One ControlNet with other frames in the second half of the steps: applied twice."""
    early = over_steps(control_net, keys="0: 1, 0.5: 0", interpolation="hold")
    late = over_steps(control_net, keys="0: 0, 0.5: 1", interpolation="hold")
    both = Controlled(bench, over_frames(late, "0: 0.5"))
    prompts = both.prompts(before=Controlled(bench, early).prompts())
    bench.sample(latent(), guider=both.guider(*prompts), steps=4)
    factors = [None if weights is None else weights.max().item() for _, _, weights in acting]
    assert factors == [None, None, 0.5, 0.5]


@pytest.mark.parametrize(
    ("node", "values", "problem"),
    [
        (SpacetimeControlOverFrames, ("0: 1, 24", "frames", "hold"), "'24' is not a time with its"),
        (SpacetimeControlOverFrames, ("0: 1; 24: 2", "frames", "hold"), "'1; 24: 2'|not a number"),
        (SpacetimeControlOverFrames, ("0: x", "frames", "hold"), "'x' in '0: x' is not a number"),
        (SpacetimeControlOverFrames, ("", "frames", "hold"), "a curve needs at least one key"),
        (SpacetimeControlOverFrames, ("5: 1, 2: 0", "frames", "hold"), "not in order of time"),
        (SpacetimeControlOverFrames, ("0: 1, 2: -1", "frames", "hold"), "factors -1: use numbers"),
        (SpacetimeControlOverFrames, ("-3: 1", "frames", "hold"), "begin before the video"),
        (SpacetimeControlOverFrames, ("0: 1, 24: 0", "share", "ease"), "beyond the end"),
        (SpacetimeControlOverFrames, ("0: 1", "minutes", "ease"), "unknown unit 'minutes'"),
        (SpacetimeControlOverFrames, ("0: 1", "frames", "bounce"), "interpolation 'bounce'"),
        (SpacetimeControlOverSteps, ("custom", 0.0, "0: 1, 20: 0", "hold"), "must be shares"),
        (SpacetimeControlOverSteps, ("slow", 0.0, "0: 1", "hold"), "unknown preset 'slow'"),
        (SpacetimeControlOverSteps, ("fade in", -1.0, "0: 1", "hold"), "factors -1"),
        (SpacetimeControlPerLayer, ("flat", 0.5, "1"), "unknown shape 'flat'"),
        (SpacetimeControlPerLayer, ("custom", 0.5, ""), "no factors"),
        (SpacetimeControlPerLayer, ("custom", 0.5, "1, 11"), "factors 11"),
        (SpacetimeControlPerLayer, ("custom", 0.5, "1, half"), "'half' in 'half' is not a number"),
    ],
)
def test_what_cannot_be_read_is_refused_before_the_graph_runs(node, values, problem, control_net):
    with pytest.raises(ValueError, match=problem) as found:
        node.execute(control_net, *values)
    assert node.validate_inputs(*values) == str(found.value)
    assert node.validate_inputs(*values[:-1], None) is True


def test_layers_must_be_those_of_the_ControlNet(control_net):  # noqa: N802
    with pytest.raises(ValueError, match="for 3 blocks, but this ControlNet has 2: give 2"):
        per_layer(control_net, factors="1, 1, 1")
    about = host().models.about_control
    assert about(per_layer(control_net, "falling", 0.8)).strength.blocks == (1.0, 0.8)
    assert about(per_layer(control_net, "rising", 0.8)).strength.blocks == (0.8, 1.0)


def test_what_a_shape_does_not_take_is_not_read(bench, control_net):
    unread = SpacetimeControlPerLayer.validate_inputs("falling", 0.8, "strong, weak")
    assert unread is True
    made = per_layer(control_net, "falling", 0.8, "strong, weak")
    assert host().models.about_control(made).strength.blocks == (1.0, 0.8)


def test_masks_of_other_lengths_are_refused_before_the_first_step(told, control_net, network_calls):
    with pytest.raises(ValueError, match="control mask of 9 frames for a video of 17"):
        told(lambda net: in_region(net, mask(9)))
    with pytest.raises(ValueError, match="9 masks for 17 images"):
        in_region(control_net, mask(9), image=pictures())
    bare = {"samples": torch.zeros(1, 16, 5, 4, 4)}
    with pytest.raises(ValueError, match=r"in seconds \(0: 1, 1: 0\).*use frames"):
        told(lambda net: over_frames(net, "0: 1, 1: 0", "seconds"), given=bare)
    assert network_calls == []


def test_a_region_is_inverted_and_feathered():
    square = torch.zeros(2, 20, 20)
    square[:, 5:15, 5:15] = 1
    plain = region(square, invert=False, feather=0.0, outside=0.0)
    assert torch.equal(plain, square)
    inverted = region(square, invert=True, feather=0.0, outside=0.25)
    assert torch.equal(inverted, torch.where(square > 0, 0.25, 1.0))
    soft = region(square, invert=False, feather=2.0, outside=0.0)
    assert soft[0, 10].diff()[:9].gt(0).sum() > 5
    assert float(soft[0, 10, 5]) == pytest.approx(0.6, abs=0.05)
    with pytest.raises(ValueError, match=r"shape \(20, 20\)"):
        region(square[0], invert=False, feather=0.0, outside=0.0)


def test_a_node_shows_what_is_followed(control_net, monkeypatch):
    """The pictures, darker outside; the mask is cropped to their shape."""
    image = torch.ones(3, 16, 32, 3)
    left = torch.zeros(1, 32, 32)
    left[:, :, :16] = 1
    shown = lit(image, left)
    assert shown.shape == image.shape
    assert float(shown[:, :, :15].min()) == 1
    assert float(shown[:, :, 17:].max()) == 0.25
    assert torch.equal(lit(image[:1], left.expand(3, -1, -1)), shown)
    drawn = []
    for module in (hints.ui, control_strength.ui):
        monkeypatch.setattr(module, "PreviewImage", lambda image, cls: drawn.append(image))
    in_region(control_net, left, image=image)
    assert torch.equal(drawn.pop(), shown)
    for node, values in (
        (SpacetimeControlOverFrames, ("0: 1, 24: 0.3", "frames", "linear")),
        (SpacetimeControlOverSteps, ("middle", 0.0, "", "ease")),
        (SpacetimeControlPerLayer, ("falling", 0.825, "")),
    ):
        node.execute(control_net, *values)
        assert drawn.pop().shape == (1, 400, 600, 3)


def test_masks_of_the_cpu_dim_pictures_of_another_device():
    with other_device():
        shown = lit(pictures().to(OTHER), mask()).cpu()
    assert torch.equal(shown, lit(pictures(), mask()))


def test_the_plot_shows_what_the_sampler_does(bench, control_net, acting):
    """Its numbers are those of the residuals at each step, in each latent frame."""
    net = per_layer(over_steps(over_frames(control_net, "2: 1, 14: 0"), "fade out"), "falling", 0.5)
    controlled = Controlled(bench, in_region(net, mask(FRAMES)))
    positive, negative = controlled.prompts(strength=0.8, end_percent=0.5)
    guider = controlled.guider(positive, negative)
    bench.sample(latent(), guider=guider)
    (control,) = host().models.controls_of(positive)
    sigmas = SpacetimeSchedule.execute(3, 3.0)[0]
    clip = Clip(size=LatentShape(5, 4, 4), fps=16.0)
    shown = strength_map(control.strength, clip, sigmas, bench.models.model.shift)
    assert shown.shape == (3, 5)
    assert len(acting) == 2
    for step, (factor, blocks, weights) in enumerate(acting):
        wanted = factor * sum(blocks) / 2 * weights[0].mean((1, 2))
        torch.testing.assert_close(shown[step], wanted)
    assert shown[2].abs().max() == 0
    model = bench.models.model
    made = SpacetimePlotControl.execute(positive, model, sigmas, latent())
    height, width = made[0].shape[1:3]
    both = controlled.prompts(before=(positive, negative))[0]
    two = SpacetimePlotControl.execute(both, model, sigmas, latent())
    assert two[0].shape == (1, 2 * height, width, 3)
    with pytest.raises(ValueError, match="schedule of 1 noise levels has no step"):
        SpacetimePlotControl.execute(positive, model, sigmas[-1:], latent())
    with pytest.raises(ValueError, match="no ControlNet: connect positive or negative"):
        SpacetimePlotControl.execute(bench.positive, model, sigmas, latent())
    with pytest.raises(ValueError, match="hint of 17 frames for a video of 33"):
        SpacetimePlotControl.execute(positive, model, sigmas, latent(9))
    masked = controlled.prompts(pictures(33), mask=mask(FRAMES))[0]
    with pytest.raises(ValueError, match="mask of 17 frames for a video of 33"):
        SpacetimePlotControl.execute(masked, model, sigmas, latent(9))
