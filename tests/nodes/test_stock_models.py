"""ComfyUI's own prompt, VAE and KSampler nodes do what the pack's nodes do."""

import pytest
import torch

from spacetime_video.hosts.standalone.stock_ksampler import KSampler, batch_noise
from spacetime_video.hosts.standalone.stock_models import CLIPTextEncode, VAEDecode, VAEEncode
from spacetime_video.nodes.sampling.sampling import SpacetimeSample
from spacetime_video.nodes.video.video import SpacetimeDecodeVideo, SpacetimeEncodeVideo
from spacetime_video.samplers.schedules.stock import simple_sigmas


class HostNoise:
    """NOISE that is drawn as KSampler draws it."""

    seed = 9

    def generate_noise(self, latent):
        return batch_noise(latent["samples"], self.seed)


def test_a_run_in_one_node_equals_the_run_in_many(bench):
    model = bench.models.model
    latent = {"samples": torch.zeros(2, 16, 2, 4, 4), "fps": 16.0}
    inputs = (model, 9, 4, 3.0, "heun", "simple", bench.positive, bench.negative, latent)
    made = KSampler.execute(*inputs)[0]
    guider, _, sampler, _ = bench.parts(guidance=3.0, solver="heun")
    sigmas = simple_sigmas(4, model.shift)
    wanted = SpacetimeSample.execute(
        guider, HostNoise(), sampler, sigmas, {"samples": latent["samples"]}
    )[0]
    assert made["fps"] == 16.0
    assert torch.equal(made["samples"], wanted["samples"])


def test_denoise_zero_changes_nothing(bench):
    latent = {"samples": torch.ones(1, 16, 2, 4, 4)}
    inputs = (bench.models.model, 9, 4, 3.0, "euler", "simple", bench.positive, bench.negative)
    made = KSampler.execute(*inputs, latent, denoise=0.0)[0]
    assert torch.equal(made["samples"], latent["samples"])


def test_the_prompt_and_vae_nodes_are_the_packs(bench, loaded):
    assert torch.equal(
        CLIPTextEncode.execute("a red sphere moves left", loaded.clip)[0][0][0],
        bench.positive[0][0],
    )
    images = torch.rand(5, 36, 32, 3, generator=torch.Generator().manual_seed(0))
    latent = VAEEncode.execute(images, loaded.vae)[0]
    wanted = SpacetimeEncodeVideo.execute(images[:, 2:34], loaded.vae)[0]
    assert torch.equal(latent["samples"], wanted["samples"])
    frames = VAEDecode.execute(latent, loaded.vae)[0].whole()
    assert torch.equal(frames, SpacetimeDecodeVideo.execute(latent, loaded.vae)[0].whole())


def test_the_prompt_node_follows_weights_as_the_packs_does(bench, loaded):
    text = "a (red:1.3) sphere"
    made = CLIPTextEncode.execute(text, loaded.clip)[0][0][0]
    assert torch.equal(made, bench.prompt(text)[0][0])
    assert not torch.equal(made, bench.prompt("a red sphere")[0][0])


def test_frames_that_do_not_fit_are_left_out_and_told(loaded, caplog):
    images = torch.rand(10, 16, 16, 3, generator=torch.Generator().manual_seed(0))
    latent = VAEEncode.execute(images, loaded.vae)[0]
    wanted = VAEEncode.execute(images[:9], loaded.vae)[0]
    assert torch.equal(latent["samples"], wanted["samples"])
    assert "the last 1 of 10 frames are left out" in caplog.text
    assert "such as 9 or 13" in caplog.text


def test_a_picture_smaller_than_a_latent_position_is_refused(loaded):
    with pytest.raises(ValueError, match="height 0 does not fit: use a multiple of 8"):
        VAEEncode.execute(torch.zeros(1, 7, 16, 3), loaded.vae)
