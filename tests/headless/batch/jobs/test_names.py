import os
import string

from hypothesis import given
from hypothesis import strategies as st

from spacetime_video.headless.batch.jobs.names import LONGEST_PART, UniqueNames, filled, safe_name

UNSAFE = set('<>:"|?*\\/') | {chr(code) for code in range(32)}


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters()))
def test_any_value_makes_a_name_for_every_system(text, other):
    name = filled("clips/{a}_{b}", {"a": text, "b": other}.__getitem__)

    folder, slash, file = name.partition("/")
    assert (folder, slash) == ("clips", "/")
    assert not UNSAFE & set(file)
    assert 0 < len(os.fsencode(file)) <= LONGEST_PART + 1
    assert file == file.strip(" .")


def test_names_that_systems_keep_for_themselves():
    kept = ["CON", "nul.txt", "com1", "Lpt9.x", "..", "", " . ", "a" * 300, "é" * 80]

    assert [safe_name(name) for name in kept] == [
        "_CON", "_nul.txt", "_com1", "_Lpt9.x", "_", "_", "_", "a" * LONGEST_PART, "é" * 50,
    ]  # fmt: skip
    assert safe_name("line\nbreak\ttab /x\\y: z") == "line_break_tab_x_y_z"
    assert safe_name(string.ascii_letters + " é 猫") == f"{string.ascii_letters}_é_猫"


def test_equal_names_are_numbered():
    names = UniqueNames()

    given_names = [names.of(name) for name in ["a", "A", "a_2", "a", "b", "a_2"]]

    assert given_names == ["a", "A_2", "a_2_2", "a_3", "b", "a_2_3"]
