"""`spacetime measure alignment` with the world's own renders in place of the model's clips."""

import json

import pytest
from typer.testing import CliRunner

from spacetime_video.headless import measure, measure_cases
from spacetime_video.headless.cli import app
from spacetime_video.headless.measure import (
    JOBS,
    MeasureOptions,
    measure_command,
    measure_job,
    tasks_of,
)
from spacetime_video.headless.measure_cases import HELD_OUT, image_jobs, true_clips
from spacetime_video.headless.measure_figures import Share
from spacetime_video.headless.measure_studio import Filled, Settings
from spacetime_video.headless.measure_verdicts import View
from spacetime_video.media import load_image
from spacetime_video.models.latent_format import LatentFormat
from spacetime_video.models.vae import TINY_VAE, VideoVAE
from spacetime_video.training import recipe
from spacetime_video.training.scenes import scene_seed

PROMPTS = 2


class TrueWorld:
    """Makes what is asked for, and says that it changed what was given a little."""

    vae = VideoVAE(TINY_VAE)

    def __init__(self):
        self.heard = []

    def latent_shape(self, shape):
        return LatentFormat(channels=16).latent_shape(shape)

    def make(self, cases):
        return true_clips(cases).video

    def fill(self, cases, prompts, video, known):
        self.heard.append("".join(prompts))
        return Filled(video, 0.25)


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """Measure sets without looking at clips; gives the JSON and the maker."""
    blind = View(lambda clip, fps: len(clip), lambda frames, wanted: {"setting": frames > 0})
    for view in ("CLIP", "FALL", "RETURN"):
        monkeypatch.setattr(measure_cases, view, blind)

    def run(*only):
        maker = TrueWorld()
        options = MeasureOptions(
            prompts=PROMPTS,
            only=only,
            settings=Settings(),
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
}


@pytest.mark.parametrize("name", JOBS_TO_READ)
def test_true_renders_pass(name):
    number, rows = JOBS_TO_READ[name]
    seen = []
    job = JOBS[name](PROMPTS)[number]
    table = measure_job(job, TrueWorld(), lambda cases, clips: seen.append(len(clips)))
    assert seen == [PROMPTS]
    for row in rows:
        assert table.rows[row]["generated"] == Share(PROMPTS, PROMPTS)
        assert table.rows[row]["true renders"] == Share(PROMPTS, PROMPTS)
    if name != "physics":
        assert table.rows["objects not asked for"]["generated"] == Share(0, PROMPTS)


def test_figures_of_every_set_are_written(measured, tmp_path):
    figures, _ = measured(*JOBS)
    assert figures.pop("settings")["prompts"] == PROMPTS
    assert list(figures) == [job.title for make in JOBS.values() for job in make(1)]
    for table in figures.values():
        assert "shuffled prompts" in next(iter(table.values()), {"shuffled prompts": 0})
    assert load_image(tmp_path / "sheet.png").pixels.shape[1] >= PROMPTS * 64


def test_given_parts_are_told_and_one_table_has_no_prompt(measured):
    figures, maker = measured("given")
    figures.pop("settings")
    assert [title for title, told in zip(figures, maker.heard, strict=True) if not told] == [
        "given: first frame, no prompt"
    ]
    for table in figures.values():
        assert table["setting"]["generated"]["percent"] == 100
        assert table["change of what was given"]["generated"]["largest"] == 0.25


def test_clips_of_other_prompts_fail():
    class Shuffled(TrueWorld):
        def make(self, cases):
            return true_clips([*cases[1:], cases[0]]).video

    job = image_jobs(8)[0]
    rows = measure_job(job, Shuffled(), lambda cases, clips: None).rows["colour"]
    assert rows["true renders"].right == rows["shuffled prompts"].right == 8
    assert rows["generated"].right <= 4


def test_scenes_are_held_out_and_never_repeat():
    seeds = [case.scene.seed for name in JOBS for job in JOBS[name](3) for case in job.cases]
    assert len(set(seeds)) == len(seeds)
    assert min(seeds) == HELD_OUT
    assert scene_seed(max(recipe.SEED, recipe.HELD_OUT_SEED) + 1, 0) < HELD_OUT


def test_sets_are_chosen_by_name():
    titles = [task.title for task in tasks_of(("physics", "vae"), 2)]
    assert titles == ["a fall", "behind another", "VAE"]
    assert len(tasks_of(measure.SETS, 2)) == sum(len(make(1)) for make in JOBS.values()) + 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--only", "txt"), "unknown set txt: use text, image"),
        (("--prompts", "1"), "1 prompts: use at least 2"),
        (("--weights", "nowhere", "--prompts", "2"), "nowhere"),
    ],
)
def test_wrong_options_are_told_in_one_line(arguments, message):
    done = CliRunner().invoke(app, ["measure", "alignment", *arguments])
    assert done.exit_code == 1
    assert message in done.stderr
    assert "Traceback" not in done.output
