"""Encoder and decoder of the causal video VAE: levels of residual blocks between resamplings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import pairwise
from typing import cast

from torch import Tensor, nn

from ..layers import LayerMaker
from .blocks import AROUND, AttentionBlock, Head, ResidualBlock, add, causal_conv
from .config import COLOURS, VAEConfig
from .convolutions import conv3d
from .pieces import Stage, in_pieces
from .resample import Downsample, Upsample, add_duplicate, average_down, duplicate_up
from .stream import Tape, is_first


class Encoder(nn.Module):
    """Folded pixels (B, 3 p^2, F, H, W) -> features (B, 2 z, f, h, w)."""

    def __init__(self, config: VAEConfig, make: LayerMaker) -> None:
        super().__init__()
        dims = [config.base_dim * m for m in (1, *config.dim_mult)]
        self.conv1 = conv3d(make, COLOURS * config.pixel_patch**2, dims[0], AROUND)
        self.downsamples = nn.ModuleList(
            DownLevel(config, level, dims[level], dims[level + 1], make)
            for level in range(len(config.dim_mult))
        )
        self.middle = middle(dims[-1], make)
        self.head = Head(dims[-1], 2 * config.z_channels, make)
        self._growth = dims[0] / (COLOURS * config.pixel_patch**2)

    def forward(self, x: Tensor, tape: Tape | None = None) -> Tensor:
        """The stages are conv1 (B, D, F, H, W), the levels, and the rest (B, 2 z, f, h, w)."""
        levels = [Stage(level, level.growth, level.time) for level in self._levels()]
        return in_pieces([Stage(self._before, self._growth), *levels, Stage(self._after)], x, tape)

    def _levels(self) -> list[DownLevel]:
        return cast(list[DownLevel], list(self.downsamples))

    def _before(self, x: Tensor, tape: Tape | None) -> Tensor:
        return causal_conv(self.conv1, x, tape)  # (B, D, F, H, W)

    def _after(self, x: Tensor, tape: Tape | None) -> Tensor:
        return self.head(run(self.middle, x, tape), tape)  # (B, 2 z, f, h, w)


class Decoder(nn.Module):
    """Features (B, z, f, h, w) -> folded pixels (B, 3 p^2, F, H, W)."""

    def __init__(self, config: VAEConfig, make: LayerMaker) -> None:
        super().__init__()
        multiples = config.dim_mult[::-1]
        dims = [config.decoder_base_dim * m for m in (multiples[0], *multiples)]
        self.conv1 = conv3d(make, config.z_channels, dims[0], AROUND)
        self.middle = middle(dims[0], make)
        self.upsamples = nn.ModuleList(
            UpLevel(config, level, dims[level], dims[level + 1], make)
            for level in range(len(multiples))
        )
        self.head = Head(dims[-1], COLOURS * config.pixel_patch**2, make)

    def forward(self, x: Tensor, tape: Tape | None = None) -> Tensor:
        return self.upsample(self.before_upsampling(x, tape), tape)  # (B, 3 p^2, F, H, W)

    def before_upsampling(self, x: Tensor, tape: Tape | None = None) -> Tensor:
        """Run the part that sees the whole frame at once, at the latent's resolution."""
        x = causal_conv(self.conv1, x, tape)  # (B, D', f, h, w)
        return run(self.middle, x, tape)  # (B, D', f, h, w)

    def upsample(self, x: Tensor, tape: Tape | None = None) -> Tensor:
        """Run the rest, which sees a few positions around and needs nearly all of the memory."""
        levels = [Stage(level, level.growth) for level in cast(list[UpLevel], list(self.upsamples))]
        return in_pieces([*levels, Stage(self.head)], x, tape)  # (B, 3 p^2, F, H, W)


class DownLevel(nn.Module):
    """One level of the encoder: residual blocks, then a downsampling except in the last."""

    def __init__(
        self, config: VAEConfig, level: int, channels_in: int, channels_out: int, make: LayerMaker
    ) -> None:
        super().__init__()
        last = level == len(config.temporal_down)
        temporal = not last and config.temporal_down[level]
        self.time = 1 + temporal
        self.growth = channels_out / channels_in
        dims = [channels_in] + [channels_out] * config.res_blocks
        blocks = residual_blocks(dims, make, overwrite=not config.residual_shortcuts)
        if not last:
            blocks.append(Downsample(channels_out, temporal=temporal, make=make))
        self.downsamples = nn.ModuleList(blocks)
        self.average: Callable[[Tensor], Tensor] | None = None
        if config.residual_shortcuts:
            self.average = partial(
                average_down, channels=channels_out, time=1 + temporal, space=1 if last else 2
            )

    def forward(self, x: Tensor, tape: Tape | None = None) -> Tensor:
        h = run(self.downsamples, x, tape)  # (B, C', F', H', W')
        return h if self.average is None else add(h, self.average(x), tape)  # (B, C', F', H', W')


class UpLevel(nn.Module):
    """One level of the decoder: residual blocks, then an upsampling except in the last."""

    def __init__(
        self, config: VAEConfig, level: int, channels_in: int, channels_out: int, make: LayerMaker
    ) -> None:
        super().__init__()
        last = level == len(config.temporal_down)
        temporal = not last and config.temporal_down[::-1][level]
        self.growth = channels_out / channels_in * (1 if last else 4 * (1 + temporal))
        # Wan 2.1's upsampling halves the channels on the way to the next level, Wan 2.2's does not.
        halving = 1 if config.residual_shortcuts else 2
        before = channels_in if level == 0 else channels_in // halving
        dims = [before] + [channels_out] * (1 + config.res_blocks)
        # The first level's input may be shared between tiles.
        overwrite = level > 0 and not config.residual_shortcuts
        blocks = residual_blocks(dims, make, overwrite=overwrite)
        if not last:
            after = channels_out // halving
            blocks.append(Upsample(channels_out, after, temporal=temporal, make=make))
        self.upsamples = nn.ModuleList(blocks)
        self.block: dict[str, int] = {}
        if config.residual_shortcuts and not last:
            self.block = {"time": 1 + temporal, "space": 2}

    def forward(self, x: Tensor, tape: Tape | None = None) -> Tensor:
        h = run(self.upsamples, x, tape)  # (B, C', F', H', W')
        if not self.block:
            return h
        if tape is not None and tape.in_place:
            return add_duplicate(h, x, **self.block, first=tape.first)  # (B, C', F', H', W')
        return h + duplicate_up(x, h.shape[1], **self.block, first=is_first(tape))


def residual_blocks(dims: list[int], make: LayerMaker, *, overwrite: bool) -> list[nn.Module]:
    """Make a chain of residual blocks.

    Args:
        dims: channels before, between and after the blocks.
        overwrite: whether the chain's input may be overwritten.
    """
    return [
        ResidualBlock(before, after, make, overwrites=overwrite or number > 0)
        for number, (before, after) in enumerate(pairwise(dims))
    ]


def middle(channels: int, make: LayerMaker) -> nn.ModuleList:
    """Make the innermost blocks of an encoder or a decoder."""
    return nn.ModuleList(
        [
            ResidualBlock(channels, channels, make, overwrites=True),
            AttentionBlock(channels, make),
            ResidualBlock(channels, channels, make, overwrites=True),
        ]
    )


def run(layers: Iterable[nn.Module], x: Tensor, tape: Tape | None) -> Tensor:
    """Pass x through layers that take (x, tape)."""
    for layer in layers:
        x = layer(x, tape)
    return x
