"""The pack installed more than once: found, and said in one line."""

import sys
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "spacetime_video"
"""Name under which pip installs the pack; ComfyUI loads the folder under a name of its own."""

_LOADERS = (".nodes.load.models", ".nodes.load")
"""Modules that hold the node in a copy of this version and of earlier ones."""

_NODE = "SpacetimeLoadModels"


def loaded_before(root: str) -> Path | None:
    """The folder of another copy whose nodes were loaded before this one's.

    Args:
        root: name of the pack's root module in this process.
    """
    for name, module in list(sys.modules.items()):
        for loader in _LOADERS:
            other = name.removesuffix(loader)
            if other not in (name, root, PACKAGE) and hasattr(module, _NODE):
                return Path(str(module.__file__)).parents[loader.count(".") - 1]
    return None


def installed_elsewhere(here: Path) -> Path | None:
    """The folder of the pack as pip installed it, None where that is this one or there is none."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    return None if folder.resolve() == here.resolve() else folder


def second_copy_warning(used: Path, here: Path) -> str:
    """What to say where two folders of ``custom_nodes`` hold the pack."""
    return (
        f"Spacetime is loaded from {used}; the copy in {here} is not used: remove one of the two "
        "folders and restart"
    )


def second_install_warning(here: Path, installed: Path) -> str:
    """What to say where ComfyUI and the command use different folders."""
    return (
        f"Spacetime is installed twice: ComfyUI uses {here}, the spacetime command {installed}: "
        f"run `pip uninstall spacetime-video`, or `pip install -e {here}` to use one for both"
    )
