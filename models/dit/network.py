"""The video diffusion transformer: Wan's design, built around packed tokens.

B batch, C channels, F frames, H rows, W columns, L tokens, S text tokens, I image tokens,
D width.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from math import prod
from typing import Any

import torch
from einops import rearrange, reduce
from torch import Tensor, nn

from ..attention import Attention, attend
from ..hooks import NO_HOOKS, Beside, BlockHooks, Embedded
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
from .blocks import Block, Context, Head, Sequences
from .conditioning import gather_levels
from .config import DiTConfig
from .trunk import PreparedContext, Trunk, contexts_of, fill, mute_conditions


class VideoDiT(Trunk):
    """Predicts the velocity ``noise - x0`` of a noisy latent or token sequence.

    A new network holds no usable weights: load a state dict, or call ``initialise``.

    Args:
        config: sizes.
        ops: namespace of layer classes (Linear, Conv3d, LayerNorm, RMSNorm).
        attention: replaces the scaled dot-product attention.
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
        make = LayerMaker(ops, attention, device, dtype)
        super().__init__(config, make)
        outputs = config.out_channels * prod(config.patch)
        self.head = Head(config.dim, outputs, config.eps, make)

    def prepare(self, text: Tensor, image: Tensor | None = None) -> PreparedContext:
        """Project a prompt and its image context once for all steps.

        Args:
            text: (B, S, text_dim) from the text encoder, in the compute dtype; it is padded to the
                length that the network was trained with, by zero rows that are attended to.
            image: (B, I, image_dim) from the vision encoder, in the same dtype, if the network
                takes an image context.

        Raises:
            ValueError: the image context is missing, or does not fit this network.
        """
        self.check_image(image)
        seen = None if image is None or self.img_emb is None else self.img_emb(image)  # (B, I, D)
        return contexts_of(self.each_block(), self.embed_text(text), seen)

    def check_image(self, image: Tensor | None) -> None:
        """Refuse an image context (B, I, image_dim) that is missing or does not fit this network.

        Raises:
            ValueError: the message says what the network takes.
        """
        width, places = self.config.image_dim, self.config.image_positions
        if (0 if image is None else image.shape[-1]) != width:
            given = "no image context" if image is None else f"image context {tuple(image.shape)}"
            wanted = f"one of shape (batch, tokens, {width})" if width else "none"
            raise ValueError(f"{given}: this network takes {wanted}")
        if image is not None and 0 < places < image.shape[1]:
            raise ValueError(
                f"image context of {image.shape[1]} tokens: this network takes at most {places}"
            )

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
            ValueError: a latent comes with several contexts; or as in ``forward_tokens``.
        """
        if channels is not None:
            x = torch.cat([x, channels.to(x)], dim=1 if layout is None else 2)
        if layout is not None:
            return self.forward_tokens(
                x, layout, levels, contexts, conditions=conditions, hooks=hooks
            )
        self.check_prompts(len(contexts), None)
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
            tokens: (B, L, in_channels * patch volume) in the compute dtype.
            layout: coordinates and clip of each token. Clean reference tokens are tokens of the
                clip with their own coordinates and noise level 0.
            sigma: noise levels in [0, 1]: (B,) per row, (B, L) per token, or (B, F, 1) per frame of
                a single clip. With fewer rows than ``tokens``, they are repeated.
            contexts: one prepared context for all clips, or one per clip.
            conditions: optional inputs by name, each (B,) or (B, clips), ``r`` like sigma.
            hooks: changes at the blocks.

        Returns:
            (B, L, out_channels * patch volume) float32.

        Raises:
            ValueError: shapes disagree, or this network has no such condition.
        """
        self._check(tokens, layout, contexts)
        levels = gather_levels(sigma, layout, self._known(conditions or {}), len(tokens))
        time, modulation = self.modulation(levels, tokens.dtype)
        rotations = layout.rotations(self.config.rope, tokens.device)
        shared = Sequences(rotations, layout.spans, modulation, hooks)
        x = self._embed_rows(tokens, len(sigma)).float()  # (B, L, D)
        inside = Embedded(tokens, x, time, layout, levels, shared)
        beside = Beside(hooks.residuals, [branch(inside) for branch in hooks.branches])
        for number, block in enumerate(self.each_block()):
            x = _run_block(block, x, [context[number] for context in contexts], shared, number)
            added = beside.after(number)  # (B, L, D)
            x = x if added is None else x + added
        out = self.head(x, time, levels.index, tokens.dtype).float()
        pt, ph, pw = self.config.patch
        return rearrange(out, "B L (pt ph pw C) -> B L (C pt ph pw)", pt=pt, ph=ph, pw=pw)

    def _embed_rows(self, tokens: Tensor, together: int) -> Tensor:
        """Embed patches.

        Rows that share one conditioning are embedded one by one, each as it would be alone: torch
        convolves a batch differently.
        """
        if together > 1 or len(tokens) == 1:
            return self.embed(tokens)
        return torch.cat([self.embed(row) for row in tokens.split(1)])

    def _check(
        self, tokens: Tensor, layout: TokenLayout, contexts: Sequence[PreparedContext]
    ) -> None:
        pt, ph, pw = self.config.patch
        expected = (len(layout.coordinates), self.config.in_channels * pt * ph * pw)
        if tuple(tokens.shape[1:]) != expected:
            raise ValueError(
                f"tokens of shape {tuple(tokens.shape)}: this network and layout need "
                f"(batch, {expected[0]}, {expected[1]})"
            )
        self.check_prompts(len(contexts), layout)

    def check_prompts(self, count: int, layout: TokenLayout | None) -> None:
        """Check that there is one prompt or, for packed tokens, one per clip.

        Raises:
            ValueError: there is another number of prompts.
        """
        if layout is None and count != 1:
            raise ValueError(
                f"{count} prompts for one latent: prompts per clip need packed patches "
                "(Sample Patches), or a list of clips (Branch, Converge)"
            )
        if layout is not None and count not in (1, len(layout.loop_frames)):
            raise ValueError(
                f"{count} prompts for {len(layout.loop_frames)} clips: give one, or one per clip"
            )

    def _known(self, conditions: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        unknown = set(conditions) - set(self.config.conditions)
        if unknown:
            raise ValueError(
                f"this network has no input {sorted(unknown)}: it takes "
                f"{sorted(self.config.conditions) or 'none'}"
            )
        return conditions


def _run_block(
    block: Block, x: Tensor, contexts: list[Context], shared: Sequences, number: int
) -> Tensor:
    hooks = shared.hooks
    if number not in hooks.skipped:
        run = partial(block, contexts=contexts, shared=shared, number=number)
        x = run(x) if hooks.around is None else hooks.around(number, x, run)
    return x


def _layout(grid: LatentShape, loop: bool) -> TokenLayout:
    """Layout of a latent, cached except in a compiled graph, which computes its own."""
    return grid_layout(grid, loop=loop) if torch.compiler.is_compiling() else _kept(grid, loop)


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # a cached layout may serve a training step later
def _kept(grid: LatentShape, loop: bool) -> TokenLayout:
    return grid_layout(grid, loop=loop)


def token_levels(sigma: Tensor, patch: Patch) -> Tensor:
    """Noise levels per token: (B, F, H, W) -> (B, L), taking the highest level of each patch.

    Levels per row (B,) are returned as they are; levels per frame (B, F, 1, 1) give (B, F', 1).
    """
    if sigma.ndim == 1:
        return sigma
    pt, ph, pw = patch
    if sigma.shape[2:] == (1, 1):
        return reduce(sigma, "B (F pt) 1 1 -> B F 1", "max", pt=pt)
    return reduce(sigma, "B (F pt) (H ph) (W pw) -> B (F H W)", "max", pt=pt, ph=ph, pw=pw)


def initialise(model: VideoDiT, generator: torch.Generator) -> None:
    """Initialise weights for training: Xavier layers, zeros at the head and the conditions.

    Args:
        model: a network on the CPU.
        generator: source of every random number.
    """
    fill(model, generator)
    with torch.no_grad():
        model.head.head.weight.zero_()
    mute_conditions(model.condition_embeddings)
