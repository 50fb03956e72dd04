"""Sound from a video file to the file of a longer clip, by the command."""

import pytest
import torch

from spacetime_video.media import Sound, read_sound, read_video, write_video

from .conftest import node, save_video

RATE, FPS = 16000, 8.0
GIVEN, MADE = 9, 8


@pytest.fixture
def sounding(tmp_path):
    """A clip of nine frames with a tone in either ear."""
    time = torch.arange(round(GIVEN / FPS * RATE)) / RATE
    wave = torch.stack([0.5 * torch.sin(time * pitch * 2 * torch.pi) for pitch in (440, 660)])
    pixels = torch.rand(GIVEN, 32, 32, 3, generator=torch.Generator().manual_seed(1))
    path = tmp_path / "input" / "clip.mp4"
    write_video(path, [pixels], fps=FPS, sound=Sound(wave, RATE))
    return path


def longer(model_names, task, **more):
    """Load a clip, make it longer, save it with its sound."""
    given = {"vae": ["1", 2], "frames": MADE, "fps": ["5", 2], "context": 9, "audio": ["5", 1]}
    sample = {"noise": ["10", 0], "sampler": ["9", 0], "sigmas": ["8", 0], "latent": ["6", 0]}
    return {
        "1": node("SpacetimeLoadModels", **model_names),
        "2": node("SpacetimeEncodePrompt", clip=["1", 1], text="a red sphere"),
        "3": node("SpacetimeEncodePrompt", clip=["1", 1], text=""),
        "4": node("LoadVideo", file="clip.mp4"),
        "5": node("GetVideoComponents", video=["4", 0]),
        "6": node(task, **given, **more),
        "7": node(
            "SpacetimeDenoiser",
            model=["1", 0],
            positive=["2", 0],
            negative=["3", 0],
            guidance=2.0,
        ),
        "8": node("SpacetimeSchedule", steps=2, shift=3.0),
        "9": node("SpacetimeSolver", solver="euler"),
        "10": node("SpacetimeNoise", seed=1),
        "11": node("SpacetimeSample", guider=["7", 0], **sample),
        "12": node("SpacetimeDecodeTimeline", latent=["11", 0], vae=["1", 2], fade=8),
        "13": node("CreateVideo", images=["12", 0], fps=["12", 1], audio=["12", 2]),
        "14": save_video(["13", 0]),
    }


TASKS = {
    "SpacetimeExtendForward": ("images", {}, 0, 1),
    "SpacetimeExtendBackward": ("images", {}, MADE, 1),
    "SpacetimeBranch": ("beginning", {"branches": 2}, 0, 2),
}
"""By node: the clip's input, what else it takes, the given part's first frame, how many clips."""


@pytest.mark.parametrize("task", TASKS)
def test_the_sound_of_what_is_given_is_in_its_place(
    task, run, write, model_names, sounding, tmp_path
):
    clip, more, first, count = TASKS[task]
    workflow = write(longer(model_names, task, **{clip: ["5", 0]}, **more))
    for _ in range(2):
        assert run(workflow) == 0
    files = sorted((tmp_path / "output").glob("*.mp4"))
    assert len(files) == 2 * count
    assert [path.read_bytes() for path in files[:count]] == [
        path.read_bytes() for path in files[count:]
    ]
    for path in files[:count]:
        assert sum(map(len, read_video(path))) == GIVEN + MADE
        check_place(read_sound(path), read_sound(sounding), round(first / FPS * RATE))


def check_place(made, given, start):
    """The given sound from a sample on, silence elsewhere, but for AAC's blocks at the edges."""
    length, edge = round(GIVEN / FPS * RATE), 2 * 1024
    assert made.rate == RATE
    assert abs(made.samples.shape[1] / RATE - (GIVEN + MADE) / FPS) < 2048 / RATE
    inner = slice(edge, length - edge)
    kept = made.samples[:, start : start + length]
    assert (kept - given.samples[:, :length])[:, inner].abs().max() < 0.01
    outside = made.samples.clone()
    outside[:, max(0, start - edge) : start + length + edge] = 0
    assert outside.abs().max() < 1e-3
