"""The text-to-video example with the shipped weights, in both hosts' objects."""
# pyright: basic, reportMissingImports=false

from setting import report  # isort: skip

import torch

from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.media import whole_frames
from spacetime_video.model_loaders.load import read_dit, read_text_encoder, read_vae
from spacetime_video.models.patchify import patchify, unpatchify
from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS
from spacetime_video.weights import bundled


def path(folder):
    return next(iter(bundled(folder).values()))


def make_video(host):
    """Frames (F, H, W, 3) of a prompt, by way of tokens."""
    clip = host.models.make_clip(read_text_encoder(path("text_encoders")), dtype="fp32")
    vae = host.models.make_vae(read_vae(path("vae")), dtype="fp32")
    model = host.models.make_model(read_dit(path("diffusion_models")), dtype="fp32")
    prompts = (
        host.models.encode_prompt(clip, "a red sphere moves left at day"),
        host.models.encode_prompt(clip, ""),
    )
    guider = host.sampling.make_guider(model, *prompts, 4.0)
    latent = {"samples": torch.zeros(1, 16, 5, 8, 8)}
    sampled = host.sampling.sample_tokens(
        guider,
        patchify([FrameNoise(1).generate_noise(latent)]),
        host.sampling.make_sampler(SOLVERS["euler"], {}),
        flow_sigmas(10, shift=3.0),
        patchify([latent["samples"]]),
        [{"fps": 16.0}],
        1,
    )
    (samples,) = unpatchify(sampled)
    return samples, whole_frames(host.models.decode_video(vae, samples))


with torch.inference_mode():
    ours, theirs = make_video(StandaloneHost(device="cpu")), make_video(ComfyHost())
report(
    latent=float((ours[0] - theirs[0]).abs().max()),
    frames=float((ours[1] - theirs[1]).abs().max()),
    shape=list(theirs[1].shape),
    contrast=float(theirs[1].std()),
)
