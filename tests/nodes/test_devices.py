"""Pictures, masks and latents on another device than the CPU, mixed with those that are on it."""

import pytest
import torch

from spacetime_video.hosts.standalone.runs import StandaloneSampling
from spacetime_video.media import FrameStream
from spacetime_video.models.patchify import patchify
from spacetime_video.nodes.timeline.edit import (
    SpacetimeEditVideo,
    SpacetimeInpaintVideo,
    SpacetimeOutpaintVideo,
)
from spacetime_video.nodes.timeline.extend import (
    SpacetimeAnimateImage,
    SpacetimeCloseLoop,
    SpacetimeConnectClips,
    SpacetimeExtendBackward,
    SpacetimeExtendForward,
)
from spacetime_video.nodes.timeline.long import SpacetimeSampleLongVideo
from spacetime_video.nodes.timeline.timeline import (
    SpacetimeDecodeTimeline,
    SpacetimePlaceOnTimeline,
)
from spacetime_video.samplers.ceilings import ceilings_of_tokens

from ..other_device import OTHER, OtherTensor, other_device
from .test_several import still

REGION = torch.zeros(1, 32, 32)
REGION[:, 4:20, 8:16] = 1


def placed(a, b, mask, vae):
    latent = {"samples": torch.zeros(1, 16, 5, 4, 4), "fps": 16.0}
    latent = SpacetimePlaceOnTimeline.execute(latent, a, vae, 0.25, mask)[0]
    return SpacetimePlaceOnTimeline.execute(latent, b, vae, 1.0)[0]


TASKS = {
    "animate": lambda a, b, _, vae: SpacetimeAnimateImage.execute(a, vae, frames=10, end_image=b),
    "forward": lambda a, *_, vae: SpacetimeExtendForward.execute(a, vae, 6),
    "backward": lambda a, *_, vae: SpacetimeExtendBackward.execute(a, vae, 6),
    "connect": lambda a, b, _, vae: SpacetimeConnectClips.execute(a, b, vae, 6),
    "close": lambda a, *_, vae: SpacetimeCloseLoop.execute(a, vae, 7),
    "edit": lambda a, _, mask, vae: SpacetimeEditVideo.execute(a, vae, 0.6, mask=mask),
    "inpaint": lambda a, _, mask, vae: SpacetimeInpaintVideo.execute(a, mask, vae, grow=2),
    "outpaint": lambda a, *_, vae: SpacetimeOutpaintVideo.execute(a, vae, 16, 16),
    "place": lambda a, b, mask, vae: [placed(a, b, mask, vae)],
}


@pytest.fixture
def there(standalone, monkeypatch):
    """A host whose latents and pictures lie on the second device, and whose VAE takes pixels."""

    def encoded(self, vae, frames, total):
        pixels = torch.cat([part.to(OTHER) for part in frames])[::4, ::8, ::8, :1]
        return pixels.movedim(-1, 0).repeat(16, 1, 1, 1)[None]

    def decoded(self, vae, latent, **how):
        frames = 1 + 4 * (latent.shape[2] - 1)
        pixels = latent.to(OTHER)[0, :3].movedim(0, -1).repeat_interleave(4, 0)[-frames:] * 0.9
        whole = pixels.repeat_interleave(8, 1).repeat_interleave(8, 2)
        return FrameStream(whole.shape, lambda: iter([whole]))

    monkeypatch.setattr(type(standalone.models), "encode_stream", encoded)
    monkeypatch.setattr(type(standalone.models), "decode_stream", decoded)
    with other_device():
        yield


def finished(latent, vae):
    return SpacetimeDecodeTimeline.execute(latent, vae, 4)[0].whole()


@pytest.mark.parametrize("moved", ["all", "first", "others"])
def test_timelines_take_pictures_of_any_device(bench, there, moved):
    clips = [torch.cat([still(n) for n in range(9)]), torch.cat([still(n) for n in range(9, 14)])]
    given = [*clips, REGION]
    place = {"all": (0, 1, 2), "first": (0,), "others": (1, 2)}[moved]
    mixed = [each.to(OTHER) if n in place else each for n, each in enumerate(given)]
    for name, task in TASKS.items():
        made, wanted = (
            finished(task(*each, vae=bench.models.vae)[0], bench.models.vae)
            for each in (mixed, given)
        )
        assert torch.equal(made, wanted), name


def test_a_long_clip_may_lie_on_another_device(bench, there, monkeypatch):
    """What is given of it, and what is made of each chunk."""

    def sampled(self, guider, noise, sampler, sigmas, latent, seed):
        return (noise + latent["samples"].cpu().mean()).to(place)

    mask = torch.ones(1, 1, 8, 1, 1)
    mask[:, :, :2] = 0
    samples = torch.rand(1, 16, 8, 4, 4, generator=torch.Generator().manual_seed(1)) * (1 - mask)
    monkeypatch.setattr(StandaloneSampling, "sample", sampled)
    place = torch.device("cpu")
    wanted = _long(bench, {"samples": samples, "noise_mask": mask})
    place = OTHER
    made = _long(bench, {"samples": samples.to(OTHER), "noise_mask": mask})
    assert isinstance(made, OtherTensor)
    assert torch.equal(made.cpu(), wanted.cpu())


def _long(bench, latent):
    parts = bench.parts(steps=2)
    return SpacetimeSampleLongVideo.execute(*parts, latent, 13, 5, True, 0.5, False)[0]["samples"]


def test_a_mask_of_the_cpu_holds_packed_clips_of_another_device(there):
    clip, mask = torch.rand(1, 16, 2, 4, 4), torch.ones(1, 1, 2, 4, 4)
    mask[:, :, 0] = 0
    wanted = ceilings_of_tokens(patchify([clip]), [{"noise_mask": mask}], 4)
    made = ceilings_of_tokens(patchify([clip.to(OTHER)]), [{"noise_mask": mask}], 4)
    assert torch.equal(made.cpu(), wanted)


def test_the_second_device_refuses_what_a_gpu_refuses():
    with other_device():
        moved = torch.ones(3).to(OTHER)
        for mixing in (lambda: moved + torch.ones(3), lambda: torch.stack([moved, torch.ones(3)])):
            with pytest.raises(RuntimeError, match="tensors of two devices"):
                mixing()
        assert (moved * torch.tensor(2.0)).tolist() == [2.0] * 3
        moved[[0]] = 5.0
        assert moved[[0, 1]].tolist() == moved[torch.tensor([0, 1])].tolist() == [5.0, 1.0]
