"""Stopped, saved, loaded and resumed runs end in the same bits as uninterrupted ones."""

import json
import logging
import os
from dataclasses import replace
from functools import partial
from itertools import pairwise

import pytest
import torch
from safetensors import safe_open

from spacetime_video.graph.schema import HiddenHolder, with_hidden
from spacetime_video.hosts import host
from spacetime_video.hosts.standalone.stock_sampling import KSamplerSelect
from spacetime_video.model_loaders.keys import UnsupportedCheckpointError
from spacetime_video.model_loaders.sampling_state import (
    read_sampling_state,
    write_sampling_state,
)
from spacetime_video.models.latent_format import LatentFormat
from spacetime_video.nodes.helpers import state_files
from spacetime_video.nodes.helpers.state_files import read_state, state_path
from spacetime_video.nodes.latent.latents import SpacetimeEmptyVideo
from spacetime_video.nodes.sampling.consistency import SpacetimeLCMSampler
from spacetime_video.nodes.sampling.noise import SpacetimeNoise
from spacetime_video.nodes.sampling.sampling import SpacetimeSample
from spacetime_video.nodes.sampling.sampling_state import (
    SpacetimeLoadSamplingState,
    SpacetimeResumeSampling,
    SpacetimeSampleSteps,
    SpacetimeSaveSamplingState,
)
from spacetime_video.nodes.sampling.solvers import SpacetimeSolver
from spacetime_video.samplers.clips import COVERAGE_KEY
from spacetime_video.samplers.guidance.plan import Projection
from spacetime_video.samplers.guidance.step_cache import StepCache
from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.noise.sources import FrameSeeds
from spacetime_video.samplers.solvers import SOLVERS, STOCHASTIC_SOLVERS

STEPS = 6
EVERY_SOLVER = pytest.mark.parametrize("solver", [*SOLVERS, *STOCHASTIC_SOLVERS, "tcd"])


def latent(**extras):
    return {**SpacetimeEmptyVideo.execute(32, 32, 5, 12.0)[0], **extras}


@pytest.fixture
def parts(bench):
    """Guider, noise, sampler and schedule of a run of six steps."""

    def parts(solver="euler", **options):
        tcd = solver == "tcd"
        made = bench.parts(steps=STEPS, solver="lcm" if tcd else solver, **options)
        return (*made[:2], SpacetimeLCMSampler.execute(0.3)[0], made[3]) if tcd else made

    return parts


def stop(parts, at, clip=None):
    return SpacetimeSampleSteps.execute(*parts, latent() if clip is None else clip, at)


def resume(parts, state, stop_after=0):
    return SpacetimeResumeSampling.execute(*parts[:3], state, stop_after)


def whole(parts, clip=None):
    return SpacetimeSample.execute(*parts, latent() if clip is None else clip)[0]


def save(state, prefix="states/run"):
    (saved,) = SpacetimeSaveSamplingState.execute(state, prefix).ui["states"]
    return "/".join(filter(None, (saved["subfolder"], saved["filename"]))) + " [output]"


def load(name):
    return SpacetimeLoadSamplingState.execute(name)


def same(one, other):
    assert torch.equal(one["samples"], other["samples"])


@EVERY_SOLVER
@pytest.mark.parametrize("filed", [False, True], ids=["wired", "filed"])
def test_resumed_is_the_same_to_the_bit(parts, solver, filed, folders):
    run = parts(solver)
    state = stop(run, 2)[0]
    finished, ended = resume(run, load(save(state))[0] if filed else state)
    same(finished, whole(run))
    assert finished["fps"] == 12.0
    same(resume(run, ended)[0], finished)


def test_a_solver_of_the_host_that_can_stop_is_resumed_to_the_bit(parts, folders):
    run = parts("euler")
    run = (*run[:2], KSamplerSelect.execute("dpmpp_2m")[0], run[3])
    state = stop(run, 2)[0]
    same(resume(run, load(save(state))[0])[0], whole(run))
    with pytest.raises(ValueError, match="dpmpp_2m"):
        resume(parts("dpmpp_2m"), state)


@pytest.mark.parametrize("solver", ["unipc_3", "dpmpp_2m_sde"])
def test_stopped_and_saved_twice(parts, solver, folders):
    run = parts(solver)
    state = load(save(stop(run, 1)[0]))[0]
    look, state = resume(run, state, 4)
    assert not torch.equal(look["samples"], whole(run)["samples"])
    same(resume(run, load(save(state))[0])[0], whole(run))


def test_what_a_latent_carries_survives_the_file(parts, folders):
    samples = torch.randn(2, 16, 2, 4, 4, generator=torch.Generator().manual_seed(3))
    clip = latent(samples=samples, loop=True, batch_index=[4, 7], first_frame=2, odd=object())
    run = parts("euler_ancestral")
    run = (*run[:3], run[3][2:])  # a run that changes what is given
    name = save(stop(run, 1, clip)[0])
    state, look = load(name)
    same(resume(run, state)[0], whole(run, clip))
    assert {**look, "samples": 0} == {
        "samples": 0, "fps": 12.0, "loop": True, "batch_index": [4, 7], "first_frame": 2
    }  # fmt: skip


def test_what_a_file_cannot_hold_is_named(parts, folders, caplog):
    mask = torch.rand(1, 1, 2, 4, 4)
    state = stop(parts(), 1)[0]
    state = replace(state, latent={**state.latent, "noise_mask": mask, "odd": object()})
    with caplog.at_level(logging.WARNING):
        loaded = load(save(state))[0]
    assert "the latent's odd (object) is not saved" in caplog.text
    assert torch.equal(loaded.latent["noise_mask"], mask)
    assert "odd" not in loaded.latent


def test_so_far_is_what_was_predicted_in_the_last_step(parts, network_calls, folders):
    run = parts()
    state, so_far = stop(run, 1)
    noise = run[1].generate_noise(latent())
    assert len(network_calls) == 1
    ahead = SpacetimeSample.execute(*run[:3], torch.tensor([run[3][0], 0.0]), latent())[0]
    torch.testing.assert_close(so_far["samples"], ahead["samples"], atol=1e-5, rtol=1e-5)
    assert so_far["fps"] == 12.0
    # On a straight line the state is a mixture of the noise and that prediction.
    sigma = float(run[3][1])
    mixed = sigma * noise + (1 - sigma) * run[0].model.latent.normalise(so_far["samples"])
    torch.testing.assert_close(state.at.x, mixed, atol=1e-4, rtol=1e-4)
    same(load(save(state))[1], so_far)


def test_after_the_last_step_so_far_is_the_result(parts):
    run = parts("unipc")
    same(stop(run, STEPS)[1], whole(run))


def test_the_good_one_of_several_seeds_is_continued(parts, folders, network_calls):
    names = {seed: save(stop(parts(seed=seed), 2)[0], "look") for seed in range(4)}
    assert [name.split("_")[1] for name in names.values()] == [f"{n:05}" for n in range(1, 5)]
    looks = [load(name)[1]["samples"] for name in names.values()]
    assert min((a - b).abs().max() for a, b in pairwise(looks)) > 0.05
    before = len(network_calls)
    finished = resume(parts(seed=2), load(names[2])[0])[0]
    assert len(network_calls) - before == STEPS - 2
    same(finished, whole(parts(seed=2)))


def test_an_interrupted_resume_loses_nothing(parts, folders, monkeypatch):
    name = save(stop(parts(), 2)[0])

    def interrupt(done, total):
        if done == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(host().session, "progress", interrupt)
        with pytest.raises(KeyboardInterrupt):
            resume(parts(), load(name)[0])
    same(resume(parts(), load(name)[0])[0], whole(parts()))


def test_progress_counts_the_steps_of_the_whole_run(parts, monkeypatch):
    state, ticks = stop(parts(), 4)[0], []
    monkeypatch.setattr(host().session, "progress", lambda done, total: ticks.append((done, total)))
    resume(parts(), state)
    assert ticks[-2:] == [(5, STEPS), (6, STEPS)]


@pytest.mark.parametrize(
    ("begun", "other", "message"),
    [
        ("euler", "heun", r"started with euler, but the sampler is heun"),
        ("unipc", "unipc_3", r"started with unipc \(order 2.*the sampler is unipc_3 \(order 3"),
        ("lcm", "tcd", r"started with lcm \(eta 1.0\), but the sampler is lcm \(eta 0.3\)"),
    ],
)
def test_another_solver_is_refused(parts, begun, other, message):
    state = stop(parts(begun), 2)[0]
    with pytest.raises(ValueError, match=message):
        resume(parts(other), state)


def test_lcm_of_either_node_is_the_same_solver(parts):
    run = parts("lcm")
    state = stop(run, 2)[0]
    other = (*run[:2], SpacetimeLCMSampler.execute(1.0)[0], run[3])
    same(resume(other, state)[0], whole(run))


def test_other_noise_is_refused(parts):
    run = parts()
    state = stop(run, 2)[0]
    with pytest.raises(ValueError, match="has the seed 6, but the run was started with 5: connect"):
        resume((run[0], SpacetimeNoise.execute(6)[0], run[2]), state)
    changed = FrameSeeds(FrameNoise(5), {1: 9})
    with pytest.raises(ValueError, match="seed 5 is generated differently"):
        resume((run[0], changed, run[2]), state)
    same(resume((run[0], FrameSeeds(FrameNoise(5), {}), run[2]), state)[0], whole(run))


def test_a_state_of_another_size_or_schedule_is_refused(parts):
    """They travel inside the state; only a damaged file can be wrong."""
    run = parts()
    state = stop(run, 4)[0]
    with pytest.raises(ValueError, match="use the schedule and the size that it was saved with"):
        resume(run, replace(state, sigmas=state.sigmas[:3]))
    with pytest.raises(ValueError, match="connect the same Noise"):
        resume(run, replace(state, latent={"samples": torch.zeros(1, 16, 3, 4, 4)}))
    with pytest.raises(ValueError, match="use the schedule and the size that it was saved with"):
        resume(run, replace(state, latent={"samples": torch.zeros(1, 16, 2, 6, 4)}))


def test_a_model_of_other_channels_is_refused(parts, loaded):
    run = parts()
    wide = replace(loaded.model, latent=LatentFormat(channels=4))
    with pytest.raises(ValueError, match="latent has 16 channels, the model needs 4"):
        resume((replace(run[0], model=wide), *run[1:]), stop(run, 2)[0])


@pytest.mark.parametrize("at", [0, STEPS + 1])
def test_steps_that_the_schedule_has_not_are_refused(parts, at):
    with pytest.raises(ValueError, match=f"stop_after {at}: the run has 6 steps.*use 1 to 6"):
        stop(parts(), at)


def test_a_step_that_is_done_is_refused(parts):
    state = stop(parts(), 3)[0]
    for at in (2, 3, 7):
        with pytest.raises(ValueError, match=f"stop_after {at}.*of which 3 are done; use 4 to 6"):
            resume(parts(), state, at)
    ended = resume(parts(), state)[1]
    with pytest.raises(ValueError, match="of which 6 are done; use 0, which passes it through"):
        resume(parts(), ended, 6)


def test_a_sampler_that_cannot_stop_is_refused_before_it_runs(parts, network_calls):
    def sample_other(denoiser, x, sigmas, extra_args=None, callback=None, disable=None):
        return x

    run = parts()
    other = (*run[:2], host().sampling.make_sampler(sample_other, {}), run[3])
    with pytest.raises(ValueError, match=r"cannot be stopped and resumed.*use Solver"):
        stop(other, 2)
    with pytest.raises(ValueError, match=r"cannot be stopped and resumed.*use Solver"):
        resume(other, stop(run, 1)[0])
    assert len(network_calls) == 1


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"rule": Projection(momentum=-0.3)}, "its momentum"),
        ({"cache": StepCache(threshold=0.1)}, "its step cache"),
        ({"rule": Projection(threshold=0.3), "cache": StepCache(threshold=0.0)}, None),
    ],
)
def test_guidance_that_remembers_is_warned_of(parts, caplog, changes, named):
    guider, *rest = parts()
    with caplog.at_level(logging.WARNING):
        stop((host().sampling.with_plan(guider, partial(replace, **changes)), *rest), 2)
    told = [entry.getMessage() for entry in caplog.records if "restarts" in entry.getMessage()]
    assert [named in message for message in told] == [True] * (named is not None)


def test_a_saved_file_brings_its_graph_back(parts, folders):
    state = stop(parts(), 1)[0]
    hidden = HiddenHolder(prompt={"1": {}}, extra_pnginfo={"workflow": {"nodes": []}})
    with_hidden(SpacetimeSaveSamplingState, hidden).execute(state, "run")
    (path,) = folders.output.iterdir()
    with safe_open(path, framework="pt") as file:
        tags = file.metadata()
    assert json.loads(tags["prompt"]) == {"1": {}}
    assert json.loads(tags["workflow"]) == {"nodes": []}
    assert path.name == "run_00001_.state.safetensors"


@pytest.mark.parametrize(
    "changed",
    [
        {"latent": {COVERAGE_KEY: 3}},
        {"latent": {COVERAGE_KEY: [0, 9, 3]}},
        {"latent": {COVERAGE_KEY: [0, 9, "three", [0]]}},
        {"latent": {COVERAGE_KEY: [0, 9, 3, [0.5]]}},
        {"latent": 3},
        {"timeline": {"pieces": 3}},
        {"step": "two"},
        {"seed": None},
        {"options": [1]},
    ],
    ids=str,
)
def test_a_file_that_tells_of_no_run_is_refused(parts, folders, changed):
    path = state_path(save(stop(parts("euler"), 1)[0]))
    tensors, info = read_sampling_state(path)
    write_sampling_state(path, tensors, {**info, **changed})

    with pytest.raises(UnsupportedCheckpointError, match=r"_\.state\.safetensors .*it is damaged"):
        read_state(path)


def test_a_changed_file_is_read_again(parts, folders):
    name = save(stop(parts(), 1)[0])
    before = SpacetimeLoadSamplingState.fingerprint_inputs(name)
    assert SpacetimeLoadSamplingState.fingerprint_inputs(name) == before
    path = state_files.state_path(name)
    written = path.stat().st_mtime_ns
    state_files.write_state(path, stop(parts(), 2)[0], {})
    os.utime(path, ns=(written, written))  # clocks tick slowly: two files may have one time
    assert SpacetimeLoadSamplingState.fingerprint_inputs(name) != before
    assert load(name)[0].at.step == 2


def test_solvers_are_named_as_in_the_node():
    names = [*SOLVERS, *STOCHASTIC_SOLVERS]
    samplers = [SpacetimeSolver.execute(name)[0] for name in names]
    assert len({host().sampling.solver_of(sampler).solver for sampler in samplers}) == len(names)
