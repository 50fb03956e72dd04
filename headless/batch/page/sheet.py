"""Write the contact sheet of a batch, while it runs and at its end."""

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
"""File name in the batch's folder."""

PAUSE = 10.0
"""Minimum seconds from one page to the next while a batch runs."""

SHARE = 50
"""Pause between two pages, in multiples of the time to write one: two percent of a long batch."""

log = logging.getLogger(__name__)


def write_page(layout: Layout, posters: Posters | None = None, *, is_live: bool = False) -> Path:
    """Write the page of a batch, replacing an older one, and return its path.

    Its links are relative from the batch's folder to the results, so that the output folder can
    be moved as a whole.

    Args:
        layout: layout of the batch's folders.
        posters: posters of its results, if some are known.
        is_live: whether a batch is running, perhaps this one.

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
    """The page of a running batch. If the page fails, the batch continues.

    Args:
        layout: layout of the batch's folders.
        clock: returns seconds.
    """

    def __init__(self, layout: Layout, clock: Callable[[], float] = time.monotonic) -> None:
        self._layout, self._clock = layout, clock
        self._posters = Posters(layout.batch / FOLDER)
        self._next, self._is_behind, self._is_told = 0.0, False, False
        self.path: Path | None = None

    def begin(self) -> None:
        """Write the page when the batch starts."""
        self._write(is_live=True)

    def keep(self, *, has_changed: bool) -> None:
        """Update the page, unless it was written very recently.

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
        except Exception as problem:  # the page is only for viewing
            self.path = None
            if not self._is_told:
                log.warning("cannot write the contact sheet: %s", problem)
            self._is_told = True
        now = self._clock()
        self._next, self._is_behind = now + max(PAUSE, SHARE * (now - began)), False
