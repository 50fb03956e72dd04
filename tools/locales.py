"""Names and tooltips of the nodes in the editor's languages; the English ones are the schemas'.

ComfyUI reads ``locales/<language>/nodeDefs.json`` (names, descriptions and tooltips by node id,
inputs by id, outputs by position) and ``main.json`` (names of the categories, and of the pack's
socket types, which the editor shows for outputs that are named by their type).
``translated_from.json`` beside the folders records which English text each translation was made
from, so that translations of changed texts are noticed.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

COMMAND = "python -m spacetime_video.tools locales"

LANGUAGES = ("en", "zh", "ja")
BRAND = "Spacetime"
"""The first level of every category, the same in every language."""

ORIGINS = "translated_from.json"
"""Digests of the English texts that were translated, by language and place."""

Texts = dict[str, Any]
Digests = dict[str, str]


def refresh(
    folder: Path, pattern: Mapping[str, Texts], anew: Collection[str] = ()
) -> tuple[list[str], list[str]]:
    """Write the English texts and update the structure of the translations.

    Args:
        folder: of all languages.
        pattern: the files of the English locale.
        anew: texts that were translated again, such as ``zh/nodeDefs.json.SpacetimeNoise``, which
            covers all texts of that node.

    Returns:
        Places still to be translated, and places to translate again.

    Raises:
        ValueError: a place in ``anew`` has no text.
    """
    write(folder / "en", pattern)
    origins, gaps, old = read_origins(folder), [], []
    texts = {name: fitted(read(folder / name), pattern) for name in LANGUAGES if name != "en"}
    _check_places(anew, texts)
    for language, files in texts.items():
        told = [place for place, _ in leaves(files) if _within(f"{language}/{place}", anew)]
        origins[language] = noted(origins.get(language, {}), files, pattern, told)
        write(folder / language, files)
        gaps += [f"{language}/{place}" for place in untranslated(files)]
        old += [f"{language}/{place}" for place in outdated(origins[language], files, pattern)]
    _write_json(folder / ORIGINS, origins)
    return gaps, old


def _check_places(anew: Collection[str], texts: Mapping[str, Texts]) -> None:
    known = [
        f"{language}/{place}" for language, files in texts.items() for place, _ in leaves(files)
    ]
    for place in anew:
        if not any(_within(each, [place]) for each in known):
            raise ValueError(f"no text at {place}: give a place as in the list, such as {known[0]}")


def english(nodes: Iterable[type[Any]]) -> dict[str, Texts]:
    """Build the files of the English locale from the schemas."""
    schemas = [node.GET_SCHEMA() for node in nodes]
    words = dict.fromkeys(word for schema in schemas for word in schema.category.split("/"))
    return {
        "nodeDefs.json": {schema.node_id: _texts(schema) for schema in schemas},
        "main.json": {
            "nodeCategories": {word: word for word in words if word != BRAND},
            "dataTypes": {kind: kind for kind in _own_types(schemas)},
        },
    }


def _own_types(schemas: Iterable[Any]) -> dict[str, None]:
    kinds = [output.get_io_type() for schema in schemas for output in schema.outputs]
    return dict.fromkeys(kind for kind in kinds if kind.startswith(f"{BRAND.upper()}_"))


def read(folder: Path) -> dict[str, Texts]:
    """Read the files of a language's folder; missing files are empty."""
    names = [folder / name for name in ("nodeDefs.json", "main.json")]
    return {
        path.name: json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        for path in names
    }


def read_origins(folder: Path) -> dict[str, Digests]:
    """Read the digests of the translated English texts, by language and place."""
    path = folder / ORIGINS
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write(folder: Path, files: Mapping[str, Texts]) -> None:
    """Write the files of a language's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, texts in files.items():
        _write_json(folder / name, texts)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(f"{json.dumps(content, ensure_ascii=False, indent=1)}\n", encoding="utf-8")


def fitted(translated: Mapping[str, Any], pattern: Mapping[str, Any]) -> Texts:
    """Fit a translation to the pattern's entries and order: add empty ones, drop others."""
    fit: Texts = {}
    for key, value in pattern.items():
        known = translated.get(key)
        if isinstance(value, Mapping):
            fit[key] = fitted(known if isinstance(known, Mapping) else {}, value)
        else:
            fit[key] = known or ""
    return fit


def leaves(texts: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text with its place, such as ``SpacetimeNoise.inputs.seed.tooltip``."""
    for key, value in texts.items():
        name = f"{place}.{key}" if place else key
        if isinstance(value, Mapping):
            yield from leaves(value, name)
        else:
            yield name, value


def untranslated(texts: Mapping[str, Any]) -> list[str]:
    """List the places of texts that are still empty."""
    return [place for place, text in leaves(texts) if not text]


def noted(
    before: Mapping[str, str],
    texts: Mapping[str, Any],
    pattern: Mapping[str, Any],
    anew: Collection[str] = (),
) -> Digests:
    """Record, by place, the digest of the English text that each translation was made from.

    Texts that were not there before, and those at the places ``anew``, count as made from the
    current English.
    """
    now = _digests(pattern)
    return {
        place: now[place] if place not in before or place in anew else before[place]
        for place, text in leaves(texts)
        if text and place in now
    }


def outdated(
    origins: Mapping[str, str], texts: Mapping[str, Any], pattern: Mapping[str, Any]
) -> list[str]:
    """List the places of texts that were made from another English text than the current one."""
    now = _digests(pattern)
    return [place for place, text in leaves(texts) if text and origins.get(place) != now.get(place)]


def _digests(pattern: Mapping[str, Any]) -> Digests:
    return {place: digest(text) for place, text in leaves(pattern)}


def digest(text: str) -> str:
    """Digest that identifies an English text."""
    return sha256(text.encode()).hexdigest()[:12]


def _within(place: str, others: Collection[str]) -> bool:
    """Whether a place equals one of others or lies within one."""
    ends = ("", ".", "/")
    return any(place.startswith(other) and place[len(other) :][:1] in ends for other in others)


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
