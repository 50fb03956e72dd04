"""Further prompts of a GUIDER, in addition to its own."""

from collections.abc import Collection


def check_new(name: str, there: Collection[str]) -> None:
    """Reject a second set of prompts of the same name.

    Raises:
        ValueError: the name is taken.
    """
    if name in there:
        raise ValueError(
            f"the guider already has {name} prompts: connect only one such node between Denoiser "
            "and Sample"
        )
