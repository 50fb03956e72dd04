"""Every name and tooltip of the nodes in every language of the locales folder."""

import re
from pathlib import Path

import pytest

from spacetime_video import hosts
from spacetime_video.headless.editor.locales import (
    COMMAND,
    LANGUAGES,
    english,
    fitted,
    read,
    untranslated,
)
from spacetime_video.headless.editor.nodes import pack_nodes

LOCALES = Path(__file__).parents[2] / "locales"
TRANSLATED = [language for language in LANGUAGES if language != "en"]


@pytest.fixture
def schemas_say(standalone):
    yield english(pack_nodes())
    hosts.use(standalone)


def leaves(texts, place=""):
    for key, value in texts.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{place}{key}.")
        else:
            yield f"{place}{key}", value


def test_the_folders_are_the_languages():
    assert sorted(path.name for path in LOCALES.iterdir()) == sorted(LANGUAGES)


def test_english_is_what_the_schemas_say(schemas_say):
    assert read(LOCALES / "en") == schemas_say, f"run {COMMAND}"


@pytest.mark.parametrize("language", TRANSLATED)
def test_nothing_is_missing_and_nothing_too_much(schemas_say, language):
    there = {place for place, _ in leaves(read(LOCALES / language))}
    wanted = {place for place, _ in leaves(schemas_say)}
    assert there == wanted, f"run {COMMAND}, then fill in what it names"


@pytest.mark.parametrize("language", TRANSLATED)
def test_everything_is_translated(language):
    assert list(untranslated(read(LOCALES / language))) == []


@pytest.mark.parametrize(
    ("language", "script"), [("zh", r"[\u4e00-\u9fff]"), ("ja", r"[\u3040-\u30ff\u4e00-\u9fff]")]
)
def test_sentences_are_in_their_script(language, script):
    texts = dict(leaves(read(LOCALES / language)))
    sentences = {k: v for k, v in texts.items() if k.endswith(("tooltip", "description"))}
    assert {k: v for k, v in sentences.items() if not re.search(script, v)} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_read_as_a_pattern(language):
    """The editor's messages give these signs a meaning: placeholders, links and plurals."""
    texts = dict(leaves(read(LOCALES / language)))
    assert {k: v for k, v in texts.items() if re.search(r"[{}@|]", v)} == {}
    assert [place for place in texts if place.count(".") > 5] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_nodes_of_a_language_have_names_of_their_own(language):
    nodes = read(LOCALES / language)["nodeDefs.json"].values()
    names = [node["display_name"] for node in nodes]
    assert len(set(names)) == len(names)


def test_a_translation_is_brought_into_form():
    pattern = {"New": {"name": "New"}, "Old": {"name": "Old", "tips": {"0": "A tip."}}}
    translated = {"Old": {"name": "旧", "gone": "?"}, "Gone": {"name": "?"}}
    fit = fitted(translated, pattern)
    assert fit == {"New": {"name": ""}, "Old": {"name": "旧", "tips": {"0": ""}}}
    assert list(untranslated(fit)) == ["New.name", "Old.tips.0"]
