"""The recipe of control branches on the smallest sizes: files in, weights out."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from spacetime_video.headless.cli import app
from spacetime_video.model_loaders.load import build_control, build_vae, read_control, read_vae
from spacetime_video.model_loaders.tokenizer import Tokenizer
from spacetime_video.models.latent_format import LatentFormat
from spacetime_video.models.shapes import VideoShape
from spacetime_video.models.vae.network import VideoVAE
from spacetime_video.training import control, control_recipe, control_whole, latents
from spacetime_video.training.checkpoint import Length
from spacetime_video.training.control_recipe import (
    ControlPlan,
    begun_branch,
    make_control,
    make_hinted_held_out,
)
from spacetime_video.training.control_whole import WholeControl, train_control_within
from spacetime_video.training.denoiser import PromptedDiT
from spacetime_video.training.denoiser_recipe import make_tokenizer, write_denoiser
from spacetime_video.training.hint_shards import HintFolder, make_hinted_shards
from spacetime_video.training.loop import read_log
from spacetime_video.training.recipe import SEED, control_file, write_weights
from spacetime_video.training.start import DiTWeights, Start, TextWeights, read_start

from .conftest import DIT, TEXT

SQUARE = latents.Source(name="square", shape=VideoShape(9, 16, 16), shards=2, first=0)
HELD_OUT = replace(SQUARE, name="held_out", shards=1)
PLAN = ControlPlan(hint="depth", length=Length(steps=4), look_every=Length(steps=2), rate=1e-2)
FILE = control_file("depth")


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in {"BLOCKS": 2, "WIDTH": 16, "HEADS": 2, "FFN": 32}.items():
        monkeypatch.setattr(control, name, size)
    for part in (control_recipe, control_whole):
        monkeypatch.setattr(part, "SOURCES", (SQUARE,))
    monkeypatch.setattr(control_recipe, "HELD_OUT", HELD_OUT)
    monkeypatch.setattr(control_recipe, "SAMPLES", 2)
    monkeypatch.setattr(latents, "SHARD", 4)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a denoiser that predicts something, and of its text encoder."""
    folder, g = tmp_path_factory.mktemp("base"), torch.Generator().manual_seed(1)
    dit, text = replace(DIT, text_length=40), replace(TEXT, vocab_size=96)
    model = PromptedDiT(dit, text, g)
    with torch.no_grad():
        model.dit.head.head.weight.normal_(std=0.2, generator=g)
    tokenizer = Tokenizer(make_tokenizer(), 40)
    start = Start(
        DiTWeights(dit, LatentFormat(channels=4), {}, {"shift": 3.0, "token_levels": True}),
        TextWeights(text, {}, tokenizer, {}),
    )
    write_denoiser(folder, start, dict(model.named_parameters()), 0)
    return folder


@pytest.fixture
def vae_file(tmp_path: Path, vae: VideoVAE) -> Path:
    path = tmp_path / "vae.safetensors"
    write_weights(path, vae.state_dict(), {"kind": "vae", "config": vae.config.to_dict()})
    return path


@pytest.fixture
def run(tmp_path: Path, vae: VideoVAE, vae_file: Path) -> Path:
    """A run's folder with clips and hints."""
    run = tmp_path / "run"
    make_hinted_held_out(run, vae_file, "depth")
    make_hinted_shards(run / "latents", HintFolder.of(run, "depth"), [(SQUARE, 0)], SEED, vae)
    return run


def ignore(what: str, done: int, total: int) -> None:
    pass


def test_a_run_leaves_a_branch_that_loads(run: Path, base: Path, vae_file: Path) -> None:
    make_control(run, base, vae_file, ignore, "cpu", PLAN)
    weights = read_control(run / "weights" / FILE)
    told = {name: weights.info[name] for name in ("kind", "hint", "steps")}
    assert told == {"kind": "controlnet", "hint": "depth", "steps": 4}
    assert weights.latent.channels == 4
    assert weights.config.base_dim == DIT.dim
    assert float(build_control(weights).controlnet_blocks[0].weight.abs().max()) > 0
    seen = [record for record in read_log(run / "control_depth.log") if "without" in record]
    assert [record["step"] for record in seen] == [2, 4]
    assert all(record["without"] == seen[0]["without"] for record in seen)
    pictures = sorted(path.name for path in (run / "samples").iterdir())
    assert pictures == ["control_depth_000002.png", "control_depth_000004.png"]
    assert (run / "control_depth.png").exists()


def test_a_run_resumes_in_the_same_place(run: Path, base: Path, vae_file: Path) -> None:
    make_control(run, base, vae_file, ignore, "cpu", PLAN)
    whole = read_control(run / "weights" / FILE).state
    for path in (run / "weights" / FILE, *run.glob("control_depth.*")):
        path.unlink()
    long = replace(PLAN, length=Length(steps=4))
    stopped = pytest.MonkeyPatch()
    with stopped.context() as patch:
        patch.setattr(control_recipe, "drive", _stop_after(2))
        make_control(run, base, vae_file, ignore, "cpu", long)
    make_control(run, base, vae_file, ignore, "cpu", long)
    resumed = read_control(run / "weights" / FILE).state
    assert all(torch.equal(resumed[name], weight) for name, weight in whole.items())


def _stop_after(steps: int):
    def drive(state, losses, run: Path, name: str, *_: object) -> None:
        for _ in range(steps):
            next(losses)
        state.save(run / f"{name}.checkpoint.safetensors")

    return drive


def test_a_run_begins_with_a_given_branch_for_the_same_denoiser(
    run: Path, base: Path, vae_file: Path, tmp_path: Path
) -> None:
    make_control(run, base, vae_file, ignore, "cpu", PLAN)
    given = (run / "weights" / FILE).rename(tmp_path / "given.safetensors")
    for path in run.glob("control_depth.*"):
        path.unlink()
    plan = replace(PLAN, init_from=given)
    with pytest.MonkeyPatch.context() as patch:
        started: list[dict[str, torch.Tensor]] = []
        patch.setattr(
            control_recipe, "drive", lambda state, *_: started.append(state.module.state_dict())
        )
        for _ in ("begun", "begun again, after a stop before the first checkpoint"):
            make_control(run, base, vae_file, ignore, "cpu", plan)
    first, second = started
    assert all(torch.equal(second[name], weight) for name, weight in first.items())
    begun, before = read_control(run / "weights" / FILE), read_control(given)
    assert all(torch.equal(begun.state[name], weight) for name, weight in before.state.items())
    write_weights(run / "weights" / FILE, before.state, {**before.info, "hint": "edges"})
    with pytest.raises(ValueError, match=r"has hint=edges, but this run has hint=depth"):
        make_control(run, base, vae_file, ignore, "cpu", plan)
    (run / "weights" / FILE).unlink()
    write_weights(given, before.state, {**before.info, "hint": "edges"})
    branch = begun_branch(run, read_start(base), build_vae(read_vae(vae_file)), plan).state_dict()
    assert all(torch.equal(branch[name], weight.float()) for name, weight in before.state.items())
    assert read_control(run / "weights" / FILE).info["hint"] == "depth"
    (run / "weights" / FILE).unlink()
    write_weights(given, before.state, {**before.info, "base": "another"})
    with pytest.raises(ValueError, match=r"has base=another, .*choose another file"):
        make_control(run, base, vae_file, ignore, "cpu", plan)


def test_another_denoiser_or_size_needs_a_new_folder(
    run: Path, base: Path, vae_file: Path, tmp_path: Path
) -> None:
    make_control(run, base, vae_file, ignore, "cpu", PLAN)
    start = control_recipe.read_start(base)
    changed = {name: weight + 0.5 for name, weight in start.state.items()}
    write_denoiser(tmp_path / "other", start, changed, 0)
    with pytest.raises(ValueError, match=r"has base=.*train in a new folder"):
        make_control(run, tmp_path / "other", vae_file, ignore, "cpu", PLAN)
    control.WIDTH += 4
    with pytest.raises(
        ValueError, match=r"has dim=16, but this run has dim=20: train in a new folder"
    ):
        make_control(run, base, vae_file, ignore, "cpu", PLAN)


def test_what_does_not_fit_is_told_before_clips_are_made(
    base: Path, vae_file: Path, tmp_path: Path
) -> None:
    plan = WholeControl(
        hint="depth", length=Length(steps=1), base=base, vae_file=vae_file, init_from=vae_file
    )
    with pytest.raises(ValueError, match="vae"):
        train_control_within(tmp_path / "new", plan, ignore)
    assert not (tmp_path / "new").exists()


def test_a_whole_run_ends_by_the_clock_and_in_pieces(
    run: Path, base: Path, vae_file: Path, tmp_path: Path
) -> None:
    plan = WholeControl(
        hint="depth", length=Length(seconds=4.0), base=base, vae_file=vae_file, makers=0
    )
    train_control_within(run, plan, ignore, tmp_path / "results")
    assert read_control(tmp_path / "results" / FILE).info["steps"] > 0
    assert read_log(run / "control_depth.log")[-1]["with the hint"] > 0


def test_looks_and_the_end_have_their_time() -> None:
    def told(minutes: float) -> tuple[float | None, float | None]:
        whole = Length(seconds=60 * minutes)
        parts = (control_whole.of_training(whole), control_whole.between_looks(whole))
        return parts[0].seconds, parts[1].seconds

    assert told(60) == (pytest.approx(0.97 * 3600 - 20), 300)
    assert told(600)[1] == 1200
    assert told(4) == (pytest.approx(0.97 * 240 - 20), 120)
    assert told(0.5)[0] == 15
    steps = Length(steps=24)
    assert control_whole.of_training(steps) == steps
    assert control_whole.between_looks(steps) == Length(steps=100)
    assert control_whole.between_looks(Length(steps=6000)) == Length(steps=500)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--hint", "pose", "--steps", "1"], "unknown hint 'pose'"),
        (["--hint", "depth"], "either --minutes or --steps"),
        (["--hint", "depth", "--steps", "1", "--minutes", "1"], "either --minutes or --steps"),
    ],
)
def test_the_command_tells_what_is_wrong(given: list[str], told: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["train", "control", *given, "--run-dir", str(tmp_path)])
    assert result.exit_code == 2
    assert told in " ".join(result.output.replace("│", " ").split())
