"""The contract's part about ControlNets, which belongs to ``Models``."""

from collections.abc import Sequence
from typing import Any, Protocol

from torch import Tensor

from ..model_loaders.load import ControlWeights
from ..samplers.control import ControlStrength
from .about import AboutControl
from .keys import Conditioning


class Controls(Protocol):
    """CONTROL_NET: made of weights, told its strength, applied, and joined for packed clips."""

    def make_control(self, weights: ControlWeights, *, dtype: str) -> Any:
        """CONTROL_NET from the weights of a control branch."""
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
        """What a conditioning carries under ``CONTROL_KEY``: a control over a whole clip.

        Args:
            control_net: of ours, or another of the host's.
            previous: the control that the conditioning carries already, None for none.
            images: pictures to follow, (F, H, W, 3) in [0, 1], the first with the video's first
                frame; one for all frames. Their size is that of the clip, once it is sampled.
            vae: encodes them.
            strength: of the residuals.
            references: (N, H, W, 3) in [0, 1], pictures of what the video shows, for a branch of
                VACE.

        Raises:
            ValueError: the VAE is not that of the branch, the strength is more than a control of
                the host's can follow, or the branch takes no references.
        """
        ...

    def joined(self, first: Any, second: Any, counts: tuple[int, int]) -> Any:
        """The control of packed clips and of those behind them, None where they have none.

        ``counts`` are the numbers of clips.

        Raises:
            ValueError: they differ in more than in what they follow.
        """
        ...

    def about_control(self, control_net: Any) -> AboutControl:
        """What can be told of a CONTROL_NET of ours.

        Raises:
            ValueError: it is one of the host's own.
        """
        ...

    def with_strength(self, control_net: Any, strength: ControlStrength) -> Any:
        """CONTROL_NET whose strength is multiplied by this one; the one given stays as it is.

        Raises:
            ValueError: it is one of the host's own, or has another number of blocks.
        """
        ...

    def controls_of(self, conditioning: Conditioning) -> Sequence[AboutControl]:
        """The controls that a prompt carries, of ours or of the host's, the first one first."""
        ...
