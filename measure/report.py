"""Display of a measurement: tables, progress and a contact sheet."""

import textwrap
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as Drawn
from torch import Tensor

from ..media import film_strip, grid
from .figures import Table

SHEET_CLIPS = 40
_STRIP_FRAMES, _SHEET_COLUMNS, _TEXT_SIZE, _TEXT_LINES = 5, 4, 11, 2


def progress_bars() -> Progress:
    """Progress bars with the remaining time, on stderr."""
    return Progress(
        TextColumn("{task.description:28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def print_tables(tables: Sequence[Table], console: Console) -> None:
    """Print every table with its notes and its duration."""
    for table in tables:
        drawn = Drawn("", *table.columns, title=table.name, title_justify="left")
        for name, figures in table.rows.items():
            told = (figures[c].told() if c in figures else "" for c in table.columns)
            drawn.add_row(name, *told)
        console.print(drawn)
        for note in table.notes:
            console.print(note)
        console.print(f"took {told_seconds(table.seconds)}")
    console.print(f"all took {told_seconds(sum(table.seconds for table in tables))}")


def told_seconds(seconds: float) -> str:
    """Format a duration, such as "2 min 5 s"."""
    minutes, left = divmod(round(seconds), 60)
    return f"{minutes} min {left} s" if minutes else f"{left} s"


def contact_sheet(clips: Sequence[Tensor], prompts: Sequence[str]) -> Tensor:
    """Arrange film strips of clips (F, H, W, 3) of one size, with their prompts, in one image."""
    cells = [_cell(clip, prompt) for clip, prompt in zip(clips, prompts, strict=True)]
    return grid(torch.stack(cells), _SHEET_COLUMNS, gap=6)


def _cell(clip: Tensor, prompt: str) -> Tensor:
    strip = film_strip(clip, _STRIP_FRAMES)
    return torch.cat([strip, _label(prompt, strip.shape[1])])


def _label(text: str, width: int) -> Tensor:
    """Black text on white, `width` pixels wide and always of the same height."""
    font = ImageFont.load_default(_TEXT_SIZE)
    columns = max(1, int(width / font.getlength("n")))
    line_height = _TEXT_SIZE + 3
    picture = Image.new("RGB", (width, _TEXT_LINES * line_height), "white")
    for number, line in enumerate(textwrap.wrap(text, columns)[:_TEXT_LINES]):
        ImageDraw.Draw(picture).text((2, number * line_height), line, "black", font)
    return torch.from_numpy(np.array(picture)).float() / 255
