"""Prompts over time: what chunks, windows and plain runs take, and what of the text is refused."""

from dataclasses import replace

import pytest
import torch

from spacetime_video.hosts import host
from spacetime_video.hosts.prompt_spans import spans_of
from spacetime_video.hosts.standalone.folders import Folders, use_folders
from spacetime_video.hosts.standalone.stock_ksampler import KSampler
from spacetime_video.nodes.guidance.blocks import SpacetimeAttentionGuidance
from spacetime_video.nodes.helpers import long_runs
from spacetime_video.nodes.helpers.prompt_lines import read_prompt_lines
from spacetime_video.nodes.latent.latents import SpacetimeEmptyVideo
from spacetime_video.nodes.patches.patches import SpacetimePatchify, SpacetimeUnpatchify
from spacetime_video.nodes.prompt.schedule import SpacetimePromptSchedule
from spacetime_video.nodes.sampling.sampling import SpacetimeDenoiser
from spacetime_video.nodes.timeline.long import SpacetimeSampleLongVideo
from spacetime_video.nodes.timeline.windows import SpacetimeContextWindows

EARLY, LATE = "a red sphere moves left", "a blue cube moves up"
IN_ONE_PIECE = "in one piece and uses only the prompt at its middle"


def scheduled(bench, text, negative=""):
    positive = SpacetimePromptSchedule.execute(bench.models.clip, text)[0]
    return guider(bench, positive, bench.prompt(negative))


def guider(bench, positive, negative):
    return SpacetimeDenoiser.execute(bench.models.model, positive, negative, 3.0)[0]


def plain(bench, text):
    return guider(bench, bench.prompt(text), bench.negative)


def empty(frames: int):
    return SpacetimeEmptyVideo.execute(32, 32, frames, 16.0)[0]


def long(bench, guider, latent, *, keep=False):
    parts = bench.parts(steps=2, guider=guider)
    return SpacetimeSampleLongVideo.execute(*parts, latent, 17, 5, True, 0.0, keep)[0]["samples"]


@pytest.fixture
def by_hand(monkeypatch):
    """Gives chunks that begin at a latent frame or later another guider."""
    seen, original = [], long_runs.LongRun._run

    def use(later, first):
        def run(self, whole, chunk, steps=None):
            seen.append(chunk.made)
            each = replace(self, guider=later) if chunk.made.start >= first else self
            return original(each, whole, chunk, steps)

        monkeypatch.setattr(long_runs.LongRun, "_run", run)
        return seen

    return use


@pytest.mark.parametrize("border", ["1.2", "20f"])
def test_each_chunk_takes_the_prompt_of_the_middle_of_what_it_makes(bench, by_hand, caplog, border):
    """The second one makes frames 17 to 25; its context lies before, and the anchor at 0."""
    made = long(bench, scheduled(bench, f"0: {EARLY}\n{border}: {LATE}"), empty(49))
    assert IN_ONE_PIECE not in caplog.text
    chunks = by_hand(plain(bench, LATE), 5)
    assert torch.equal(made, long(bench, plain(bench, EARLY), empty(49)))
    assert [(each.start, each.stop) for each in chunks] == [
        (0, 5),
        (5, 7),
        (7, 9),
        (9, 11),
        (11, 13),
    ]


def test_a_run_that_was_stopped_is_another_one_with_other_later_prompts(bench, tmp_path):
    folders = Folders.of(input=tmp_path / "input", output=tmp_path / "output")
    with use_folders(folders):
        first, second = (
            long(bench, scheduled(bench, f"0: {EARLY}\n1.5: {later}"), empty(49), keep=True)
            for later in (LATE, "a green cone spins")
        )
    assert torch.equal(first[:, :, :5], second[:, :, :5])
    assert not torch.equal(first[:, :, 7:], second[:, :, 7:])


def test_each_window_takes_the_prompt_of_its_middle(bench, caplog):
    windows = {"context_length": 4, "context_overlap": 2}
    windows |= {"context_schedule": "static", "fuse_method": "pyramid"}
    timed = scheduled(bench, f"0: {EARLY}\n1: {LATE}")
    made = bench.sample(empty(33), guider=SpacetimeContextWindows.execute(timed, **windows)[0])
    assert IN_ONE_PIECE not in caplog.text

    seen, sampling = set(), host().sampling

    def choose(denoiser, run):
        def denoise(x, at):
            frames = at.clips.each[0].frames
            seen.add(frames)
            return (run.further["late"] if frames[0] >= 3 else denoiser)(x, at)

        return denoise

    late = sampling.with_further(
        plain(bench, EARLY), "late", bench.prompt(LATE), bench.negative, 3.0
    )
    chosen = sampling.with_wrapper(late, choose)
    wanted = bench.sample(empty(33), guider=SpacetimeContextWindows.execute(chosen, **windows)[0])
    assert torch.equal(made["samples"], wanted["samples"])
    assert {frames[0] >= 3 for frames in seen} == {True, False}


def test_a_plain_run_takes_the_prompt_of_its_middle_and_says_so(bench, caplog):
    text, kept = f"0: {EARLY}\n1: {LATE}", {"first_frame": 6}
    for latent, prompt, warned in (
        (empty(33), LATE, True),  # frames 0 to 33, the middle at 1.03 seconds
        (empty(29), EARLY, True),
        (empty(13), EARLY, False),
        ({**empty(13), **kept}, LATE, False),  # frames 21 to 34
        ({**empty(33), "loop": True}, LATE, True),
    ):
        caplog.clear()
        made = bench.sample(latent, guider=scheduled(bench, text))
        assert torch.equal(
            made["samples"], bench.sample(latent, guider=plain(bench, prompt))["samples"]
        )
        assert caplog.text.count(IN_ONE_PIECE) == warned


def test_given_frames_do_not_count(bench, caplog):
    mask = torch.zeros(1, 1, 9, 4, 4)
    mask[:, :, 5:] = 1  # frames 17 to 33
    latent = {**empty(33), "noise_mask": mask}
    made = bench.sample(latent, guider=scheduled(bench, f"0: {EARLY}\n1.5: {LATE}"))
    assert torch.equal(made["samples"], bench.sample(latent, guider=plain(bench, LATE))["samples"])
    assert IN_ONE_PIECE in caplog.text


def test_both_sides_and_rules_follow_the_time(bench):
    """The negative prompt, and the attention that is guided against it."""
    clip, text = bench.models.clip, f"0: {EARLY}\n0.1: {LATE}"
    timed = SpacetimePromptSchedule.execute(clip, text)[0]
    for way in (
        lambda each: each,
        lambda each: SpacetimeAttentionGuidance.execute(each, 5.0, 2.5, 0.25)[0],
    ):
        made = bench.sample(empty(9), guider=way(guider(bench, bench.positive, timed)))
        fixed = guider(bench, bench.positive, bench.prompt(LATE))
        assert torch.equal(made["samples"], bench.sample(empty(9), guider=way(fixed))["samples"])


def test_patches_take_the_prompt_of_their_middle(bench):
    latents = [empty(33), {**empty(33), "first_frame": 0}]
    tokens = SpacetimePatchify.execute(latents)[0]
    made, wanted = (
        SpacetimeUnpatchify.execute(bench.sample_patches(tokens, guider=each))[0]
        for each in (scheduled(bench, f"0: {EARLY}\n1: {LATE}"), plain(bench, LATE))
    )
    for one, other in zip(made, wanted, strict=True):
        assert torch.equal(one["samples"], other["samples"])
    mixed = SpacetimePatchify.execute([empty(33), empty(9)])[0]
    with pytest.raises(ValueError, match="fall under different prompts"):
        bench.sample_patches(mixed, guider=scheduled(bench, f"0: {EARLY}\n1: {LATE}"))


def test_stock_samplers_see_the_first_prompt(bench):
    timed = SpacetimePromptSchedule.execute(bench.models.clip, f"0: {EARLY}\n0.1: {LATE}")[0]
    made, wanted = (
        KSampler.execute(
            bench.models.model, 1, 2, 3.0, "euler", "simple", each, bench.negative, empty(9), 1.0
        )[0]["samples"]
        for each in (timed, bench.prompt(EARLY))
    )
    assert torch.equal(made, wanted)


def test_a_node_that_changes_the_text_changes_all_of_it(bench):
    timed = SpacetimePromptSchedule.execute(bench.models.clip, f"0: {EARLY}\n1: {LATE}")[0]
    ((context, options),) = timed
    assert spans_of(context, options) is not None
    assert spans_of(torch.zeros_like(context), options) is None


def test_seconds_need_a_rate_and_frames_do_not(bench):
    latent = {**empty(9)}
    del latent["fps"]
    with pytest.raises(ValueError, match=r"does not state its frame rate: write frames"):
        bench.sample(latent, guider=scheduled(bench, f"0: {EARLY}\n1: {LATE}"))
    made = bench.sample(latent, guider=scheduled(bench, f"0f: {EARLY}\n3f: {LATE}"))
    assert torch.equal(made["samples"], bench.sample(latent, guider=plain(bench, LATE))["samples"])


def test_lines_are_read_as_they_are_written():
    read = read_prompt_lines("0: a cube: red\n\n .5s :it (spins:1.2)\n12\N{FULLWIDTH COLON}\n")
    assert read.lines == ((0.0, "a cube: red"), (0.5, "it (spins:1.2)"), (12.0, ""))
    assert not read.in_frames
    assert read_prompt_lines("0: a\n72 F: b").in_frames


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("\n", "no prompt: write lines such as"),
        ("0: a\na red cube", r"line 2, 'a red cube', does not begin with a time.*4\.5: a red cube"),
        ("0: a\n\n1:30: b", r"line 3, '1:30: b'.*a minute and a half as 90"),
        ("-1: a", "line 1, '-1: a', does not begin"),
        ("0: a\n2: b\n2: c", "line 3, '2: c', begins at 2, not after the line before it at 2"),
        ("0: a\n24f: b\n3: c", "some lines begin at seconds and some at frames"),
    ],
)
def test_unreadable_lines_are_refused_before_the_run(text, told):
    with pytest.raises(ValueError, match=told):
        read_prompt_lines(text)
    assert SpacetimePromptSchedule.validate_inputs(text) is not True
    assert SpacetimePromptSchedule.validate_inputs("0: a") is True
