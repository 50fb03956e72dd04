"""`spacetime measure control`: a small run with a branch, and what is told of it."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from spacetime_video.headless.cli import app
from spacetime_video.measure.control.jobs import JOBS
from spacetime_video.measure.control.judging import EDGES, OBJECT_EDGES
from spacetime_video.measure.control.plot import strength_plot
from spacetime_video.measure.control.tables import ANOTHER, FREE, STEERED, TRUTH, control_table
from spacetime_video.measure.control.tasks import Adherence, rising
from spacetime_video.media import load_image
from spacetime_video.model_loaders.load import read_dit
from spacetime_video.training.control import base_fingerprint, light_branch
from spacetime_video.training.control_recipe import named_weights
from spacetime_video.training.control_start import fresh_branch
from spacetime_video.training.recipe import DIT_FILE, control_file, write_weights
from spacetime_video.weights import bundled


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run leaves: a branch for edges of the shipped weights that changes something."""
    folder = tmp_path_factory.mktemp("weights")
    base = read_dit(bundled("diffusion_models")[DIT_FILE])
    generator = torch.Generator().manual_seed(1)
    branch = fresh_branch(light_branch(base.config), generator)
    with torch.no_grad():
        for layer in branch.controlnet_blocks:
            layer.weight.normal_(std=0.05, generator=generator)
    info = {
        "kind": "controlnet",
        "config": branch.control.to_dict(),
        "latent": base.info["latent"],
        "base": base_fingerprint(base.state),
    }
    write_weights(folder / control_file("edges"), named_weights(branch), info)
    return folder


def test_a_small_run_is_written_and_printed(weights: Path, tmp_path: Path) -> None:
    figures, plot = tmp_path / "figures.json", tmp_path / "plot.png"
    done = CliRunner().invoke(
        app,
        [
            *("measure", "control", "--cases", "2", "--steps", "2", "--jobs", "1"),
            *("--only", "edges", "--only", "strength", "--weights", str(weights)),
            *("--markdown", "--json", str(figures), "--plot", str(plot)),
        ],
    )
    assert done.exit_code == 0, done.output
    assert "| edges: objects' edges, F1 |" in done.stdout
    edges, strength = json.loads(figures.read_text())["tables"]
    row = edges["rows"][OBJECT_EDGES]
    assert list(row) == [STEERED, ANOTHER, FREE, TRUTH]
    assert row[TRUTH]["mean"] > 1.2 * row[FREE]["mean"]
    assert row[STEERED]["mean"] != row[FREE]["mean"]
    assert row[STEERED]["mean"] != row[ANOTHER]["mean"]
    assert edges["rows"]["colour"][TRUTH]["percent"] == 100
    swept = strength["rows"]
    assert list(swept) == ["0", "0.25", "0.5", "0.75", "1", "1.25", "1.5"]
    assert swept["0"][OBJECT_EDGES]["mean"] == pytest.approx(row[FREE]["mean"], abs=0.2)
    assert swept["1"][OBJECT_EDGES]["mean"] == row[STEERED]["mean"]
    assert load_image(plot).pixels.ndim == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--only", "pose"), "unknown part pose: use edges, depth, tracks, camera, strength, drag"),
        (("--cases", "1"), "1 cases: use at least 2"),
        (("--only", "depth"), "train one with `spacetime train control --hint depth`"),
    ],
)
def test_wrong_options_are_told_in_one_line(
    arguments: tuple[str, ...], message: str, weights: Path
) -> None:
    done = CliRunner().invoke(
        app, ["measure", "control", "--weights", str(weights), "--jobs", "1", *arguments]
    )
    assert done.exit_code == 1
    assert message in done.stderr
    assert "Traceback" not in done.output


def test_a_branch_is_measured_with_its_own_denoiser_alone(weights: Path, tmp_path: Path) -> None:
    """That beside it comes before the shipped one, and has to be the one it was trained for."""
    for kind in ("text_encoders", "vae"):
        for name, path in bundled(kind).items():
            (tmp_path / name).symlink_to(path)
    shutil.copy(weights / control_file("edges"), tmp_path)
    other = read_dit(bundled("diffusion_models")[DIT_FILE])
    changed = {name: weight * 1.01 for name, weight in other.state.items()}
    write_weights(tmp_path / DIT_FILE, changed, dict(other.info))
    arguments = ("--only", "edges", "--cases", "2", "--weights", str(tmp_path))
    done = CliRunner().invoke(app, ["measure", "control", "--jobs", "1", *arguments])
    assert done.exit_code == 1
    assert "was trained for another denoiser than" in done.stderr
    assert str(tmp_path / DIT_FILE) in done.stderr.replace("\n", "")


def test_bars_are_told() -> None:
    def clip(follows: bool, colour: bool) -> dict[str, bool]:
        verdict = {"order": follows, "setting": colour, "binding": colour, "motion": True}
        return {"in place": True, **verdict}

    good, bad = clip(True, True), clip(False, False)
    job = JOBS["depth"](2)
    found = {STEERED: [good] * 10, ANOTHER: [bad] * 10, FREE: [good] * 10, TRUTH: [good] * 10}
    table = control_table(job, found)
    assert [note[:4] for note in table.notes] == ["PASS"] * 4
    assert list(table.rows) == ["in place", "order", "binding", "setting", "motion"]
    worse = control_table(job, {**found, STEERED: [good] * 8 + [bad] * 2})
    assert [note[:4] for note in worse.notes] == [*["FAIL"] * 3, "PASS"]
    assert "80 % of clips" in worse.notes[0]
    assert "20.0 points" in worse.notes[1]


def test_edges_are_compared_with_what_true_clips_reach() -> None:
    seen = {"colour": True, "setting": True, "shape": True, "motion": True}
    found = {
        name: [{OBJECT_EDGES: share, EDGES: 0.9, **seen}] * 4
        for name, share in {STEERED: 0.6, ANOTHER: 0.2, FREE: 0.3, TRUTH: 0.65}.items()
    }
    first, second, *_ = control_table(JOBS["edges"](2), found).notes
    told = "of what true clips reach, 90 % are required"
    assert first == f"PASS: {OBJECT_EDGES}: 92 % {told}"
    assert second == f"PASS: {EDGES}: 100 % {told}"


def test_strength_has_to_help_all_the_way() -> None:
    assert rising({0.0: 20.0, 0.5: 50.0, 1.0: 70.0, 1.5: 70.0}).startswith("PASS")
    fallen = rising({0.0: 20.0, 0.5: 50.0, 1.0: 70.0, 1.5: 60.0})
    assert fallen.startswith("FAIL")
    assert fallen.endswith("up to 1.5, but the score falls by 10.0 points from 1 to 1.5")
    assert rising({0.0: 20.0, 0.5: 50.0, 1.0: 45.0}).startswith("FAIL")
    assert rising({0.0: 20.0, 0.5: 20.0, 1.0: 20.0}).startswith("FAIL")


def test_nothing_swept_is_not_drawn() -> None:
    with pytest.raises(ValueError, match="measure strength as well"):
        strength_plot(Adherence())
