"""The interface between sampling and a video network of any family.

B batch, C channels, F frames, H rows, W columns, L tokens, D features, S text tokens, I image
tokens.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor

from .hooks import NO_HOOKS, BlockHooks
from .patchify import TokenLayout


class VideoNetwork(Protocol):
    """Predicts the velocity of a latent or of packed tokens, given contexts prepared once.

    A context holds what belongs to a whole clip: its text and its image context. Extra input
    channels belong to the places of the state: they come with it, and are cut with it.
    """

    def prepare(self, text: Tensor, image: Tensor | None = None, /) -> Any:
        """Prepare a prompt and an image context once for all steps.

        Args:
            text: (B, S, text width) from the text encoder.
            image: (B, I, image width) from a vision encoder, if the network takes one.

        Raises:
            ValueError: the image context is missing, or does not fit this network.
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
        """Predict the velocity ``noise - x0`` of a noisy state: float32, same shape as ``x``.

        Args:
            x: latent (B, C, F, H, W), or tokens (B, L, D) if there is a layout; in the compute
                dtype.
            levels: noise levels in [0, 1]: (B,) per row, one per place, or, for a latent, one
                per frame, (B, F, 1, 1). With fewer rows than ``x``, levels and conditions are
                repeated.
            contexts: prepared contexts, one for all clips or one per packed clip.
            layout: places of packed tokens.
            loop: whether the time of a latent is circular; a layout says this for its own clips.
            conditions: optional inputs by name.
            channels: extra input channels in the form of the state: the mask and the latent of a
                start image.
            hooks: changes inside the network.
        """
        ...
