"""Small pictures of results, which stand for them until somebody looks closer."""

from pathlib import Path
from typing import NamedTuple

from PIL import Image

from ....hosts.standalone.folders import kind_of
from ....media.files import replacing
from ....media.thumbnails import image_thumbnail, video_thumbnail

FOLDER = "posters"
"""In the folder of the batch."""

SIDE = 480
"""Pixels of the longer side at most."""

QUALITY = 82

_MAKERS = {"image": image_thumbnail, "video": video_thumbnail}


class Poster(NamedTuple):
    """A JPEG in the folder of posters, and its size in pixels."""

    name: str
    width: int
    height: int


class Posters:
    """Posters of the results of a batch. Each is made once, for as long as the file is the same.

    Args:
        folder: that they lie in.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known = dict[str, Poster | None]()

    def of(self, file: Path, sha256: str) -> Poster | None:
        """The poster of a file; None of one that is no picture and no video, or cannot be read.

        Args:
            file: a result.
            sha256: of what is in it.

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
        except (OSError, ValueError):  # damaged, or of a form that is not read here
            return None
        path = self._path(sha256)
        with replacing(path) as unfinished, unfinished.open("wb") as sink:
            picture.save(sink, format="JPEG", quality=QUALITY)
        return Poster(path.name, *picture.size)

    def _path(self, sha256: str) -> Path:
        return self._folder / f"{Path(sha256).name}.jpg"
