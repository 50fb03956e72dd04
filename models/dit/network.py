"""The video diffusion transformer: Wan's design, in token form first.

B batch, C channels, F frames, H rows, W columns, L tokens, S text tokens, I image tokens,
D width.
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
from .blocks import Block, Context, Head, ImageEmbedding, Modulation, Sequences
from .conditioning import (
    CONDITION_SCALES,
    TIME_SCALE,
    DistinctConditions,
    condition_embedding,
    gather_levels,
    sinusoid,
)
from .config import DiTConfig

PreparedContext = tuple[Context, ...]
"""Keys and values of one prompt, and of its image where there is one, for every block."""


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
        self.img_emb = (
            ImageEmbedding(config.image_dim, config.image_positions, dim, make)
            if config.image_dim
            else None
        )
        self.time_embedding = condition_embedding(freq_dim, dim, make)
        self.time_projection = nn.Sequential(nn.SiLU(), make.linear(dim, dim * 6))
        self.condition_embeddings = nn.ModuleDict(
            {name: condition_embedding(freq_dim, dim, make) for name in config.conditions}
        )
        self.blocks = nn.ModuleList(
            Block(dim, config.heads, config.ffn_dim, config.eps, make, image=bool(config.image_dim))
            for _ in range(config.layers)
        )
        self.head = Head(dim, config.out_channels * prod(config.patch), config.eps, make)

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights."""
        return self.patch_embedding.weight.dtype

    def prepare(self, text: Tensor, image: Tensor | None = None) -> PreparedContext:
        """Project a prompt and its image context once for all steps.

        Args:
            text: (B, S, text_dim) from the text encoder, in the dtype to compute in; zero
                rows are added up to the length that the network was trained with, and are
                attended to.
            image: (B, I, image_dim) from the vision encoder, in the same dtype, where the network
                takes an image context.

        Raises:
            ValueError: the image context is missing, or not one for this network.
        """
        self._check_image(image)
        missing = max(0, self.config.text_length - text.shape[1])
        words = self.text_embedding(pad(text, (0, 0, 0, min(missing, 1))))  # (B, S, D)
        seen = None if image is None or self.img_emb is None else self.img_emb(image)  # (B, I, D)
        contexts = (block.cross_attn.context(words, seen) for block in self._blocks())
        return tuple(each._replace(text=_repeat_last(each.text, missing)) for each in contexts)

    def _check_image(self, image: Tensor | None) -> None:
        width, places = self.config.image_dim, self.config.image_positions
        if (0 if image is None else image.shape[-1]) != width:
            given = "no image context" if image is None else f"one of {tuple(image.shape)}"
            wanted = f"one (batch, tokens, {width})" if width else "none"
            raise ValueError(f"{given}: this network takes {wanted}")
        if image is not None and 0 < places < image.shape[1]:
            raise ValueError(
                f"an image context of {image.shape[1]} tokens: this network knows {places} places"
            )

    def _blocks(self) -> list[Block]:
        return cast(list[Block], list(self.blocks))  # a host may have put compiled ones in place

    def forward(
        self,
        x: Tensor,
        levels: Tensor,
        contexts: Sequence[PreparedContext],
        *,
        layout: TokenLayout | None = None,
        loop: bool = False,
        conditions: Mapping[str, Tensor] | None = None,
        channels: Tensor | None = None,
        hooks: BlockHooks = NO_HOOKS,
    ) -> Tensor:
        """Velocity of a latent or of packed tokens; see ``VideoNetwork``.

        Raises:
            ValueError: a latent with several contexts, or as ``forward_tokens``.
        """
        if channels is not None:
            x = torch.cat([x, channels.to(x)], dim=1 if layout is None else 2)
        if layout is not None:
            return self.forward_tokens(
                x, layout, levels, contexts, conditions=conditions, hooks=hooks
            )
        if len(contexts) != 1:
            raise ValueError(
                f"{len(contexts)} prompts for one latent: prompts per clip need packed patches "
                "(Sample Patches), or a list of clips (Branch, Converge)"
            )
        patch, shape = self.config.patch, LatentShape(*x.shape[2:])
        velocity = self.forward_tokens(
            to_patches(x, patch),
            _layout(patch_grid(shape, patch), loop),
            token_levels(levels, patch),
            contexts,
            conditions=conditions,
            hooks=hooks,
        )
        return from_patches(velocity, shape, patch)

    def forward_tokens(
        self,
        tokens: Tensor,
        layout: TokenLayout,
        sigma: Tensor,
        contexts: Sequence[PreparedContext],
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
            contexts: one prepared context for all clips, or one per clip.
            conditions: optional inputs by name, each (B,) or (B, clips), ``r`` as sigma.
            hooks: changes at the blocks.

        Returns:
            (B, L, out_channels * patch volume) float32.

        Raises:
            ValueError: shapes disagree, or a condition is unknown to this network.
        """
        self._check(tokens, layout, contexts)
        levels = gather_levels(sigma, layout, self._known(conditions or {}))
        time, modulation = self._modulation(levels, tokens.dtype)
        cos, sin = layout.rotations(self.config.rope)
        rotations = (cos.to(tokens.device), sin.to(tokens.device))
        shared = Sequences(rotations, layout.spans, modulation, hooks)
        x = self._embed(tokens).float()  # (B, L, D)
        beside = [branch(Embedded(x, contexts, shared)) for branch in hooks.branches]
        residuals = summed([hooks.residuals, *beside])
        for number, block in enumerate(self._blocks()):
            x = _run_block(block, x, [context[number] for context in contexts], shared, number)
            if number in residuals:
                x = x + residuals[number]
        out = self.head(x, time, levels.index, tokens.dtype).float()
        pt, ph, pw = self.config.patch
        return rearrange(out, "B L (pt ph pw C) -> B L (C pt ph pw)", pt=pt, ph=ph, pw=pw)

    def _check(
        self, tokens: Tensor, layout: TokenLayout, contexts: Sequence[PreparedContext]
    ) -> None:
        pt, ph, pw = self.config.patch
        expected = (len(layout.clip_ids), self.config.in_channels * pt * ph * pw)
        if tuple(tokens.shape[1:]) != expected:
            raise ValueError(
                f"tokens of shape {tuple(tokens.shape)}: this network and layout need "
                f"(batch, {expected[0]}, {expected[1]})"
            )
        clips = len(layout.loop_frames)
        if len(contexts) not in (1, clips):
            raise ValueError(
                f"{len(contexts)} prompts for {clips} clips: give one, or one per clip"
            )

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
    block: Block, x: Tensor, contexts: list[Context], shared: Sequences, number: int
) -> Tensor:
    hooks = shared.hooks
    if number not in hooks.skipped:
        run = partial(block, contexts=contexts, shared=shared, number=number)
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
    norms = (module for module in model.modules() if isinstance(module, nn.LayerNorm | nn.RMSNorm))
    gains = {id(norm.weight) for norm in norms}
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("modulation"):
                weight.normal_(generator=generator).div_(model.config.dim**0.5)
            elif id(weight) in gains:
                weight.fill_(1.0)
            elif weight.ndim == 1 or name.endswith("emb_pos"):
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
