import pytest

from spacetime_video.graph.main_inputs import prompt_inputs, seed_inputs
from spacetime_video.headless.engine import standalone_registry


@pytest.fixture(scope="module")
def nodes(standalone):
    return standalone_registry(standalone)


def node(class_type, **inputs):
    return {"class_type": class_type, "inputs": inputs}


SAMPLED = {
    "1": node("CLIPTextEncode", clip=["9", 1], text="a cube"),
    "2": node("CLIPTextEncode", clip=["9", 1], text=""),
    "3": node("KSampler", model=["9", 0], positive=["6", 0], negative=["6", 1], seed=4, steps=20),
    "4": node("SpacetimeExampleClip", seed=2),
    "6": node("ControlNetApplyAdvanced", positive=["1", 0], negative=["2", 0]),
    "9": node("Unknown"),
}


def changed(**nodes):
    return {**SAMPLED, **{key.removeprefix("n"): each for key, each in nodes.items()}}


@pytest.mark.parametrize(
    ("prompt", "seeds"),
    [
        (SAMPLED, [("3", "seed")]),
        ({"4": SAMPLED["4"]}, [("4", "seed")]),
        (changed(n5=node("SpacetimeNoise", seed=1)), [("3", "seed"), ("5", "seed")]),
        (
            changed(
                n3=node("KSampler", model=["9", 0], seed=["7", 0]), n7=node("PrimitiveInt", value=3)
            ),
            [("7", "value")],
        ),
        (changed(n3=node("KSampler", model=["9", 0], seed=["4", 0])), [("4", "seed")]),
        ({"8": None, "7": {"class_type": "KSampler", "inputs": 3}}, [("7", "seed")]),
        (
            {
                "3": node("KSampler", seed=["7", 0]), "7": node("PrimitiveInt", value=["8", 0]),
                "8": node("PrimitiveInt", value=["7", 0]),
            },
            [],
        ),
    ],
)  # fmt: skip
def test_seeds_of_noise_come_first(nodes, prompt, seeds):
    assert seed_inputs(prompt, nodes) == seeds


@pytest.mark.parametrize(
    ("prompt", "texts"),
    [
        (SAMPLED, [("1", "text")]),
        ({key: SAMPLED[key] for key in "12"}, [("1", "text"), ("2", "text")]),
        (
            changed(
                n1=node("CLIPTextEncode", clip=["9", 1], text=["7", 0]),
                n7=node("PrimitiveStringMultiline", value="a cube"),
            ),
            [("7", "value")],
        ),
        (changed(n1=node("CLIPTextEncode", clip=["9", 1], text=["9", 0])), []),
        (
            changed(n8=node("CLIPTextEncode", text="more"), n6=node("KSampler", positive=["8", 0])),
            [("8", "text")],
        ),
    ],
)
def test_the_prompt_leads_to_the_positive_side(nodes, prompt, texts):
    assert prompt_inputs(prompt, nodes) == texts
