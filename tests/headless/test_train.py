"""The train commands hand their options on and show progress."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from spacetime_video.headless import train
from spacetime_video.headless.cli import app
from spacetime_video.training.checkpoint import Length
from spacetime_video.weights import bundled


def test_options_of_the_denoiser_reach_the_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    monkeypatch.setattr(train, "make_denoiser", lambda *given: calls.append(given))
    command = ["train", "denoiser", "--run-dir", str(tmp_path / "run"), "--device", "cpu:0"]
    options = ["--steps", "7", "--optimiser", "adamw", "--rate", "0.1", "--whitening", "1"]
    done = CliRunner().invoke(app, [*command, *options, "--look-every", "3"])
    assert done.exit_code == 0, done.output
    ((run, vae, _tick, device, plan),) = calls
    assert (run, device) == (tmp_path / "run", "cpu:0")
    assert run.is_dir()
    assert vae == bundled("vae")["spacetime_tiny_vae.safetensors"]
    assert (plan.length, plan.look_every) == (Length(steps=7), Length(steps=3))
    assert (plan.optimiser, plan.rate, plan.whitening) == ("adamw", 0.1, 1.0)
    assert plan.init_from is None


def test_the_vae_of_a_run_comes_before_the_shipped_one(tmp_path: Path) -> None:
    own = tmp_path / "weights" / "spacetime_tiny_vae.safetensors"
    own.parent.mkdir()
    own.touch()
    assert train.vae_file(tmp_path) == own


def test_all_stages_follow_one_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def stage(name: str):
        def run(*given: object) -> None:
            order.append(name)
            next(each for each in given if callable(each))(name, 1, 1)

        return run

    monkeypatch.setattr(train, "make_vae", stage("vae"))
    monkeypatch.setattr(train, "make_decoder", stage("decoder"))
    monkeypatch.setattr(train, "make_latents", stage("latents"))
    monkeypatch.setattr(train, "make_denoiser", stage("denoiser"))
    monkeypatch.setattr(train, "make_few_step", stage("few_step"))
    done = CliRunner().invoke(app, ["train", "all", "--run-dir", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert order == ["vae", "latents", "denoiser", "decoder", "few_step"]


def test_options_of_the_distillation_reach_the_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    monkeypatch.setattr(train, "make_few_step", lambda *given: calls.append(given))
    command = ["train", "lcm", "--run-dir", str(tmp_path), "--steps", "7", "--rank", "3"]
    done = CliRunner().invoke(app, [*command, "--guidance", "1.5", "2", "--rate", "0.1"])
    assert done.exit_code == 0, done.output
    ((run, folder, vae, _tick, device, plan),) = calls
    assert (run, device) == (tmp_path, "cpu")
    assert (folder, vae) == (
        bundled("diffusion_models")["spacetime_tiny_dit.safetensors"].parent,
        bundled("vae")["spacetime_tiny_vae.safetensors"],
    )
    assert (plan.length, plan.rank, plan.guidance) == (Length(steps=7), 3, (1.5, 2.0))
    assert plan.rate == 0.1


def test_minutes_bound_the_whole_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(train, "train_within", lambda *given: calls.append(given))
    command = ["train", "all", "--run-dir", str(tmp_path), "--minutes", "9", "--makers", "3"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    ((run, plan, _tick),) = calls
    assert (run, plan.minutes, plan.makers, plan.device) == (tmp_path, 9.0, 3, "cpu")
