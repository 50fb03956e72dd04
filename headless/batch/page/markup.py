"""Render a contact sheet as HTML: one file that loads nothing but the results next to it.

Names, prompts and messages are untrusted: all of them go through `_text` or `_address`.
"""

import html
import json
import os
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from ....media import counted, printable
from ...pace import duration
from ..manifest import DONE, FAILED, RUNNING
from .facts import LEFT, PLACE, PROMPT, WORKFLOW, Card, Sheet, SheetFile, numbers_of
from .posters import FOLDER, Poster

MOST_FILES = 24
"""Maximum number of further files of a job that are shown with a thumbnail or a name."""

TINY = 160
"""Longer side in pixels up to which an image is enlarged without smoothing."""

SQUARE = 1.0

_STATES = (DONE, FAILED, RUNNING, LEFT)
_PLAYS = ("image", "video", "audio")


class _Order(NamedTuple):
    """A sort order: its label, a value for each card, and whether the highest comes first."""

    label: str
    values: Sequence[Any]
    falls: bool = False


def page_of(sheet: Sheet, *, results: str, now: datetime) -> str:
    """Return a sheet as HTML.

    Args:
        sheet: the sheet to render.
        results: relative path from the page's folder to the results' folder, such as ``../..``.
        now: local time.
    """
    orders = _orders(sheet)
    keys = [json.dumps([order.values[number] for order in orders]) for number in _places(sheet)]
    cards = "\n".join(
        _card(card, key, results) for card, key in zip(sheet.cards, keys, strict=True)
    )
    style, script = _part("sheet.css"), _part("sheet.js")
    guard = b64encode(sha256(script.encode()).digest()).decode()
    live = ' data-live=""' if sheet.is_live else ""
    return f"""<!doctype html>
<html lang="en"{live}>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="script-src 'sha256-{guard}'; \
object-src 'none'; frame-src 'none'; connect-src 'none'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{_text(sheet.title)}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body style="--aspect: {_aspect(sheet):.4f}">
{_head(sheet, now)}
{_tools(sheet, orders)}
<main id="sheet">
{cards}
</main>
<p id="nothing" hidden>No jobs match.</p>
{_DIALOG}
<script>{script}</script>
</body>
</html>
"""


_DIALOG = """<dialog id="viewer" aria-label="Result" tabindex="-1">
<div class="screen"></div>
<div class="about"></div>
<nav>
<button type="button" data-go="-1" title="Left arrow" aria-label="Previous">&larr;</button>
<button type="button" data-go="1" title="Right arrow" aria-label="Next">&rarr;</button>
<button type="button" data-close title="Escape" aria-label="Close">&times;</button>
</nav>
</dialog>"""


def _head(sheet: Sheet, now: datetime) -> str:
    counts = Counter(card.state for card in sheet.cards)
    parts = [counted(len(sheet.cards), "job")]
    parts += [f"{counts[state]} {state}" for state in _STATES if counts[state]]
    seconds = sum(card.seconds or 0 for card in sheet.cards)
    parts += [f"{duration(seconds)} of work"] if seconds else []
    made = f"{sheet.made:%Y-%m-%d %H:%M}" if sheet.made else ""
    return f"""<header>
<h1>{_text(sheet.title)}</h1>
<p class="when">{made}</p>
<p class="counts">{" · ".join(parts)}</p>
{_standing(sheet, counts, now)}
{_common(sheet.common)}
</header>"""


def _standing(sheet: Sheet, counts: Mapping[str, int], now: datetime) -> str:
    """Return a note on why results are missing; empty if none are."""
    if sheet.is_live:
        return (
            f'<p class="standing"><span class="pulse"></span>Still running. Last updated at '
            f'{now:%Y-%m-%d %H:%M:%S}. <a href="">Reload</a></p>'
        )
    if not counts[LEFT]:
        return ""
    why = "the batch was killed" if sheet.ended is None else sheet.ended
    return f'<p class="standing">Not all jobs were run: {_text(why)}. Continue with --resume.</p>'


def _common(common: Mapping[str, str]) -> str:
    """Return the facts that all jobs share, without the workflow, which is in the title."""
    told = {name: text for name, text in common.items() if name != WORKFLOW}
    prompt = told.pop(PROMPT, "")
    lead = f'<p class="prompt">{_text(prompt)}</p>\n' if prompt else ""
    return lead + _facts(told)


def _facts(facts: Mapping[str, str]) -> str:
    rows = "".join(
        f"<div><dt>{_text(name)}</dt><dd>{_text(_shown(name, text))}</dd></div>"
        for name, text in facts.items()
    )
    return f'<dl class="facts">{rows}</dl>' if rows else ""


def _shown(name: str, text: str) -> str:
    """Return a fact as displayed; for a server only the host and port of its URL."""
    return urlsplit(text).netloc or text if name == PLACE else text


def _tools(sheet: Sheet, orders: Sequence[_Order]) -> str:
    counts = Counter(card.state for card in sheet.cards)
    chips = "".join(
        f'<label class="chip {state}"><input type="checkbox" value="{state}"'
        f"{' checked' if state != LEFT or len(counts) == 1 else ''}>"
        f"{state} <b>{counts[state]}</b></label>"
        for state in _STATES
        if counts[state] and len(counts) > 1
    )
    choices = "".join(
        f'<option value="{place}" data-falls="{int(order.falls)}">{_text(order.label)}</option>'
        for place, order in enumerate(orders)
    )
    return f"""<form id="tools" hidden>
<label class="find"><span>Find</span><input type="search" name="find" \
placeholder="words or a seed" title="/" autocomplete="off" spellcheck="false"></label>
<span class="chips">{chips}</span>
<label>Order <select name="order">{choices}</select></label>
<label>Size <input type="range" name="size" min="110" max="640" step="10" value="250"></label>
<label class="chip" title="p"><input type="checkbox" name="play">play all</label>
<output id="count" aria-live="polite"></output>
</form>"""


def _orders(sheet: Sheet) -> list[_Order]:
    cards = sheet.cards
    known = [
        _Order("as listed", [card.number for card in cards]),
        _Order("latest first", [card.at or None for card in cards], falls=True),
        _Order("by name", [card.name for card in cards]),
        _Order("longest first", [card.seconds for card in cards], falls=True),
        _Order("most memory first", [card.memory for card in cards], falls=True),
        *(
            _Order(f"by {name}", numbers_of([card.facts.get(name) for card in cards]))
            for name in sheet.varying
        ),
    ]
    return [order for order in known if any(value is not None for value in order.values)]


def _places(sheet: Sheet) -> range:
    return range(len(sheet.cards))


def _card(card: Card, key: str, results: str) -> str:
    facts = {name: text for name, text in card.facts.items() if name != PROMPT}
    prompt = card.facts.get(PROMPT, "")
    return f"""<article class="card {card.state}" data-state="{card.state}" data-key="{_text(key)}">
{_stage(card, results)}
<div class="caption">
<h2><span class="number">{card.number}</span> {_text(card.name)}</h2>
{f'<p class="prompt">{_text(prompt)}</p>' if prompt else ""}
{_facts(facts)}
{_meters(card)}
{_others(card.files[1:], results)}
</div>
</article>"""


def _stage(card: Card, results: str) -> str:
    if card.state == FAILED:
        at = f"<b>{_text(card.node)}</b> " if card.node else ""
        return f'<div class="stage"><p class="error">{at}{_text(card.error)}</p></div>'
    if not card.files:
        word = {RUNNING: "running", LEFT: "not run yet"}.get(card.state, "no file")
        return f'<div class="stage empty"><span>{word}</span></div>'
    return _opening(card.files[0], results, "stage", _file_name(card.files[0]))


def _opening(file: SheetFile, results: str, style: str, label: str) -> str:
    """Return a link to a result, with its poster."""
    if not file.is_there:
        return f'<div class="{style} empty"><span>{_text(label)} is missing</span></div>'
    kind = file.kind if file.kind in _PLAYS else "other"
    inside = _poster(file.poster) if file.poster else f"<span>{_text(label)}</span>"
    return (
        f'<a class="{style}" href="{_address(f"{results}/{file.name}")}" data-kind="{kind}" '
        f'aria-label="{_text(file.name)}">{inside}</a>'
    )


def _poster(poster: Poster) -> str:
    tiny = ' class="tiny"' if max(poster.width, poster.height) <= TINY else ""
    return (
        f'<img{tiny} src="{_address(f"{FOLDER}/{poster.name}")}" width="{poster.width}" '
        f'height="{poster.height}" alt="" loading="lazy" decoding="async">'
    )


def _others(files: Sequence[SheetFile], results: str) -> str:
    """Return links to the further files of a job."""
    if not files:
        return ""
    links = (_opening(file, results, "other", _file_name(file)) for file in files[:MOST_FILES])
    more = f"<span>and {len(files) - MOST_FILES} more</span>" if len(files) > MOST_FILES else ""
    return f'<div class="others">{"".join(links)}{more}</div>'


def _meters(card: Card) -> str:
    parts: list[str] = []
    if card.seconds is not None:
        parts.append(f"{card.seconds:.1f} s" if card.seconds < 10 else duration(card.seconds))
    if card.memory:
        parts.append(f"{card.memory / 1e9:.1f} GB")
    if card.has_log:
        parts.append(f'<a href="{_address(f"logs/{card.id}.log")}">log</a>')
    return f'<p class="meters">{" · ".join(parts)}</p>' if parts else ""


def _aspect(sheet: Sheet) -> float:
    """Return the aspect ratio, width by height, that most posters have."""
    shapes = Counter(_shapes(sheet.cards))
    return shapes.most_common(1)[0][0] if shapes else SQUARE


def _shapes(cards: Iterable[Card]) -> Iterator[float]:
    for card in cards:
        for file in card.files[:1]:
            if file.poster:
                yield round(file.poster.width / file.poster.height, 4)


def _file_name(file: SheetFile) -> str:
    return file.name.rpartition("/")[2]


def _text(text: str) -> str:
    """Escape an untrusted text, for elements and quoted attributes."""
    return html.escape(printable(text, keep="\n\t"))


def _address(path: str) -> str:
    """Quote a relative path as a link; the bytes of the file name are kept, even if not UTF-8."""
    return quote(os.fsencode(path))


@cache
def _part(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
