import json

import pytest

from spacetime_video import hosts
from spacetime_video.headless.batch.jobs.options import JobOptions
from spacetime_video.headless.check.command import CheckOptions, check_command


@pytest.fixture
def check(tmp_path, models_dir, standalone, capsys):
    """Run the command here: exit code, lines and errors."""

    def run(*graphs, seeds="", **options):
        files = []
        for number, graph in enumerate(graphs):
            files.append(tmp_path / f"graph_{number}.json")
            files[-1].write_text(json.dumps(graph), encoding="utf-8")
        jobs = JobOptions(workflows=tuple(files), seeds=seeds, input_dir=tmp_path)
        code = check_command(
            CheckOptions(jobs=jobs, models_dir=models_dir, device="cpu", dtype="fp32", **options)
        )
        said = capsys.readouterr()
        return code, said.out.splitlines(), said.err

    yield run
    hosts.use(standalone)


def test_a_batch_that_can_run(check, examples):
    code, lines, err = check(examples("few_step_text_to_video"), seeds="1-3")

    assert (code, err) == (0, "")
    assert "graph_0.json: 3 jobs, 80 tokens in 4 evaluations, 0.0" in lines[0]
    assert " each, " in lines[0]
    assert lines[-1].startswith("spacetime ")


def test_programs_get_one_line(check, examples, model_names):
    missing = {
        "1": {"class_type": "VAELoader", "inputs": {"vae_name": "rnadom_vae.safetensors"}},
        "2": {"class_type": "VHS_VideoCombine", "inputs": {"vae": ["1", 0]}},
    }

    code, lines, err = check(examples("compare_schedules"), missing, json_line=True)

    (line,) = lines
    told = json.loads(line)
    assert (code, told["ok"], told["jobs"]) == (1, False, 0)
    assert len(told["problems"]) == 2
    assert all(problem in err for problem in told["problems"])
    graph = told["graphs"][1]
    assert graph["missing_nodes"][0]["class_type"] == "VHS_VideoCombine"
    assert graph["models"][0]["here"] == ""
    assert "choose one of random_vae.safetensors" in graph["models"][0]["instead"]
    assert set(told["versions"]) >= {"spacetime", "torch", "python"}


def test_without_an_estimate(check, examples):
    code, lines, _ = check(examples("text_to_video"), estimate=False)

    assert code == 0
    assert lines[0].endswith("graph_0.json: 1 job")
