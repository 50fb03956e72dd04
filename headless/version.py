"""The versions of what runs."""

import platform
import tomllib
from importlib import metadata
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def version() -> str:
    """Return the version in the folder that this file is in, or that of the installed pack."""
    if PROJECT.is_file():
        return tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"]
    return metadata.version("spacetime-video")


def versions() -> dict[str, str]:
    """Return the versions of all that a result's bytes depend on, besides the files it is made of.

    That of the encoder of videos is its build's, which carries several libraries.
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
