"""The pack from this checkout, and a ComfyUI beside it. As a script, the `spacetime` command."""

# pyright: reportMissingImports=false

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
NAME = "spacetime_video"


def load_pack() -> ModuleType:
    """Load the pack from its folder, under its name, unless it is there."""
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


def comfyui_folder() -> Path:
    """The checkout that ``COMFYUI_DIR`` names.

    Raises:
        SystemExit: it names none.
    """
    folder = os.environ.get("COMFYUI_DIR", "")
    if not (Path(folder) / "comfy").is_dir():
        raise SystemExit(f"COMFYUI_DIR is {folder or 'not set'}: name a checkout of ComfyUI by it")
    return Path(folder)


def comfyui_python() -> str:
    """ComfyUI's interpreter: ``COMFYUI_PYTHON``, or this one."""
    return os.environ.get("COMFYUI_PYTHON", sys.executable)


def enter_comfyui(device: str) -> None:
    """Make ComfyUI's modules importable, for computing on a CPU or on the GPU that it chooses."""
    sys.path.insert(0, str(comfyui_folder()))
    from comfy.cli_args import args

    args.cpu = device == "cpu"


if __name__ == "__main__":
    load_pack()
    from spacetime_video.headless.cli import main

    main()
