"""What is known of a model's distillation in ComfyUI, and the warning where it was not."""

import pytest


@pytest.fixture(scope="module")
def measured(probe):
    return probe("distilled")


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("ours", False),
        ("ours distilled", True),
        ("without metadata", None),
        ("distilled LoRA", True),
        ("unknown LoRA", None),
        ("other LoRA of ours", False),
        ("distilled LoRA, then the stock node's", True),
        ("other LoRA of ours, then the stock node's", None),
        ("the stock node's", None),
        ("the stock node's, then a distilled LoRA", True),
        ("a clone of one with a distilled LoRA", True),
        ("before the LoRA", False),
    ],
)
def test_what_is_known_travels_with_the_model(measured, name, known):
    assert measured["known"][name] is known


def test_the_warning_is_shown_on_the_node_and_logged(measured):
    assert [node for node, _ in measured["shown"]] == ["9", "9"]
    assert all("not distilled" in text for _, text in measured["shown"])
    assert measured["logged"] == [text for _, text in measured["shown"]]


def test_guidance_on_top_of_what_was_distilled_in_is_told(measured):
    assert [text[:18] for text in measured["twice"]] == ["set guidance to 1:"] * 2
    assert ["and 4 on" in text or "and 2.5 on" in text for text in measured["twice"]] == [True] * 2


def test_unknown_words_are_told_on_the_node_of_the_prompt(measured):
    (shown,), (logged,) = measured["unknown"]
    assert shown == ["3", logged]
    assert logged.startswith("the text encoder does not know the words 'purple'")


def test_clips_that_the_model_was_not_trained_on_are_told(measured):
    wanted = "try 48x64 with 9 frames: the model was not trained on 48x128 with 9 frames"
    assert measured["untrained"] == [wanted]


def test_outside_of_a_node_it_is_logged_only(measured):
    assert measured["outside"] == [[], ["only logged"]]


def test_models_with_timesteps_tell_the_solver_their_levels(measured):
    assert measured["table"] < 1e-5
    assert measured["no_table"] is True
    assert measured["tcd"] == 0.0
    assert measured["tcd_without_table"] > 1e-3
