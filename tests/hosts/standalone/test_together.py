"""What networks make of several runs together is what they make of each alone, bit for bit."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from spacetime_video.hosts.standalone.together import MOST_STACKED, EncodedPrompt, NetworkCall
from spacetime_video.model_loaders.load import read_dit, read_text_encoder
from spacetime_video.model_loaders.prompts import read_prompt
from spacetime_video.models.hooks import BlockHooks
from spacetime_video.models.patchify import patchify

RUNS = 5


def seeded(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=["fp32", "bf16"])
def network(request, standalone, models_dir):
    weights = read_dit(models_dir / "diffusion_models/random_dit.safetensors")
    return standalone.models.make_model(weights, dtype=request.param).dit


def latents(network, number, rows, *, levels):
    """A call on a latent (rows, 16, 3, 6, 4)."""
    clip = seeded(1, 16, 3, 6, 4, seed=number).expand(rows, -1, -1, -1, -1)
    return NetworkCall(
        network,
        clip.to(network.dtype),
        levels,
        [network.prepare(seeded(rows, 7, 16, seed=number + 100).to(network.dtype))],
        conditions={"fps": torch.full((rows,), 8.0), "loop": torch.ones(rows)},
        loop=True,
    )


def packed(network, number, rows, *, levels):
    """A call on two clips of different sizes, with a prompt each."""
    clips = [seeded(rows, 16, *size, seed=number) for size in ((3, 4, 4), (2, 6, 4))]
    tokens = patchify(clips, loops=[False, True])
    return NetworkCall(
        network,
        tokens.values.to(network.dtype),
        levels,
        [network.prepare(seeded(rows, 7, 16, seed=each).to(network.dtype)) for each in (number, 9)],
        layout=tokens.layout,
        conditions={"fps": torch.full((rows, 2), 8.0)},
    )


CALLS = {
    "a prompt": (latents, lambda rows: torch.full((rows,), 0.7)),
    "levels of places": (latents, lambda rows: seeded(rows, 3, 6, 4).abs().clamp(0, 1)),
    "clips": (packed, lambda rows: torch.full((rows,), 0.7)),
}


@torch.inference_mode()
@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("name", CALLS)
def test_a_run_gets_what_it_gets_alone(network, name, rows):
    make, levels_of = CALLS[name]
    calls = [make(network, number, rows, levels=levels_of(rows)) for number in range(RUNS)]
    assert len({call.kind for call in calls}) == 1
    kept = {}
    for _ in range(2):
        answers = calls[0].together(calls, kept)
        assert all(map(torch.equal, answers, [call.alone() for call in calls]))
        assert len(kept) == 1
    assert not any(torch.equal(*pair) for pair in pairwise(answers))


@torch.inference_mode()
def test_what_has_to_be_equal(network):
    one = latents(network, 1, 2, levels=torch.full((2,), 0.7))
    others = {
        "level": replace(one, levels=torch.full((2,), 0.6)),
        "conditions": replace(one, conditions={"fps": torch.full((2,), 9.0)}),
        "loop": replace(one, loop=False),
        "size": replace(one, x=one.x[:, :, :2]),
        "skipped": replace(one, hooks=BlockHooks(skipped=frozenset({0}))),
        "channels": replace(one, channels=one.x[:, :4]),
        "prompt length": replace(
            one, contexts=[network.prepare(seeded(2, 40, 16).to(one.x.dtype))]
        ),
    }
    assert [name for name, call in others.items() if call.kind == one.kind] == []
    hooks = [
        BlockHooks(residuals={0: one.x}),
        BlockHooks(branches=(lambda embedded: [],)),
        BlockHooks(around=lambda number, x, block: block(x)),
        BlockHooks(cross_attend=lambda *given: given[1]),
    ]
    assert [replace(one, hooks=each).kind for each in hooks] == [None] * len(hooks)


@torch.inference_mode()
def test_few_sets_of_prompts_are_held(network):
    kept = {}
    for number in range(2 * MOST_STACKED):
        calls = [latents(network, number + n, 1, levels=torch.ones(1)) for n in (0, 1)]
        calls[0].together(calls, kept)
    assert len(kept) == MOST_STACKED


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_prompts_of_one_length_are_encoded_together(standalone, models_dir, dtype):
    weights = read_text_encoder(models_dir / "text_encoders/random_text.safetensors")
    encoder = standalone.models.make_clip(weights, dtype=dtype)
    texts = ["a red sphere", "a red cube", "a red sphere moves", "", "a (red:1.3) sphere", ""]
    asked = [EncodedPrompt(encoder, read_prompt(encoder.tokenizer, text)) for text in texts]
    kinds = [each.kind for each in asked]
    alike = [each for each in asked if each.kind is not None and each.kind == kinds[0]]
    assert kinds[3:] == [None] * 3
    assert kinds[0] != kinds[2]
    answers = alike[0].together(alike * 3, {})
    expected = [each.alone() for each in alike * 3]
    assert all(map(torch.equal, answers, expected))
    assert all(each.shape == expected[0].shape for each in answers)
