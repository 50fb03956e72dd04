"""What a workflow may ask for at most, and how its owner raises that."""

import pytest
import torch

from spacetime_video.graph.errors import WorkflowError
from spacetime_video.graph.workflow import parse_workflow, read_workflow
from spacetime_video.hosts.standalone.stock_frames import ImageScale
from spacetime_video.hosts.standalone.stock_latent import (
    EmptyHunyuanLatentVideo,
    EmptyLatentImage,
    EmptySD3LatentImage,
    RepeatLatentBatch,
    Wan22ImageToVideoLatent,
)
from spacetime_video.media.compare import GridStyle, video_grid
from spacetime_video.media.fit import Size
from spacetime_video.media.limits import MOST_BYTES, MOST_PIXELS, check_pixels
from spacetime_video.motion import read_tracks
from spacetime_video.nodes.latent.latents import SpacetimeEmptyVideo
from spacetime_video.nodes.timeline.loop import SpacetimeSeamlessLoop

PICTURES = torch.zeros(5, 32, 32, 3)
TRACK = '[[{"x": 1, "y": 2}, {"x": 1, "y": 2}, {"x": 1, "y": 2}, {"x": 1, "y": 2}]]'
ASKING = {
    "Empty Video": lambda: SpacetimeEmptyVideo.execute(64, 64, 5),
    "Seamless Loop": lambda: SpacetimeSeamlessLoop.execute(64, 64, 8),
    "Empty Latent Image": lambda: EmptyLatentImage.execute(64, 64, 4),
    "EmptySD3LatentImage": lambda: EmptySD3LatentImage.execute(64, 64, 4),
    "EmptyHunyuanLatentVideo": lambda: EmptyHunyuanLatentVideo.execute(64, 64, 2, 2),
    "Wan22ImageToVideoLatent": lambda: Wan22ImageToVideoLatent.execute(None, 64, 64, 5),
    "Upscale Image": lambda: ImageScale.execute(PICTURES, "bilinear", 64, 0, "disabled"),
    "Compare Videos": lambda: video_grid([PICTURES], style=GridStyle(scale=8)),
    "tracks": lambda: read_tracks(TRACK, Size(64, 64)),
}


def test_no_node_makes_more_pixels_than_the_bound(monkeypatch):
    for ask in ASKING.values():
        ask()
    monkeypatch.setenv(MOST_PIXELS.variable, "16383")

    messages = {}
    for name, ask in ASKING.items():
        with pytest.raises(ValueError, match=r"at most 16,383: .* set SPACETIME_MOST_PIXELS="):
            messages[name] = ask()
    assert "at most 16,383" in SpacetimeEmptyVideo.validate_inputs(64, 64, 5)


def test_what_no_memory_holds_is_refused_before_it_is_taken(monkeypatch):
    monkeypatch.setattr("spacetime_video.media.memory.free_memory", lambda: 100_000)
    for ask in (ASKING["Upscale Image"], ASKING["Compare Videos"]):
        with pytest.raises(ValueError, match=r"needs .* 0\.0 GB are free"):
            ask()
    with pytest.raises(ValueError, match="a latent of 4 x 16 x 64 x 64 numbers needs"):
        EmptySD3LatentImage.execute(512, 512, 4)
    with pytest.raises(ValueError, match="a latent of 64 rows, 64 times, needs"):
        RepeatLatentBatch.execute({"samples": torch.zeros(64, 4, 2, 2)}, 64)


def test_the_bound_is_moved_by_the_environment(monkeypatch):
    with pytest.raises(ValueError, match="SPACETIME_MOST_PIXELS=268435456000 if you trust"):
        check_pixels(1000, 16384, 16384)
    monkeypatch.setenv(MOST_PIXELS.variable, "3e11")
    check_pixels(1000, 16384, 16384)
    for text in ("many", "-1", "nan", "1e999"):
        monkeypatch.setenv(MOST_PIXELS.variable, text)
        with pytest.raises(ValueError, match="is not a valid limit: use a number above 0"):
            check_pixels(1, 1, 1)


def test_a_workflow_of_too_many_bytes_is_not_read(monkeypatch, tmp_path):
    file = tmp_path / "large.json"
    file.write_bytes(b'{"nodes": [], "x": "' + b"x" * 100 + b'"}')
    assert read_workflow(file)["nodes"] == []
    monkeypatch.setenv(MOST_BYTES.variable, "100")

    with pytest.raises(WorkflowError, match=r"large\.json is larger than 100 .* set SPACETIME"):
        read_workflow(file)
    with pytest.raises(WorkflowError, match="the input stream is larger"):
        parse_workflow(file.read_bytes(), "the input stream")
