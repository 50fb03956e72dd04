"""The part of ``Models`` that concerns ControlNets."""

from collections.abc import Sequence
from typing import Any, Protocol

from torch import Tensor

from ..model_loaders.load import ControlWeights
from ..samplers.control import ControlStrength
from .about import AboutControl
from .keys import Conditioning


class Controls(Protocol):
    """Build CONTROL_NETs, set their strength, apply them, and join them for packed clips."""

    def make_control(self, weights: ControlWeights, *, dtype: str) -> Any:
        """Build a CONTROL_NET from the weights of a control branch."""
        ...

    def controlled(
        self,
        control_net: Any,
        previous: Any,
        images: Tensor,
        vae: Any,
        strength: ControlStrength,
        references: Tensor | None = None,
    ) -> Any:
        """Build the control for a whole clip that a conditioning carries under ``CONTROL_KEY``.

        Args:
            control_net: one of ours, or another of the host's.
            previous: the control that the conditioning already carries, None for none.
            images: images to follow, (F, H, W, 3) in [0, 1], the first for the video's first
                frame; a single one for all frames. They are fitted to the clip when it is sampled.
            vae: encodes them.
            strength: of the residuals.
            references: (N, H, W, 3) in [0, 1], images of what the video shows, for a VACE branch.

        Raises:
            ValueError: the VAE does not match the branch, the host's control does not support
                this strength, or the branch takes no references.
        """
        ...

    def joined(self, first: Any, second: Any, counts: tuple[int, int]) -> Any:
        """Join the controls of two groups of packed clips; None if they have none.

        ``counts`` are the numbers of clips in the groups.

        Raises:
            ValueError: the controls differ in more than in their hints, and in when and where.
        """
        ...

    def about_control(self, control_net: Any) -> AboutControl:
        """Describe one of our CONTROL_NETs.

        Raises:
            ValueError: it is one of the host's own.
        """
        ...

    def with_strength(self, control_net: Any, strength: ControlStrength) -> Any:
        """Return a copy of a CONTROL_NET whose strength is multiplied by this one.

        Raises:
            ValueError: it is one of the host's own, or has another number of blocks.
        """
        ...

    def controls_of(self, conditioning: Conditioning) -> Sequence[AboutControl]:
        """Describe the controls that a prompt carries, ours or the host's, in order."""
        ...
