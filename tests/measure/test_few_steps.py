"""`spacetime measure few-steps`: all ways in one run, counted, timed and compared."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

from spacetime_video.headless.cli import app
from spacetime_video.measure import few_steps, jobs
from spacetime_video.measure.cases import HELD_OUT, cases
from spacetime_video.measure.few_steps import measure_few_steps, quality_plot, ways_of
from spacetime_video.measure.figures import Mean, Number, Share
from spacetime_video.measure.readers import Readers
from spacetime_video.measure.studio import ClipMaker, Settings
from spacetime_video.measure.views import Reading
from spacetime_video.models.shapes import VideoShape
from spacetime_video.weights import bundled

SHAPE = VideoShape(5, 32, 32)


@pytest.fixture(scope="module")
def settings(models_dir, tmp_path_factory):
    """Random weights under the names of the shipped ones, and a LoRA for them."""
    folder = tmp_path_factory.mktemp("weights")
    for kind in ("diffusion_models", "text_encoders", "vae"):
        made = next(path for path in (models_dir / kind).iterdir() if "random" in path.name)
        (folder / next(iter(bundled(kind)))).symlink_to(made)
    plain = Settings(guidance=3.0, steps=30, device="cpu", weights=folder)
    shapes = dict(ClipMaker(plain).model.dit.named_parameters())
    generator = torch.Generator().manual_seed(0)
    tensors = {}
    for block in ("blocks.0.self_attn.q", "blocks.1.ffn.0"):
        rows, columns = shapes[f"{block}.weight"].shape
        for part, shape in (("down", (2, columns)), ("up", (rows, 2))):
            key = f"diffusion_model.{block}.lora_{part}.weight"
            tensors[key] = torch.randn(shape, generator=generator)
    save_file(tensors, folder / "lora.safetensors")
    return replace(plain, lora=folder / "lora.safetensors")


@pytest.fixture
def small(monkeypatch):
    """Few, short clips, and a look that passes every other one."""
    seen = []

    def read(clip, fps):
        seen.append(clip)
        return len(seen)

    view = Reading(read, lambda number, _: {"colour": number % 2 == 1, "shape": True})
    monkeypatch.setattr(jobs, "CLIP", view)
    monkeypatch.setattr(jobs, "VIDEO_SHAPES", (SHAPE,))
    monkeypatch.setattr(few_steps, "PROMPTS_FOR_VARIETY", 2)
    monkeypatch.setattr(few_steps, "SEEDS", 2)
    monkeypatch.setattr(few_steps, "ROUNDS", 1)


def test_every_way_is_judged_counted_and_timed(settings, small):
    ways = ways_of(settings)
    with Readers(1) as readers:
        figures, against = measure_few_steps(ways, readers, 2)
    rows = figures.rows
    counted = {way.name: rows[way.name]["evaluations"].value for way in ways}
    assert counted == {
        "teacher, 30 steps": 60,
        "few-step LoRA, 1 step": 1,
        "few-step LoRA, 2 steps": 2,
        "few-step LoRA, 4 steps": 4,
        "few-step LoRA, 8 steps": 8,
        "teacher, 4 steps": 8,
        "teacher, 8 steps": 16,
        "teacher, 15 steps": 30,
        "undistilled, sampled like the LoRA, 4 steps": 4,
    }
    for way in ways:
        row = rows[way.name]
        assert row["colour"] == Share(1, 2)
        assert isinstance(row["variety"], Mean)
        assert row["variety"].mean > 0
        assert row["sampling"].value > 0
    four = against.rows["few-step LoRA, 4 steps"]
    assert four["evaluations"] == Number(15.0, "times less")
    assert four["shape"] == Number(100.0, "%")
    assert quality_plot(ways, figures).shape == (440, 720, 3)


def test_fewer_prompts_than_rounds_are_enough(settings, small, monkeypatch):
    monkeypatch.setattr(few_steps, "ROUNDS", 3)
    with Readers(1) as readers:
        figures, _ = measure_few_steps(ways_of(settings)[1:2], readers, 2)
    assert figures.rows["few-step LoRA, 1 step"]["sampling"].value > 0


def test_a_lora_and_fresh_noise_change_a_clip_and_batches_do_not(settings):
    chosen = cases(HELD_OUT, 2, "single", SHAPE)
    few = replace(settings, steps=3, solver="lcm", guidance=1.0)
    made = ClipMaker(few).make(chosen)
    plain = ClipMaker(replace(few, lora=None)).make(chosen)
    euler = ClipMaker(replace(few, solver="euler")).make(chosen)
    assert (made - plain).abs().max() > 1e-3
    assert (made - euler).abs().max() > 1e-3
    torch.testing.assert_close(ClipMaker(few).make(chosen[1:])[0], made[1], atol=1e-5, rtol=0)


def test_wrong_words_are_refused(settings):
    with pytest.raises(ValueError, match="no few-step LoRA ships"):
        ways_of(replace(settings, lora=None))
    with pytest.raises(ValueError, match="unknown solver 'magic': use one of euler"):
        ClipMaker(replace(settings, solver="magic"))


def test_the_command_writes_figures_and_a_plot(settings, small, tmp_path):
    told = ["measure", "few-steps", "--prompts", "2", "--jobs", "1", "--markdown"]
    told += ["--lora", str(settings.lora), "--weights", str(settings.weights)]
    told += ["--json", str(tmp_path / "few.json"), "--plot", str(tmp_path / "few.png")]
    result = CliRunner().invoke(app, told)
    assert result.exit_code == 0, result.output
    assert "| few-step LoRA, 4 steps |" in result.output
    tables = json.loads((tmp_path / "few.json").read_text())["tables"]
    assert tables[0]["rows"]["teacher, 30 steps"]["evaluations"] == {"number": 60, "unit": ""}
    assert (tmp_path / "few.png").stat().st_size > 2000
