"""A long clip in chunks: what is given stays, absolute frames decide, a stopped run goes on."""

from dataclasses import replace

import pytest
import torch

from spacetime_video.graph.schema import HiddenHolder, with_hidden
from spacetime_video.hosts.standalone.folders import Folders, use_folders
from spacetime_video.nodes.guidance.guidance import (
    SpacetimeGuidanceInterval,
    SpacetimeGuidanceOverFrames,
)
from spacetime_video.nodes.helpers import long_runs
from spacetime_video.nodes.helpers.chunk_files import MOST_RUNS
from spacetime_video.nodes.helpers.origin import origin_of
from spacetime_video.nodes.latent.latents import SpacetimeEmptyVideo
from spacetime_video.nodes.sampling.experts import SpacetimeTwoExperts
from spacetime_video.nodes.sampling.sampling import SpacetimeDenoiser
from spacetime_video.nodes.timeline.long import SpacetimeSampleLongVideo
from spacetime_video.samplers.regions import LatentRegions
from spacetime_video.timeline.chunks import CHUNKS_FOLDER

from .controlled import latent as video
from .controlled import pictures


@pytest.fixture
def output(tmp_path):
    folders = Folders.of(input=tmp_path / "input", output=tmp_path / "output")
    with use_folders(folders):
        yield folders.output


def empty(frames: int):
    return SpacetimeEmptyVideo.execute(32, 32, frames, 16.0)[0]


def given(frames: int, *known: int):
    latent = empty(frames)
    samples = torch.randn(latent["samples"].shape, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(1, 1, *samples.shape[2:])
    mask[:, :, list(known)] = 0
    return {**latent, "samples": samples * (1 - mask), "noise_mask": mask}


def graph(**interval):
    """A graph of which only what changes late in a run is told."""
    linked = {"class_type": "SpacetimeSampleLongVideo", "inputs": {"guider": ["7", 0], "chunk": 13}}
    return {
        "7": {"class_type": "SpacetimeGuidanceInterval", "inputs": interval},
        "8": {**linked, "_meta": {"title": "Sample"}},
        "9": {"class_type": "SpacetimeDecodeTimeline", "inputs": {"latent": ["8", 0]}},
    }


def sample(
    bench, latent, *, chunk=13, context=5, anchor=True, match=0.0, keep=False, hidden=None,
    **options,
):  # fmt: skip
    parts = bench.parts(steps=2, **options)
    node = with_hidden(SpacetimeSampleLongVideo, hidden or HiddenHolder())
    return node.execute(*parts, latent, chunk, context, anchor, match, keep)[0]["samples"]


@pytest.fixture
def runs(monkeypatch):
    """The latents of all runs."""
    seen, original = [], long_runs.LongRun._run

    def noted(self, whole, chunk, steps=None):
        if steps is None:
            seen.append(chunk)
        return original(self, whole, chunk, steps)

    monkeypatch.setattr(long_runs.LongRun, "_run", noted)
    return seen


def test_a_clip_of_one_chunk_is_what_sample_makes(bench):
    latent = empty(13)
    wanted = bench.sample(latent, steps=2)["samples"]
    assert torch.equal(sample(bench, latent), wanted)


@pytest.mark.parametrize("solver", ["euler", "lcm"])
@pytest.mark.parametrize("known", [(0, 1), (9, 10), (0, 1, 9, 10), (4, 5)])
def test_what_is_given_stays_and_all_else_is_made(bench, known, solver):
    latent = given(41, *known)
    made = sample(bench, latent, solver=solver)
    assert torch.equal(made[:, :, list(known)], latent["samples"][:, :, list(known)])
    others = [frame for frame in range(11) if frame not in known]
    assert torch.all(made[:, :, others].flatten(3).std(3) > 0.1)
    assert not torch.equal(made[:, :, others], sample(bench, latent, seed=6)[:, :, others])


def test_clips_of_a_batch_may_be_given_different_parts(bench):
    one, two = given(41, 0, 1), given(41, 4, 5)
    both = {key: torch.cat([one[key], two[key]]) for key in ("samples", "noise_mask")}
    made = sample(bench, {**one, **both})
    for row, known in enumerate(([0, 1], [4, 5])):
        assert torch.equal(made[row][:, known], both["samples"][row][:, known])
        others = [frame for frame in range(11) if frame not in known]
        assert torch.all(made[row][:, others].flatten(2).std(2) > 0.1)


def test_frames_are_counted_as_the_model_compresses_them(bench, runs):
    """Chunks, and masks of one picture per frame, with eight frames behind a latent frame."""
    known = bench.models.model
    coarse = replace(known, latent=replace(known.latent, time_factor=8))
    mask = torch.ones(41, 4, 4)
    mask[:17] = 0
    latent = {**empty(21), "noise_mask": mask}
    made = sample(bench, latent, model=coarse, chunk=25, context=9)
    assert [len(chunk.shown) for chunk in runs] == [4, 4, 4]
    assert torch.all(made[:, :, :3] == 0)
    assert torch.all(made[:, :, 3:].flatten(3).std(3) > 0.1)
    with pytest.raises(ValueError, match="of at least 25 frames"):
        sample(bench, latent, model=coarse, chunk=17, context=9)


def test_guidance_over_frames_goes_along_the_whole_clip(bench, runs, monkeypatch):
    seen, original = [], LatentRegions.position

    def noted(self, values):
        seen.append(original(self, values).flatten().tolist())
        return original(self, values)

    monkeypatch.setattr(LatentRegions, "position", noted)
    guider = SpacetimeGuidanceOverFrames.execute(bench.guider(), 1.0, False)[0]
    sample(bench, empty(41), guider=guider)
    whole = torch.linspace(0, 1, 11)
    assert len(runs) > 2
    wanted = [whole[list(chunk.shown)].tolist() for chunk in runs for _ in range(2)]
    assert seen == wanted


def test_chunks_differ_in_their_noise_by_absolute_frames(bench):
    made = sample(bench, empty(41), anchor=False)
    later = sample(bench, {**empty(41), "first_frame": 3}, anchor=False)
    assert not torch.allclose(made, later, atol=1e-2)
    frames = made[0, :, 2:].flatten(2).movedim(1, 0).flatten(1)
    assert torch.corrcoef(frames).triu(1).amax() < 0.9, "no two frames are alike"


def test_a_run_that_was_stopped_goes_on_where_it_was(bench, runs, output, monkeypatch):
    latent = empty(61)
    whole = sample(bench, latent, keep=True)
    count = len(runs)
    assert count > 4
    for path in sorted((output / CHUNKS_FOLDER).rglob("*.safetensors"))[2:]:
        path.unlink()
    runs.clear()
    assert torch.equal(sample(bench, latent, keep=True), whole)
    assert len(runs) == count - 2
    runs.clear()
    assert torch.equal(sample(bench, latent, keep=True), whole)
    assert not runs, "a finished run is read"
    for change in ({"seed": 6}, {"guidance": 2.0}, {"match": 0.5}, {"context": 1}):
        runs.clear()
        sample(bench, latent, keep=True, **change)
        assert runs, f"another run: {change}"


def test_what_acts_late_in_a_run_makes_another_one(bench, runs, output):
    """Guidance that begins after the first step, another solver, another ceiling later on."""
    latent = empty(29)

    def sampled(high, latent=latent, **options):
        guider = SpacetimeGuidanceInterval.execute(bench.guider(), 0.0, high)[0]
        hidden = HiddenHolder(prompt=graph(start=0.0, end=high), unique_id="8")
        runs.clear()
        return sample(bench, latent, keep=True, guider=guider, hidden=hidden, **options)

    late, early = sampled(0.5), sampled(0.9)
    assert not torch.equal(late, early)
    assert torch.equal(sampled(0.5), late)
    assert not runs
    ceiling = torch.ones(1, 1, *latent["samples"].shape[2:])
    for most in (0.5, 0.6):
        ceiling[:, :, -1] = most
        sampled(0.5, {**latent, "noise_ceiling": ceiling.clone()})
        assert runs, most


def test_another_prompt_or_plan_of_a_second_expert_makes_another_run(bench, runs, output):
    """Outside of a graph, which would tell; the first step is the first expert's."""
    latent, low = empty(17), bench.guider()
    rest = bench.prompt("a blue cube falls at night")

    def again(low, boundary=0.5):
        guider = SpacetimeTwoExperts.execute(bench.guider(), low, boundary)[0]
        runs.clear()
        return sample(bench, latent, keep=True, guider=guider)

    first = again(low)
    assert torch.equal(again(low), first)
    assert not runs
    other = SpacetimeDenoiser.execute(bench.models.model, rest, bench.negative, 3.0)[0]
    for changed in ((other,), (bench.guider(2.0),), (low, 0.4)):
        assert torch.isfinite(again(*changed)).all()
        assert runs, changed


def test_what_a_control_does_at_the_end_makes_another_run(bench, runs, output, controlled):
    """Pictures and masks, which no graph tells, differ behind the first chunk alone."""
    images, others = pictures(29), pictures(29)
    others[20:] = 0.5
    region, smaller = torch.ones(2, 29, 8, 8)
    region[0], smaller[0], smaller[20:] = 0.9, 0.9, 0.2

    def sampled(images, mask):
        runs.clear()
        guider = controlled.guider(*controlled.prompts(images, mask=mask))
        return sample(bench, video(8), keep=True, guider=guider)

    first = sampled(images, region)
    assert torch.equal(sampled(images, region), first)
    assert not runs
    for changed in ((others, region), (images, smaller)):
        assert not torch.equal(sampled(*changed), first)
        assert runs


def test_a_run_is_known_by_what_it_follows_from_alone():
    def told(prompt, id="8"):
        return origin_of(HiddenHolder(prompt=prompt, unique_id=id))

    same = graph(end=0.5)
    same["8"]["_meta"] = {"title": "another title"}
    del same["9"]
    renamed = {"70": same["7"], "80": {**same["8"], "inputs": {"guider": ["70", 0], "chunk": 13}}}
    assert told(same) == told(graph(end=0.5)) == told(renamed, "80") != told(graph(end=0.6))
    assert told(None) == ""


def test_a_run_behind_a_long_chain_is_known():
    def told(first):
        chain = {
            str(key): {"class_type": "PrimitiveInt", "inputs": {"value": [key - 1, 0]}}
            for key in range(1, 3000)
        }
        chain["0"] = {"class_type": "PrimitiveInt", "inputs": {"value": first}}
        return origin_of(HiddenHolder(prompt=chain, unique_id="2999"))

    assert told(1) == told(1) != told(2)


def test_a_damaged_chunk_is_made_again(bench, runs, output):
    latent = empty(41)
    whole = sample(bench, latent, keep=True)
    chunk = sorted((output / CHUNKS_FOLDER).rglob("*.safetensors"))[1]
    chunk.write_bytes(chunk.read_bytes()[:100])
    runs.clear()
    assert torch.equal(sample(bench, latent, keep=True), whole)
    assert len(runs) == 1


def test_old_runs_make_room_and_nothing_else_is_removed(bench, output):
    (output / CHUNKS_FOLDER / "mine").mkdir(parents=True)
    for seed in range(MOST_RUNS + 3):
        sample(bench, empty(17), keep=True, seed=seed)
    folders = [path.name for path in (output / CHUNKS_FOLDER).iterdir()]
    assert len(folders) == MOST_RUNS + 1
    assert "mine" in folders


def test_matched_chunks_differ_after_the_first_one(bench):
    latent = empty(61)
    plain, moved = sample(bench, latent), sample(bench, latent, match=1.0)
    same = [torch.equal(one, other) for one, other in zip(plain[0, 0], moved[0, 0], strict=True)]
    assert same[0]
    assert not same[-1]


def test_loops_and_impossible_chunks_are_refused(bench):
    with pytest.raises(ValueError, match="a loop has no beginning"):
        sample(bench, {**empty(41), "loop": True})
    problem = SpacetimeSampleLongVideo.validate_inputs(9, 9, True)
    assert "use chunks of at least" in problem
    assert "at least 17 frames" in problem
