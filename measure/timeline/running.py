"""Sample and finish timelines, as Sample and Decode Timeline do.

B batch, C channels, F frames, H rows, W columns; f, h, w the same of the latent.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...samplers.ceilings import CEILING_KEY, MASK_KEY
from ...timeline import START_KEY, TIMELINE_KEY, Timeline, assembled, latent_of, softened
from ...timeline.assemble import FADE
from ..cases import FPS, Case
from ..studio import ClipMaker


@torch.inference_mode()
def laid_out(maker: ClipMaker, timelines: Sequence[Timeline]) -> dict[str, Any]:
    """Return one LATENT (B, C, f, h, w) of clips in which the same latent places are given."""
    encode = partial(maker.host.models.encode_video, maker.coder)
    each = [softened(latent_of(own, encode, maker.model.latent.channels)) for own in timelines]
    samples = torch.cat([latent["samples"] for latent in each])
    shared = {key: value for key, value in each[0].items() if key not in (START_KEY, TIMELINE_KEY)}
    per_clip = {
        key: torch.cat([latent[key] for latent in each])
        for key in (MASK_KEY, CEILING_KEY)
        if key in shared
    }
    return {**shared, **per_clip, "samples": samples}


def finished(
    maker: ClipMaker, timelines: Sequence[Timeline], latents: Tensor, *, fade: int = FADE
) -> Tensor:
    """Decode sampled latents (B, C, f, h, w) to clips (B, F, H, W, 3) and paste the given pixels.

    Args:
        fade: frames over which the VAE's residual is faded out, 0 for none.
    """
    return laid_over(timelines, maker.decode(latents), fade=fade)


def laid_over(timelines: Sequence[Timeline], decoded: Tensor, *, fade: int = FADE) -> Tensor:
    """Paste the given pixels over decoded stretches (B, F', H, W, 3); return (B, F, H, W, 3)."""
    pairs = zip(timelines, decoded, strict=True)
    return torch.stack([assembled(own, frames, fade=fade) for own, frames in pairs])


def under_noise_mask(
    maker: ClipMaker, cases: Sequence[Case], samples: Tensor, mask: Tensor
) -> Tensor:
    """Sample latents (B, C, f, h, w) under a plain noise mask, as graphs without a timeline do.

    At each step the given part is restored, as noisy as the rest, without telling the model.

    Args:
        maker: generates the clips.
        cases: one for each clip.
        samples: (B, C, f, h, w), with any values where something is generated.
        mask: (B or 1, 1, f, h, w), 1 where something is generated.
    """
    guider = maker.guider([case.prompt for case in cases], levels=False)
    return maker.run(cases, guider, {"samples": samples, MASK_KEY: mask, "fps": FPS})
