"""Control branches give the same in both hosts, and ComfyUI's nodes drive them."""

import pytest


@pytest.fixture(scope="module")
def exact(probe):
    return probe("control", "sdpa")


def test_the_hosts_agree(exact):
    assert len(exact["difference"]) == 50
    assert {name: far for name, far in exact["difference"].items() if far > 1e-4} == {}


def test_every_way_of_control_acts(exact):
    assert {name: far for name, far in exact["act"].items() if far < 1e-3} == {}


def test_comfyui_s_own_nodes_give_the_same(exact):
    assert set(exact["stock"]) == {"applied", "chained", "told", "to the negative", "sampler"}
    assert {name: far for name, far in exact["stock"].items() if far > 1e-5} == {}


@pytest.mark.parametrize("sampler", ["ours", "stock"])
def test_comfyui_s_context_windows_see_their_part(exact, sampler):
    """Newer versions put a frame more in front, which is thrown away."""
    seen = exact["windows"][sampler]
    assert {len(frames) for frames in seen} <= {3, 4}
    assert all(frames == list(range(frames[0], frames[0] + len(frames))) for frames in seen)
    assert {frame for frames in seen for frame in frames} == set(range(5))
    assert [0, 1, 2] in seen


def test_refusals_say_what_to_do(exact):
    told = exact["refusals"]
    assert "do not work with a WAN21: load the model with Load Models" in told["another model"]
    assert "has no images: connect them to Apply ControlNet" in told["no pictures"]
    assert (
        "ControlBase, a control of ComfyUI's own, does not support strengths over frames"
        in told["not ours"]
    )
    assert "a hint of 9 frames for a video of 17" in told["too few"]
    assert "connect the model's VAE" in told["no vae"]
    assert "for an area of the image" in told["area"]


def test_too_few_pictures_for_the_last_steps_are_refused_before_the_first(exact):
    told, evaluations = exact["late"]
    assert "a hint of 9 frames for a video of 17" in told
    assert evaluations == 0


def test_what_is_known_of_a_guider_tells_its_controls(exact):
    assert [name for name, same in exact["known"].items() if same] == ["the same"]


def test_the_controls_of_a_prompt_are_told_in_their_order(exact):
    assert exact["about"] == [[[0, 1], 0.5, 1.0, True], [[], 0.4, 0.6, False]]


def test_the_host_loads_and_copies_the_branch(exact):
    assert exact["memory"] == {"loaded": True, "shared": False, "clone": 0.0}


def test_prompts_are_prepared_once_in_a_run(exact):
    assert exact["prepared"] == [2]


def test_controls_of_comfyui_s_are_applied_as_its_node_does_it(exact):
    told = exact["others"]
    assert told.pop("refused").startswith("Other, a control of ComfyUI's own, has one strength")
    assert told == {
        "strength": 0.5, "share": [0.1, 0.6], "hint": [17, 3, 64, 48], "chained": True
    }  # fmt: skip


def test_a_vace_branch_equals_comfyui_s(probe):
    """The whole network of a VACE file, every parameter randomised, with two hints; and what it is
    given of a control video with a reference."""
    measured = probe("vace", "sdpa")
    assert measured["size"] > 0.1
    assert measured["acts"] > 1e-2
    assert measured["difference"] < 1e-5
    assert measured["hint_shape"] == [1, 96, 4, 8, 6]
    assert measured["hint"] < 1e-5
