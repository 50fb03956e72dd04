"""Tables in Markdown, beside each other or one below the other."""

from spacetime_video.measure.figures import Largest, Mean, Share, Table
from spacetime_video.measure.markdown import markdown


def rows(made, true):
    return {"colour": {"generated": Share(made, 10), "true renders": Share(true, 10)}}


def test_tables_with_the_same_rows_stand_beside_each_other():
    first = {**rows(8, 9), "changed": {"generated": Largest(0.5)}}
    second = {**rows(0, 10), "changed": {"generated": Largest(0.0)}}
    text = markdown([Table("sizes", "64x64", first), Table("sizes", "80x48", second, ("Note.",))])
    assert (
        text
        == """**sizes**

|  | 64\N{MULTIPLICATION SIGN}64 | 80\N{MULTIPLICATION SIGN}48 | true renders |
|---|---|---|---|
| colour | 80 % (49\N{EN DASH}94) | 0 % (0\N{EN DASH}28) | 90\N{EN DASH}100 % |
| changed | 0.5 | 0 |  |

Note.
"""
    )


def test_other_tables_stand_below_each_other():
    tables = [Table("scenes", "one", rows(10, 10)), Table("scenes", "two", {"count": {}})]
    lines = markdown(tables).splitlines()
    assert lines[2] == "|  | generated | true renders |"
    assert lines[4].startswith("| one: colour | 100 % (72\N{EN DASH}100) | 100 % (72")
    assert lines[5] == "| two: count |  |  |"


def test_a_table_alone_needs_no_title_in_its_rows():
    means = {"clips": {"VAE": Mean(34.44, 0.1, 8, "dB"), "linear code": Mean(30.0, 0.1, 8, "dB")}}
    text = markdown([Table("sizes", "one", rows(1, 1)), Table("VAE", "all", means)])
    assert "\n| colour | 10 % (2\N{EN DASH}40) |" in text
    assert text.endswith(
        "| clips | 34.4 dB (\N{PLUS-MINUS SIGN}0.2) | 30.0 dB (\N{PLUS-MINUS SIGN}0.2) |\n"
    )
