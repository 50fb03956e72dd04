"""Words under which the editor's search finds a node beside its name."""

from typing import Any

from ...hosts import io


def search_words(*words: str) -> dict[str, Any]:
    """Arguments of ``io.Schema`` that carry the words, none where the host has no place for them.

    ComfyUI 0.3.64 searches names only; later versions also search a schema's aliases.
    """
    if "search_aliases" not in io.Schema.__dataclass_fields__:
        return {}
    return {"search_aliases": list(words)}
