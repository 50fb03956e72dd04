"""Every name and tooltip of the nodes in every language of the locales folder."""

import re
from pathlib import Path

import pytest

from spacetime_video import hosts
from spacetime_video.tools.locales import (
    COMMAND,
    LANGUAGES,
    english,
    fitted,
    leaves,
    outdated,
    read,
    read_origins,
    refresh,
    untranslated,
    write,
)
from spacetime_video.tools.nodes import pack_nodes

LOCALES = Path(__file__).parents[2] / "locales"
TRANSLATED = [language for language in LANGUAGES if language != "en"]


@pytest.fixture
def schemas_say(standalone):
    yield english(pack_nodes())
    hosts.use(standalone)


def test_the_folders_are_the_languages():
    assert sorted(path.name for path in LOCALES.iterdir() if path.is_dir()) == sorted(LANGUAGES)


def test_english_is_what_the_schemas_say(schemas_say):
    assert read(LOCALES / "en") == schemas_say, f"run {COMMAND}"


@pytest.mark.parametrize("language", TRANSLATED)
def test_nothing_is_missing_and_nothing_too_much(schemas_say, language):
    there = {place for place, _ in leaves(read(LOCALES / language))}
    wanted = {place for place, _ in leaves(schemas_say)}
    assert there == wanted, f"run {COMMAND}, then fill in what it names"


@pytest.mark.parametrize("language", TRANSLATED)
def test_everything_is_translated(language):
    assert untranslated(read(LOCALES / language)) == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_translation_is_of_an_earlier_english_text(schemas_say, language):
    old = outdated(read_origins(LOCALES)[language], read(LOCALES / language), schemas_say)
    again = f"translate these again, then run {COMMAND} --translated {language}/PLACE"
    assert old == [], f"{again}: {', '.join(old)}"


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
    assert untranslated(fit) == ["New.name", "Old.tips.0"]


@pytest.fixture
def translating(tmp_path):
    """Bring a folder in the form of one English tooltip; what is to be done."""

    def bring(tooltip, *anew):
        texts = {"nodeDefs.json": {"New": {"name": "New", "tip": tooltip}}, "main.json": {}}
        return refresh(tmp_path, texts, anew)

    def translate(language, **texts):
        write(tmp_path / language, {"nodeDefs.json": {"New": texts}, "main.json": {}})

    bring.translate = translate
    return bring


def test_a_changed_english_text_is_to_be_translated_again(translating):
    zh, ja = ("zh/nodeDefs.json.New", "ja/nodeDefs.json.New")
    gaps, old = translating("A tip.")
    assert (len(gaps), old) == (4, [])
    for language in TRANSLATED:
        translating.translate(language, name="新", tip="旧")
    assert translating("A tip.") == ([], [])
    assert translating("Another tip.") == ([], [f"{zh}.tip", f"{ja}.tip"])
    assert translating("A tip.") == ([], [])
    assert translating("Another tip.", f"{zh}.tip") == ([], [f"{ja}.tip"])
    assert translating("Another tip.", ja) == ([], [])
    assert translating("A third tip.", "zh") == ([], [f"{ja}.tip"])


def test_an_emptied_text_is_a_gap_and_then_new(translating):
    for language in TRANSLATED:
        translating.translate(language, name="新", tip="旧")
    assert translating("A tip.") == ([], [])
    translating.translate("ja", name="新", tip="")
    assert translating("Another tip.") == (
        ["ja/nodeDefs.json.New.tip"],
        ["zh/nodeDefs.json.New.tip"],
    )
    translating.translate("ja", name="新", tip="別")
    assert translating("Another tip.")[1] == ["zh/nodeDefs.json.New.tip"]


def test_a_place_without_a_text_is_refused(translating):
    translating("A tip.")
    with pytest.raises(
        ValueError, match=r"no text at zh/New: .* such as zh/nodeDefs.json.New.name"
    ):
        translating("A tip.", "zh/New")
