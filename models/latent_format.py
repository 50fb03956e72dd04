"""How a family's latents relate to pixels (factors) and to its network (mean and deviation)."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .shapes import Compression


@dataclass(frozen=True, kw_only=True)
class LatentFormat:
    """Channel count, statistics and compression of a family's latents.

    Latents outside the network are raw, as the VAE returns them; the network sees
    ``(latent - mean) / std`` per channel. ``None`` stands for mean 0 and deviation 1.

    ``rgb`` and ``rgb_bias`` are for previews: the best linear map from a normalised latent
    position to the mean colour, in [-1, 1], of its pixels.
    """

    channels: int
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    time_factor: int = 4
    space_factor: int = 8
    rgb: tuple[tuple[float, float, float], ...] | None = None
    rgb_bias: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        for name in ("mean", "std", "rgb"):
            values = getattr(self, name)
            if values is None:
                continue
            object.__setattr__(self, name, tuple(values))
            if len(values) != self.channels:
                raise ValueError(f"{name} has {len(values)} values for {self.channels} channels")
        if not all(map(math.isfinite, self.mean or ())):
            raise ValueError(f"the mean of latents must be finite, got {self.mean}")
        if not all(math.isfinite(value) and value > 0 for value in self.std or ()):
            raise ValueError(f"the deviation of latents must be finite and above 0, got {self.std}")
        if min(self.channels, self.time_factor, self.space_factor) < 1:
            raise ValueError("channels and factors of latents must be 1 or more")

    def normalise(self, latent: Tensor) -> Tensor:
        """Normalise a raw latent (B, C, ...) for the network; same shape."""
        mean, std = self._statistics(latent)
        return (latent - mean) / std

    def denormalise(self, latent: Tensor) -> Tensor:
        """Inverse of ``normalise``."""
        mean, std = self._statistics(latent)
        return latent * std + mean

    def _statistics(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        shape = (self.channels,) + (1,) * (latent.ndim - 2)
        mean = self.mean or (0.0,) * self.channels
        std = self.std or (1.0,) * self.channels
        return (
            torch.tensor(mean, dtype=latent.dtype, device=latent.device).reshape(shape),
            torch.tensor(std, dtype=latent.dtype, device=latent.device).reshape(shape),
        )

    def preview(self, latent: Tensor) -> Tensor | None:
        """Small preview images of a normalised latent (C, F, H, W), without a VAE.

        Returns:
            (F, H, W, 3) in [0, 1], or None where the family has no such map.
        """
        if self.rgb is None:
            return None
        return rgb_preview(latent, latent.new_tensor(self.rgb), latent.new_tensor(self.rgb_bias))

    @property
    def compression(self) -> Compression:
        """Frames and pixels per latent position."""
        return Compression(self.time_factor, self.space_factor)


def rgb_preview(latent: Tensor, factors: Tensor, bias: Tensor) -> Tensor:
    """Latent (C, F, H, W) times factors (C, 3), plus bias (3,): (F, H, W, 3) in [0, 1]."""
    return (latent.movedim(0, -1) @ factors + bias).add(1).div(2).clamp(0, 1)


WAN21_LATENT = LatentFormat(
    channels=16,
    mean=(
        -0.7571, -0.7089, -0.9113, 0.1075, -0.1745, 0.9653, -0.1517, 1.5508,
        0.4134, -0.0715, 0.5517, -0.3632, -0.1922, -0.9497, 0.2503, -0.2921,
    ),
    std=(
        2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743,
        3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253, 2.8251, 1.916,
    ),
)  # fmt: skip

WAN22_LATENT = LatentFormat(
    channels=48,
    space_factor=16,
    mean=(
        -0.2289, -0.0052, -0.1323, -0.2339, -0.2799, 0.0174, 0.1838, 0.1557,
        -0.1382, 0.0542, 0.2813, 0.0891, 0.157, -0.0098, 0.0375, -0.1825,
        -0.2246, -0.1207, -0.0698, 0.5109, 0.2665, -0.2108, -0.2158, 0.2502,
        -0.2055, -0.0322, 0.1109, 0.1567, -0.0729, 0.0899, -0.2799, -0.123,
        -0.0313, -0.1649, 0.0117, 0.0723, -0.2839, -0.2083, -0.052, 0.3748,
        0.0152, 0.1957, 0.1433, -0.2944, 0.3573, -0.0548, -0.1681, -0.0667,
    ),
    std=(
        0.4765, 1.0364, 0.4514, 1.1677, 0.5313, 0.499, 0.4818, 0.5013,
        0.8158, 1.0344, 0.5894, 1.0901, 0.6885, 0.6165, 0.8454, 0.4978,
        0.5759, 0.3523, 0.7135, 0.6804, 0.5833, 1.4146, 0.8986, 0.5659,
        0.7069, 0.5338, 0.4889, 0.4917, 0.4069, 0.4999, 0.6866, 0.4093,
        0.5709, 0.6065, 0.6415, 0.4944, 0.5726, 1.2042, 0.5458, 1.6887,
        0.3971, 1.06, 0.3943, 0.5537, 0.5444, 0.4089, 0.7468, 0.7744,
    ),
)  # fmt: skip
