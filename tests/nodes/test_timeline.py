"""The nodes of the timeline on the shipped weights: what is given comes back bit for bit."""

import time
from types import SimpleNamespace

import pytest
import torch

from spacetime_video import hosts
from spacetime_video.media import whole_frames
from spacetime_video.models.latent_format import WAN22_LATENT
from spacetime_video.nodes.latent.latents import SpacetimeEmptyVideo
from spacetime_video.nodes.load.models import SpacetimeLoadModels
from spacetime_video.nodes.prompt.prompt import SpacetimeEncodePrompt
from spacetime_video.nodes.sampling.noise import SpacetimeNoise
from spacetime_video.nodes.sampling.sampling import SpacetimeDenoiser, SpacetimeSample
from spacetime_video.nodes.sampling.solvers import SpacetimeSolver
from spacetime_video.nodes.schedules.schedules import SpacetimeSchedule
from spacetime_video.nodes.timeline.edit import (
    SpacetimeEditVideo,
    SpacetimeInpaintVideo,
    SpacetimeOutpaintVideo,
)
from spacetime_video.nodes.timeline.extend import (
    SpacetimeAnimateImage,
    SpacetimeCloseLoop,
    SpacetimeConnectClips,
    SpacetimeExtendBackward,
    SpacetimeExtendForward,
)
from spacetime_video.nodes.timeline.several import SpacetimeBranch, SpacetimeConverge
from spacetime_video.nodes.timeline.timeline import (
    SpacetimeDecodeTimeline,
    SpacetimePlaceOnTimeline,
    SpacetimeViewTimeline,
)
from spacetime_video.nodes.video.files import SpacetimeDecodeToFile
from spacetime_video.nodes.video.world import SpacetimeExampleClip

SHIPPED = {
    "model": "spacetime_tiny_dit.safetensors",
    "text_encoder": "spacetime_tiny_text.safetensors",
    "vae": "spacetime_tiny_vae.safetensors",
    "dtype": "fp32",
}
SIDE = 32


class Studio:
    """Samples in two steps."""

    def __init__(self) -> None:
        model, text, self.vae = SpacetimeLoadModels.execute(**SHIPPED).args
        prompt = SpacetimeEncodePrompt.execute(text, "a red cube moves left at day")[0]
        guider = SpacetimeDenoiser.execute(model, prompt, prompt, 1.0)[0]
        solver, sigmas = SpacetimeSolver.execute("euler")[0], SpacetimeSchedule.execute(2, 3.0)[0]
        self.parts = guider, SpacetimeNoise.execute(3)[0], solver, sigmas

    def sample(self, latent):
        return SpacetimeSample.execute(*self.parts, latent)[0]

    def finish(self, latent, fade=4):
        """Frames, rate and sound of the finished clip."""
        images, fps, audio = SpacetimeDecodeTimeline.execute(
            self.sample(latent), self.vae, fade
        ).args
        return SimpleNamespace(frames=whole_frames(images), fps=fps, audio=audio)


@pytest.fixture(scope="module")
def studio(standalone):
    hosts.use(standalone)
    return Studio()


def clip(seed=1, frames=9, **choices):
    chosen = {"shape": "cube", "colour": "red", "motion": "moves left", "setting": "at day"}
    return SpacetimeExampleClip.execute(seed, SIDE, SIDE, frames, 16.0, **chosen | choices)[0]


FIRST, SECOND, STILL = clip(1, 9), clip(2, 5), clip(3, 1)


def placed(vae):
    latent = SpacetimeEmptyVideo.execute(SIDE, SIDE, 17, 16.0)[0]
    latent = SpacetimePlaceOnTimeline.execute(latent, SECOND, vae, 0.25)[0]
    return SpacetimePlaceOnTimeline.execute(latent, STILL, vae, 1.0)[0]


TASKS = {
    "animate": (lambda vae: SpacetimeAnimateImage.execute(STILL, vae, frames=7)[0], 7, {0: STILL}),
    "first and last": (
        lambda vae: SpacetimeAnimateImage.execute(STILL, vae, frames=10, end_image=SECOND)[0],
        10,
        {0: STILL, 9: SECOND[:1]},
    ),
    "forward": (lambda vae: SpacetimeExtendForward.execute(FIRST, vae, 6)[0], 15, {0: FIRST}),
    "backward": (lambda vae: SpacetimeExtendBackward.execute(FIRST, vae, 6)[0], 15, {6: FIRST}),
    "connect": (
        lambda vae: SpacetimeConnectClips.execute(FIRST, SECOND, vae, 6)[0],
        20,
        {0: FIRST, 15: SECOND},
    ),
    "close": (lambda vae: SpacetimeCloseLoop.execute(FIRST, vae, 7)[0], 16, {0: FIRST}),
    "converge": (
        lambda vae: SpacetimeConverge.execute(FIRST, vae, 6, beginning_2=SECOND)[0][0],
        20,
        {0: SECOND, 11: FIRST},
    ),
    "branch": (lambda vae: SpacetimeBranch.execute(FIRST, vae, 6)[0][2], 15, {0: FIRST}),
    "place": (placed, 17, {4: SECOND, 16: STILL}),
}
"""By name: the LATENT of a VAE, the length of the result, and what is given from which frame on."""


@pytest.mark.parametrize("task", TASKS)
def test_given_frames_come_back_and_the_others_are_made(studio, task):
    build, length, given = TASKS[task]
    made = studio.finish(build(studio.vae))
    assert (made.frames.shape, made.fps) == ((length, SIDE, SIDE, 3), 16.0)
    free = torch.ones(length, dtype=torch.bool)
    for start, frames in given.items():
        assert torch.equal(made.frames[start : start + len(frames)], frames), start
        free[start : start + len(frames)] = False
    assert free.any()
    spread = made.frames[free].flatten(1).std(1)
    assert float(spread.min()) > 0.02, "made frames show something"
    beside = {start - 1 for start in given} | {start + len(each) for start, each in given.items()}
    still = [
        frame
        for frame in range(1, length)
        if free[frame] and frame not in beside and torch.equal(*made.frames[frame - 1 : frame + 1])
    ]
    assert still == []


def test_what_is_given_wholly_is_never_noised(studio):
    latent = SpacetimeExtendForward.execute(FIRST, studio.vae, 6)[0]
    held = latent["noise_mask"].expand_as(latent["samples"]) == 0
    sampled = studio.sample(latent)["samples"]
    assert held.any()
    assert not held.all()
    assert torch.equal(sampled[held], latent["samples"][held])


def test_outside_of_a_region_nothing_changes_and_inside_everything(studio):
    mask = torch.zeros(1, SIDE, SIDE)
    mask[:, 4:12, 4:12] = 1
    for grow, low, high in ((0, 4, 12), (3, 1, 15)):
        latent = SpacetimeInpaintVideo.execute(FIRST, mask, studio.vae, grow=grow)[0]
        assert latent["noise_mask"][0, 0, 0].tolist() == [[1, 1, 0, 0]] * 2 + [[0] * 4] * 2
        frames = studio.finish(latent).frames
        region = torch.zeros(SIDE, SIDE, dtype=torch.bool)
        region[low:high, low:high] = True
        assert torch.equal(frames[:, ~region], FIRST[:, ~region])
        assert (frames - FIRST).abs().amax(-1)[:, region].gt(0).float().mean() > 0.9


def test_a_region_grows_far_as_a_square_in_little_time(studio):
    """A square of 511 pixels around each pixel has 261,121: they are not compared one by one."""
    frames, mask = torch.rand(2, 256, 256, 3), torch.zeros(1, 256, 256)
    mask[:, :4, 252:] = 1
    masks = mask.repeat(2, 1, 1)
    begun = time.process_time()
    SpacetimeInpaintVideo.execute(frames, masks, studio.vae)
    plain = time.process_time() - begun
    grown = SpacetimeInpaintVideo.execute(frames, masks, studio.vae, grow=200)[0]
    assert time.process_time() - begun < 2 * plain + 4
    change = grown["spacetime_timeline"].pieces[0].change
    box = torch.zeros(2, 256, 256)
    box[:, :204, 52:] = 1
    assert torch.equal(change, box)


def test_a_region_may_move_and_be_drawn_in_another_size(studio):
    mask = torch.zeros(9, 2, 2)
    mask[:5, 0, 0] = mask[5:, 1, 1] = 1
    latent = SpacetimeInpaintVideo.execute(FIRST, mask, studio.vae)[0]
    frames = studio.finish(latent).frames
    changed = (frames != FIRST).any(-1).float()
    assert changed[:5, :8, :8].mean() > 0.9 < changed[5:, -8:, -8:].mean()
    assert changed[:5, -8:].sum() == changed[5:, :8].sum() == 0


def test_a_mask_is_cropped_with_its_frames(studio):
    """Frames of 46 columns are cut, or scaled and cut, to 32; the mask is in their pixels."""
    mask = torch.zeros(1, SIDE, 46)
    mask[:, :, 23:] = 1
    wide = torch.nn.functional.pad(FIRST, (0, 0, 7, 7))
    empty = SpacetimeEmptyVideo.execute(SIDE, SIDE, 9, 16.0)[0]
    large = wide.repeat_interleave(2, 1).repeat_interleave(2, 2)
    off_centre = mask.roll(-8, 2)
    for latent, wanted in (
        (SpacetimeInpaintVideo.execute(wide, mask, studio.vae)[0], 16),
        (SpacetimeEditVideo.execute(wide, studio.vae, 1.0, mask=off_centre)[0], 8),
        (SpacetimePlaceOnTimeline.execute(empty, large, studio.vae, mask=off_centre)[0], 8),
    ):
        change = latent["spacetime_timeline"].pieces[0].change
        assert change[0, :, :wanted].max() < 0.5, wanted
        assert change[0, :, wanted : 2 * wanted].min() > 0.5, wanted


def test_a_larger_frame_holds_the_clip(studio):
    latent = SpacetimeOutpaintVideo.execute(FIRST, studio.vae, left=16, top=32, right=0)[0]
    frames = studio.finish(latent).frames
    assert frames.shape == (9, SIDE + 32, SIDE + 16, 3)
    assert torch.equal(frames[:, 32:, 16:], FIRST)
    assert frames[:, :32].std() > 0.02


def test_strength_is_a_ceiling_and_black_stays(studio):
    mask = torch.zeros(1, SIDE, SIDE)
    mask[:, :, 16:] = 0.5
    latent = SpacetimeEditVideo.execute(FIRST, studio.vae, 0.8, mask=mask)[0]
    assert latent["noise_ceiling"].unique().tolist() == [0, pytest.approx(0.4)]
    assert torch.equal(latent["noise_mask"], (latent["noise_ceiling"] > 0).float())
    frames = studio.finish(latent).frames
    assert torch.equal(frames[:, :, :16], FIRST[:, :, :16])
    assert not torch.equal(frames[:, :, 16:], FIRST[:, :, 16:])
    less, more = (
        studio.finish(SpacetimeEditVideo.execute(FIRST, studio.vae, strength)[0]).frames
        for strength in (0.2, 0.9)
    )
    assert (less - FIRST).abs().mean() < 0.7 * (more - FIRST).abs().mean()
    untouched = SpacetimeEditVideo.execute(FIRST, studio.vae, 0.0)[0]
    assert torch.equal(studio.finish(untouched).frames, FIRST)


def test_clips_of_a_list_share_what_is_given_and_differ_in_the_rest(studio):
    ends = SpacetimeConverge.execute(FIRST, studio.vae, 6, clips=3)[0]
    branches = SpacetimeBranch.execute(FIRST, studio.vae, 6, branches=2)[0]
    for latents, given, made in (
        (ends, slice(6, None), slice(0, 6)),
        (branches, slice(9), slice(9, None)),
    ):
        clips = [studio.finish(latent).frames for latent in latents]
        assert all(torch.equal(each[given], FIRST) for each in clips)
        others = [(each[made] - clips[0][made]).abs().mean() for each in clips[1:]]
        assert min(others) > 0.01
    assert (len(ends), len(branches)) == (3, 2)


def test_beginnings_keep_their_numbers_and_an_ending_is_encoded_once(studio):
    given = {"beginning_2": SECOND, "beginning_1": STILL}
    latents = SpacetimeConverge.execute(FIRST, studio.vae, 6, **given)[0]
    assert [len(each["spacetime_timeline"].pieces[0].frames) for each in latents] == [1, 5]
    alike = SpacetimeConverge.execute(FIRST, studio.vae, 6, clips=2, ending_audio=tone(9))[0]
    assert alike[0]["samples"] is alike[1]["samples"]


def tone(frames, rate=8000, channels=1):
    """Sound of frames at 16 per second, as loud as it is numbered."""
    count = round(frames * rate / 16)
    return {"waveform": torch.ones(1, channels, count), "sample_rate": rate}


SOUNDS = {
    "forward": (SpacetimeExtendForward, {"images": FIRST, "audio": tone(9)}, (0, 9), 15),
    "backward": (SpacetimeExtendBackward, {"images": FIRST, "audio": tone(9)}, (6, 15), 15),
    "close": (SpacetimeCloseLoop, {"images": FIRST, "audio": tone(9)}, (0, 9), 15),
    "second": (
        SpacetimeConnectClips,
        {"first": FIRST, "second": SECOND, "second_audio": tone(5)},
        (15, 20),
        20,
    ),
    "longer than its clip": (
        SpacetimeExtendForward,
        {"images": FIRST, "audio": tone(30)},
        (0, 9),
        15,
    ),
}
"""By name: a node with its inputs, the frames that sound, and the length of the result."""


def test_the_model_is_shown_frames_that_fill_no_latent_frame(studio):
    """Five frames from the fourth on, and the two of nine for which there is room."""
    for images, first, wanted in ((SECOND, 3, [1, 0.8, 0.8]), (FIRST, 7, [1, 1, 0.8])):
        latent = SpacetimePlaceOnTimeline.execute(EMPTY, images, studio.vae, first / 16)[0]
        ceilings = torch.tensor(wanted)
        assert torch.equal(latent["noise_ceiling"][0, 0, :, 0, 0], ceilings)
        assert torch.equal(latent["noise_mask"][0, 0, :, 0, 0], ceilings.eq(1).float())


def test_sound_stays_with_its_frames(studio):
    for name, (node, inputs, (start, end), length) in SOUNDS.items():
        latent = node.execute(**inputs, vae=studio.vae, frames=6)[0]
        audio = SpacetimeDecodeTimeline.execute(latent, studio.vae)[2]
        wave, rate = audio["waveform"], audio["sample_rate"]
        assert (wave.shape, rate) == ((1, 1, length * rate // 16), 8000), name
        heard = torch.zeros(wave.shape[2])
        heard[start * rate // 16 : end * rate // 16] = 1
        edge = round(0.005 * rate)
        differing = (wave[0, 0] - heard).abs() > 1e-3
        assert int(differing.sum()) <= 2 * edge, name
    silent = SpacetimeExtendForward.execute(FIRST, studio.vae, 6)[0]
    assert SpacetimeDecodeTimeline.execute(silent, studio.vae)[2] is None


def test_a_latent_without_a_timeline_is_decoded_as_it_is(studio):
    latent = SpacetimeEmptyVideo.execute(SIDE, SIDE, 9, 12.0)[0]
    images, fps, audio = SpacetimeDecodeTimeline.execute(latent, studio.vae).args
    assert (whole_frames(images).shape, fps, audio) == ((9, SIDE, SIDE, 3), 12.0, None)


def test_the_view_shows_what_is_given_changed_and_made(studio):
    def colours(latent):
        (picture,) = SpacetimeViewTimeline.execute(latent).args[0]
        named = {"given": (86, 168, 92), "changed": (222, 164, 52), "made": (104, 104, 112)}
        bar = (picture[:-40] * 255).round().flatten(0, 1)  # without the legend
        return {
            name for name, colour in named.items() if (bar == torch.tensor(colour)).all(1).any()
        }

    assert colours(SpacetimeExtendForward.execute(FIRST, studio.vae, 6)[0]) == {"given", "made"}
    assert colours(SpacetimeEditVideo.execute(FIRST, studio.vae, 0.5)[0]) == {"changed"}


def refused(node, message, /, **inputs):
    return node, message, inputs


SAMPLED = {"samples": torch.ones(1, 16, 3, 4, 4)}
EMPTY = SpacetimeEmptyVideo.execute(SIDE, SIDE, 9, 16.0)[0]
REFUSED = [
    refused(SpacetimeAnimateImage, "frames=1 is too short for a first and a last frame: use 2 or "
            "more", image=STILL, end_image=SECOND, frames=1),
    refused(SpacetimeInpaintVideo, "no pixel of the mask is above 0.5 .the highest is 0.5.*"
            "invert the mask", images=FIRST, mask=torch.full((1, 4, 4), 0.5)),
    refused(SpacetimeInpaintVideo, "a mask of 3 frames for a clip of 9: use one for all frames",
            images=FIRST, mask=torch.ones(3, 4, 4)),
    refused(SpacetimeEditVideo, "a mask of 2 frames", images=FIRST, mask=torch.ones(2, 4, 4)),
    refused(SpacetimeOutpaintVideo, "24 pixels to add: use multiples of 16",
            images=FIRST, left=24),
    refused(SpacetimePlaceOnTimeline, "time=0.54 s is past the end: the clip has 9 frames at 16 "
            "per second; the last one is at 0.5 s", latent=EMPTY, images=STILL, time=0.54),
    refused(SpacetimePlaceOnTimeline, "the latent holds an encoded or sampled clip",
            latent=SAMPLED, images=STILL),
    refused(SpacetimePlaceOnTimeline, r"one video latent .*, got one of shape .2, 16, 3, 4, 4.",
            latent={"samples": torch.zeros(2, 16, 3, 4, 4)}, images=STILL),
    refused(SpacetimePlaceOnTimeline, r"48 channels, but the VAE is another model's, with 16: "
            "connect", latent={"samples": torch.zeros(1, 48, 3, 4, 4)}, images=STILL),
    refused(SpacetimeOutpaintVideo, "no pixels to add: set left, top", images=FIRST, left=0,
            right=0),
    refused(SpacetimeExtendForward, r"audio of shape .2, 1, 10.: use one clip", images=FIRST,
            audio={"waveform": torch.zeros(2, 1, 10), "sample_rate": 8000}),
]  # fmt: skip


def test_what_makes_no_sense_is_refused_with_what_to_do(studio):
    for node, message, inputs in REFUSED:
        with pytest.raises(ValueError, match=message):
            node.execute(**inputs, vae=studio.vae)
    with pytest.raises(ValueError, match="connect a node of the menu Timeline"):
        SpacetimeViewTimeline.execute(EMPTY)
    latent = SpacetimeExtendForward.execute(FIRST, studio.vae, 6)[0]
    twice = {**latent, "samples": latent["samples"].repeat(2, 1, 1, 1, 1)}
    for node in (SpacetimeDecodeTimeline, SpacetimeDecodeToFile):
        with pytest.raises(ValueError, match="the latent holds 2: select one of them"):
            node.execute(twice, studio.vae)
    cut = {**latent, "samples": latent["samples"][:, :, :2]}
    with pytest.raises(ValueError, match="decode the latent that was sampled for it"):
        SpacetimeDecodeTimeline.execute(cut, studio.vae)


def test_new_picture_has_the_steps_of_the_vae(studio, monkeypatch):
    monkeypatch.setattr(hosts.host().models, "vae_format", lambda vae: WAN22_LATENT)
    with pytest.raises(ValueError, match="16 pixels to add: use multiples of 32"):
        SpacetimeOutpaintVideo.execute(FIRST, studio.vae)


def test_pictures_and_clips_are_brought_to_one_size(studio):
    large = clip(1, 5, setting="at night").repeat_interleave(3, 1).repeat_interleave(2, 2)
    odd = torch.nn.functional.pad(FIRST, (0, 0, 3, 4))
    latent = SpacetimeConnectClips.execute(odd, large, studio.vae, 6)[0]
    assert latent["samples"].shape[3:] == (4, 4)
    assert torch.equal(studio.finish(latent).frames[:9], odd[:, :, 3 : 3 + SIDE])
    wide = SpacetimeAnimateImage.execute(STILL, studio.vae, 64, 0, 5)[0]
    assert wide["samples"].shape[3:] == (8, 8)


def test_a_frame_that_is_no_larger_is_refused_before_the_graph_runs():
    validate = SpacetimeOutpaintVideo.validate_inputs
    assert "set left, top, right or bottom" in validate(0, 0, 0, 0)
    assert "24 pixels to add: use multiples of 16" in validate(16, 24, 0, 0)
    assert "-16 pixels to add" in validate(-16, 0, 16, 0)
    assert validate(16, 0, 0, 0) is True
    assert validate(0, 0, 0, None) is True
