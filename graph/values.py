"""Check a workflow's constants against the schema: conversion, ranges, options, socket types."""

import difflib
import json
import math
from collections.abc import Callable, Sequence
from typing import Any

from ..media.names import HANDFUL, some_of
from ..media.text import LONGEST, printable
from .sockets import Input, MultiType, WidgetInput

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_MOST_COMPARED = 1000
_MOST_OPTIONS = 12


def widget_of(spec: Input) -> WidgetInput | None:
    """Return the widget that the editor draws for an input, or None if it draws a socket."""
    widget = constant_of(spec)
    return None if widget is None or widget.force_input else widget


def constant_of(spec: Input) -> WidgetInput | None:
    """Return the description of an input's constants, or None if it can only be linked."""
    if isinstance(spec, MultiType.Input):
        return constant_of(spec.input_override) if spec.input_override else None
    return spec if isinstance(spec, WidgetInput) else None


def are_compatible(output_type: str, input_type: str) -> bool:
    """Return whether an output can feed an input; types are comma-separated sets, "*" is any."""
    ours, theirs = _type_set(output_type), _type_set(input_type)
    return "*" in ours | theirs or bool(ours & theirs)


def read_value(spec: Input, value: object) -> Any:
    """Return a constant converted to the input's type, without checking its range.

    Raises:
        ValueError: the value is not of that type; the message continues "input x: ...".
    """
    widget = constant_of(spec)
    if widget is None:
        if "*" in _type_set(spec.get_io_type()):
            return value
        raise ValueError(f"got {quote(value)}, but {spec.get_io_type()} must be linked")
    reader = _READERS.get(widget.io_type)
    return reader(value) if reader else value


def check_kind(spec: Input, value: object) -> None:
    """Check that a constant is text or has the type of one of the input's options.

    Raises:
        ValueError: it is neither, such as an object, or a number where the options are texts.
    """
    options = getattr(constant_of(spec), "options", None)
    if options is not None and type(value) not in {str, *map(type, options)}:
        raise ValueError(f"{quote(value)} is not a valid choice: expected text")


def check_value(spec: Input, value: object) -> None:
    """Check a converted constant against the input's range or options.

    Raises:
        ValueError: it is below `min`, above `max` or not among the options.
    """
    widget = constant_of(spec)
    least, most = getattr(widget, "min", None), getattr(widget, "max", None)
    if isinstance(value, int | float):
        if least is not None and value < least:
            raise ValueError(f"{value} is below the minimum {least}")
        if most is not None and value > most:
            raise ValueError(f"{value} is above the maximum {most}")
    options = getattr(widget, "options", None)
    if options is not None and not _is_option(value, options):
        raise ValueError(_not_an_option(value, options))


def parse_value(spec: Input, text: str) -> Any:
    """Convert text from the command line to a value for an input, and check it.

    Raises:
        ValueError: the text is not a valid value, or is out of range.
    """
    options = getattr(constant_of(spec), "options", None) or ()
    same = [option for option in options if str(option) == text]
    value = same[0] if same else read_value(spec, text)
    check_value(spec, value)
    return value


def closest(name: str, names: Sequence[str]) -> str:
    """Return ' (did you mean "x"?)' with the closest name, or an empty string."""
    found = difflib.get_close_matches(name[:LONGEST], names[:_MOST_COMPARED], n=1)
    return f" (did you mean {quote(found[0])}?)" if found else ""


def quote(value: object) -> str:
    """Return a constant as short JSON for a message."""
    try:
        text = json.dumps(_cut(value), ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = f"a {type(value).__name__}"
    text = printable(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _cut(value: object) -> object:
    """Truncate long texts and lists before they are formatted."""
    return value[: LONGEST + 1] if isinstance(value, str | list) else value


def _read_int(value: object) -> int:
    if isinstance(value, str):
        return _convert(value, int, "a whole number")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{quote(value)} is not a whole number")
    if isinstance(value, float) and not value.is_integer():
        raise ValueError(f"{quote(value)} is not a whole number")
    return int(value)


def _read_float(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{quote(value)} is not a number")
    number = _convert(value, float, "a number")
    if not math.isfinite(number):
        raise ValueError(f"{quote(value)} is not a finite number")
    return number


def _read_bool(value: object) -> bool:
    word = value.strip().lower() if isinstance(value, str) else json.dumps(value, default=str)
    if word not in _TRUE | _FALSE:
        raise ValueError(f"{quote(value)} is neither true nor false")
    return word in _TRUE


def _read_text(value: object) -> str:
    if isinstance(value, str):
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            raise ValueError(f"{json.dumps(value)[:80]} contains half a character: type it again")
        return value
    if value is None or isinstance(value, dict | list):
        raise ValueError(f"{quote(value)} is not text")
    return str(value)


_READERS: dict[str, Callable[[Any], Any]] = {
    "INT": _read_int,
    "FLOAT": _read_float,
    "BOOLEAN": _read_bool,
    "STRING": _read_text,
}


def _convert(value: Any, kind: Callable[[Any], Any], name: str) -> Any:
    try:
        return kind(value)
    except (ValueError, OverflowError):
        raise ValueError(f"{quote(value)} is not {name}") from None


def _is_option(value: object, options: Sequence[object]) -> bool:
    return any(type(value) is type(option) and value == option for option in options)


def _not_an_option(value: object, options: Sequence[object]) -> str:
    if not options:
        return f"{quote(value)} cannot be chosen: the list of options is empty"
    names = [str(option) for option in options]
    most = len(options) if len(options) <= _MOST_OPTIONS else HANDFUL
    shown = some_of([quote(option) for option in options], most)
    return f"{quote(value)} is not one of {shown}{closest(str(value), names)}"


def _type_set(types: str) -> set[str]:
    return {name.strip() for name in types.split(",")}
