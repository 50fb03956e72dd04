"""The video diffusion transformer: Wan's design, in token form first.

B batch, C channels, F frames, H rows, W columns, L tokens, S text tokens, D width.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from math import prod
from typing import Any, cast

import torch
from einops import rearrange, reduce
from torch import Tensor, nn
from torch.nn.functional import pad

from ..attention import Attention, KeysValues, attend
from ..hooks import NO_HOOKS, BlockHooks, Embedded, summed
from ..layers import LayerMaker
from ..patchify import (
    Patch,
    TokenLayout,
    from_patches,
    grid_layout,
    patch_grid,
    to_patches,
)
from ..shapes import LatentShape
from .blocks import Block, Head, Modulation, Sequences
from .conditioning import (
    CONDITION_SCALES,
    TIME_SCALE,
    DistinctConditions,
    condition_embedding,
    gather_levels,
    sinusoid,
)
from .config import DiTConfig

PreparedText = tuple[KeysValues, ...]
"""Keys and values of one prompt for every block."""


class VideoDiT(nn.Module):
    """Predicts the velocity ``noise - x0`` of a noisy latent or token sequence.

    A new network holds no usable weights: load a state dict, or call ``initialise``.

    Args:
        config: sizes.
        ops: namespace of layer classes (Linear, Conv3d, LayerNorm, RMSNorm).
        attention: stands in for the scaled dot-product attention.
    """

    def __init__(
        self,
        config: DiTConfig,
        *,
        ops: Any = nn,
        attention: Attention = attend,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        make = LayerMaker(ops, attention, device, dtype)
        dim, freq_dim = config.dim, config.freq_dim
        self.config = config
        self.patch_embedding = make.patches(config.in_channels, dim, config.patch)
        self.text_embedding = nn.Sequential(
            make.linear(config.text_dim, dim), nn.GELU(approximate="tanh"), make.linear(dim, dim)
        )
        self.time_embedding = condition_embedding(freq_dim, dim, make)
        self.time_projection = nn.Sequential(nn.SiLU(), make.linear(dim, dim * 6))
        self.condition_embeddings = nn.ModuleDict(
            {name: condition_embedding(freq_dim, dim, make) for name in config.conditions}
        )
        self.blocks = nn.ModuleList(
            Block(dim, config.heads, config.ffn_dim, config.eps, make) for _ in range(config.layers)
        )
        self.head = Head(dim, config.out_channels * prod(config.patch), config.eps, make)

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights."""
        return self.patch_embedding.weight.dtype

    def prepare_text(self, context: Tensor) -> PreparedText:
        """Project a prompt once for all steps.

        Args:
            context: (B, S, text_dim) from the text encoder, in the dtype to compute in; zero
                rows are added up to the length that the network was trained with, and are
                attended to.
        """
        missing = max(0, self.config.text_length - context.shape[1])
        text = self.text_embedding(pad(context, (0, 0, 0, min(missing, 1))))  # (B, S, D)
        return tuple(
            _repeat_last(block.cross_attn.keys_values(text), missing) for block in self._blocks()
        )

    def _blocks(self) -> list[Block]:
        return cast(list[Block], list(self.blocks))  # a host may have put compiled ones in place

    def forward(
        self,
        x: Tensor,
        levels: Tensor,
        texts: Sequence[PreparedText],
        *,
        layout: TokenLayout | None = None,
        loop: bool = False,
        conditions: Mapping[str, Tensor] | None = None,
        channels: Tensor | None = None,
        hooks: BlockHooks = NO_HOOKS,
    ) -> Tensor:
        """Velocity of a latent or of packed tokens; see ``VideoNetwork``.

        Raises:
            ValueError: a latent with several texts, or as ``forward_tokens``.
        """
        if channels is not None:
            x = torch.cat([x, channels.to(x)], dim=1 if layout is None else 2)
        if layout is not None:
            return self.forward_tokens(x, layout, levels, texts, conditions=conditions, hooks=hooks)
        if len(texts) != 1:
            raise ValueError(
                f"{len(texts)} texts for one latent: prompts per clip need packed patches "
                "(Sample Patches)"
            )
        patch, shape = self.config.patch, LatentShape(*x.shape[2:])
        velocity = self.forward_tokens(
            to_patches(x, patch),
            _layout(patch_grid(shape, patch), loop),
            token_levels(levels, patch),
            texts,
            conditions=conditions,
            hooks=hooks,
        )
        return from_patches(velocity, shape, patch)

    def forward_tokens(
        self,
        tokens: Tensor,
        layout: TokenLayout,
        sigma: Tensor,
        texts: Sequence[PreparedText],
        *,
        conditions: Mapping[str, Tensor] | None = None,
        hooks: BlockHooks = NO_HOOKS,
    ) -> Tensor:
        """Velocity of a packed sequence; the clips in it never see each other.

        Args:
            tokens: (B, L, in_channels * patch volume) in the dtype to compute in.
            layout: coordinates and clip of each token. Clean reference tokens are tokens
                of the clip with their own coordinates and noise level 0.
            sigma: (B,) noise level of a row, or (B, L) of each token, in [0, 1].
            texts: one prepared text for all clips, or one per clip.
            conditions: optional inputs by name, each (B,) or (B, clips), ``r`` as sigma.
            hooks: changes at the blocks.

        Returns:
            (B, L, out_channels * patch volume) float32.

        Raises:
            ValueError: shapes disagree, or a condition is unknown to this network.
        """
        self._check(tokens, layout, texts)
        levels = gather_levels(sigma, layout, self._known(conditions or {}))
        time, modulation = self._modulation(levels, tokens.dtype)
        cos, sin = layout.rotations(self.config.rope)
        rotations = (cos.to(tokens.device), sin.to(tokens.device))
        shared = Sequences(rotations, layout.spans, modulation, hooks)
        x = self._embed(tokens).float()  # (B, L, D)
        beside = [branch(Embedded(x, texts, shared)) for branch in hooks.branches]
        residuals = summed([hooks.residuals, *beside])
        for number, block in enumerate(self._blocks()):
            x = _run_block(block, x, [text[number] for text in texts], shared, number)
            if number in residuals:
                x = x + residuals[number]
        out = self.head(x, time, levels.index, tokens.dtype).float()
        pt, ph, pw = self.config.patch
        return rearrange(out, "B L (pt ph pw C) -> B L (C pt ph pw)", pt=pt, ph=ph, pw=pw)

    def _check(self, tokens: Tensor, layout: TokenLayout, texts: Sequence[PreparedText]) -> None:
        pt, ph, pw = self.config.patch
        expected = (len(layout.clip_ids), self.config.in_channels * pt * ph * pw)
        if tuple(tokens.shape[1:]) != expected:
            raise ValueError(
                f"tokens of shape {tuple(tokens.shape)}: this network and layout need "
                f"(batch, {expected[0]}, {expected[1]})"
            )
        clips = len(layout.loop_frames)
        if len(texts) not in (1, clips):
            raise ValueError(f"{len(texts)} texts for {clips} clips: give one, or one per clip")

    def _known(self, conditions: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        unknown = set(conditions) - set(self.config.conditions)
        if unknown:
            raise ValueError(
                f"this network has no input {sorted(unknown)}; it takes "
                f"{sorted(self.config.conditions) or 'none'}"
            )
        return conditions

    def _modulation(
        self, levels: DistinctConditions, dtype: torch.dtype
    ) -> tuple[Tensor, Modulation]:
        freq = self.config.freq_dim
        time = self.time_embedding(sinusoid(levels.sigma * TIME_SCALE, freq).to(dtype))  # (U, D)
        for name, values in levels.extras.items():
            wave = sinusoid(values * CONDITION_SCALES[name], freq)
            time = time + self.condition_embeddings[name](wave.to(dtype))
        table = self.time_projection(time).unflatten(1, (6, -1)).float()  # (U, 6, D)
        return time.float(), Modulation(table, levels.index)

    def _embed(self, tokens: Tensor) -> Tensor:
        pt, ph, pw = self.config.patch
        rows = rearrange(tokens, "B L (C pt ph pw) -> B C (L pt) ph pw", pt=pt, ph=ph, pw=pw)
        return rearrange(self.patch_embedding(rows), "B D L 1 1 -> B L D")


def _repeat_last(text: KeysValues, times: int) -> KeysValues:
    """The same keys and values with the last token there so many times."""
    if times < 2:
        return text
    k, v = (torch.cat([x, x[:, :, -1:].expand(-1, -1, times - 1, -1)], dim=2) for x in text)
    return k, v


def _run_block(
    block: Block, x: Tensor, texts: list[KeysValues], shared: Sequences, number: int
) -> Tensor:
    hooks = shared.hooks
    if number not in hooks.skipped:
        run = partial(block, texts=texts, shared=shared, number=number)
        x = run(x) if hooks.around is None else hooks.around(number, x, run)
    return x


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # a kept layout may serve a training step later
def _layout(grid: LatentShape, loop: bool) -> TokenLayout:
    return grid_layout(grid, loop=loop)


def token_levels(sigma: Tensor, patch: Patch) -> Tensor:
    """Noise levels (B,) as they are, (B, F, H, W) -> (B, L) by the highest of each patch."""
    if sigma.ndim == 1:
        return sigma
    pt, ph, pw = patch
    return reduce(sigma, "B (F pt) (H ph) (W pw) -> B (F H W)", "max", pt=pt, ph=ph, pw=pw)


def initialise(model: VideoDiT, generator: torch.Generator) -> None:
    """Fresh weights for training: Xavier layers, zero gates at the head and the conditions.

    Args:
        model: a network on the CPU.
        generator: source of every random number.
    """
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("modulation"):
                weight.normal_(generator=generator).div_(model.config.dim**0.5)
            elif "norm" in name and name.endswith("weight"):
                weight.fill_(1.0)
            elif weight.ndim == 1:
                weight.zero_()
            else:
                _xavier(weight, generator)
        for name, weight in model.named_parameters():
            if re.fullmatch(r"(time|text)_embedding\.[02]\.weight", name):
                weight.normal_(std=0.02, generator=generator)
        model.head.head.weight.zero_()
        for embedding in model.condition_embeddings.values():
            embedding[2].weight.zero_()  # pyright: ignore[reportIndexIssue]


def _xavier(weight: Tensor, generator: torch.Generator) -> None:
    fan_out, fan_in = weight.shape[0], weight[0].numel()
    bound = (6.0 / (fan_in + fan_out)) ** 0.5
    weight.uniform_(-bound, bound, generator=generator)
