from types import SimpleNamespace

import pytest
import torch

from spacetime_video import hosts
from spacetime_video.graph.workflow import to_api
from spacetime_video.headless.batch.job import BatchJob
from spacetime_video.headless.check import estimate, rates
from spacetime_video.headless.check.estimate import Estimator, estimate_of
from spacetime_video.headless.check.meter import Cost, Work
from spacetime_video.headless.check.rehearsal import Part, RehearsalHost, rehearse
from spacetime_video.headless.engine import standalone_registry
from spacetime_video.hosts.standalone.folders import Folders
from spacetime_video.weights import bundled

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _own_host(standalone):
    yield
    hosts.use(standalone)


def test_what_an_example_takes(examples, tmp_path):
    host = RehearsalHost(models=tmp_path, device="cpu", dtype="fp32")
    registry = standalone_registry(host)
    folders = Folders.of(input=tmp_path, output=tmp_path)
    workflow = examples("text_to_video")

    parts = rehearse(to_api(workflow, registry), registry, host, folders)
    rates_: dict = {}
    found = estimate_of(parts, CPU, rates_)

    assert (found.tokens, found.evaluations) == (80, 30)  # 5 x 8 x 8 latent in patches of 1 x 2 x 2
    files = [bundled(folder) for folder in ("diffusion_models", "text_encoders", "vae")]
    stored = sum(path.stat().st_size for each in files for path in each.values())
    assert 2 * stored < found.memory < 4 * stored  # float32 of float16 files, and what is computed
    assert found.seconds == pytest.approx(
        sum(part.work.flops / rates_[key] for part, key in zip(_timed(parts), rates_, strict=True))
    )
    assert all(1e7 < rate < 1e14 for rate in rates_.values())


def test_a_branch_computes_at_the_rate_of_its_transformer(monkeypatch):
    weights = SimpleNamespace(config=SimpleNamespace(patch=(1, 2, 2)))

    def part(name, flops):
        work = Work(name, 0)
        work.add((torch.Size([1, 16, 1, 8, 8]),), lambda: Cost(flops, 0))
        return Part(work, weights, torch.float32)

    monkeypatch.setattr(estimate, "rate_of", lambda part, device: 1e9)
    alone = [part("sampling", 10**9), part("decoding", 3 * 10**9)]

    assert estimate_of(alone, CPU, {}).seconds == pytest.approx(4)
    assert estimate_of([*alone, part("control", 5 * 10**8)], CPU, {}).seconds == pytest.approx(4.5)


def _timed(parts):
    return [part for part in parts if part.work.name in estimate.TIMED and part.work.calls]


def job(id, workflow, *assignments):
    return BatchJob(id=id, name=id, source="x.json", workflow=workflow, assignments=assignments)


def test_jobs_of_a_kind_are_rehearsed_once(examples, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(estimate, "rate_of", lambda part, device: 1e9)
    real = estimate.rehearse

    def counting(nodes, *given):
        seen.append(nodes)
        return real(nodes, *given)

    monkeypatch.setattr(estimate, "rehearse", counting)
    workflow = examples("few_step_text_to_video")
    jobs = [
        job("1", workflow, "Noise.seed=1", "Prompt.text=a red cube"),
        job("2", workflow, "Noise.seed=2"),
        job("3", workflow, "Noise.seed=3", "Size.frames=33"),
    ]

    found = Estimator(tmp_path, "cpu", "fp32", Folders.of(input=tmp_path)).of(jobs)

    assert len(seen) == 2
    assert found["1"] == found["2"]
    assert found["3"].tokens == pytest.approx(found["1"].tokens * 9 / 5)
    assert found["3"].flops > 1.7 * found["1"].flops


def test_what_is_timed_grows_while_it_is_quick(monkeypatch):
    now, sizes = [0.0], []
    monkeypatch.setattr(rates.time, "perf_counter", lambda: now[0])

    def timed(size):
        sizes.append(size)
        now[0] += size / 1000
        return 1e9 * size

    assert rates._grown(timed, 300, 16) == 1e9 * 256
    assert sizes == [16, 64, 256]
    assert rates._grown(timed, 10, 16) == 1e10
