"""Detecting that the pack is installed more than once, and warning about it in one line."""

import sys
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "spacetime_video"
"""The pack's import name when installed with pip; ComfyUI imports the folder under another."""

_LOADERS = (".nodes.load.models", ".nodes.load")
"""Modules that hold the Load Models node, in copies of this version and of earlier ones."""

_NODE = "SpacetimeLoadModels"


def loaded_before(root: str) -> Path | None:
    """Return the folder of another copy whose nodes were loaded before this one's, if any.

    Args:
        root: name of this copy's root module in this process.
    """
    for name, module in list(sys.modules.items()):
        for loader in _LOADERS:
            other = name.removesuffix(loader)
            if other not in (name, root, PACKAGE) and hasattr(module, _NODE):
                return Path(str(module.__file__)).parents[loader.count(".") - 1]
    return None


def installed_elsewhere(here: Path) -> Path | None:
    """Return the folder of the pack installed by pip; None if there is none or it is this one."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    return None if folder.resolve() == here.resolve() else folder


def second_copy_warning(used: Path, here: Path) -> str:
    """Return the warning for two folders of ``custom_nodes`` that hold the pack."""
    return (
        f"Spacetime is loaded from {used}; the copy in {here} is not used: remove one of the two "
        "folders and restart"
    )


def second_install_warning(here: Path, installed: Path) -> str:
    """Return the warning for ComfyUI and the command using different folders."""
    return (
        f"Spacetime is installed twice: ComfyUI uses {here}, the spacetime command {installed}: "
        f"run `pip uninstall spacetime-video`, or `pip install -e {here}` to use one for both"
    )
