"""Sizes of control branches, and the check that a branch belongs to a base."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ..dit.config import DiTConfig
from ..patchify import PATCH, Patch

Design = Literal["residual", "dilated"]
"""``residual``: copies of the base's blocks, at its width, which share its embeddings (VACE).

``dilated``: a few narrow blocks with their own embeddings, spread over the base (TheDenk).
"""

Levels = Literal["own", "base"]
"""Noise levels of a dilated branch: ``own`` if it embeds the level itself, ``base`` if it takes the
base's embedding of the level and of all other inputs, such as the frame rate."""


@dataclass(frozen=True, kw_only=True)
class ControlConfig:
    """Sizes of a control branch.

    Args:
        design: ``residual`` or ``dilated``.
        after: blocks of the base after which the residuals are added, in ascending order: one for
            each block of the branch.
        base_dim: width of the base and of the residuals.
        dim, heads, ffn_dim: sizes of the blocks; a residual branch has those of its base.
        hint_channels: channels of the hint, which has the latent's positions.
        latent_channels: channels of the base's state, which a dilated branch sees beside the hint.
        patch, text_dim, text_length, freq_dim, eps, theta, temporal_theta, conditions: as in
            ``DiTConfig``; those of the embeddings are a dilated branch's own.
        levels: source of a dilated branch's noise level.

    Raises:
        ValueError: the numbers contradict each other.
    """

    design: Design
    after: tuple[int, ...] = field(metadata={"least": 0})
    base_dim: int
    dim: int
    heads: int
    ffn_dim: int
    hint_channels: int = 16
    latent_channels: int = 16
    patch: Patch = PATCH
    text_dim: int = 4096
    text_length: int = 512
    freq_dim: int = 256
    eps: float = 1e-6
    theta: float = 10000.0
    temporal_theta: float = 10000.0
    conditions: tuple[str, ...] = ()
    levels: Levels = "own"

    def __post_init__(self) -> None:
        object.__setattr__(self, "after", tuple(self.after))
        object.__setattr__(self, "patch", tuple(self.patch))
        object.__setattr__(self, "conditions", tuple(self.conditions))
        if self.design not in ("residual", "dilated"):
            raise ValueError(f"control branch design {self.design!r}: expected residual or dilated")
        if not self.after or list(self.after) != sorted(set(self.after)) or self.after[0] < 0:
            raise ValueError(
                f"residuals after the blocks {self.after}: list at least one block number, "
                "0 or more, in ascending order"
            )
        if self.design == "residual" and self.dim != self.base_dim:
            raise ValueError(
                f"a residual branch of width {self.dim} for a base of width {self.base_dim}: it "
                "shares the base's embeddings, so the widths must be equal"
            )
        if self.levels not in ("own", "base"):
            raise ValueError(
                f"control branch with {self.levels!r} noise levels: expected own or base"
            )
        if self.levels == "base" and (self.conditions or self.design == "residual"):
            raise ValueError(
                "noise levels of the base are for a dilated branch without conditions of its own: "
                "they include the base's conditions, and a residual branch always uses them"
            )
        _ = self.trunk

    @property
    def layers(self) -> int:
        """Number of blocks."""
        return len(self.after)

    @property
    def trunk(self) -> DiTConfig:
        """Sizes of the embeddings and blocks of a dilated branch."""
        return DiTConfig(
            dim=self.dim,
            heads=self.heads,
            ffn_dim=self.ffn_dim,
            layers=self.layers,
            in_channels=self.latent_channels + self.hint_channels,
            out_channels=self.latent_channels,
            patch=self.patch,
            text_dim=self.text_dim,
            text_length=self.text_length,
            freq_dim=self.freq_dim,
            eps=self.eps,
            theta=self.theta,
            temporal_theta=self.temporal_theta,
            conditions=self.conditions,
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values, for a weights file's metadata."""
        return asdict(self)

    def check_base(self, base: DiTConfig) -> None:
        """Refuse a base that the branch does not belong to.

        Raises:
            ValueError: the message lists every difference, what the branch needs first.
        """
        pairs: dict[str, tuple[object, object]] = {
            "a width": (self.base_dim, base.dim),
            "latent channels": (self.latent_channels, base.out_channels),
            "patches": (self.patch, base.patch),
        }
        if self.design == "residual":
            pairs["heads"] = (self.heads, base.heads)
        else:
            pairs["a text width"] = (self.text_dim, base.text_dim)
        told = [
            f"{what} of {needs} (the model has {has})"
            for what, (needs, has) in pairs.items()
            if needs != has
        ]
        if self.after[-1] >= base.layers:
            told.append(f"{self.after[-1] + 1} blocks (the model has {base.layers})")
        unknown = sorted(set(self.conditions) - set(base.conditions))
        if unknown:
            inputs = ", ".join(base.conditions) or "none"
            told.append(f"the inputs {', '.join(unknown)} (the model has {inputs})")
        if told:
            raise ValueError(
                f"this ControlNet belongs to another model: it needs {'; '.join(told)}: load the "
                "model that it was trained with, or a ControlNet for this model"
            )
