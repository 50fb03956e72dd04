"""Names and tooltips of the nodes in the editor's languages; the English ones are the schemas'.

ComfyUI reads ``locales/<language>/nodeDefs.json`` (names, descriptions and tooltips by node id,
inputs by their ids, outputs by their places) and ``main.json`` (the words of the categories).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

COMMAND = "python -m spacetime_video.headless.editor locales"

LANGUAGES = ("en", "zh", "ja")
BRAND = "Spacetime"
"""The first level of every category, the same in every language."""

Texts = dict[str, Any]


def english(nodes: Iterable[type[Any]]) -> dict[str, Texts]:
    """The files of the English locale, as the schemas have it."""
    schemas = [node.GET_SCHEMA() for node in nodes]
    words = dict.fromkeys(word for schema in schemas for word in schema.category.split("/"))
    return {
        "nodeDefs.json": {schema.node_id: _texts(schema) for schema in schemas},
        "main.json": {"nodeCategories": {word: word for word in words if word != BRAND}},
    }


def read(folder: Path) -> dict[str, Texts]:
    """The files of a language's folder; those that are missing are empty."""
    names = [folder / name for name in ("nodeDefs.json", "main.json")]
    return {
        path.name: json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        for path in names
    }


def write(folder: Path, files: Mapping[str, Texts]) -> None:
    """Write the files of a language's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, texts in files.items():
        text = json.dumps(texts, ensure_ascii=False, indent=1)
        (folder / name).write_text(f"{text}\n", encoding="utf-8")


def fitted(translated: Mapping[str, Any], pattern: Mapping[str, Any]) -> Texts:
    """A translation with the pattern's entries in its order: new ones empty, others dropped."""
    fit: Texts = {}
    for key, value in pattern.items():
        known = translated.get(key)
        if isinstance(value, Mapping):
            fit[key] = fitted(known if isinstance(known, Mapping) else {}, value)
        else:
            fit[key] = known or ""
    return fit


def untranslated(texts: Mapping[str, Any], place: str = "") -> Iterator[str]:
    """Places of texts that are still empty, such as ``SpacetimeNoise.inputs.seed.tooltip``."""
    for key, value in texts.items():
        name = f"{place}.{key}" if place else key
        if isinstance(value, Mapping):
            yield from untranslated(value, name)
        elif not value:
            yield name


def _texts(schema: Any) -> Texts:
    return {
        "display_name": schema.display_name,
        "description": schema.description,
        "inputs": {
            spec.id: {"name": spec.display_name or spec.id, "tooltip": spec.tooltip}
            for spec in schema.inputs
        },
        "outputs": {
            str(place): {"name": output.display_name, "tooltip": output.tooltip}
            for place, output in enumerate(schema.outputs)
        },
    }
