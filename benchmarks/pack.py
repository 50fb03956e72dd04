"""Load the pack from this checkout, and ComfyUI. As a script, this is the `spacetime` command."""

# pyright: reportMissingImports=false

import argparse
import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NAME = "spacetime_video"

DTYPES = ("fp32", "bf16")
"""Compute dtypes."""


def load_pack() -> ModuleType:
    """Load the pack from its folder, under its own name, unless it is already loaded."""
    if NAME in sys.modules:
        return sys.modules[NAME]
    spec = importlib.util.spec_from_file_location(
        NAME, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{ROOT} holds no package")
    sys.modules[NAME] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[NAME])
    return sys.modules[NAME]


def dtype_of(options: argparse.Namespace) -> Any:
    """Return the requested dtype as a torch dtype."""
    load_pack()
    from spacetime_video.models import precision

    return precision.DTYPES[options.dtype]


def by_names_of(
    network: Any, weights: Mapping[str, Any], to_pack_keys: Callable[[dict[str, Any]], Any]
) -> dict[str, Any]:
    """Return the pack's weights by the names of another network, which a loader translates."""
    theirs = network.state_dict()
    names = {id(tensor): name for name, tensor in theirs.items()}
    return {names[id(tensor)]: weights[key] for key, tensor in to_pack_keys(theirs).items()}


def comfyui_folder() -> Path:
    """Return the ComfyUI checkout at ``COMFYUI_DIR``.

    Raises:
        SystemExit: there is none.
    """
    folder = os.environ.get("COMFYUI_DIR", "")
    if not (Path(folder) / "comfy").is_dir():
        raise SystemExit(f"COMFYUI_DIR is {folder or 'not set'}: set it to a checkout of ComfyUI")
    return Path(folder)


def comfyui_python() -> str:
    """Return ComfyUI's interpreter: ``COMFYUI_PYTHON``, or this one."""
    return os.environ.get("COMFYUI_PYTHON", sys.executable)


def enter_comfyui(device: str) -> None:
    """Make ComfyUI's modules importable, to compute on a CPU or on the GPU that it chooses."""
    sys.path.insert(0, str(comfyui_folder()))
    from comfy.cli_args import args

    args.cpu = device == "cpu"


if __name__ == "__main__":
    load_pack()
    from spacetime_video.headless.cli import main

    main()
