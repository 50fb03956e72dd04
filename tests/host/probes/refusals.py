"""What our nodes say to latents and prompts of other families inside ComfyUI."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, seeded, text_weights, vae_weights  # isort: skip

import comfy.sd
import torch
from comfy.ldm.wan.vae import WanVAE
from comfy_extras.nodes_wan import WanImageToVideo

from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import sample_euler

host = ComfyHost()
clip = host.models.make_clip(text_weights(), dtype="fp32")
model = host.models.make_model(dit_weights(), dtype="fp32")
prompt = host.models.encode_prompt(clip, "a red cube moves left")


def refusal(samples, positive):
    guider = host.sampling.make_guider(model, positive, prompt, 1.0)
    sampler = host.sampling.make_sampler(sample_euler, {})
    noise = torch.zeros(1, 16, 3, 8, 6)
    try:
        host.sampling.sample(
            guider, noise, sampler, flow_sigmas(2, shift=3.0), {"samples": samples}, 1
        )
    except ValueError as error:
        return str(error)
    return ""


def format_of(vae):
    found = host.models.vae_format(vae)
    return [found.channels, found.time_factor, found.space_factor]


def wan_vae():
    network = WanVAE(dim=96, z_dim=16, dim_mult=[1, 2, 4, 4], num_res_blocks=2)
    return comfy.sd.VAE(sd=network.state_dict())


filled = torch.randn(1, 4, 3, 8, 6, generator=seeded(1))
(from_image, *_) = WanImageToVideo.execute(
    prompt, prompt, host.models.make_vae(vae_weights(), dtype="fp32"), 48, 64, 9, 1,
    start_image=torch.full((1, 64, 48, 3), 0.5),
).args  # fmt: skip
other_prompt = [[torch.zeros(1, 12, 24), {}]]
report(
    channels=refusal(filled, prompt),
    start_image=refusal(torch.zeros(1, 16, 3, 8, 6), from_image),
    prompt=refusal(torch.zeros(1, 16, 3, 8, 6), other_prompt),
    formats={
        "image": format_of(comfy.sd.VAE(sd={})),
        "wan": format_of(wan_vae()),
        "ours": format_of(host.models.make_vae(vae_weights(), dtype="fp32")),
    },
)
