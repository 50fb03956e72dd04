"""Writes the contact sheet of a batch, at its end and while it goes on."""

import logging
import os
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path, PurePath

from ....media.files import replacing
from ..layout import Layout
from ..manifest import FILE, read_manifest
from .facts import sheet_of
from .markup import page_of
from .posters import FOLDER, Posters

PAGE = "contact_sheet.html"
"""In the folder of the batch."""

PAUSE = 10.0
"""Seconds at least from one page to the next while a batch goes on."""

SHARE = 50
"""Times that writing a page takes, which pass until the next one: two percent of a long batch."""

log = logging.getLogger(__name__)


def write_page(layout: Layout, posters: Posters | None = None, *, is_live: bool = False) -> Path:
    """Write the page of a batch, in the place of an older one, and return where it is.

    Its links lead from the folder of the batch to the results, so that the output folder can be
    moved as it is.

    Args:
        layout: of the batch's folders.
        posters: of its results, where some are known.
        is_live: whether a batch runs, which may be this one.

    Raises:
        ManifestError: the manifest cannot be read.
        OSError: the page or a poster cannot be written.
    """
    contents = read_manifest(layout.batch / FILE)
    known = posters or Posters(layout.batch / FOLDER)
    goes_on = is_live and contents.ended is None
    sheet = sheet_of(contents, layout, known, is_live=goes_on)
    results = PurePath(os.path.relpath(layout.output, layout.batch)).as_posix()
    path = layout.batch / PAGE
    text = page_of(sheet, results=results, now=datetime.now())
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    return path


class ContactSheet:
    """The page of a batch that is run. Whatever is wrong with it, the batch goes on.

    Args:
        layout: of the batch's folders.
        clock: gives seconds.
    """

    def __init__(self, layout: Layout, clock: Callable[[], float] = time.monotonic) -> None:
        self._layout, self._clock = layout, clock
        self._posters = Posters(layout.batch / FOLDER)
        self._next, self._is_behind, self._is_told = 0.0, False, False
        self.path: Path | None = None

    def begin(self) -> None:
        """Write the page as the batch begins."""
        self._write(is_live=True)

    def keep(self, *, has_changed: bool) -> None:
        """Bring the page up to date, unless it was written just now.

        Args:
            has_changed: whether a job has ended.
        """
        self._is_behind |= has_changed
        if self._is_behind and self._clock() >= self._next:
            self._write(is_live=True)

    def end(self) -> None:
        """Write the page of a batch that has ended."""
        self._write(is_live=False)

    def _write(self, *, is_live: bool) -> None:
        began = self._clock()
        try:
            self.path = write_page(self._layout, self._posters, is_live=is_live)
        except Exception as problem:  # of what is only looked at
            self.path = None
            if not self._is_told:
                log.warning("the contact sheet is not written: %s", problem)
            self._is_told = True
        now = self._clock()
        self._next, self._is_behind = now + max(PAUSE, SHARE * (now - began)), False
