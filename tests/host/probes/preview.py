"""What the host is shown while our nodes sample: ticks and contact sheets."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from dataclasses import replace

from setting import dit_weights, report, seeded, text_weights  # isort: skip

import comfy.utils
import torch

from spacetime_video.hosts.comfyui import preview
from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.models.patchify import patchify
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import sample_euler

STEPS = 3
FIRST = (64, 1, 255, 256)
"""Where the first of three frames of 6 by 8 places lies, in two rows of two."""

RGB = tuple((0.1 * n, 0.02 * n, -0.1 * n) for n in range(16))

seen = []


def hook(value, total, preview, **_):
    picture = None if preview is None else preview[1]
    seen.append((value, total, picture))


def shown(run):
    """Ticks of a run and the sizes of their pictures."""
    seen.clear()
    result = run()
    sizes = [None if picture is None else list(picture.size) for _, _, picture in seen]
    return result, {"ticks": [list(entry[:2]) for entry in seen], "sizes": sizes}


def mean_colour(picture):
    return [float(v) for v in torch.tensor(list(picture.getdata())).float().mean(0) / 255]


host = ComfyHost()
comfy.utils.set_progress_bar_global_hook(hook)
clip = host.models.make_clip(text_weights(), dtype="fp32")
prompts = [host.models.encode_prompt(clip, text) for text in ("a red cube moves left", "")]
sampler = host.sampling.make_sampler(sample_euler, {})
sigmas = flow_sigmas(STEPS, shift=3.0)


def guider_of(rgb):
    weights = dit_weights()
    latent = replace(weights.latent, rgb=rgb, rgb_bias=(0.1, 0.2, 0.3))
    return host.sampling.make_guider(
        host.models.make_model(replace(weights, latent=latent), dtype="fp32"), *prompts, 2.0
    )


def noise(frames=3, rows=8, columns=6):
    return torch.randn(1, 16, frames, rows, columns, generator=seeded(7))


guider = guider_of(RGB)
start = noise()
often, preview.LEAST_SECONDS = preview.LEAST_SECONDS, 0.0
made, on_latent = shown(
    lambda: host.sampling.sample(
        guider, start, sampler, sigmas, {"samples": torch.zeros_like(start), "fps": 16.0}, 1
    )
)
last = seen[-1][2]
source = guider.model_patcher.model.latent_format.source
picture = source.preview(source.normalise(made)[0])
colour_error = max(
    abs(a - b)
    for a, b in zip(mean_colour(last.crop(FIRST)), picture[0].mean((0, 1)).tolist(), strict=True)
)

clips = [noise(), noise(frames=2, rows=4, columns=4)]
packed, on_tokens = shown(
    lambda: host.sampling.sample_tokens(
        guider, patchify(clips), sampler, sigmas, patchify([torch.zeros_like(c) for c in clips]),
        [{"fps": 16.0}, {"fps": 8.0}], 1,
    )
)  # fmt: skip
_, published = shown(
    lambda: host.sampling.sample(
        guider_of(None), start, sampler, sigmas, {"samples": torch.zeros_like(start)}, 1
    )
)
preview.LEAST_SECONDS = 1e9
_, quick = shown(
    lambda: host.sampling.sample(
        guider, start, sampler, sigmas, {"samples": torch.zeros_like(start)}, 1
    )
)
report(
    often=often,
    quick=quick,
    latent=on_latent,
    tokens=on_tokens,
    published=published,
    colour_error=colour_error,
)
