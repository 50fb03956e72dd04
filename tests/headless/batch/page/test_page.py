"""The contact sheet as a file: what it says, its links, and texts that would be more than texts."""

import shutil
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from PIL import Image

from spacetime_video.headless.batch.lock import FolderLock
from spacetime_video.headless.batch.manifest import DONE, FAILED, PLANNED, RUNNING
from spacetime_video.headless.batch.page.command import sheet_command
from spacetime_video.headless.batch.page.sheet import PAGE, ContactSheet, write_page

from .conftest import Made

HOSTILE = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&lt; ../../ % # ? ü 漢 \u202e\x1b"
)
"""A text that is a program, a path, an entity and a mark that turns what follows."""


class Reader(HTMLParser):
    """Collects the elements of a page and the texts in them."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag, **wanted):
        return [
            attrs
            for name, attrs in self.elements
            if name == tag and wanted.items() <= attrs.items()
        ]

    @property
    def links(self):
        names = (attrs.get("href") or attrs.get("src") for _, attrs in self.elements)
        return [name for name in names if name and not name.startswith("data:")]


def read(page):
    return Reader(page.read_text(encoding="utf-8"))


def broken(page):
    """Links of a page that lead to no file, or to one by another name than it says."""
    places = {link: page.parent / unquote(urlsplit(link).path) for link in read(page).links}
    return [
        link
        for link, place in places.items()
        if not place.is_file() or urlsplit(link)[:2] != ("", "") or urlsplit(link)[3:] != ("", "")
    ]


def test_a_batch_is_shown_with_what_differs_between_its_jobs(record):
    jobs = [
        Made(
            name=f"clip_{seed}",
            prompt="a red cube",
            seed=str(seed),
            source="graphs/night.json",
            assignments=("Schedule.steps=4", f"Noise.seed={seed}", f"Denoiser.guidance={seed / 2}"),
            files=(f"clip_{seed}.mp4",),
            seconds=seed * 40.0,
            details={"peak_memory": 3_200_000_000, "device": "cuda:0"},
        )
        for seed in (1, 2)
    ]
    bad = Made(name="clip_3", prompt="a red cube", seed="3", source="graphs/night.json",
               assignments=("Schedule.steps=4", "Noise.seed=3", "Denoiser.guidance=1.5"),
               state=FAILED, error="no such sampler", node="Solver")  # fmt: skip
    page = write_page(record(*jobs, bad))
    text = "".join(read(page).texts)
    for told in ("night", "3 jobs · 2 done · 1 failed", "40 s · 3.2 GB", "1 min 20 s",
                 "no such sampler", "Solver", "by seed", "by Denoiser.guidance"):  # fmt: skip
        assert told in text, told
    assert text.count("a red cube") == text.count("Schedule.steps") == text.count("cuda:0") == 1
    assert text.count("Denoiser.guidance") == 3 + 1, "of each job, and to sort by"
    assert "Noise.seed" not in text, "the seed is told once"
    assert broken(page) == []
    logs = [link for link in read(page).links if link.startswith("logs/")]
    assert logs == [f"logs/0000{number}.log" for number in (1, 2, 3)]


def test_jobs_stand_as_they_were_named_and_tags_say_enough(record):
    words = ("Denoiser #guidance.guidance", "Size (px) #size.width", "Sampler.steps")
    jobs = [
        Made(name=f"clip_{number}", assignments=tuple(f"{each}={number}" for each in words))
        for number in range(1, 4)
    ]
    page = write_page(record(*jobs, runs=(2, 0, 1)))
    text = "".join(read(page).texts)
    assert [text.index(f"clip_{number}") for number in (1, 2, 3)] == sorted(
        text.index(f"clip_{number}") for number in (1, 2, 3)
    )
    named = [each for each in read(page).texts if each.startswith("by ")]
    assert named == ["by name", "by guidance", "by size.width", "by Sampler.steps"]


def size_of(path):
    with Image.open(path) as picture:
        return picture.size


def test_posters_are_small_pictures_of_each_kind_of_result(record):
    names = ("a.mp4", "b.png", "c.safetensors", "broken.webp")
    layout = record(*(Made(name=name, files=(name,)) for name in names))
    page = write_page(layout)
    kinds = [link["data-kind"] for link in read(page).all("a", **{"class": "stage"})]
    assert kinds == ["video", "image", "other", "image"]
    posters = read(page).all("img")
    sizes = [(int(attrs["width"]), int(attrs["height"])) for attrs in posters]
    assert sizes == [size_of(page.parent / attrs["src"]) for attrs in posters]
    assert sizes == [(64, 36), (30, 40)]
    assert "--aspect: 1.7778" in page.read_text(encoding="utf-8")
    before = {path: path.stat().st_mtime_ns for path in (layout.batch / "posters").iterdir()}
    write_page(layout)
    after = {path: path.stat().st_mtime_ns for path in (layout.batch / "posters").iterdir()}
    assert after == before, "they are made once"


def test_texts_of_anyone_stay_texts(record):
    made = Made(name=HOSTILE, prompt=HOSTILE, seed=HOSTILE, source=HOSTILE, files=("a.mp4",),
                assignments=(f"{HOSTILE.replace('=', ' ')}.x={HOSTILE}",),
                details={"server": HOSTILE})  # fmt: skip
    failed = Made(name="b", state=FAILED, error=HOSTILE, node=HOSTILE)
    page = write_page(record(made, failed, reason=HOSTILE))
    text = page.read_text(encoding="utf-8")
    assert text.count("<script") == text.count("</script") == 1
    assert read(page).all("script") == [{}]
    assert [attrs for attrs in read(page).all("img") if "onerror" in attrs] == []
    assert [name for _, attrs in read(page).elements for name in attrs if name[:2] == "on"] == []
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert HOSTILE[:60] in "".join(read(page).texts), "and it is told as it is"


NAMES = (
    "a b.mp4", "100%.mp4", "50%25.mp4", "what?.mp4", "part #2.mp4", "a&b.mp4", "<b>\"'.mp4",
    "..dots...mp4", "ü 漢字 🎞.mp4", "deep/er/c:d.mp4", "javascript:x.mp4", "back\\slash.mp4",
)  # fmt: skip


def test_links_lead_to_files_of_any_name_wherever_the_folder_is_moved(record, tmp_path):
    layout = record(*(Made(name=name, files=(name,)) for name in NAMES))
    page = write_page(layout)
    assert len(read(page).all("a", **{"class": "stage"})) == len(NAMES)
    assert broken(page) == []
    place = tmp_path / "usb stick #1" / "tonight?"
    place.parent.mkdir()
    shutil.move(layout.output, place)
    moved = place / page.relative_to(layout.output)
    assert broken(moved) == []
    assert str(tmp_path) not in moved.read_text(encoding="utf-8")


def test_a_name_that_leads_out_of_the_folder_is_no_link(record, tmp_path):
    outside = Made(name="a", files=("../outside.mp4",))
    page = write_page(record(outside))
    assert (tmp_path / "outside.mp4").is_file()
    assert [link for link in read(page).links if "outside" in link] == []
    assert read(page).all("img") == []


def test_results_that_are_gone_and_further_ones_are_told(record):
    files = tuple(f"frame_{number}.png" for number in range(30))
    layout = record(Made(name="many", files=files), Made(name="lost", files=("lost.mp4",)))
    (layout.output / "lost.mp4").unlink()
    page = write_page(layout)
    assert "lost.mp4 is missing" in "".join(read(page).texts)
    assert "and 5 more" in "".join(read(page).texts)
    assert len(read(page).all("a", **{"class": "other"})) == 24
    assert broken(page) == []


def standing(page):
    return [each for each in read(page).texts if "resume" in each or "Last updated" in each]


@pytest.mark.parametrize(
    ("reason", "told"), [("the disk is full", "the disk is full"), (None, "the batch was killed")]
)
def test_why_a_batch_has_ended_early_is_told(record, reason, told):
    states = [Made(name=state, state=state) for state in (DONE, RUNNING, PLANNED)]
    layout = record(*states, reason=reason)
    (line,) = standing(write_page(layout))
    assert told in line
    assert "1 done · 2 left" in "".join(read(layout.batch / PAGE).texts)


def test_what_runs_is_told_while_it_does(record):
    states = [Made(name=state, state=state) for state in (DONE, RUNNING, PLANNED)]
    layout = record(*states, reason=None)
    (line,) = standing(write_page(layout, is_live=True))
    assert "Last updated" in line
    assert "1 done · 1 running · 1 left" in "".join(read(layout.batch / PAGE).texts)


def test_a_thousand_jobs_are_one_small_page_soon(record):
    made = [
        Made(name=f"clip_{number:04}", prompt=f"a cube of kind {number % 40}", seed=str(number),
             files=(f"clip_{number:04}.mp4",))
        for number in range(1000)
    ]  # fmt: skip
    layout = record(*made)
    write_page(layout)
    began = time.monotonic()
    page = write_page(layout)
    assert time.monotonic() - began < 10
    assert page.stat().st_size < 2_000_000
    pictures = read(page).all("img")
    assert len(pictures) == 1000
    assert {(each["loading"], bool(each["width"])) for each in pictures} == {("lazy", True)}
    assert read(page).all("video") == [], "none is read before somebody looks"


class Clock:
    """A clock that is set by hand, and goes on with each look."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_a_page_is_written_anew_as_jobs_end_but_not_for_each(record):
    clock, layout = Clock(), record(Made(name="a", state=RUNNING), reason=None)
    sheet, page = ContactSheet(layout, clock), layout.batch / PAGE

    def is_written(*, has_changed):
        page.unlink(missing_ok=True)
        sheet.keep(has_changed=has_changed)
        return page.exists()

    sheet.begin()
    assert "Last updated" in page.read_text(encoding="utf-8")
    assert not is_written(has_changed=True), "just written"
    clock.now += 11
    assert is_written(has_changed=False), "it was behind"
    clock.now += 60
    assert not is_written(has_changed=False)
    assert is_written(has_changed=True)
    sheet.end()
    assert "Last updated" not in page.read_text(encoding="utf-8")


def test_a_page_that_cannot_be_written_is_told_once(record, caplog):
    layout = record(Made(name="a", files=("a.mp4",)))
    (layout.batch / PAGE).mkdir()
    sheet = ContactSheet(layout, Clock())
    sheet.begin()
    sheet.end()
    assert sheet.path is None
    (told,) = caplog.messages
    assert "cannot write the contact sheet" in told
    assert "is not a file" in told


def test_the_page_of_a_batch_that_has_ended(record, capsys, tmp_path):
    first, last = (record(Made(name=name, files=(f"{name}.mp4",))) for name in ("one", "two"))
    assert sheet_command(first.output) == 0
    assert sheet_command(first.batch) == 0
    paths = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert paths == [last.batch / PAGE, first.batch / PAGE]
    assert [broken(path) for path in paths] == [[], []]
    with pytest.raises(FileNotFoundError, match="there is no batch in"):
        sheet_command(tmp_path / "elsewhere")


def test_the_page_of_a_batch_that_runs_says_so(record):
    old, new = (record(Made(name="a", state=PLANNED), reason=reason) for reason in ("full", None))
    sheet_command(new.batch)
    assert "the batch was killed" in standing(new.batch / PAGE)[0]
    with FolderLock(new.batch.parent):
        sheet_command(new.batch)
        sheet_command(old.batch)
    told = [standing(layout.batch / PAGE)[0] for layout in (old, new)]
    assert "full" in told[0]
    assert "Last updated" in told[1]
