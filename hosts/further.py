"""Prompts that a GUIDER carries beside its own."""

from collections.abc import Collection


def check_new(name: str, there: Collection[str]) -> None:
    """Refuse a second set of prompts of one name.

    Raises:
        ValueError: there is one.
    """
    if name in there:
        raise ValueError(
            f"the guider has {name} prompts already: connect one such node between Denoiser and "
            "Sample"
        )
