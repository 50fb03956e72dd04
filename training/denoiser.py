"""Train the denoiser and its text encoder on encoded clips by flow matching.

B batch, C channels, F frames, H rows, W columns, L tokens, S text tokens, D width.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from einops import rearrange
from torch import Tensor, nn

from ..model_loaders.tokenizer import EOS
from ..models.dit.config import DiTConfig
from ..models.dit.network import VideoDiT, initialise
from ..models.hooks import NO_HOOKS, BlockHooks, Branch
from ..models.latent_format import LatentFormat
from ..models.patchify import PATCH, TokenLayout, grid_layout, patch_grid, to_patches
from ..models.shapes import WAN_COMPRESSION, LatentShape
from ..models.text.config import T5Config
from ..models.text.t5 import T5Encoder
from ..models.text.t5 import initialise as initialise_text
from .checkpoint import TrainState
from .feed import Sets
from .latents import LatentSet
from .layers import Layers, mixed_precision, plain_attention
from .levels import TRAINING_SHIFT, Levels, apply_levels, draw_levels

CAPTION_DROP = 0.1
CONDITION_DROP = 0.1
KEY_SHARE = 0.1
"""Shares of clips without a prompt, of steps without an input, of steps with a key frame."""

CAPTION_SHARES = (0.55, 0.3, 0.15)
"""How often each of ``latents.CAPTIONS`` is used for a clip."""

IMAGE_SHARE = 0.02
SHORTER_SHARE = 0.12
"""Shares of steps with clips cut to their first frame, and to another length."""

DIT_MATRICES = r"^dit\.blocks\.\d+\..*weight$"
TEXT_RATE = {r"^text\.": 0.5}
"""Weights that Muon trains, and the learning rate factor of the text encoder, which AdamW trains:
with Muon, its logits grew over the whole run until prompts acted as a bag of words."""

TOKENS_PER_STEP = 64 * 80
LARGEST_BATCH = 320


class PromptedDiT(nn.Module):
    """Text encoder and denoiser, trained jointly."""

    def __init__(self, dit: DiTConfig, text: T5Config, generator: torch.Generator) -> None:
        super().__init__()
        self.dit = VideoDiT(dit, ops=Layers, attention=plain_attention)
        self.text = T5Encoder(text)
        initialise(self.dit, generator)
        initialise_text(self.text, generator)

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return self.dit.patch_embedding.weight.device

    def compile_blocks(self) -> None:
        """Compile the transformer's blocks for batches and clips of any size."""
        for block in self.dit.blocks:
            block.compile(dynamic=True)

    def context(self, token_ids: Tensor, mask: Tensor) -> Tensor:
        """Encode prompts, (B, S) -> (B, longest prompt, D), zero after each prompt."""
        longest = int(mask.sum(1).max())
        token_ids, mask = token_ids[:, :longest], mask[:, :longest]
        return self.text(token_ids, mask) * mask[..., None]


@dataclass(frozen=True, eq=False)
class Batch:
    """Normalised clips of one step and their conditions, on the training device.

    Args:
        clean: (B, C, F, H, W).
        token_ids, mask: prompts (B, S).
        prompted: (B,), False where the whole prompt is zero.
        conditions: optional inputs, (B,) each.
        loop: whether time is circular.
        keys: key frames (B, C, 1, H, W), if this step has any.
        key_time: position of the key frames in latent frames.
        hint: normalised hints (B, C, F, H, W) for a control branch, if there is one.
    """

    clean: Tensor
    token_ids: Tensor
    mask: Tensor
    prompted: Tensor
    conditions: Mapping[str, Tensor]
    loop: bool
    keys: Tensor | None = None
    key_time: float = 0.0
    hint: Tensor | None = None

    @property
    def shape(self) -> LatentShape:
        """Latent shape of a clip."""
        return LatentShape(*self.clean.shape[2:])


def draw_batch(
    data: LatentSet,
    latent: LatentFormat,
    names: Sequence[str],
    g: torch.Generator,
    device: torch.device | str = "cpu",
    share: float = 1.0,
) -> Batch:
    """Draw clips, length, captions and inputs for a step of ``share`` times the default tokens.

    Clips with hints have no key frames, which hints do not cover.
    """
    with_keys = _chance(g) < KEY_SHARE and data.latents.shape[2] > 1 and data.hints is None
    frames = data.latents.shape[2] if with_keys else _length(data, g)
    rows = _rows(data, frames, share, g, with_keys=with_keys)
    ids, mask, prompted = _prompts(data, rows, g)
    clean = latent.normalise(data.latents[rows, :, :frames].float())
    conditions = _conditions(data.fps[rows], LatentShape(*clean.shape[2:]), data.loop, g)
    keys = latent.normalise(data.keys[rows].float()).to(device) if with_keys else None
    hint = None
    if data.hints is not None:
        hint = latent.normalise(data.hints[rows, :, :frames].float()).to(device)
    return Batch(
        clean.to(device),
        ids.to(device),
        mask.to(device),
        prompted.to(device),
        {name: value.to(device) for name, value in conditions.items() if name in names},
        data.loop,
        keys,
        float(data.key_times[rows[0]]),
        hint,
    )


def _length(data: LatentSet, g: torch.Generator) -> int:
    """Latent frames of the clips in a step; a causal latent's first frames are a shorter clip."""
    frames, chance = data.latents.shape[2], _chance(g)
    if data.loop or chance > IMAGE_SHARE + SHORTER_SHARE:
        return frames
    return 1 if chance < IMAGE_SHARE else 1 + int(_chance(g) * frames)


def _rows(
    data: LatentSet, frames: int, share: float, g: torch.Generator, *, with_keys: bool
) -> Tensor:
    """Indices of the clips that fill a step; key frames are all at the same time."""
    height, width = data.latents.shape[3:]
    each = frames * height * width // (PATCH[1] * PATCH[2])
    count = max(1, int(share * min(LARGEST_BATCH, TOKENS_PER_STEP // each)))
    pool = torch.arange(len(data))
    if with_keys:
        one = data.key_times[torch.randint(len(data), (), generator=g)]
        pool = pool[data.key_times == one]
    return pool[data.weights[pool].multinomial(count, replacement=True, generator=g)]


def _prompts(data: LatentSet, rows: Tensor, g: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Draw one caption per clip; of the dropped captions, half become an empty text."""
    which = torch.multinomial(torch.tensor(CAPTION_SHARES), len(rows), True, generator=g)
    ids, mask = data.token_ids[rows, which].long(), data.mask[rows, which]
    chance = torch.rand(len(rows), generator=g)
    empty = (chance < CAPTION_DROP / 2)[:, None]
    first = torch.arange(ids.shape[1]) == 0
    ids = torch.where(empty, first.long() * EOS, ids)
    mask = torch.where(empty, first, mask)
    return ids, mask, chance < 1 - CAPTION_DROP / 2


def _conditions(
    fps: Tensor, shape: LatentShape, loop: bool, g: torch.Generator
) -> dict[str, Tensor]:
    """Frame rate, duration and size, each dropped at random as users may do, and the loop flag."""
    full = torch.ones(len(fps))
    conditions = {"loop": full * loop}
    if _chance(g) > CONDITION_DROP:
        conditions["fps"] = fps
    if _chance(g) > CONDITION_DROP:
        conditions["duration"] = WAN_COMPRESSION.video_shape(shape, loop=loop).frames / fps
    if _chance(g) > CONDITION_DROP:
        conditions |= {"height": full * shape.height, "width": full * shape.width}
    return conditions


def _chance(g: torch.Generator) -> float:
    return float(torch.rand((), generator=g))


Steer = Callable[[Tensor], Branch]
"""Prompts (B, S, D) of a batch -> control branch that steers its clips."""


def flow_loss(
    model: PromptedDiT,
    batch: Batch,
    levels: Levels,
    g: torch.Generator,
    steer: Steer | None = None,
    weight: Tensor | None = None,
) -> Tensor:
    """Squared velocity error of the positions that are not given: mean per clip, then over clips.

    Args:
        g: draws the noise, on the batch's device.
        steer: as for ``predict``.
        weight: weights of the tokens (B, L) in a clip's mean; None for equal ones.
    """
    patch = model.dit.config.patch
    noise = torch.randn(batch.clean.shape, generator=g, device=batch.clean.device)
    noisy = apply_levels(batch.clean, noise, levels, patch, g)
    velocity = predict(model, batch, noisy, levels.sigma, steer)  # (B, L, D)
    error = (velocity - to_patches(noise - batch.clean, patch)).square().mean(-1)  # (B, L)
    wanted = rearrange(~levels.given, "B F H W -> B (F H W)").to(error)
    if weight is not None:
        wanted = wanted * weight
    return ((error * wanted).sum(1) / wanted.sum(1)).mean()


def predict(
    model: PromptedDiT,
    batch: Batch,
    noisy: Tensor,
    sigma: Tensor,
    steer: Steer | None = None,
) -> Tensor:
    """Predict the velocity (B, L, D) of noisy clips with levels (B,) or (B, F, H, W)."""
    patch = model.dit.config.patch
    tokens = to_patches(noisy, patch)
    count = tokens.shape[1]
    levels = sigma if sigma.ndim == 1 else sigma.flatten(1)
    grid = patch_grid(batch.shape, patch)
    if batch.keys is not None:
        keys = to_patches(batch.keys, patch)
        tokens = torch.cat([tokens, keys], dim=1)
        each = levels[:, None].expand(-1, count) if levels.ndim == 1 else levels
        levels = torch.cat([each, each.new_zeros(keys.shape[:2])], dim=1)
    context = model.context(batch.token_ids, batch.mask) * batch.prompted[:, None, None]
    velocity = model.dit.forward_tokens(
        tokens,
        clip_layout(grid, batch.loop, None if batch.keys is None else batch.key_time),
        levels,
        [model.dit.prepare(context)],
        conditions=batch.conditions,
        hooks=hooks_of(steer, context),
    )
    return velocity[:, :count]


def hooks_of(steer: Steer | None, context: Tensor) -> BlockHooks:
    """Network hooks of a control branch for prompts (B, S, D)."""
    return NO_HOOKS if steer is None else BlockHooks(branches=(steer(context),))


@lru_cache(maxsize=256)
def clip_layout(grid: LatentShape, loop: bool, key_time: float | None) -> TokenLayout:
    """Layout of a clip's tokens, followed by those of a key frame at its own time."""
    clip = grid_layout(grid, loop=loop)
    if key_time is None:
        return clip
    frame = grid_layout(LatentShape(1, grid.height, grid.width)).coordinates
    keys = frame + torch.tensor([key_time, 0.0, 0.0], dtype=frame.dtype)
    coordinates = torch.cat([clip.coordinates, keys])
    return TokenLayout(coordinates, (len(coordinates),), clip.loop_frames)


def train_denoiser(
    state: TrainState,
    sets: Sets,
    latent: LatentFormat,
    shift: float = TRAINING_SHIFT,
    share: float = 1.0,
) -> Iterator[float]:
    """Yield the loss of every step until the run is over.

    Args:
        state: state of the run.
        sets: step number -> clips.
        latent: latent format of the clips.
        shift: shift of the noise levels.
        share: tokens per step, relative to the default.
    """
    model = state.module
    assert isinstance(model, PromptedDiT)
    names, patch = model.dit.config.conditions, model.dit.config.patch
    while not state.done:
        g = state.generator()
        data = draw_set(sets(state.step), g)
        batch = draw_batch(data, latent, names, g, model.device, share)
        levels = draw_levels(len(batch.clean), patch_grid(batch.shape, patch), g, shift)
        with mixed_precision(model.device):
            loss = flow_loss(model, batch, levels.to(model.device), state.noise_generator())
        state.update(loss)
        yield float(loss.detach())


def draw_set(sets: Sequence[LatentSet], g: torch.Generator) -> LatentSet:
    """Draw the source of a step by the sources' shares."""
    shares = torch.tensor([data.share for data in sets])
    return sets[int(torch.multinomial(shares, 1, generator=g))]
