"""Weight files by name: those shipped with the pack, and those in the host's folders."""

from pathlib import Path

from ...hosts import host
from ...media import shown
from ...media.names import choose_among, same_name
from ...weights import bundled


def weight_names(folder: str) -> list[str]:
    """Names in a model folder such as ``vae``, the pack's own first."""
    return list(dict.fromkeys([*bundled(folder), *host().files.model_files(folder)]))


def weight_path(folder: str, name: str) -> Path:
    """Path of a file in a model folder.

    Raises:
        FileNotFoundError: it does not exist; names where it belongs and some existing files.
    """
    names = weight_names(folder)
    found = same_name(name, names)
    if found is None:
        places = " or ".join(map(str, host().files.model_folders(folder)))
        raise FileNotFoundError(f"no file {shown(name)!r} in {places}: {choose_among(names, name)}")
    return bundled(folder).get(found) or host().files.model_path(folder, found)
