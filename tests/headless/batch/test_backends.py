"""The command chooses what runs its jobs, and keeps their results whatever that is."""

import json

import pytest

from spacetime_video.headless.batch import backends
from spacetime_video.headless.batch.backends import BackendOptions, registry_of
from spacetime_video.headless.batch.batches import manifests
from spacetime_video.headless.batch.manifest import read_manifest
from spacetime_video.headless.batch.settings import BatchSettings

from .conftest import results
from .fake_comfyui import FakeComfyUI, Run

GRAPH = {
    "1": {"class_type": "Seed", "inputs": {"seed": 1}, "_meta": {"title": "Noise"}},
    "2": {"class_type": "Save", "inputs": {"value": ["1", 0], "prefix": "clip"}},
}


@pytest.fixture
def servers():
    both = [FakeComfyUI(), FakeComfyUI()]
    yield both
    for server in both:
        server.die()


def options_for(servers, **more):
    return BackendOptions(servers=tuple(server.url for server in servers), **more)


def test_servers_share_the_jobs_of_a_batch(servers, batch, write, records, tmp_path):
    secret = ("Authorization: Bearer s3cret",)
    backend = options_for(servers, server_headers=secret)
    assert batch(write(GRAPH), seeds="1-8", backend=backend) == 0
    seeds = [[post["prompt"]["1"]["inputs"]["seed"] for post in each.posts] for each in servers]
    assert sorted(seeds[0] + seeds[1]) == list(range(1, 9))
    assert all(seeds)
    names = sorted(results(tmp_path / "output"))
    assert len(names) == 8 * 4
    assert {name.rpartition(".")[2] for name in names} == {"mp4", "webp", "flac", "glb"}
    (record, *_) = records().values()
    assert record.details["versions"]["comfyui"] == "0.0.1"
    assert record.details["server"] in [server.url for server in servers]
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if b"s3cret" in path.read_bytes()]


def test_failed_jobs_do_not_stop_the_others_and_run_again(servers, batch, write, tmp_path):
    servers[0].script, servers[1].script = [Run.fail], []
    backend = options_for(servers[:1])
    assert batch(write(GRAPH), seeds="1-3", backend=backend) == 1
    assert len(results(tmp_path / "output")) == 2 * 4
    assert batch(retry_failed=True, backend=backend) == 0
    assert len(results(tmp_path / "output")) == 3 * 4


def test_a_server_that_is_gone_ends_the_batch_which_goes_on_later(
    servers, batch, write, tmp_path, capsys
):
    def go(run):
        run.start()
        run.server.die()

    servers[0].script = [go]
    backend = options_for(servers[:1], server_patience=0.5)
    assert batch(write(GRAPH), seeds="1-2", backend=backend) == 1
    assert "\nno ComfyUI server has answered for" in f"\n{capsys.readouterr().err}"
    assert results(tmp_path / "output") == {}
    assert batch(resume=True, backend=options_for(servers[1:])) == 0
    assert len(results(tmp_path / "output")) == 2 * 4
    servers[0].start()


def test_processes_make_the_same_files_as_this_one(batch, write, graph, tmp_path):
    file, two = write(graph), BackendOptions(workers=2)
    assert batch(file, seeds="1-5", backend=two) == 0
    assert batch(file, seeds="1-5", backend=two, output="pairs", settings={"pack": 2}) == 0
    assert batch(file, seeds="1-5", output="here", settings={"pack": 1}) == 0
    made = [results(tmp_path / output) for output in ("output", "pairs", "here")]
    assert len(made[0]) == 5
    assert made[0] == made[1] == made[2]
    groups = [
        [len(group) for group in read_manifest(manifests(tmp_path / output)[0]).groups]
        for output in ("output", "pairs", "here")
    ]
    assert groups == [[2, 3], [1, 2, 2], [1] * 5]


def test_options_of_the_command_line(servers, command, write):
    urls = [word for server in servers for word in ("--server", server.url)]
    file = write(GRAPH)
    seeds = ("batch", file, "--seeds", "1-4")
    code, out, err = command(*seeds, *urls, "--pack", "auto", "--json", "--quiet")
    assert code == 0, err
    assert json.loads(out.splitlines()[-1])["done"] == 4
    code, _, err = command(*seeds, "--pack", "0", env={"TERM": "dumb", "COLUMNS": "200"})
    assert code == 2
    assert "expected auto or a number from 1 on, got '0'" in err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"servers": ("http://x",), "workers": 2}, "--server and --workers"),
        ({"workers": 2, "devices": ("cpu",)}, "--workers and --devices"),
        ({"server_headers": ("A: b",)}, "no --server is given"),
    ],
)
def test_options_that_contradict_each_other_are_refused(batch, write, capsys, given, said):
    assert batch(write(GRAPH), backend=BackendOptions(**given)) == 1
    assert said in capsys.readouterr().err


def test_servers_compute_no_jobs_together(servers, batch, write, capsys):
    given = {"backend": options_for(servers), "settings": {"pack": 4}}
    assert batch(write(GRAPH), **given) == 1
    assert "--pack 4 and --server: a server runs one job after the" in capsys.readouterr().err


def test_nodes_are_those_of_the_first_server_that_is_there(servers):
    servers[0].die()
    assert set(registry_of(options_for(servers), BatchSettings())) == {"LoadVideo", "Seed", "Save"}
    with pytest.raises(ConnectionError, match=r"no ComfyUI server answers .*: start one"):
        registry_of(options_for(servers[:1]), BatchSettings())
    servers[0].start()


@pytest.mark.parametrize(
    ("count", "device", "devices"),
    [
        (2, "auto", ("cuda:0", "cuda:1", "cuda:0")),
        (0, "auto", ("auto",) * 3),
        (2, "cpu", ("cpu",) * 3),
    ],
)
def test_processes_take_the_accelerators_in_turn(monkeypatch, count, device, devices):
    made = []
    monkeypatch.setattr(backends.torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(backends, "Workers", lambda settings, devices: made.append(devices))
    backends.backend_of(BackendOptions(workers=3), BatchSettings(device=device))
    assert made == [devices]
