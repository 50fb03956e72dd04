"""The command's options beside those of the graph, and the workflows that it takes."""

import json
import os
import subprocess
import sys

import pytest

from spacetime_video.headless.source import read_source
from spacetime_video.media import image_tags, probe_video

SAVED = "clip_00001_.mp4"


@pytest.fixture
def save_picture(drawn):
    """The drawn graph with a picture as its result."""
    drawn["nodes"][1:] = [
        {
            "id": 3,
            "type": "SaveImage",
            "title": "Save",
            "mode": 0,
            "inputs": [{"name": "images", "type": "IMAGE", "link": 1}],
            "outputs": [],
            "widgets_values": ["clip"],
        }
    ]
    drawn["links"] = [[1, 1, 0, 3, 0, "IMAGE"]]
    return drawn


def test_a_video_is_made_again_from_itself(run, write, drawn, tmp_path):
    assert run(write(drawn), "Example Clip.seed=9") == 0
    first = tmp_path / "output" / SAVED
    assert run(first, output_dir=tmp_path / "again") == 0
    assert (tmp_path / "again" / SAVED).read_bytes() == first.read_bytes()


def test_a_picture_is_made_again_from_itself(run, write, save_picture, tmp_path):
    assert run(write(save_picture)) == 0
    first = tmp_path / "output" / "clip_00001_.png"
    assert run(first, output_dir=tmp_path / "again") == 0
    assert (tmp_path / "again" / first.name).read_bytes() == first.read_bytes()


def test_a_prompt_is_taken_where_there_is_no_drawn_graph(run, write, graph, tmp_path):
    assert run(write(graph)) == 0
    assert read_source(tmp_path / "output" / SAVED) == graph


def test_without_metadata_there_is_nothing_to_run(run, write, drawn, tmp_path, capsys):
    assert run(write(drawn), metadata=False) == 0
    file = tmp_path / "output" / SAVED
    assert {"workflow", "prompt"} & set(probe_video(file).metadata) == set()
    assert run(file) == 1
    assert "carries no graph" in capsys.readouterr().err


def test_exif_of_webp_is_read(tmp_path):
    image = pytest.importorskip("PIL.Image")
    exif = image.Exif()
    exif[0x010F] = 'workflow:{"nodes": []}'
    image.new("RGB", (4, 4)).save(tmp_path / "x.webp", exif=exif)
    assert image_tags(tmp_path / "x.webp") == {"workflow": '{"nodes": []}'}


def test_the_input_stream_is_read(command, write, drawn, tmp_path):
    code, out, err = command("run", "-", "--quiet", before=f"< {write(drawn)}")
    assert (code, err) == (0, "")
    assert out.strip() == str(tmp_path / "output" / SAVED)
    code, _, err = command("run", "-", before="< /dev/null")
    assert code == 1
    assert "standard input is not a workflow" in err


def test_progress_is_told_where_no_terminal_is(command, write, drawn):
    code, _, err = command("run", write(drawn))
    assert code == 0
    assert err.splitlines() == ["1/3 Example Clip", "2/3 Create Video", "3/3 Save"]


def test_a_dry_run_says_what_would_run_and_runs_nothing(run, write, drawn, tmp_path, capsys):
    drawn["nodes"][2]["widgets_values"][0] = "%date:yyyy%/%Example Clip.seed%"
    assert run(write(drawn), dry_run=True) == 0
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert lines[0] == '1/3 "Example Clip" (#1, SpacetimeExampleClip)'
    assert lines[3].startswith(f"saves {tmp_path / 'output' / '20'}")
    assert lines[3].endswith("/3_…")
    assert told.err == ""
    assert not (tmp_path / "output").exists()
    assert run(write(drawn), dry_run=True, json_line=True) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["ok"], result["dry_run"], result["files"]) == (True, True, [])
    assert len(result["nodes"]) == 3
    assert run(write(drawn), "Example Clip.width=3", dry_run=True) == 1


def test_prefixes_are_filled_and_the_graph_keeps_its_pattern(run, write, drawn, tmp_path):
    drawn["nodes"][2]["widgets_values"][0] = "seed %SpacetimeExampleClip.seed%"
    assert run(write(drawn)) == 0
    tags = probe_video(tmp_path / "output" / "seed 3_00001_.mp4").metadata
    assert json.loads(tags["workflow"])["nodes"][2]["widgets_values"][0].startswith("seed %")
    assert json.loads(tags["prompt"])["3"]["inputs"]["filename_prefix"] == "seed 3"


def test_short_options(command, write, drawn, tmp_path):
    code, out, _ = command("run", write(drawn), "-q", "-o", "there")
    assert code == 0
    assert out.strip() == str(tmp_path / "there" / SAVED)
    assert command("run", "-h")[1] == command("run", "--help")[1]
    code, out, _ = command("--version")
    assert code == 0
    assert out.startswith("spacetime 0.")


ASK = """
import os, sys
import spacetime_video.headless.cli as cli
sys.argv = ["spacetime", "--version"]
try:
    cli.main()
except SystemExit:
    print(os.environ["OMP_WAIT_POLICY"], "torch" in sys.modules)
"""


@pytest.mark.parametrize(("given", "used"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_waiting_threads_sleep_unless_the_user_says_otherwise(given, used):
    environment = {name: text for name, text in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment |= {"OMP_WAIT_POLICY": given} if given else {}
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == f"{used} False"
