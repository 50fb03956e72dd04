"""Timelines of a batch are sampled and finished as each alone, from their ceiling on."""

import pytest
import torch

from spacetime_video.measure.cases import FPS, HELD_OUT, cases, true_clips
from spacetime_video.measure.studio import ClipMaker, Settings
from spacetime_video.measure.timeline.running import finished, laid_out, under_noise_mask
from spacetime_video.models.shapes import VideoShape
from spacetime_video.samplers.showing import Showing
from spacetime_video.timeline.plans import edited, outpainted

SHAPE = VideoShape(5, 32, 32)


@pytest.fixture(scope="module")
def maker():
    return ClipMaker(Settings(steps=3, device="cpu"))


@pytest.fixture(scope="module")
def chosen():
    return cases(HELD_OUT + 77, 2, "single", SHAPE)


def noted(maker):
    """A sampler that keeps the levels that it is given, and the state that it begins with."""
    kept = []

    def solver(denoiser, x, sigmas, extra_args=None, callback=None, disable=None):
        kept[:] = [sigmas.tolist(), x, denoiser(x, sigmas[:1].expand(len(x)), **(extra_args or {}))]
        return kept[2]

    return maker.host.sampling.make_sampler(solver, {}), kept


def test_given_pixels_come_back_and_a_batch_is_its_clips(maker, chosen):
    video = true_clips(chosen).video
    timelines = [outpainted(clip[:, :, :16], FPS, right=16) for clip in video]
    prompts = [case.prompt for case in chosen]
    latent = laid_out(maker, timelines)
    assert latent["samples"].shape[0] == latent["noise_mask"].shape[0] == 2
    together = finished(maker, timelines, maker.run(chosen, maker.guider(prompts), latent))
    assert together.shape == video.shape
    assert torch.equal(together[:, :, :, :16], video[:, :, :, :16])
    assert (together - video).abs().max() > 0.01
    alone = maker.run(chosen[1:], maker.guider(prompts[1:]), laid_out(maker, timelines[1:]))
    torch.testing.assert_close(
        finished(maker, timelines[1:], alone)[0], together[1], atol=1e-4, rtol=0
    )


def test_a_run_begins_at_the_ceiling(maker, chosen):
    video, change = true_clips(chosen).video, torch.full((1, 32, 32), 0.6)
    latent = laid_out(maker, [edited(clip, FPS, change=change) for clip in video])
    sampler, kept = noted(maker)
    guider = maker.guider([case.prompt for case in chosen])
    maker.run(chosen, guider, latent, sampler=sampler)
    levels, whole = kept[0], maker.sigmas.tolist()
    assert levels == pytest.approx([0.6, *(level for level in whole if level < 0.6)])
    assert 1 < len(levels) < len(whole) + 1


def test_a_plain_mask_shows_one_level_for_all_places(maker, chosen):
    prompts = [case.prompt for case in chosen]
    aware, unaware = maker.guider(prompts), maker.guider(prompts, levels=False)
    shown = [maker.host.sampling.about(each).showing for each in (aware, unaware)]
    assert shown == [Showing.LEVELS, Showing.STATE]
    given, mask = maker.encode(true_clips(chosen).video), torch.zeros(1, 1, 2, 4, 4)
    mask[:, :, 1] = 1
    made = under_noise_mask(maker, chosen, given, mask)
    assert torch.equal(made[:, :, 0], given[:, :, 0])
    told = maker.run(chosen, aware, {"samples": given, "noise_mask": mask, "fps": FPS})
    assert (made - told)[:, :, 1].abs().max() > 1e-3
