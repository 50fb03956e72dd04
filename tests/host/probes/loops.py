"""Loops through the VAEs of ComfyUI: the pack's, and the host's own Wan VAE."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, seeded, text_weights, vae_weights  # isort: skip

from types import SimpleNamespace

import comfy.sd
import torch
from comfy.ldm.wan.vae import WanVAE

from spacetime_video import hosts
from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.media import whole_frames

FRAMES = 4
TURNS = 11
"""Enough for the deepest VAE to have forgotten how it began."""

host = ComfyHost()
hosts.use(host)

from spacetime_video.nodes.sampling.noise import SpacetimeNoise  # noqa: E402
from spacetime_video.nodes.sampling.sampling import SpacetimeDenoiser, SpacetimeSample  # noqa: E402
from spacetime_video.nodes.sampling.solvers import SpacetimeSolver  # noqa: E402
from spacetime_video.nodes.schedules.schedules import SpacetimeSchedule  # noqa: E402
from spacetime_video.nodes.timeline.loop import SpacetimeSeamlessLoop  # noqa: E402
from spacetime_video.nodes.video.video import SpacetimeDecodeVideo  # noqa: E402


def stock_wan():
    """The host's own, of the published size, with random weights that keep sizes alive."""
    times = [False, True, True]
    network = WanVAE(
        dim=96, z_dim=16, dim_mult=[1, 2, 4, 4], num_res_blocks=2, temperal_downsample=times
    )
    state, generator = network.state_dict(), seeded(5)
    for name, weight in state.items():
        fan_in = max(1, weight[0].numel())
        drawn = torch.randn(weight.shape, generator=generator) / fan_in**0.5
        state[name] = torch.ones_like(weight) if name.endswith("gamma") else drawn
    return comfy.sd.VAE(sd=state, dtype=torch.float32)


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


def output(node, *values):
    return node.execute(*values).args[0]


def made():
    """A loop from the pack's nodes, as frames; and rolled by the network's circle of time."""
    model = host.models.make_model(dit_weights(), dtype="fp32")
    vae = host.models.make_vae(vae_weights(), dtype="fp32")
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    prompts = [host.models.encode_prompt(clip, text) for text in ("a red cube", "")]
    run = [
        output(SpacetimeDenoiser, model, *prompts, 3.0),
        output(SpacetimeNoise, 3),
        output(SpacetimeSolver, "euler"),
        output(SpacetimeSchedule, 3, 3.0),
    ]
    latent = output(SpacetimeSeamlessLoop, 48, 64, 20, 12.0)
    sampled = output(SpacetimeSample, *run, latent)
    frames = output(SpacetimeDecodeVideo, sampled, vae)
    noise = run[1].generate_noise(latent).roll(2, dims=2)
    run[1] = SimpleNamespace(seed=3, generate_noise=lambda latent: noise)
    rolled = output(SpacetimeDecodeVideo, output(SpacetimeSample, *run, latent), vae)
    return {"frames": list(frames.shape), "rolled": apart(rolled, frames.roll(8, dims=0))}


with torch.inference_mode():
    report(
        ours=measure(host.models.make_vae(vae_weights(), dtype="fp32")),
        wan=measure(stock_wan()),
        hosts=both_hosts(),
        made=made(),
    )
