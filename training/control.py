"""Train a control branch next to a frozen denoiser, by flow matching.

B batch, C channels, F frames, H rows, W columns, S text tokens, D width.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from einops import repeat
from torch import Tensor

from ..models.control.config import ControlConfig
from ..models.control.network import DilatedBranch
from ..models.dit.config import DiTConfig
from ..models.latent_format import LatentFormat
from ..models.patchify import Patch, patch_grid, to_patches
from ..models.shapes import LatentShape
from ..models.vae.network import VideoVAE
from ..samplers.control import BoundControl, HintState
from .checkpoint import TrainState
from .denoiser import Batch, PromptedDiT, Steer, draw_batch, draw_set, flow_loss
from .feed import Sets
from .latents import LatentSet, encode_pictures
from .layers import mixed_precision
from .levels import DETAIL_SHARE, TRAINING_SHIFT, draw_levels
from .pictures import VALIDATION_LEVELS, VALIDATION_SEED, velocity_error, whole_clips

HINT_DROP = 0.1
"""Share of clips whose hint is black, so that the branch learns to ignore black."""

BATCH_SHARE = 0.5
"""Tokens per step relative to the denoiser's training, for more but smaller steps."""

BLOCKS, WIDTH, HEADS, FFN = 3, 128, 4, 320
"""Sizes of a branch, chosen so that its weights take at most 2 MB in half precision."""

VALIDATION_CLIPS = 32


def light_branch(base: DiTConfig) -> ControlConfig:
    """Config of a branch for a denoiser, with blocks spread evenly over the denoiser's.

    The branch takes the noise level, frame rate and other inputs from the denoiser's embedding.
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
    """Hash of a denoiser's weights, by which a branch identifies the one it was trained with."""
    digest = hashlib.sha256()
    for name, weight in sorted(weights.items()):
        digest.update(name.encode() + weight.detach().cpu().half().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def steered_by(branch: DilatedBranch, base: PromptedDiT, hint: Tensor) -> Steer:
    """Bind the branch to normalised hints (B, C, F, H, W), to run next to the denoiser's blocks."""
    state = HintState(to_patches(hint, branch.control.patch))
    blocks = (1.0,) * branch.control.layers

    def steer(text: Tensor) -> BoundControl:
        context = branch.prepare(text, base.dit.embed_text)
        return BoundControl(branch, [context], state, 1.0, blocks)

    return steer


@dataclass(frozen=True, eq=False)
class BlackHints:
    """Normalised latents of black images; each size is encoded once."""

    vae: VideoVAE
    latent: LatentFormat
    _known: dict[tuple[LatentShape, bool], Tensor] = field(
        default_factory=dict, init=False, repr=False
    )

    def like(self, batch: Batch) -> Tensor:
        """Black hint (1, C, F, H, W) for a batch's clips, on its device."""
        key = (batch.shape, batch.loop)
        if key not in self._known:
            video = self.latent.compression.video_shape(batch.shape, loop=batch.loop)
            pictures = torch.zeros(1, *video, 3, device=next(self.vae.parameters()).device)
            with torch.no_grad():
                raw = encode_pictures(self.vae, pictures, loop=batch.loop)
            self._known[key] = self.latent.normalise(raw.float())
        return self._known[key].to(batch.clean.device)

    def dropped(self, batch: Batch, g: torch.Generator) -> Batch:
        """Replace some of the batch's hints by black."""
        assert batch.hint is not None
        chosen = torch.rand(len(batch.clean), generator=g) < HINT_DROP
        chosen = repeat(chosen.to(batch.clean.device), "B -> B 1 1 1 1")
        return replace(batch, hint=torch.where(chosen, self.like(batch), batch.hint))


class Emphasis(NamedTuple):
    """What the training for a kind of hint emphasises.

    Attributes:
        shift, detail: of the noise levels, see ``draw_sigma``.
        focus: additional weight of the tokens where hints are strongest, see ``focused``.
    """

    shift: float = TRAINING_SHIFT
    detail: float = DETAIL_SHARE
    focus: float = 0.0


PLAIN = Emphasis()


def train_control(
    state: TrainState,
    base: PromptedDiT,
    sets: Sets,
    black: BlackHints,
    emphasis: Emphasis = PLAIN,
    share: float = 1.0,
) -> Iterator[float]:
    """Yield the loss of every step until the run is over.

    Args:
        state: state of the run; its module is the branch.
        base: the frozen denoiser.
        sets: step number -> clips with hints.
        black: replaces dropped hints.
        emphasis: that of the kind of hint.
        share: tokens per step, relative to the default.
    """
    branch = state.module
    assert isinstance(branch, DilatedBranch)
    names, patch = base.dit.config.conditions, base.dit.config.patch
    while not state.done:
        g = state.generator()
        data = draw_set(sets(state.step), g)
        batch = draw_batch(data, black.latent, names, g, base.device, BATCH_SHARE * share)
        batch = black.dropped(batch, g)
        grid = patch_grid(batch.shape, patch)
        levels = draw_levels(len(batch.clean), grid, g, emphasis.shift, emphasis.detail)
        with mixed_precision(base.device):
            steer = _steer(branch, base, batch)
            weight = focused(batch, black.like(batch), patch, emphasis.focus)
            noise = state.noise_generator()
            loss = flow_loss(base, batch, levels.to(base.device), noise, steer, weight)
        state.update(loss)
        yield float(loss.detach())


def focused(batch: Batch, black: Tensor, patch: Patch, focus: float) -> Tensor:
    """Weights (B, L) of tokens: 1 where a hint is black, and more where it differs from black.

    Hints that are black in most places, such as tracks, say little about those; there, the loss is
    mostly noise. The best prediction is the same, since weights depend only on the hint.

    Args:
        black: the hint of a black video (1, C, F, H, W).
        patch: of the tokens.
        focus: additional weight where a clip's hint differs the most.
    """
    assert batch.hint is not None
    told = to_patches((batch.hint - black).square(), patch).mean(-1)  # (B, L)
    return 1 + focus * told / told.amax(1, keepdim=True).clamp(min=1e-6)


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
