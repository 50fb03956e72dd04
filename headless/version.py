"""Versions of the pack and of what it runs on."""

import platform
import tomllib
from importlib import metadata
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def version() -> str:
    """Return the version of the source tree that this file is in, else of the installed package."""
    if PROJECT.is_file():
        return tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"]
    return metadata.version("spacetime-video")


def versions() -> dict[str, str]:
    """Return the versions that a result's bytes depend on, besides the files it is made from.

    The video encoder is identified by the version of PyAV, whose build bundles several libraries.
    """
    import av
    import torch

    return {
        "spacetime": version(),
        "torch": str(torch.__version__),
        "av": av.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }
