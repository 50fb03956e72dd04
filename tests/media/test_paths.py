"""Names of saved files: they count up and never leave their folder."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from spacetime_video.media import claimed_output


def next_output_path(folder, prefix, suffix):
    """The path that is free now, given back at once."""
    with claimed_output(folder, prefix, suffix) as file:
        return file.path


def test_counts_up(tmp_path):
    first = next_output_path(tmp_path, "clip", ".mp4")
    assert first == tmp_path / "clip_00001_.mp4"
    first.touch()
    assert next_output_path(tmp_path, "clip", ".mp4").name == "clip_00002_.mp4"
    (tmp_path / "clip_00041_.png").touch()
    (tmp_path / "clip_two_00099_.mp4").touch()
    (tmp_path / "clip_x.mp4").touch()
    assert next_output_path(tmp_path, "clip", ".mp4").name == "clip_00042_.mp4"
    assert next_output_path(tmp_path, "cl", ".mp4").name == "cl_00001_.mp4"


def test_subfolders_are_made(tmp_path):
    path = next_output_path(tmp_path / "out", "video/day/clip", ".mp4")
    assert path == tmp_path / "out" / "video" / "day" / "clip_00001_.mp4"
    assert path.parent.is_dir()


def test_inner_dots_are_fine(tmp_path):
    assert next_output_path(tmp_path, "a/../b..c", ".png").name == "b..c_00001_.png"


@pytest.mark.parametrize(
    "prefix", ["../x", "/tmp/x", "a/../../x", "..\\x", "..", "a/../..", "x\0y", "\\x"]
)
def test_leaving_the_folder_is_refused(tmp_path, prefix):
    with pytest.raises(ValueError, match="leads out of"):
        next_output_path(tmp_path / "out", prefix, ".mp4")
    assert not any(tmp_path.glob("x*"))


def test_a_link_to_another_disk_is_followed(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "video").symlink_to(tmp_path / "disk")
    path = next_output_path(tmp_path / "out", "video/x", ".mp4")
    assert path == tmp_path / "out" / "video" / "x_00001_.mp4"
    with pytest.raises(ValueError, match="leads out of"):
        next_output_path(tmp_path / "out", "video/../../x", ".mp4")


@pytest.mark.parametrize("prefix", ["", ".", "a/.."])
def test_a_prefix_needs_a_name(tmp_path, prefix):
    with pytest.raises(ValueError, match="names no file"):
        next_output_path(tmp_path, prefix, ".mp4")


def test_a_prefix_that_no_file_can_have(tmp_path):
    with pytest.raises(ValueError, match="name of 300 bytes: use at most"):
        next_output_path(tmp_path, "x" * 300, ".mp4")
    (tmp_path / "video").touch()
    with pytest.raises(ValueError, match=r"video is not a folder"):
        next_output_path(tmp_path, "video/clip", ".mp4")


def test_a_name_is_kept_from_others_while_its_file_is_written(tmp_path):
    with claimed_output(tmp_path, "clip", ".mp4") as first:
        assert not first.path.exists()
        with claimed_output(tmp_path, "clip", ".mp4") as second:
            assert (first.path.name, second.path.name) == ("clip_00001_.mp4", "clip_00002_.mp4")
        first.unfinished.touch()
    assert [path.name for path in tmp_path.iterdir()] == ["clip_00001_.mp4"]


def test_a_claim_goes_when_saving_fails(tmp_path):
    with pytest.raises(OSError, match="disk"), claimed_output(tmp_path, "clip", ".mp4"):
        raise OSError("disk full")
    assert not any(tmp_path.iterdir())


def test_savers_at_once_get_a_name_each(tmp_path):
    def save(index):
        with claimed_output(tmp_path, "clip", ".mp4") as file:
            file.unfinished.write_text(str(index))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(save, range(64)))
    files = sorted(tmp_path.iterdir())
    assert sorted(int(path.read_text()) for path in files) == list(range(64))


def test_a_file_that_appeared_meanwhile_stays(tmp_path):
    with claimed_output(tmp_path, "clip", ".mp4") as file:
        file.unfinished.write_text("ours")
        (tmp_path / "clip_00001_.mp4").write_text("theirs")
    assert file.path.name == "clip_00002_.mp4"
    assert [(tmp_path / f"clip_0000{n}_.mp4").read_text() for n in (1, 2)] == ["theirs", "ours"]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_system_without_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("no links here")

    monkeypatch.setattr("os.link", refuse)
    test_a_file_that_appeared_meanwhile_stays(tmp_path)


def test_control_characters_do_not_reach_a_name(tmp_path):
    path = next_output_path(tmp_path, "a\x1b[31m\nb\u202e", ".png")
    assert path.name == "a_[31m_b__00001_.png"


RESERVED = {
    "con": "con_00001_.png",
    "CON.v1": "_CON.v1_00001_.png",
    "nul .a": "_nul .a_00001_.png",
    "com¹.x": "_com¹.x_00001_.png",
    "con/clip": "_con/clip_00001_.png",
    "aux.old\\COM1.": "_aux.old/_COM1._00001_.png",
    "lpt9 /prn": "lpt9_/prn_00001_.png",
    "day ./a. ": "day__/a. _00001_.png",
    "console/com10": "console/com10_00001_.png",
    "a/../.b/..c": ".b/..c_00001_.png",
}


@pytest.mark.parametrize(("prefix", "name"), RESERVED.items())
def test_names_that_windows_keeps_for_itself_are_changed_everywhere(tmp_path, prefix, name):
    path = next_output_path(tmp_path, prefix, ".png")
    assert path.relative_to(tmp_path).as_posix() == name


def test_files_that_follow_each_other_count_up_without_a_look_at_all(tmp_path, monkeypatch):
    (tmp_path / "clip_00003_.mp4").touch()
    (tmp_path / "clip_00006_.png").touch()
    looks, look = [], Path.iterdir

    def count(self):
        looks.append(self)
        return look(self)

    monkeypatch.setattr(Path, "iterdir", count)
    names, number = [], 0
    for _ in range(40):
        with claimed_output(tmp_path, "other" if number else "clip", ".png", after=number) as file:
            file.unfinished.touch()
        names.append(file.path.name)
        number = file.number
    assert names[0] == "clip_00007_.png"
    assert names[1:] == [f"other_{n:05}_.png" for n in range(8, 47)]
    assert len(looks) == 3


def test_a_file_that_is_there_is_passed_by(tmp_path):
    (tmp_path / "clip_00002_.png").write_text("theirs")
    with claimed_output(tmp_path, "clip", ".png", after=1) as file:
        file.unfinished.write_text("ours")
    assert (file.path.name, file.number) == ("clip_00003_.png", 3)
    assert (tmp_path / "clip_00002_.png").read_text() == "theirs"


def test_what_another_process_holds_is_not_abandoned(tmp_path):
    with claimed_output(tmp_path, "clip", ".mp4") as first:
        first.unfinished.write_text("first")
        with claimed_output(tmp_path, "other", ".mp4") as second:
            second.unfinished.write_text("second")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "clip_00001_.mp4",
        "other_00001_.mp4",
    ]
