"""What a measurement shows: tables as text, and the contact sheet."""

import io

import torch
from rich.console import Console

from spacetime_video.measure.figures import Share, Table
from spacetime_video.measure.report import contact_sheet, print_tables


def test_the_sheet_shows_frames_with_words_below():
    clips = [torch.full((9, 32, 48, 3), shade) for shade in (0.2, 0.4, 0.6, 0.8, 0.5)]
    sheet = contact_sheet(clips, ["a red sphere stays still at day"] * 4 + [""])
    strip = 5 * 48 + 4 * 2
    assert sheet.shape[1] == 4 * strip + 3 * 6
    assert (sheet[:32, :48] == 0.2).all()
    words = sheet[32 : sheet.shape[0] // 2 - 3, :strip]
    assert words.min() == 0
    assert words.max() == 1
    row = sheet.shape[0] // 2 + 3
    assert (sheet[row : row + 32, :48] == 0.5).all()
    assert (sheet[row + 32 :] == 1).all()


def test_tables_show_every_figure_and_note():
    rows = {"colour": {"generated": Share(1, 2)}, "other": {}}
    table = Table("clips", "64x64", rows, ("one note",), 125.2)
    told = io.StringIO()
    print_tables([table, Table("clips", "80x48", {}, seconds=4.0)], Console(file=told, width=100))
    for words in ("clips: 64x64", "generated", "50 % (9-91)", "other", "one note"):
        assert words in told.getvalue()
    for words in ("\ntook 2 min 5 s", "\ntook 4 s", "all took 2 min 9 s"):
        assert words in told.getvalue()
