"""Jobs on a Ray cluster of two nodes on this machine, one of which may not see its disk."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from spacetime_video.headless.batch import ray_cluster
from spacetime_video.headless.batch.backend import JobDone, JobFailed, JobNote, Task
from spacetime_video.headless.batch.backends import BackendOptions, backend_of
from spacetime_video.headless.batch.job import BatchJob
from spacetime_video.headless.batch.settings import BatchSettings

from ..test_readme import BATCHES, ROOT, small
from .conftest import results, sampled
from .fake_comfyui import wait_until

ray = pytest.importorskip("ray", reason='pip install "spacetime-video[ray]"')
pytestmark = pytest.mark.filterwarnings("ignore")

LONG = {"steps": 1000}


@pytest.fixture(scope="module")
def cluster():
    """A head without cores of its own, and a node with one."""
    from ray.cluster_utils import Cluster

    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
    head = {"num_cpus": 0, "include_dashboard": False}
    started = Cluster(initialize_head=True, head_node_args=head)
    started.add_node(num_cpus=1)
    yield started
    started.shutdown()


@pytest.fixture
def backend(cluster, models_dir):
    settings = BatchSettings(models_dir=str(models_dir), device="cpu", dtype="fp32")
    over = backend_of(BackendOptions(ray=cluster.address, workers=1), settings)
    yield over
    over.close()


@pytest.fixture
def task(tmp_path, graph):
    def of(name, seed=1, **schedule):
        nodes = {key: {**node, "inputs": dict(node["inputs"])} for key, node in graph.items()}
        nodes["7"]["inputs"] |= schedule
        nodes["9"]["inputs"] |= {"seed": seed}
        folder = tmp_path / "jobs" / name
        folder.mkdir(parents=True)
        job = BatchJob(id=name, name=name, source="graph.json", workflow=nodes)
        return Task(job=job, folder=folder)

    return of


def made_here(batch, write, graph, folder, *assignments):
    assert batch(write(graph), output="here", assignments=assignments) == 0
    return list(results(folder / "here").values())


def test_a_killed_process_is_replaced_and_files_stay_on_a_shared_disk(
    backend, task, batch, write, graph, tmp_path
):
    told, raised = [], []

    def run():
        try:
            backend.run([task("short"), task("long", **LONG), task("next", steps=200)], told.append)
        except BaseException as problem:
            raised.append(problem)

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: any(isinstance(each, JobDone) for each in told), 120)
    for times in (1, 2):
        wait_until(lambda times=times: sampled(told, "long", times), 120)
        os.kill(*_actors(), signal.SIGKILL)
    thread.join(120)
    assert raised == []
    short, failed, later = [each for each in told if isinstance(each, JobDone | JobFailed)]
    assert (short.job, failed.job, later.job) == ("short", "long", "next")
    assert 'has ended on the cluster at "Sample", for the second time' in failed.message
    again = [each for each in told if isinstance(each, JobNote) and "again" in each.text]
    assert [each.job for each in again] == ["long", "next"]
    assert "the process that ran it with 1 other job has ended on the cluster" in again[0].text
    for done, steps in ((short, 2), (later, 200)):
        folder = tmp_path / "jobs" / done.job
        assert [path.name for path in folder.iterdir()] == [*done.files]
        made = made_here(batch, write, graph, tmp_path, f"Schedule.steps={steps}")
        assert (folder / done.files[0]).read_bytes() == made[-1]


def _actors():
    """Processes that run jobs, by the titles that Ray gives them."""
    titles = {path.parent.name: path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")}
    return [int(number) for number, title in titles.items() if title.startswith(b"ray::RayActor")]


@pytest.mark.skipif(
    not shutil.which("unshare") or not hasattr(os, "geteuid") or os.geteuid() != 0,
    reason="a disk is hidden by root on Linux alone",
)
def test_files_are_sent_from_nodes_that_do_not_see_the_disk(
    cluster, models_dir, task, batch, write, graph, tmp_path
):
    settings = BatchSettings(models_dir=str(models_dir), device="cpu", dtype="fp32")
    over = ray_cluster.RayCluster(settings, cluster.address, 0)
    assert over.slots == 1, "the head has no cores"
    start = f"{sys.executable} {Path(sys.executable).with_name('ray')} start --block --num-cpus=2"
    hidden = f"mount -t tmpfs none {tmp_path} && exec {start} --address={cluster.address}"
    far = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", hidden],
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(lambda: ray.cluster_resources()["CPU"] == 3, 60)
        over._needs = {"num_cpus": 2}  # which the far node alone has
        over._drop(over._take())
        told, jobs = [], [task("far1", 1), task("far2", 2)]
        over.run(jobs, told.append)
    finally:
        over.close()
        os.killpg(far.pid, signal.SIGKILL)
        far.wait(20)
    ends = [each for each in told if isinstance(each, JobDone | JobFailed)]
    assert [type(each) for each in ends] == [JobDone, JobDone], ends
    assert batch(write(graph), seeds="1-2", output="here") == 0
    for job, content in zip(jobs, results(tmp_path / "here").values(), strict=True):
        (file,) = job.folder.iterdir()
        assert file.read_bytes() == content


def test_the_command_of_the_page_on_batches_runs(cluster, command, tmp_path):
    shutil.copytree(ROOT / "example_workflows", tmp_path / "example_workflows")
    (arguments,) = [arguments for arguments in BATCHES if "--ray" in arguments]
    reached = {"RAY_ADDRESS": cluster.address, "RAY_USAGE_STATS_ENABLED": "0"}
    code, _, told = command(*small(arguments), env=reached)
    assert code == 0, told
    assert len(list((tmp_path / "overnight").glob("*/*.mp4"))) == 12


def test_a_cluster_that_is_not_there_is_told(models_dir):
    with pytest.raises(ValueError, match="no Ray cluster answers"):
        ray_cluster.RayCluster(BatchSettings(), "127.0.0.1:9", 0)
