"""Sizes of the video transformer, and those of the shipped one."""

from dataclasses import asdict, dataclass, field
from typing import Any

from ..patchify import PATCH, Patch
from .conditioning import CONDITION_SCALES
from .rope import RopeConfig


@dataclass(frozen=True, kw_only=True)
class DiTConfig:
    """Sizes of a video transformer.

    ``conditions`` names the optional inputs (keys of ``CONDITION_SCALES``) the network was
    built with; ``initialise`` starts their embeddings at zero, so that before training an input
    changes nothing. ``image_dim`` is the width of the image context that the network takes in
    addition to the text, 0 for none. ``image_positions`` is the number of image tokens with a
    learned position embedding, 0 for none (Wan 2.1 for first and last frames: 514, for two images).
    """

    dim: int
    heads: int
    ffn_dim: int
    layers: int
    in_channels: int = 16
    out_channels: int = 16
    patch: Patch = PATCH
    text_dim: int = 4096
    text_length: int = 512
    freq_dim: int = 256
    eps: float = 1e-6
    theta: float = 10000.0
    temporal_theta: float = 10000.0
    conditions: tuple[str, ...] = ()
    image_dim: int = field(default=0, metadata={"least": 0})
    image_positions: int = field(default=0, metadata={"least": 0})

    def __post_init__(self) -> None:
        object.__setattr__(self, "patch", tuple(self.patch))
        object.__setattr__(self, "conditions", tuple(self.conditions))
        if self.dim % self.heads or (self.dim // self.heads) % 2:
            raise ValueError(f"width {self.dim} does not split into {self.heads} even heads")
        unknown = set(self.conditions) - set(CONDITION_SCALES)
        if unknown:
            raise ValueError(
                f"unknown conditions {sorted(unknown)}: choose from {sorted(CONDITION_SCALES)}"
            )

    @property
    def rope(self) -> RopeConfig:
        """Rotary frequencies of a head."""
        return RopeConfig(
            head_dim=self.dim // self.heads,
            theta=self.theta,
            temporal_theta=self.temporal_theta,
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values, for a weights file's metadata."""
        return asdict(self)


TINY_DIT = DiTConfig(
    dim=256,
    heads=4,
    ffn_dim=1024,
    layers=8,
    text_dim=96,
    text_length=48,
    temporal_theta=200.0,
    theta=200.0,
    conditions=("r", "guidance", "fps", "height", "width", "duration", "loop"),
)
