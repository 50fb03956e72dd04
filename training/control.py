"""Train a control branch beside a denoiser that stays as it is, by flow matching.

B batch, C channels, F frames, H rows, W columns, S text tokens, D width.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch
from einops import repeat
from torch import Tensor

from ..models.control.config import ControlConfig
from ..models.control.network import DilatedBranch
from ..models.dit.config import DiTConfig
from ..models.latent_format import LatentFormat
from ..models.patchify import patch_grid, to_patches
from ..models.shapes import LatentShape
from ..models.vae.network import VideoVAE
from ..samplers.control import BoundControl, HintState
from .checkpoint import TrainState
from .denoiser import Batch, PromptedDiT, Steer, draw_batch, draw_set, flow_loss
from .feed import Sets
from .latents import LatentSet, encode_pictures
from .layers import mixed_precision
from .levels import TRAINING_SHIFT, draw_levels
from .pictures import VALIDATION_LEVELS, VALIDATION_SEED, velocity_error, whole_clips

HINT_DROP = 0.1
"""Share of clips whose hint is black, so that black comes to ask for nothing."""

BLOCKS, WIDTH, HEADS, FFN = 3, 128, 4, 320
"""Of a branch, whose weights take at most 2 MB in half precision."""

VALIDATION_CLIPS = 32


def light_branch(base: DiTConfig) -> ControlConfig:
    """Sizes of a branch for a denoiser, whose blocks are spread evenly over the denoiser's.

    The denoiser tells it the noise level with the frame rate and all else that it is given.
    """
    return ControlConfig(
        design="dilated",
        after=tuple(number * base.layers // BLOCKS for number in range(BLOCKS)),
        base_dim=base.dim,
        dim=WIDTH,
        heads=HEADS,
        ffn_dim=FFN,
        hint_channels=base.out_channels,
        latent_channels=base.out_channels,
        patch=base.patch,
        text_dim=base.text_dim,
        text_length=base.text_length,
        freq_dim=base.freq_dim,
        eps=base.eps,
        theta=base.theta,
        temporal_theta=base.temporal_theta,
        levels="base",
    )


def base_fingerprint(weights: Mapping[str, Tensor]) -> str:
    """Name of a denoiser's weights, so that a branch can tell the one that it was trained with."""
    digest = hashlib.sha256()
    for name, weight in sorted(weights.items()):
        digest.update(name.encode() + weight.detach().cpu().half().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def steered_by(branch: DilatedBranch, base: PromptedDiT, hint: Tensor) -> Steer:
    """The branch with hints (B, C, F, H, W), normalised, beside the denoiser's blocks."""
    state = HintState(to_patches(hint, branch.control.patch))
    blocks = (1.0,) * branch.control.layers

    def steer(text: Tensor) -> BoundControl:
        context = branch.prepare(text, base.dit.embed_text)
        return BoundControl(branch, [context], state, 1.0, blocks)

    return steer


@dataclass(frozen=True, eq=False)
class BlackHints:
    """Normalised latents of black pictures, each size encoded once."""

    vae: VideoVAE
    latent: LatentFormat
    _known: dict[tuple[LatentShape, bool], Tensor] = field(
        default_factory=dict, init=False, repr=False
    )

    def like(self, batch: Batch) -> Tensor:
        """That of a batch's clips (1, C, F, H, W), on its device."""
        key = (batch.shape, batch.loop)
        if key not in self._known:
            video = self.latent.compression.video_shape(batch.shape, loop=batch.loop)
            pictures = torch.zeros(1, *video, 3, device=next(self.vae.parameters()).device)
            with torch.no_grad():
                raw = encode_pictures(self.vae, pictures, loop=batch.loop)
            self._known[key] = self.latent.normalise(raw.float())
        return self._known[key].to(batch.clean.device)

    def dropped(self, batch: Batch, g: torch.Generator) -> Batch:
        """The batch with some of its hints black."""
        assert batch.hint is not None
        chosen = torch.rand(len(batch.clean), generator=g) < HINT_DROP
        chosen = repeat(chosen.to(batch.clean.device), "B -> B 1 1 1 1")
        return replace(batch, hint=torch.where(chosen, self.like(batch), batch.hint))


def train_control(
    state: TrainState,
    base: PromptedDiT,
    sets: Sets,
    black: BlackHints,
    shift: float = TRAINING_SHIFT,
    share: float = 1.0,
) -> Iterator[float]:
    """Yield the loss of every step until the run is over.

    Args:
        state: of the run, whose module is the branch.
        base: the denoiser, which is not changed.
        sets: clips of a step, with hints.
        black: in place of hints that are dropped.
        shift: of the noise levels.
        share: how many times the usual tokens a step has.
    """
    branch = state.module
    assert isinstance(branch, DilatedBranch)
    names, patch = base.dit.config.conditions, base.dit.config.patch
    while not state.done:
        g = state.generator()
        data = draw_set(sets(state.step), g)
        batch = black.dropped(draw_batch(data, black.latent, names, g, base.device, share), g)
        levels = draw_levels(len(batch.clean), patch_grid(batch.shape, patch), g, shift)
        with mixed_precision(base.device):
            steer = _steer(branch, base, batch)
            loss = flow_loss(base, batch, levels.to(base.device), state.noise_generator(), steer)
        state.update(loss)
        yield float(loss.detach())


def _steer(branch: DilatedBranch, base: PromptedDiT, batch: Batch) -> Steer:
    assert batch.hint is not None
    return steered_by(branch, base, batch.hint)


@torch.inference_mode()
def control_validation(
    branch: DilatedBranch, base: PromptedDiT, data: LatentSet, latent: LatentFormat
) -> dict[str, float]:
    """Velocity error of held-out clips at fixed noise and levels.

    Returns:
        ``with the hint``, ``without`` and ``with another clip's hint``.
    """
    batch = whole_clips(base, data, torch.arange(min(VALIDATION_CLIPS, len(data))), latent)
    other = replace(batch, hint=None if batch.hint is None else batch.hint.roll(1, dims=0))
    told = {
        "with the hint": _steer(branch, base, batch),
        "without": None,
        "with another clip's hint": _steer(branch, base, other),
    }
    g = torch.Generator().manual_seed(VALIDATION_SEED)
    noise = torch.randn(batch.clean.shape, generator=g).to(batch.clean)
    errors = {
        name: [
            velocity_error(base, batch, noise, level, given=0, steer=steer)
            for level in VALIDATION_LEVELS
        ]
        for name, steer in told.items()
    }
    return {name: round(sum(each) / len(each), 6) for name, each in errors.items()}
