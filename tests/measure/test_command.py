"""`spacetime measure alignment` with the world's own renders in place of the model's clips."""

import json

import pytest
from typer.testing import CliRunner

from spacetime_video.headless.cli import app
from spacetime_video.measure import jobs
from spacetime_video.measure.cases import HELD_OUT, true_clips
from spacetime_video.measure.command import MeasureOptions, measure_command
from spacetime_video.measure.figures import Share
from spacetime_video.measure.jobs import JOBS, image_jobs
from spacetime_video.measure.readers import Readers
from spacetime_video.measure.studio import Filled, Settings
from spacetime_video.measure.tasks import SETS, measure_job, tasks_of
from spacetime_video.measure.views import Reading
from spacetime_video.media import load_image
from spacetime_video.models.latent_format import LatentFormat
from spacetime_video.models.vae.network import TINY_VAE, VideoVAE
from spacetime_video.training import recipe
from spacetime_video.training.scenes import scene_seed

PROMPTS = 2


class TrueWorld:
    """Makes what is asked for, and says that it changed what was given a little."""

    vae = VideoVAE(TINY_VAE)

    def __init__(self):
        self.heard = []

    def latent_shape(self, shape):
        return LatentFormat(channels=16).compression.latent_shape(shape)

    def make(self, cases):
        return true_clips(cases).video

    def fill(self, cases, prompts, video, known):
        self.heard.append("".join(prompts))
        return Filled(video, 0.25)


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """Measure sets without looking at clips; gives the JSON and the maker."""
    blind = Reading(lambda clip, fps: len(clip), lambda frames, wanted: {"setting": frames > 0})
    for view in ("CLIP", "COUNT", "FALL", "RETURN"):
        monkeypatch.setattr(jobs, view, blind)

    def run(*only):
        maker = TrueWorld()
        options = MeasureOptions(
            prompts=PROMPTS,
            only=only,
            settings=Settings(),
            jobs=1,
            json_file=tmp_path / "figures.json",
            sheet_file=tmp_path / "sheet.png",
        )
        assert measure_command(options, maker) == 0
        return json.loads(options.json_file.read_text()), maker

    return run


JOBS_TO_READ = {
    "text": (0, ("colour", "setting", "motion", "shape", "all")),
    "image": (1, ("colour", "setting", "shape", "all")),
    "scenes": (0, ("count", "setting")),
    "physics": (0, ("falls",)),
    "sizes": (0, ("colour", "setting", "motion", "shape", "all")),
}


@pytest.mark.parametrize("name", JOBS_TO_READ)
def test_true_renders_pass(name):
    number, rows = JOBS_TO_READ[name]
    seen = []
    job = JOBS[name](PROMPTS)[number]
    table = measure_job(job, TrueWorld(), Readers(1), lambda cases, clips: seen.append(len(clips)))
    assert seen == [PROMPTS]
    for row in rows:
        assert table.rows[row]["generated"] == Share(PROMPTS, PROMPTS)
        assert table.rows[row]["true renders"] == Share(PROMPTS, PROMPTS)
    if name != "physics":
        assert table.rows["spurious objects"]["generated"] == Share(0, PROMPTS)


def test_clips_are_read_at_their_frame_rate(monkeypatch):
    rate = Reading(lambda clip, fps: fps, lambda fps, wanted: {"setting": fps == 8})
    monkeypatch.setattr(jobs, "CLIP", rate)
    tables = {
        job.title: measure_job(job, TrueWorld(), Readers(1), lambda cases, clips: None)
        for job in JOBS["sizes"](PROMPTS)
    }
    right = [title for title, each in tables.items() if each.rows["setting"]["generated"].right]
    assert right == ["8 per second"]


def test_figures_of_every_set_are_written(measured, tmp_path):
    figures, _ = measured(*JOBS)
    assert figures["settings"]["prompts"] == PROMPTS
    asked = [(job.group, job.title) for make in JOBS.values() for job in make(1)]
    assert [(table["group"], table["title"]) for table in figures["tables"]] == asked
    for table in figures["tables"]:
        assert table["seconds"] > 0
        assert all("shuffled prompts" in row for row in table["rows"].values() if len(row) > 1)
    assert load_image(tmp_path / "sheet.png").pixels.shape[1] >= PROMPTS * 64


def test_given_parts_are_told_and_one_table_has_no_prompt(measured):
    figures, maker = measured("given")
    tables = figures["tables"]
    untold = [table["title"] for table, told in zip(tables, maker.heard, strict=True) if not told]
    assert untold == ["first frame, no prompt"]
    for table in tables:
        assert table["rows"]["setting"]["generated"]["percent"] == 100
        assert table["rows"]["change of the given part"]["generated"]["largest"] == 0.25


def test_clips_of_other_prompts_fail():
    class Shuffled(TrueWorld):
        def make(self, cases):
            return true_clips([*cases[1:], cases[0]]).video

    job = image_jobs(8)[0]
    rows = measure_job(job, Shuffled(), Readers(1), lambda cases, clips: None).rows["colour"]
    assert rows["true renders"].right == rows["shuffled prompts"].right == 8
    assert rows["generated"].right <= 4


def test_scenes_are_held_out_and_never_repeat():
    seeds = [case.scene.seed for name in JOBS for job in JOBS[name](3) for case in job.cases]
    assert len(set(seeds)) == len(seeds)
    assert min(seeds) == HELD_OUT
    assert scene_seed(max(recipe.SEED, recipe.HELD_OUT_SEED) + 1, 0) < HELD_OUT


def test_sets_are_chosen_by_name():
    names = [task.name for task in tasks_of(("physics", "vae"), 2)]
    assert names == ["physics: a fall", "physics: behind another", "VAE: clips and photographs"]
    assert len(tasks_of(SETS, 2)) == sum(len(make(1)) for make in JOBS.values()) + 1


def test_parts_of_a_measurement_make_one(measured, tmp_path, capsys):
    files = []
    for name in ("image", "physics"):
        figures, _ = measured(name)
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(json.dumps(figures))
    whole = tmp_path / "whole.json"
    done = CliRunner().invoke(
        app, ["measure", "report", *map(str, files), "--json", str(whole), "--markdown"]
    )
    assert done.exit_code == 0
    assert "**text to image**" in done.stdout
    assert "| setting | 100 % (34\N{EN DASH}100) |" in done.stdout
    parts = [json.loads(file.read_text()) for file in files]
    merged = json.loads(whole.read_text())
    assert merged["settings"] == parts[0]["settings"]
    assert merged["tables"] == parts[0]["tables"] + parts[1]["tables"]


def test_parts_that_do_not_fit_are_refused(measured, tmp_path):
    figures, _ = measured("physics")
    one, other, empty = (tmp_path / name for name in ("one.json", "other.json", "empty.json"))
    one.write_text(json.dumps(figures))
    other.write_text(json.dumps({**figures, "settings": {**figures["settings"], "steps": 7}}))
    empty.write_text("{}")
    for files, message in (
        ((one, one.with_name("figures.json")), "measures 'physics: a fall' again"),
        ((one, other), "'steps': 7"),
        ((one, empty), "holds no measurement"),
        ((one, tmp_path / "sheet.png"), "is not a JSON file"),
        ((tmp_path / "nowhere.json",), "nowhere.json"),
    ):
        done = CliRunner().invoke(app, ["measure", "report", *map(str, files)])
        assert done.exit_code == 1
        assert message in done.stderr
        assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--only", "txt"), "unknown set txt: use text, image"),
        (("--prompts", "1"), "1 prompts: use at least 2"),
        (("--jobs", "0"), "0 jobs: use at least 1"),
        (("--weights", "nowhere", "--prompts", "2"), "nowhere"),
    ],
)
def test_wrong_options_are_told_in_one_line(arguments, message):
    done = CliRunner().invoke(app, ["measure", "alignment", *arguments])
    assert done.exit_code == 1
    assert message in done.stderr
    assert "Traceback" not in done.output
