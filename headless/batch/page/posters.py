"""Thumbnails of results for the contact sheet."""

from pathlib import Path
from typing import NamedTuple

from PIL import Image

from ....hosts.standalone.folders import kind_of
from ....media.files import replacing
from ....media.thumbnails import image_thumbnail, video_thumbnail

FOLDER = "posters"
"""Subfolder of the batch's folder."""

SIDE = 480
"""Maximum longer side in pixels."""

QUALITY = 82

_MAKERS = {"image": image_thumbnail, "video": video_thumbnail}


class Poster(NamedTuple):
    """A JPEG in the posters' folder, and its size in pixels."""

    name: str
    width: int
    height: int


class Posters:
    """Posters of the results of a batch, each created once per file content.

    Args:
        folder: where posters are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known = dict[str, Poster | None]()

    def of(self, file: Path, sha256: str) -> Poster | None:
        """Return the poster of a file; None if it is no image or video, or cannot be read.

        Args:
            file: a result.
            sha256: hash of its content.

        Raises:
            OSError: the poster cannot be written.
        """
        if sha256 not in self._known:
            self._known[sha256] = self._there(sha256) or self._made(file, sha256)
        return self._known[sha256]

    def _there(self, sha256: str) -> Poster | None:
        path = self._path(sha256)
        try:
            with Image.open(path, formats=["JPEG"]) as picture:
                return Poster(path.name, *picture.size)
        except OSError:
            return None

    def _made(self, file: Path, sha256: str) -> Poster | None:
        make = _MAKERS.get(kind_of(file.name))
        if make is None:
            return None
        try:
            picture = make(file, SIDE)
        except (OSError, ValueError):  # damaged, or of an unsupported format
            return None
        path = self._path(sha256)
        with replacing(path) as unfinished, unfinished.open("wb") as sink:
            picture.save(sink, format="JPEG", quality=QUALITY)
        return Poster(path.name, *picture.size)

    def _path(self, sha256: str) -> Path:
        return self._folder / f"{Path(sha256).name}.jpg"
