"""The same run in ComfyUI's objects and in the standalone host's: how far apart are they?"""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, seeded, text_weights, vae_weights  # isort: skip

from dataclasses import replace
from functools import partial

import torch
from comfy import sd1_clip

from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.keys import CLIP_TEXTS_KEY
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.media import whole_frames
from spacetime_video.model_loaders.prompts import weighted_segments
from spacetime_video.models.patchify import patchify
from spacetime_video.samplers.guidance.nag import AttentionGuidance
from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS

SIGMAS = flow_sigmas(5, shift=3.0)


WEIGHTED = (
    "a (red:1.5) cube moves left",
    "((a) red (cube:0.4):-1.2) left",
    r"a \(red\) (cube) moves",
    "a (red:1.5 cube",
)
ODD = (
    *WEIGHTED, "", "()", "a ) b ( c:2 ) d", "(a (b)", "(:2)", "(a:b:2)", "(a: 2 )", "((a:3):2)",
    "(a\\)", r"\(\((a\):1.3)", "(a)(b)(c:0)", "a(b(c(d(e))))", "(a:1_0)", "((((a)", "a))))(b:2)",
)  # fmt: skip


def by_the_host(text):
    parts = sd1_clip.token_weights(sd1_clip.escape_important(text), 1.0)
    return [(sd1_clip.unescape_important(part), weight) for part, weight in parts]


def latent(frames, rows, columns, **extras):
    return {"samples": torch.zeros(1, 16, frames, rows, columns), **extras}


def noise(clip):
    return FrameNoise(7).generate_noise(clip)


def measure(host):
    """Everything that a host makes, by name."""
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    vae = host.models.make_vae(vae_weights(), dtype="fp32")
    model = host.models.make_model(dit_weights(), dtype="fp32")
    positive = host.models.encode_prompt(clip, "a red cube moves left")
    guider = host.sampling.make_guider(model, positive, host.models.encode_prompt(clip, ""), 4.0)
    samplers = {name: host.sampling.make_sampler(solver, {}) for name, solver in SOLVERS.items()}
    made = {"prompt": positive[0][0]}
    for number, text in enumerate(WEIGHTED):
        made[f"weighted {number}"] = host.models.encode_prompt(clip, text)[0][0]
    for name, sampler in samplers.items():
        empty = latent(3, 8, 6, fps=16.0)
        made[name] = host.sampling.sample(guider, noise(empty), sampler, SIGMAS, empty, 7)
    given = latent(3, 8, 6, fps=16.0)
    given["samples"] = torch.randn(1, 16, 3, 8, 6, generator=seeded(1))
    made["given"] = host.sampling.sample(
        guider, noise(given), samplers["euler"], SIGMAS[2:], given, 7
    )
    clips = [latent(3, 8, 6, fps=16.0), latent(1, 4, 4, fps=8.0)]
    made["packed"] = host.sampling.sample_tokens(
        guider,
        patchify([noise(each) for each in clips]),
        samplers["euler"],
        SIGMAS,
        patchify([each["samples"] for each in clips]),
        [{"fps": 16.0}, {"fps": 8.0}],
        7,
    ).values
    several = [
        host.models.encode_prompt(clip, text) for text in ("a blue cone", "a red ball falls")
    ]
    ((context, told),) = several[0]
    contexts = [each[0][0] for each in several]
    per_clip = [[context, {**told, CLIP_TEXTS_KEY: contexts}]]
    for name, sides in {
        "prompts per clip": (per_clip, host.models.encode_prompt(clip, "")),
        "negative per clip": (positive, per_clip),
        "both per clip": (per_clip, per_clip[:1]),
    }.items():
        for attention in (None, AttentionGuidance(scale=5.0)):
            bound = host.sampling.make_guider(model, *sides, 4.0)
            if attention is not None:
                bound = host.sampling.with_plan(bound, partial(replace, attention=attention))
            made[f"{name} {'' if attention is None else 'nag'}"] = host.sampling.sample_tokens(
                bound,
                patchify([noise(each) for each in clips]),
                samplers["euler"],
                SIGMAS,
                patchify([each["samples"] for each in clips]),
                [{"fps": 16.0}, {"fps": 8.0}],
                7,
            ).values
    images = torch.rand(9, 32, 48, 3, generator=seeded(2))
    made["encoded"] = host.models.encode_video(vae, images)
    made["decoded"] = whole_frames(host.models.decode_video(vae, made["encoded"]))
    return made


with torch.inference_mode():
    ours, theirs = measure(StandaloneHost(device="cpu")), measure(ComfyHost())
report(
    difference={name: float((ours[name] - theirs[name]).abs().max()) for name in ours},
    segments=[text for text in ODD if weighted_segments(text) != by_the_host(text)],
    weights_act=float((ours["weighted 0"] - ours["prompt"]).abs().max()),
    size={name: float(value.abs().mean()) for name, value in theirs.items()},
)
