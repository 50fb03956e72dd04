"""`spacetime measure guidance`: ways to guide on the same prompts and noise."""

import json

import pytest
from typer.testing import CliRunner

from spacetime_video.headless.cli import app
from spacetime_video.measure import jobs
from spacetime_video.measure.cases import HELD_OUT, cases
from spacetime_video.measure.guidance import GUIDES, ways_to_guide
from spacetime_video.measure.studio import ClipMaker, Settings
from spacetime_video.measure.views import Reading
from spacetime_video.models.shapes import VideoShape
from spacetime_video.weights import bundled

SHAPE = VideoShape(5, 32, 32)


@pytest.fixture(scope="module")
def weights(models_dir, tmp_path_factory):
    """Random weights under the names of the shipped ones."""
    folder = tmp_path_factory.mktemp("weights")
    for kind in ("diffusion_models", "text_encoders", "vae"):
        made = next(path for path in (models_dir / kind).iterdir() if "random" in path.name)
        (folder / next(iter(bundled(kind)))).symlink_to(made)
    return folder


def test_every_way_samples_in_its_own_way(weights):
    base = Settings(steps=16, device="cpu", weights=weights)
    chosen = cases(HELD_OUT, 1, "single", SHAPE)
    made = {
        name: ClipMaker(settings).sample(chosen) for name, settings in ways_to_guide(base).items()
    }
    assert list(made) == list(GUIDES)
    names = list(made)
    for number, name in enumerate(names):
        for other in names[:number]:
            assert (made[name] - made[other]).abs().max() > 1e-4, (name, other)


def test_a_way_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="no way to guide named '4'"):
        ways_to_guide(Settings(), ["4"])


def test_the_command_writes_a_row_for_every_way(weights, monkeypatch, tmp_path):
    view = Reading(
        lambda clip, fps: float(clip.mean()), lambda _, __: {"shape": True, "binding": True}
    )
    monkeypatch.setattr(jobs, "CLIP", view)
    monkeypatch.setattr(jobs, "VIDEO_SHAPES", (SHAPE,))
    monkeypatch.setattr(jobs, "SQUARE", SHAPE)
    told = ["measure", "guidance", "--prompts", "2", "--jobs", "1", "--steps", "3", "--markdown"]
    told += ["--only", "1", "--only", "3 above 0.2", "--weights", str(weights)]
    result = CliRunner().invoke(app, [*told, "--json", str(tmp_path / "made.json")])
    assert result.exit_code == 0, result.output
    assert "| 3 above 0.2 |" in result.output
    made = json.loads((tmp_path / "made.json").read_text())
    assert "guidance" not in made["settings"]
    one, two = made["tables"]
    counted = {name: row["evaluations"]["number"] for name, row in one["rows"].items()}
    assert counted == {"1": 3, "3 above 0.2": 6}
    assert list(two["rows"]) == ["1", "3 above 0.2"]
    assert one["rows"]["1"]["shape"]["of"] == two["rows"]["1"]["binding"]["of"] == 2
