"""ComfyUI's own custom sampling and latent nodes in the standalone host."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from spacetime_video.hosts import host
from spacetime_video.hosts.standalone.stock_ksampler import KSampler
from spacetime_video.hosts.standalone.stock_latent import (
    RepeatLatentBatch,
    SetLatentNoiseMask,
    Wan22ImageToVideoLatent,
)
from spacetime_video.hosts.standalone.stock_models import ModelSamplingSD3
from spacetime_video.hosts.standalone.stock_sampling import (
    BasicGuider,
    BasicScheduler,
    CFGGuider,
    DisableNoise,
    KSamplerSelect,
    RandomNoise,
    SamplerCustomAdvanced,
)
from spacetime_video.models.latent_format import WAN22_LATENT, LatentFormat
from spacetime_video.nodes.sampling.sampling import SpacetimeSample
from spacetime_video.samplers.schedules.stock import simple_sigmas

MASK = torch.stack([torch.zeros(32, 32), torch.ones(32, 32)])


def custom(bench, latent, noise=None, sampler="euler", **scheduled):
    levels = {"scheduler": "simple", "steps": 3, "denoise": 1.0, **scheduled}
    return SamplerCustomAdvanced.execute(
        noise or RandomNoise.execute(9)[0],
        CFGGuider.execute(bench.models.model, bench.positive, bench.negative, 3.0)[0],
        KSamplerSelect.execute(sampler)[0],
        BasicScheduler.execute(bench.models.model, **levels)[0],
        latent,
    )


@pytest.mark.parametrize("denoise", [1.0, 0.6])
def test_custom_sampling_is_ksampler_in_parts(bench, denoise):
    latent = {"samples": torch.rand(2, 16, 2, 4, 4), "batch_index": [3, 1]}
    inputs = (bench.models.model, 9, 3, 3.0, "heun", "normal", bench.positive, bench.negative)
    wanted = KSampler.execute(*inputs, latent, denoise=denoise)[0]
    made, predicted = custom(bench, latent, sampler="heun", scheduler="normal", denoise=denoise)
    assert torch.equal(made["samples"], wanted["samples"])
    assert torch.equal(predicted["samples"], made["samples"])  # the last step goes all the way


def test_without_levels_a_latent_goes_through(bench):
    latent = {"samples": torch.rand(1, 16, 2, 4, 4)}
    for made in custom(bench, latent, denoise=0.0):
        assert torch.equal(made["samples"], latent["samples"])


def test_without_noise_the_given_is_weakened(bench):
    latent = {"samples": torch.rand(1, 16, 2, 4, 4)}
    none, some = DisableNoise.execute()[0], RandomNoise.execute(9)[0]
    assert not none.generate_noise(latent).any()
    made = custom(bench, latent, none)[0]["samples"]
    assert not torch.allclose(made, custom(bench, latent, some)[0]["samples"], atol=1e-2)


def test_one_prompt_is_followed_without_guidance(bench):
    model = bench.models.model
    guider = BasicGuider.execute(model, bench.positive)[0]
    plain = CFGGuider.execute(model, bench.positive, bench.negative, 1.0)[0]
    latent, parts = {"samples": torch.zeros(1, 16, 2, 4, 4)}, bench.parts()[1:]
    one, other = (SpacetimeSample.execute(each, *parts, latent)[0] for each in (guider, plain))
    assert torch.equal(one["samples"], other["samples"])


def test_a_shift_replaces_the_one_before(bench):
    model = ModelSamplingSD3.execute(ModelSamplingSD3.execute(bench.models.model, 5.0)[0], 8.0)[0]
    assert torch.equal(BasicScheduler.execute(model, "simple", 4, 1.0)[0], simple_sigmas(4, 8.0))
    with pytest.raises(ValueError, match="shift of 0"):
        ModelSamplingSD3.execute(model, 0.0)


@pytest.mark.parametrize("levels", [False, True])
def test_what_a_mask_leaves_out_is_kept(bench, levels):
    model = bench.models.model
    told = replace(model, info={**model.info, "token_levels": levels})
    samples = torch.rand(2, 16, 2, 4, 4)
    latent = SetLatentNoiseMask.execute({"samples": samples}, MASK)[0]
    inputs = (told, 9, 3, 3.0, "euler", "simple", bench.positive, bench.negative, latent)
    made = KSampler.execute(*inputs)[0]
    assert torch.allclose(made["samples"][:, :, 0], samples[:, :, 0], atol=1e-5)
    assert (made["samples"][:, :, 1] - samples[:, :, 1]).abs().mean() > 0.1
    assert torch.equal(made["noise_mask"], latent["noise_mask"])


def test_a_batch_is_repeated_with_its_masks_and_numbers():
    masks = torch.rand(2, 1, 8, 8)
    latent = {"samples": torch.rand(2, 4, 3, 2, 2), "noise_mask": masks, "batch_index": [2, 4]}
    made = RepeatLatentBatch.execute(latent, 2)[0]
    assert torch.equal(made["samples"], torch.cat([latent["samples"]] * 2))
    assert torch.equal(made["noise_mask"], torch.cat([masks] * 2))
    assert made["batch_index"] == [2, 4, 5, 7]


def test_wan22_begins_with_a_picture(monkeypatch):
    vae, picture = SimpleNamespace(), torch.rand(3, 40, 64, 3)
    latent = LatentFormat(channels=48, space_factor=16)
    monkeypatch.setattr(host().models, "vae_format", lambda vae: latent)
    monkeypatch.setattr(
        host().models, "encode_video", lambda vae, frames: torch.full((1, 48, 1, 2, 4), 7.0)
    )
    made = Wan22ImageToVideoLatent.execute(vae, 64, 32, 9, 2, picture)[0]
    assert made["samples"].shape == (2, 48, 3, 2, 4)
    assert (made["samples"][:, :, 0] == 7).all()
    mean = torch.tensor(WAN22_LATENT.mean)
    assert torch.allclose(made["samples"][1, :, 2, 1, 3], mean)
    assert made["noise_mask"][:, 0, :, 0, 0].tolist() == [[0, 1, 1]] * 2
    empty = Wan22ImageToVideoLatent.execute(vae, 64, 32, 9, 2)[0]
    assert not empty["samples"].any()
    assert "noise_mask" not in empty


def test_wan22_refuses_another_vae(loaded):
    with pytest.raises(ValueError, match="a VAE of 16 channels"):
        Wan22ImageToVideoLatent.execute(loaded.vae, 64, 32, 9, 1, torch.rand(1, 40, 64, 3))
