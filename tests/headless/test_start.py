"""What the command loads before the first step."""

import json
import subprocess
import sys

HEAVY = {
    *("torch._dynamo", "torch._inductor", "torch.distributed.tensor", "torch.onnx"),
    *("torch.utils.tensorboard", "sympy", "scipy", "networkx", "matplotlib"),
    *("pandas", "diffusers", "transformers", "IPython", "PIL.ImageFont"),
    *("spacetime_video.training", "spacetime_video.measure.timeline", "spacetime_video.tools"),
}
"""Compilers, trainers and viewers, which take longer to load than a short clip to sample."""

REPORT = """
import gc, json, sys
from spacetime_video.headless.cli import main
try:
    main()
except SystemExit as ended:
    print(json.dumps({
        "code": ended.code,
        "modules": sorted(sys.modules),
        "whole collections": gc.get_stats()[2]["collections"],
        "collects": gc.isenabled(),
    }))
"""


def test_run_loads_what_it_needs_and_leaves_it_to_no_collector(write, graph, models_dir, tmp_path):
    command = [sys.executable, "-c", REPORT, "run", str(write(graph)), "--dtype", "fp32", "-q"]
    command += ["--models-dir", str(models_dir)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["code"] == 0, done.stderr
    assert sorted(HEAVY.intersection(report["modules"])) == []
    assert report["whole collections"] == 0
    assert report["collects"]
