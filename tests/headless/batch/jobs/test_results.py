"""What a batch of rows, files and sweeps saves, and under which names."""

import json

import pytest

from spacetime_video import hosts
from spacetime_video.headless.batch.command import BatchOptions, batch_command
from spacetime_video.headless.batch.jobs.options import JobOptions


@pytest.fixture
def run(tmp_path, models_dir, standalone):
    """Run a batch; gives the exit code and the names of the files in the output folder."""

    def run_here(**options):
        output = tmp_path / "output"
        settings = {
            "input_dir": str(tmp_path / "input"),
            "models_dir": str(models_dir),
            "device": "cpu",
            "dtype": "fp32",
        }
        code = batch_command(
            BatchOptions(jobs=JobOptions(**options), output_dir=output, settings=settings)
        )
        files = [path.relative_to(output) for path in output.rglob("*.mp4")]
        return code, sorted(path.as_posix() for path in files)

    yield run_here
    hosts.use(standalone)


def test_rows_are_run_and_named(run, write, small, tmp_path):
    graph = write("toy.json", small)
    rows = write("rows.csv", "seed,Clip.frames,name\n7,5,\n8,9,odd/last one\n")

    code, files = run(
        workflows=(graph,), tables=(rows,), sweeps=("Clip.fps=8|16",), name="{seed}/{Clip.fps}"
    )

    assert code == 0
    assert files == ["7/16.mp4", "7/8.mp4", "odd/last_one.mp4", "odd/last_one_2.mp4"]
    (manifest,) = tmp_path.glob("output/.spacetime_batch/*/manifest.jsonl")
    assert "Clip (Toy World).frames=9" in manifest.read_text(encoding="utf-8")


def test_nothing_runs_where_a_row_is_wrong(run, write, small, capsys):
    graph = write("toy.json", small)
    rows = write("rows.jsonl", "\n".join(json.dumps({"seed": seed}) for seed in (1, 2, -3)))

    code, files = run(workflows=(graph,), tables=(rows,))

    assert (code, files) == (1, [])
    said = capsys.readouterr().err
    assert "the batch has 1 problem; nothing was run" in said
    assert "rows.jsonl line 3: " in said
