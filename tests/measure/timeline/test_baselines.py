"""What the timeline is compared with: masks without levels, tails of pixels, loops that roll."""

import pytest
import torch

from spacetime_video.measure.studio import ClipMaker, Settings
from spacetime_video.measure.timeline.baselines import by_noise_mask, by_pixel_tail, by_roll
from spacetime_video.measure.timeline.cases import looping, travelling
from spacetime_video.measure.timeline.jobs import JOBS


class Tails:
    """Encodes and decodes frames as their mean, and makes latents that tell in which run."""

    class vae:  # noqa: N801 (stands for an attribute)
        time_factor = 4

    def __init__(self):
        self.encoded, self.first = [], []

    def encode(self, video):
        self.encoded.append(video[0, :, 0, 0, 0].tolist())
        return video.mean().expand(1, 16, 1 + (video.shape[1] - 1) // 4, 2, 2)

    def hold(self, cases, prompts, given, known, *, first_frame):
        self.first.append(first_frame)
        return torch.where(known[:, None], given, torch.tensor(-float(len(self.first))))

    def decode(self, samples):
        frames = torch.cat([samples[:, :, :1], samples[:, :, 1:].repeat_interleave(4, dim=2)], 2)
        return frames.movedim(1, -1)[..., :3]


def test_tails_are_encoded_anew_for_every_chunk():
    job, maker = JOBS["forward"](2), Tails()
    video = torch.full((1, 65, 2, 2, 3), 100.0)
    video[:, :17] = torch.arange(17.0)[:, None, None, None]
    made = by_pixel_tail(maker, job.cases[:1], video, job.given)[0, :, 0, 0, 0]
    runs = [-float(run) for run in (1, 2, 3, 4) for _ in range(12)]
    assert made.tolist() == [*range(17), *runs]
    assert maker.first == [3, 6, 9, 12]
    assert maker.encoded == [[12.0, 13.0, 14.0, 15.0, 16.0], *([-float(k)] * 5 for k in (1, 2, 3))]


@pytest.fixture(scope="module")
def maker():
    return ClipMaker(Settings(1.0, 4, device="cpu"))


@pytest.fixture
def seen(maker, monkeypatch):
    """Evaluations of the guider's innermost denoiser."""
    kept, guider = [], maker.guider

    def spied(prompts, **named):
        def spy(denoiser, run):
            def denoise(x, at):
                kept.append((at.places, at.clips.each[0].frames))
                return denoiser(x, at)

            return denoise

        return maker.host.sampling.with_wrapper(guider(prompts, **named), spy)

    monkeypatch.setattr(maker, "guider", spied)
    return kept


def test_a_plain_noise_mask_tells_the_model_of_no_levels(maker, seen):
    cases = travelling(0, 2, 17)
    video = torch.rand(2, 17, 64, 64, 3, generator=torch.Generator().manual_seed(0))
    given = torch.tensor([True, False, False, False, False])
    made = by_noise_mask(maker, cases, video, given)
    assert [places for places, _ in seen] == [None] * 4
    alike = maker.decode(maker.encode(video))
    assert torch.allclose(made[:, 0], alike[:, 0], atol=1e-5)
    assert not torch.allclose(made[:, 5:], alike[:, 5:], atol=0.05)


def test_a_rolled_loop_begins_elsewhere_in_each_step(maker, seen):
    made = by_roll(maker, looping(0, 2, 32))
    assert made.shape == (2, 16, 8, 8, 8)
    assert [frames[0] for _, frames in seen] == [0, 3, 6, 1]
    assert all(sorted(frames) == list(range(8)) for _, frames in seen)
