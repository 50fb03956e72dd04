"""Configuration of the causal video VAE, with the published and the shipped sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..shapes import Compression

COLOURS = 3
"""Every VAE in this package reads and writes RGB."""


@dataclass(frozen=True, kw_only=True)
class VAEConfig:
    """Sizes of a causal video VAE: enough to build it without its weights.

    Raises:
        ValueError: the numbers contradict each other.
    """

    z_channels: int
    """channels of the latent"""
    base_dim: int
    """channels of the encoder's first level"""
    decoder_base_dim: int
    """channels of the decoder's last level"""
    dim_mult: tuple[int, ...]
    """channels of each level as multiples of the base, from pixels to latent"""
    res_blocks: int
    """residual blocks of an encoder level; a decoder level has one more"""
    temporal_down: tuple[bool, ...]
    """for each step between two levels: whether it halves the frames as well as the sides"""
    residual_shortcuts: bool
    """Wan 2.2: parameter-free averaging and repeating paths around each level"""
    pixel_patch: int = 1
    """side of the pixel squares that are folded into channels before the first level"""
    linear_code: bool = False
    """whether there is a linear path from blocks of pixels to the latent and back, beside the
    network"""

    def __post_init__(self) -> None:
        if len(self.temporal_down) != len(self.dim_mult) - 1:
            raise ValueError(
                f"temporal_down has {len(self.temporal_down)} entries for {len(self.dim_mult)} "
                f"levels: give one per step between levels, {len(self.dim_mult) - 1}"
            )
        if self.pixel_patch not in (1, 2):
            raise ValueError(f"pixel_patch is {self.pixel_patch}: use 1 (Wan 2.1) or 2 (Wan 2.2)")
        if self.res_blocks < 1:
            raise ValueError(f"res_blocks is {self.res_blocks}: use 1 or more")
        if self.residual_shortcuts and self.dim_mult[-1] != self.dim_mult[-2]:
            raise ValueError(
                f"dim_mult is {self.dim_mult}: with residual_shortcuts the last two levels "
                "need the same number of channels"
            )

    @property
    def compression(self) -> Compression:
        """Frames and pixels per latent position."""
        return Compression(
            time=2 ** sum(self.temporal_down), space=self.pixel_patch * 2 ** len(self.temporal_down)
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> VAEConfig:
        """Build a config from the result of `to_dict`; lists (from JSON) become tuples."""
        values: dict[str, Any] = dict(fields)
        for name in ("dim_mult", "temporal_down"):
            values[name] = tuple(values[name])
        return cls(**values)


WAN21_VAE = VAEConfig(
    z_channels=16,
    base_dim=96,
    decoder_base_dim=96,
    dim_mult=(1, 2, 4, 4),
    res_blocks=2,
    temporal_down=(False, True, True),
    residual_shortcuts=False,
)

WAN22_VAE = VAEConfig(
    z_channels=48,
    base_dim=160,
    decoder_base_dim=256,
    dim_mult=(1, 2, 4, 4),
    res_blocks=2,
    temporal_down=(False, True, True),
    residual_shortcuts=True,
    pixel_patch=2,
)

TINY_VAE = VAEConfig(
    z_channels=16,
    base_dim=16,
    decoder_base_dim=24,
    dim_mult=(1, 4, 4),
    res_blocks=1,
    temporal_down=(True, True),
    residual_shortcuts=True,
    pixel_patch=2,
    linear_code=True,
)
