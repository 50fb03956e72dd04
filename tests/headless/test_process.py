"""`spacetime run` as a process: equal bytes, and stopping."""

import json
import signal
import sys
import time
from pathlib import Path

import pytest


def test_another_process_writes_the_same_bytes(start, run, write, graph, tmp_path):
    file = write(graph)
    process = start(file, "--json", "--dtype", "fp32", "--device", "cpu", "--output-dir", "theirs")
    assert run(file) == 0
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    (theirs,) = json.loads(out)["files"]
    assert Path(theirs).parent == tmp_path / "theirs"
    (ours,) = (tmp_path / "output").iterdir()
    assert ours.read_bytes() == Path(theirs).read_bytes()


def test_warnings_are_printed_with_the_title_of_the_node(start, write, graph):
    graph["8"]["inputs"]["solver"] = "lcm"
    process = start(write(graph), "--json", "--dtype", "fp32", "--device", "cpu")
    out, err = process.communicate(timeout=300)
    assert json.loads(out)["ok"]
    assert err.count("Sample: LCM needs a few-step LoRA") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_within_a_step(sent, start, write, graph, tmp_path):
    saved_first = {
        "20": {"class_type": "SaveImage", "inputs": {"images": ["21", 0], "filename_prefix": "A"}},
        "21": {"class_type": "SpacetimeExampleClip", "inputs": {**CLIP}},
    }
    graph["7"]["inputs"]["steps"] = 1000  # many times longer than stopping may take
    graph["4"]["inputs"] |= {"width": 128, "height": 128, "frames": 17}
    process = start(write({**saved_first, **graph}), "--json", "--dtype", "fp32")
    wait_for(tmp_path / "output" / "A_00001_.png", process)
    time.sleep(1.0)
    assert process.poll() is None
    stopped = time.monotonic()
    process.send_signal(sent)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert time.monotonic() - stopped < 10
    result = json.loads(out)
    assert (result["ok"], result["error"]) == (False, "interrupted")
    assert [name.rpartition("/")[2] for name in result["files"]] == ["A_00001_.png"]
    assert "Traceback" not in err
    assert [path.name for path in (tmp_path / "output").iterdir()] == ["A_00001_.png"]


CLIP = {
    "seed": 1,
    "width": 16,
    "height": 16,
    "frames": 1,
    "fps": 8.0,
    "shape": "any",
    "colour": "any",
    "motion": "any",
    "setting": "any",
}


def wait_for(path, process, seconds=300):
    end = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.1)
