"""The known families of checkpoints: one file each, and an entry in this list."""

from ..family import Family
from .control import CONTROL
from .umt5 import UMT5
from .wan_dit import WAN_DIT
from .wan_vae import WAN_VAE

FAMILIES: tuple[Family, ...] = (WAN_DIT, WAN_VAE, UMT5, CONTROL)
