"""Several clips with prompts of their own: one list of clips, one of prompts, one Sample."""

import pytest
import torch

from spacetime_video.nodes.prompt.prompt import SpacetimePromptsPerClip
from spacetime_video.nodes.sampling.sampling import SpacetimeDenoiser
from spacetime_video.nodes.timeline.long import SpacetimeSampleLongVideo
from spacetime_video.nodes.timeline.several import SpacetimeBranch, SpacetimeConverge

PROMPTS = ("a red cube moves left", "a blue sphere falls at night")


def guider(bench, *texts, negative=None):
    positive = SpacetimePromptsPerClip.execute(bench.models.clip, "\n".join(texts))[0]
    return SpacetimeDenoiser.execute(
        bench.models.model, positive, negative or bench.negative, 3.0
    )[0]  # fmt: skip


def alone(bench, text, negative=None):
    return SpacetimeDenoiser.execute(
        bench.models.model, bench.prompt(text), negative or bench.negative, 3.0
    )[0]  # fmt: skip


def still(seed=0):
    return torch.rand(1, 32, 32, 3, generator=torch.Generator().manual_seed(seed))


def test_each_clip_of_a_list_follows_a_prompt_of_its_own(bench):
    vae = bench.models.vae
    lists = {
        "branch": SpacetimeBranch.execute(still(), vae, 8, branches=2)[0],
        "converge": SpacetimeConverge.execute(
            still(), vae, 8, beginning_1=still(1), beginning_2=still(2)
        )[0],
    }
    against = SpacetimePromptsPerClip.execute(bench.models.clip, "a cone\na ball")[0]
    for name, latents in lists.items():
        both = guider(bench, *PROMPTS, negative=against)
        made = [bench.sample(each, guider=both)["samples"] for each in latents]
        for number, negative in enumerate(("a cone", "a ball")):
            own = alone(bench, PROMPTS[number], bench.prompt(negative))
            wanted = bench.sample(latents[number], guider=own)["samples"]
            assert torch.equal(made[number], wanted), (name, number)
        other = bench.sample(latents[0], guider=alone(bench, PROMPTS[1]))["samples"]
        assert not torch.allclose(made[0], other, atol=1e-3), name


def test_a_long_clip_of_a_list_follows_its_prompt(bench):
    latents = SpacetimeBranch.execute(still(), bench.models.vae, 24, branches=2)[0]

    def sampled(guider):
        parts = bench.parts(steps=2, guider=guider)
        return SpacetimeSampleLongVideo.execute(*parts, latents[1], 13, 5, True, 0.0, False)[0]

    made, wanted = (sampled(each) for each in (guider(bench, *PROMPTS), alone(bench, PROMPTS[1])))
    assert torch.equal(made["samples"], wanted["samples"])


def test_other_numbers_of_prompts_are_refused_before_the_first_clip(bench, network_calls):
    latents = SpacetimeBranch.execute(still(), bench.models.vae, 8, branches=3)[0]
    for texts in (PROMPTS, (*PROMPTS, "a", "b")):
        with pytest.raises(ValueError, match=f"prompts for {len(texts)} clips, but 3 clips"):
            bench.sample(latents[0], guider=guider(bench, *texts))
    assert not network_calls
    one = bench.sample(latents[2], guider=guider(bench, PROMPTS[0]))["samples"]
    wanted = bench.sample(latents[2], guider=alone(bench, PROMPTS[0]))["samples"]
    assert torch.equal(one, wanted)


def test_a_clip_taken_out_of_a_batch_keeps_its_number(bench):
    latent = {"samples": torch.zeros(1, 16, 2, 4, 4), "batch_index": [1]}
    made = bench.sample(latent, guider=guider(bench, *PROMPTS))["samples"]
    wanted = bench.sample(latent, guider=alone(bench, PROMPTS[1]))["samples"]
    assert torch.equal(made, wanted)
    with pytest.raises(ValueError, match="prompts for 2 clips, but 3 clips"):
        bench.sample({**latent, "batch_index": [2]}, guider=guider(bench, *PROMPTS))
