"""Loops through the VAEs of ComfyUI: the pack's, and the host's own Wan VAE."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import report, seeded, vae_weights  # isort: skip

import comfy.sd
import torch
from comfy.ldm.wan.vae import WanVAE

from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.media import whole_frames

FRAMES = 4
TURNS = 11
"""Enough for the deepest VAE to have forgotten how it began."""

host = ComfyHost()


def stock_wan():
    """The host's own, of the published size, with random weights that keep sizes alive."""
    network = WanVAE(dim=96, z_dim=16, dim_mult=[1, 2, 4, 4], num_res_blocks=2)
    state, generator = network.state_dict(), seeded(5)
    for name, weight in state.items():
        fan_in = max(1, weight[0].numel())
        drawn = torch.randn(weight.shape, generator=generator) / fan_in**0.5
        state[name] = torch.ones_like(weight) if name.endswith("gamma") else drawn
    vae = comfy.sd.VAE(sd=state, dtype=torch.float32)
    return vae


def apart(ours, theirs):
    return float((ours - theirs).abs().max())


def measure(vae):
    """How far loops are from the last of many turns, and one turn alone."""
    latent = torch.randn(1, 16, FRAMES, 2, 2, generator=seeded(1))
    frames = torch.rand(4 * FRAMES, 16, 16, 3, generator=seeded(2))
    made = host.models.decode_video(vae, latent, loop=True)
    turns = host.models.decode_video(vae, torch.cat([latent] * TURNS, dim=2))
    alone = host.models.decode_video(vae, torch.cat([latent[:, :, :1], latent], dim=2))
    code = host.models.encode_video(vae, frames, loop=True)
    coded = host.models.encode_video(vae, torch.cat([frames[-1:], *[frames] * TURNS]))
    return {
        "shapes": [list(made.shape), list(code.shape)],
        "decoded": apart(made, turns[-4 * FRAMES :]),
        "decoded_alone": apart(made, alone[1:]),
        "encoded": apart(code, coded[:, :, -FRAMES:]),
        "encoded_alone": apart(code, coded[:, :, 1 : 1 + FRAMES]),
    }


def both_hosts():
    """The pack's VAE in the two hosts."""
    latent = torch.randn(2, 16, FRAMES, 2, 2, generator=seeded(3))
    made = []
    for each in (host, StandaloneHost(device="cpu")):
        vae = each.models.make_vae(vae_weights(), dtype="fp32")
        made.append(whole_frames(each.models.decode_video(vae, latent, loop=True)))
    return apart(*made)


with torch.inference_mode():
    report(
        ours=measure(host.models.make_vae(vae_weights(), dtype="fp32")),
        wan=measure(stock_wan()),
        hosts=both_hosts(),
    )
