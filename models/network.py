"""What sampling asks of a video network, of whatever family.

B batch, C channels, F frames, H rows, W columns, L tokens, D features, S text tokens, I image
tokens.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor

from .hooks import NO_HOOKS, BlockHooks
from .patchify import TokenLayout


class VideoNetwork(Protocol):
    """A context is prepared once; then the velocity of a latent or of packed tokens at every step.

    What belongs to the whole clip, its text and its image context, is the context. Further input
    channels belong to the places of the state: they come with it, and are cut with it.
    """

    def prepare(self, text: Tensor, image: Tensor | None = None, /) -> Any:
        """What the network makes of a prompt and of an image context for all steps.

        Args:
            text: (B, S, text width) from the text encoder.
            image: (B, I, image width) from a vision encoder, where the network takes one.

        Raises:
            ValueError: the image context is missing, or not one for this network.
        """
        ...

    def __call__(
        self,
        x: Tensor,
        levels: Tensor,
        contexts: Sequence[Any],
        /,
        *,
        layout: TokenLayout | None = None,
        loop: bool = False,
        conditions: Mapping[str, Tensor] | None = None,
        channels: Tensor | None = None,
        hooks: BlockHooks = NO_HOOKS,
    ) -> Tensor:
        """Velocity ``noise - x0`` of a noisy state, float32 in its shape.

        Args:
            x: latent (B, C, F, H, W), or with a layout tokens (B, L, D); in the dtype to compute
                in.
            levels: noise levels in [0, 1], (B,) of each row, one per place, or with a latent one
                per frame, (B, F, 1, 1); those of a part of the rows are repeated, and conditions
                with them.
            contexts: prepared ones, one for all clips or one per packed clip.
            layout: places of packed tokens.
            loop: whether the time of a latent is a circle; a layout says it of its clips.
            conditions: optional inputs by name.
            channels: further input channels beside the state's own, in its form: the mask and the
                latent of a start image.
            hooks: changes inside the network.
        """
        ...
