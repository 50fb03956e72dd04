"""A clip with sound that becomes part of a longer one: its file, the graph, what must be heard."""

import torch

from spacetime_video.media import Sound, read_sound, read_video, write_video

RATE, FPS = 16000, 8.0
GIVEN, MADE = 9, 8


def write_clip(path):
    """Write nine frames with a tone in either ear."""
    time = torch.arange(round(GIVEN / FPS * RATE)) / RATE
    wave = torch.stack([0.5 * torch.sin(time * pitch * 2 * torch.pi) for pitch in (440, 660)])
    pixels = torch.rand(GIVEN, 32, 32, 3, generator=torch.Generator().manual_seed(1))
    write_video(path, [pixels], fps=FPS, sound=Sound(wave, RATE))


def node(class_type, **inputs):
    return {"class_type": class_type, "inputs": inputs}


def longer(models, task, **more):
    """The graph that loads clip.mp4, makes it longer, and saves it with its sound.

    Args:
        models: inputs of Load Models.
        task: the timeline's node.
        more: what it takes beside the clip's rate and sound.
    """
    given = {"vae": ["1", 2], "frames": MADE, "fps": ["5", 2], "context": 9, "audio": ["5", 1]}
    sample = {"noise": ["10", 0], "sampler": ["9", 0], "sigmas": ["8", 0], "latent": ["6", 0]}
    return {
        "1": node("SpacetimeLoadModels", **models),
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
        "14": node(
            "SaveVideo", video=["13", 0], filename_prefix="clip", format="auto", codec="auto"
        ),
    }


def check_sound(path, clip, first):
    """All frames, the clip's sound from one of them on, silence elsewhere.

    What AAC's blocks do at the sound's ends is left out.
    """
    made, given, start = read_sound(path), read_sound(clip), round(first / FPS * RATE)
    length, edge = round(GIVEN / FPS * RATE), 2 * 1024
    assert sum(map(len, read_video(path))) == GIVEN + MADE
    assert made.rate == RATE
    assert abs(made.samples.shape[1] / RATE - (GIVEN + MADE) / FPS) < 2048 / RATE
    inner = slice(edge, length - edge)
    kept = made.samples[:, start : start + length]
    assert (kept - given.samples[:, :length])[:, inner].abs().max() < 0.01
    outside = made.samples.clone()
    outside[:, max(0, start - edge) : start + length + edge] = 0
    assert outside.abs().max() < 1e-3
