"""The benchmarks run, and what they share takes turns and compares."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
SMALLEST = {
    "denoise": [
        *("--dim", "48", "--heads", "2", "--layers", "1", "--text", "4"),
        *("--frames", "2", "--size", "4", "--steps", "1", "--rounds", "1"),
    ],
    "decode_memory": ["--size", "16", "--seconds", "0.25", "0.5", "--rounds", "1"],
    "batch": ["--prompts", "2", "--seeds", "1", "--rounds", "1"],
    "start": ["--rounds", "1", "--warm-up", "0"],
    "vae": ["--size", "16", "--frames", "5", "--dim", "4", "--rounds", "1"],
}
"""The options that make each benchmark small."""

IN_COMFYUI = {
    "nodes_in_comfyui": [
        *("--dim", "128", "--layers", "1", "--size", "32", "--frames", "5", "--steps", "2"),
        *("--rounds", "1"),
    ],
}
"""The same of benchmarks in which nobody takes part without ComfyUI; run beside its tests."""

DUEL = """
import argparse
import time
from pathlib import Path

from contest import Contestant, contest


def burn(seconds, values):
    def prepare(options):
        import torch

        def work():
            with options.log.open("a") as log:
                log.write(f"{seconds} ")
            print("this is not the result")
            end = time.process_time() + seconds
            while time.process_time() < end:
                pass
            return torch.tensor(values)

        return work

    return prepare


parser = argparse.ArgumentParser()
parser.add_argument("--log", type=Path)
contest(parser, lambda options: {
    "quick": Contestant(burn(0.1, [3.0, 4.0])),
    "slow": Contestant(burn(0.4, [3.0, 4.5])),
    "guest": Contestant(burn(0.1, [3.0]), in_comfyui=True),
})
"""


def run(script, *options, **environment):
    env = {name: value for name, value in os.environ.items() if name != "COMFYUI_DIR"}
    env |= {"PYTHONPATH": str(FOLDER), **environment}
    command = [sys.executable, str(script), *options]
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False)


@pytest.fixture
def duel(tmp_path):
    script = tmp_path / "duel.py"
    script.write_text(DUEL, encoding="utf-8")
    return script


def test_every_benchmark_is_run():
    texts = {path: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py")}
    assert {path.stem for path, text in texts.items() if "\n    contest(" in text} == {
        *SMALLEST,
        *IN_COMFYUI,
    }


@pytest.mark.parametrize("name", SMALLEST)
def test_benchmark_prints_one_line(name):
    check_line(name, run(FOLDER / f"{name}.py", *SMALLEST[name]))


@pytest.mark.parametrize("name", IN_COMFYUI)
@pytest.mark.skipif("COMFYUI_DIR" not in os.environ, reason="COMFYUI_DIR names no ComfyUI")
def test_benchmark_in_comfyui_prints_one_line(name):
    script, comfyui = FOLDER / f"{name}.py", os.environ["COMFYUI_DIR"]
    report = check_line(name, run(script, *IN_COMFYUI[name], COMFYUI_DIR=comfyui))
    assert all(each["rms"] < 1e-5 for each in report["difference"].values())


def check_line(name, done):
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    report = json.loads(line)
    assert report["benchmark"] == name
    assert len(report["contestants"]) > 1
    for contestant in report["contestants"].values():
        assert contestant["cpu_s"] > 0
        assert contestant["peak_mb"] >= contestant["loaded_mb"] > 0
        assert contestant["software"].get("threads", "1") == "1"
    return report


def test_contestants_take_turns_and_are_compared(duel, tmp_path):
    done = run(duel, "--log", str(tmp_path / "log"), "--rounds", "2")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (tmp_path / "log").read_text() == "0.1 0.4 0.1 0.4 "
    assert set(report["contestants"]) == {"quick", "slow"}
    assert 3 < report["ratio"]["slow"]["cpu_s"] < 5
    assert report["difference"]["slow"]["max"] == 0.5
    assert report["difference"]["slow"]["rms"] == pytest.approx(0.1)


def test_contestant_that_cannot_take_part_is_named(duel, tmp_path):
    log = ("--log", str(tmp_path / "log"))
    unknown = run(duel, *log, "--peer", "nobody")
    assert "nobody" in unknown.stderr
    assert "slow" in unknown.stderr
    without = run(duel, *log, "--peer", "guest")
    assert "COMFYUI_DIR is not set" in without.stderr
    assert not (tmp_path / "log").exists()


def test_guest_runs_in_comfyuis_interpreter_and_may_differ_in_shape(duel, tmp_path):
    (tmp_path / "comfy").mkdir()
    done = run(
        *(duel, "--log", str(tmp_path / "log"), "--peer", "guest", "--rounds", "1"),
        COMFYUI_DIR=str(tmp_path),
        COMFYUI_PYTHON=sys.executable,
    )
    report = json.loads(done.stdout)
    assert report["difference"]["guest"] == "(1,) is not (2,)"
    assert report["contestants"]["guest"]["software"]["interpreter"] == sys.executable
