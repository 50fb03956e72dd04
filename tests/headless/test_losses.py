"""A finished result is never lost, and whatever goes wrong ends in one message and one line."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from rich.console import Console

from spacetime_video.graph.executor import NodeStarted
from spacetime_video.headless.display import Display
from spacetime_video.headless.failure import LONGEST_MESSAGE, message_of

CLIP = {"seed": 1, "width": 16, "height": 16, "frames": 1, "fps": 8.0}
CLIP |= dict.fromkeys(("shape", "colour", "motion", "setting"), "any")


def pictures(prefix="X", title="Save"):
    save = {"images": ["1", 0], "filename_prefix": prefix}
    return {
        "1": {"class_type": "SpacetimeExampleClip", "inputs": CLIP},
        "2": {"class_type": "SaveImage", "inputs": save, "_meta": {"title": title}},
    }


@pytest.mark.parametrize("title", ["Save [/final]", "[red]x", "\x1b[31m\x07\nred", "x" * 10**6])
def test_titles_are_text(run, write, capsys, title):
    assert run(write(pictures(title=title)), json_line=True) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["ok"] is True
    assert "\x1b[31m" not in printed.err
    assert "\x07" not in printed.err
    assert len(printed.err) < 2000


def test_a_title_in_brackets_is_shown(tmp_path):
    with (tmp_path / "shown").open("w") as file:
        console = Console(file=file, force_terminal=True, width=80)
        with Display(console=console) as display:
            display.event(NodeStarted(id="1", title="[red]x", class_type="X", index=0, total=1))
    assert "[red]x" in (tmp_path / "shown").read_text()


def test_many_nodes_are_shown_in_no_time(tmp_path):
    began = time.process_time()
    with (tmp_path / "shown").open("w") as file:
        console = Console(file=file, force_terminal=True, width=80)
        with Display(console=console) as display:
            for index in range(2000):
                event = NodeStarted(id="1", title="node", class_type="X", index=index, total=2000)
                display.event(event)
    assert time.process_time() - began < 20
    assert " 2000/2000 node" in " ".join((tmp_path / "shown").read_text().split())


def test_messages_of_huge_graphs_are_short(run, write, capsys):
    unknown = {str(key): {"class_type": f"No{key}", "inputs": {}} for key in range(100_000)}
    assert run(write(unknown)) == 1
    error = capsys.readouterr().err
    assert "100000 nodes have an unknown type" in error
    assert "and 99980 more" in error
    assert len(error) < 3000
    assert run(write({"1": {"class_type": "N" * 10**7, "inputs": {}}})) == 1
    assert len(capsys.readouterr().err) < 1000


def test_messages_are_printable_and_not_endless():
    assert message_of(ValueError("a\x1b[2Jb\nc")) == "a\\x1b[2Jb\nc"
    assert len(message_of(ValueError("x" * 10**6))) < LONGEST_MESSAGE + 100
    assert message_of(KeyError("x")) == "KeyError: 'x'"
    assert message_of(MemoryError()).startswith("out of memory")


@pytest.mark.parametrize("prefix", ["video/x", "a/" * 2000 + "x", "%year%/../taken/x"])
def test_where_it_will_be_saved_is_proven_before_the_run(run, write, capsys, tmp_path, prefix):
    output = tmp_path / "output"
    output.mkdir()
    (output / "video").symlink_to("/nonexistent/disk")
    (output / "taken").write_text("a file")
    assert run(write(pictures(prefix))) == 1
    error = capsys.readouterr().err
    assert "nothing was run" in error
    assert '"Save" (#2, SaveImage): input filename_prefix: file name prefix' in error
    assert sorted(path.name for path in output.iterdir()) == ["taken", "video"]


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a folder that takes no file")  # noqa: PTH112
def test_a_folder_that_takes_no_file_is_refused_before_the_run(run, write, capsys):
    assert run(write(pictures()), output_dir="/proc/self") == 1
    assert "nothing was run" in capsys.readouterr().err


def test_nothing_is_left_of_the_proof(run, write, tmp_path):
    graph = pictures("deep/er/x")
    graph["3"] = {"class_type": "Unknown", "inputs": {}}
    assert run(write(graph)) == 1
    assert not (tmp_path / "output").exists()


def test_a_device_is_no_preview(run, write, capsys, tmp_path):
    device = tmp_path / "null"
    os.mkfifo(device)
    assert run(write(pictures()), preview=device) == 1
    assert "is left alone" in capsys.readouterr().err
    assert device.is_fifo()


def test_a_preview_that_fails_warns_once(tmp_path, caplog):
    display = Display(tmp_path / "look.png")
    (tmp_path / "look.png").mkdir()
    for _ in range(3):
        display.preview(torch.zeros(8, 8, 3))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "cannot write the preview" in caplog.text


DEEP = '{"x":' * 600 + "1" + "}" * 600
API = f'{{"1": {{"class_type": "X", "inputs": {{"a": {DEEP}}}}}}}'
UI = f'{{"nodes": [], "links": [], "extra": {DEEP}}}'


@pytest.mark.parametrize("content", [API, UI], ids=["api", "editor"])
def test_deep_json(run, write, capsys, content):
    assert run(write(content), json_line=True) == 1
    printed = capsys.readouterr()
    assert "levels deep" in json.loads(printed.out)["error"]
    assert "Traceback" not in printed.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"output_dir": "~nosuchuser/x"}, "this user does not exist"),
        ({"input_dir": "~nosuchuser/x"}, "this user does not exist"),
        ({"device": "mps"}, "no device 'mps' on this machine"),
        ({"device": "meta"}, "no device 'meta' on this machine"),
    ],
)
def test_options_that_cannot_be(run, write, capsys, options, message):
    if options.get("device") == "mps" and torch.backends.mps.is_available():
        pytest.skip("this machine has it")
    assert run(write(pictures()), json_line=True, **options) == 1
    printed = capsys.readouterr()
    assert message in json.loads(printed.out)["error"]
    assert len(printed.err) < 600


@pytest.mark.skipif(sys.platform == "win32", reason="streams of a Unix shell")
@pytest.mark.parametrize(("before", "code"), [(">&-", 0), (">/dev/full", 1), ("2>&-", 0)])
def test_streams_that_are_closed_or_full(command, write, tmp_path, before, code):
    write(pictures())
    ended, _, error = command("run", "graph.json", before=before)
    assert ended == code, error
    assert "Traceback" not in error
    assert "Exception ignored" not in error
    assert [path.name for path in (tmp_path / "output").iterdir()] == ["X_00001_.png"]
    if code:
        assert "X_00001_.png" in error


def test_a_terminal_that_knows_ascii_only(command, write, tmp_path):
    write(pictures("ä"))
    ended, out, error = command("run", "graph.json", env={"PYTHONIOENCODING": "ascii"})
    assert (ended, error.count("Traceback")) == (0, 0)
    assert out.endswith("\\xe4_00001_.png\n")


@pytest.mark.parametrize(
    "arguments",
    [
        "run --json",
        "run none.json --json --bogus",
        "world w --fps nan",
        "world w --fps 1e-300",
        "world w --frames 1000000000",
        "world w --width 100000000 --height 100000000",
        "world w --seed 99999999999999999999999999",
        "world w --style nonsense",
        "world /proc/nowhere",
        "train vae --device nonsense --steps 1",
        "train vae --run-dir /proc/nowhere",
        "train denoiser --optimiser nonsense",
        "train vae --steps 0",
    ],
)
def test_bad_arguments_end_in_a_message(command, arguments):
    code, out, error = command(*arguments.split())
    assert code in (1, 2), error
    assert "Traceback" not in error
    assert 0 < len(error) < 2000
    if "--json" in arguments:
        assert json.loads(out)["ok"] is False


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_later_run_cleans_up_after_a_killed_one(tmp_path, run, write):
    held = (
        "import sys, time; from pathlib import Path\n"
        "from spacetime_video.media import claimed_output\n"
        "from spacetime_video.media.files import new_folder, replacing\n"
        "folder = Path(sys.argv[1])\n"
        "with claimed_output(folder, 'X', '.png') as file, replacing(file.unfinished) as part:\n"
        "  with replacing(folder / 'look.png') as look, new_folder(folder / 'clip') as new:\n"
        "    part.touch(); file.unfinished.touch(); look.touch(); (new / 'a').touch()\n"
        "    print('ready', flush=True); time.sleep(60)\n"
    )
    output = tmp_path / "output"
    output.mkdir()
    process = subprocess.Popen([sys.executable, "-c", held, output], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    assert run(write(pictures())) == 0  # it is at work: nothing of it is touched
    assert len([path for path in output.iterdir() if path.name.startswith(".")]) == 6
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert run(write(pictures())) == 0
    assert sorted(path.name for path in output.iterdir()) == ["X_00002_.png", "X_00003_.png"]
