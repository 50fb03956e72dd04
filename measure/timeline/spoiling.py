"""Clips with growing faults: a rising gain, an object that breaks up into blocks.

B batch, F frames, H rows, W columns.
"""

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional

RAMP = 3 / 255
RISING = "a gain that rises by 3/255"
BLOCK = 8
"""Side in pixels of the blocks that an object breaks up into: that of a latent position."""
IN_BLOCKS = "objects in blocks"


def with_rising_gain(video: Tensor) -> Tensor:
    """Raise the mean of clips (B, F, H, W, 3) by `RAMP` from the first to the last frame."""
    ramp = rearrange(torch.linspace(0, RAMP, video.shape[1]), "F -> 1 F 1 1 1")
    return video * (1 + ramp / video.mean(dim=(1, 2, 3, 4), keepdim=True))


def in_blocks(video: Tensor, masks: Tensor) -> Tensor:
    """Average each block of clips (B, F, H, W, 3) that an object's mask (B, F, H, W) touches."""
    planes = rearrange(video, "B F H W C -> (B F) C H W")
    touched = rearrange(masks.float(), "B F H W -> (B F) 1 H W")
    blocks = functional.avg_pool2d(planes, BLOCK)
    touched = functional.max_pool2d(touched, BLOCK)
    there, flat = (functional.interpolate(each, scale_factor=BLOCK) for each in (touched, blocks))
    spoiled = torch.where(there > 0, flat, planes)
    return rearrange(spoiled, "(B F) C H W -> B F H W C", B=len(video))
