"""The pack's nodes on latents of video with sound, in ComfyUI's own network for both."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, seeded, text_weights  # isort: skip
from unets import build  # isort: skip

from types import SimpleNamespace

import torch
from comfy import supported_models
from comfy.k_diffusion import sampling
from comfy.nested_tensor import NestedTensor
from comfy.samplers import KSAMPLER, CFGGuider
from comfy_extras.nodes_custom_sampler import Noise_RandomNoise, SamplerCustomAdvanced

from spacetime_video import hosts
from spacetime_video.hosts.comfyui.host import ComfyHost

host = ComfyHost()
hosts.use(host)

from spacetime_video.nodes.guidance.guidance import (  # noqa: E402
    SpacetimeGuidanceInterval,
    SpacetimeGuidanceRescale,
)
from spacetime_video.nodes.patches.patches import SpacetimePatchify  # noqa: E402
from spacetime_video.nodes.sampling.noise import SpacetimeNoise  # noqa: E402
from spacetime_video.nodes.sampling.sampling import SpacetimeDenoiser, SpacetimeSample  # noqa: E402
from spacetime_video.nodes.sampling.sampling_state import SpacetimeSampleSteps  # noqa: E402
from spacetime_video.nodes.sampling.solvers import SpacetimeSolver  # noqa: E402
from spacetime_video.nodes.schedules.model_schedule import SpacetimeModelSchedule  # noqa: E402
from spacetime_video.nodes.video.video import SpacetimeDecodeVideo  # noqa: E402

NETWORK = {
    "image_model": "ltxav",
    "cross_attention_dim": 64,
    "audio_cross_attention_dim": 64,
    "attention_head_dim": 32,
    "audio_attention_head_dim": 32,
    "num_attention_heads": 2,
    "audio_num_attention_heads": 2,
    "caption_channels": 64,
    "num_layers": 1,
}
STEPS, GUIDANCE, SEED = 3, 3.0, 3


def output(node, *values):
    return node.execute(*values).args[0]


def joint(*, masked=False):
    """Video (B, C, F, H, W) and sound (B, C, T, bands) in one, the first frame kept if masked."""
    video = torch.randn(1, 128, 2, 3, 4, generator=seeded(1))
    sound = torch.randn(1, 8, 5, 16, generator=seeded(2))
    latent = {"samples": NestedTensor((video, sound)), "fps": 24.0}
    if masked:
        mask = torch.ones(1, 1, 2, 3, 4)
        mask[:, :, 0] = 0
        latent["noise_mask"] = NestedTensor((mask, torch.ones_like(sound)))
    return latent


def apart(made, wanted):
    pairs = zip(made.unbind(), wanted.unbind(), strict=True)
    return max(float((a - b).abs().max()) for a, b in pairs)


def theirs(model, prompts, sigmas, latent):
    guider = CFGGuider(model)
    guider.set_conds(*prompts)
    guider.set_cfg(GUIDANCE)
    sampler, noise = KSAMPLER(sampling.sample_euler), Noise_RandomNoise(SEED)
    return SamplerCustomAdvanced.execute(noise, guider, sampler, sigmas, latent).args[0]["samples"]


def refusal(node, *values):
    try:
        node.execute(*values)
    except ValueError as error:
        return str(error)
    return ""


def refusals(guider, sigmas, latent):
    """What the nodes say that cannot take such a latent, each in its first call."""
    model = host.models.make_model(dit_weights(), dtype="fp32")
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    prompt = host.models.encode_prompt(clip, "a red cube")
    ours = output(SpacetimeDenoiser, model, prompt, prompt, 1.0)
    euler, random = output(SpacetimeSolver, "euler"), Noise_RandomNoise(SEED)
    noise = output(SpacetimeNoise, SEED)
    rescaled = output(SpacetimeGuidanceRescale, guider, 0.5)
    return {
        "noise": refusal(SpacetimeSample, guider, noise, euler, sigmas, latent),
        "model": refusal(SpacetimeSample, ours, random, euler, sigmas, latent),
        "rules": refusal(SpacetimeSample, rescaled, random, euler, sigmas, latent),
        "steps": refusal(SpacetimeSampleSteps, guider, random, euler, sigmas, latent, 1),
        "patchify": refusal(SpacetimePatchify, [latent]),
    }


def decoded(latent):
    """Shape that a VAE is given of the latent."""
    seen = []
    vae = SimpleNamespace(
        latent_channels=128,
        temporal_compression_decode=lambda: 8,
        spacial_compression_encode=lambda: 32,
        decode=lambda samples: seen.append(list(samples.shape)) or torch.zeros(1, 9, 96, 128, 3),
    )
    output(SpacetimeDecodeVideo, latent, vae)
    return seen


def measure():
    model = build(supported_models.LTXAV(NETWORK))
    prompts = [[[each, {}]] for each in torch.randn(2, 1, 5, 128, generator=seeded(7))]
    guider = output(SpacetimeDenoiser, model, *prompts, GUIDANCE)
    sigmas = output(SpacetimeModelSchedule, model, STEPS, "auto", 1.0)
    random, euler = Noise_RandomNoise(SEED), output(SpacetimeSolver, "euler")
    made = {
        name: output(SpacetimeSample, guider, random, euler, sigmas, latent)["samples"]
        for name, latent in {"plain": joint(), "masked": joint(masked=True)}.items()
    }
    ancestral = output(SpacetimeSolver, "euler_ancestral")
    interval = output(SpacetimeGuidanceInterval, guider, 0.0, 1.0)
    narrow = output(SpacetimeGuidanceInterval, guider, 0.0, 0.5)
    others = {
        "ancestral": (guider, ancestral),
        "interval": (interval, euler),
        "narrow": (narrow, euler),
    }
    for name, (by, sampler) in others.items():
        made[name] = output(SpacetimeSample, by, random, sampler, sigmas, joint())["samples"]
    given = joint()["samples"].unbind()[0]
    report(
        shapes=[list(each.shape) for each in made["plain"].unbind()],
        plain=apart(made["plain"], theirs(model, prompts, sigmas, joint())),
        masked=apart(made["masked"], theirs(model, prompts, sigmas, joint(masked=True))),
        kept=float((made["masked"].unbind()[0] - given)[:, :, 0].abs().max()),
        ancestral=apart(made["ancestral"], made["plain"]),
        finite=all(bool(each.isfinite().all()) for each in made["ancestral"].unbind()),
        interval=[apart(made[name], made["plain"]) for name in ("interval", "narrow")],
        refusals=refusals(guider, sigmas, joint()),
        decoded=decoded(joint()),
    )


with torch.inference_mode():
    measure()
