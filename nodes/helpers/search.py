"""Extra words by which the editor's search finds a node."""

from typing import Any

from ...hosts import io


def search_words(*words: str) -> dict[str, Any]:
    """The arguments of ``io.Schema`` for these words; none if the host does not support them.

    ComfyUI 0.3.64 searches names only; later versions also search a schema's aliases.
    """
    if "search_aliases" not in io.Schema.__dataclass_fields__:
        return {}
    return {"search_aliases": list(words)}
