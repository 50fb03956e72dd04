"""Decode to Video File and Encode Video File: long clips, a few frames at a time."""

import gc
from fractions import Fraction

import av
import pytest
import torch

from spacetime_video import hosts
from spacetime_video.graph.executor import Executor
from spacetime_video.graph.registry import Registry
from spacetime_video.hosts.standalone import io
from spacetime_video.hosts.standalone.folders import Folders, use_folders
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.hosts.standalone.stock import stock_nodes
from spacetime_video.hosts.standalone.video import VideoFromComponents, VideoFromFile
from spacetime_video.media import FrameStream, MediaError, probe_video, read_video, write_video
from spacetime_video.nodes.timeline.extend import SpacetimeExtendForward
from spacetime_video.nodes.timeline.timeline import SpacetimeDecodeTimeline
from spacetime_video.nodes.video.files import (
    SpacetimeDecodeToFile,
    SpacetimeEncodeFile,
)
from spacetime_video.nodes.video.fit import SpacetimeFitVideo
from spacetime_video.nodes.video.video import SpacetimeDecodeVideo, SpacetimeEncodeVideo

RATE = 8000


@pytest.fixture(autouse=True)
def places(tmp_path):
    chosen = Folders(tmp_path / "input", tmp_path / "output", tmp_path / "temp")
    with use_folders(chosen):
        yield chosen


def drawn(frames, *, clips=1, rows=4, columns=6):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(clips, 16, frames, rows, columns, generator=generator)


def decode(latent, vae, **inputs):
    return SpacetimeDecodeToFile.execute(latent, vae, **inputs)[0]


def frames_of(video):
    return torch.cat(list(video.stream()))


def packets(path, kind="video"):
    with av.open(str(path)) as file:
        return [bytes(p) for p in file.demux() if p.size and p.stream.type == kind]


def made_files(places):
    return [path for path in places.temp.rglob("*") if path.is_file()]


@pytest.fixture
def wired(loaded):
    """Runs a graph of a latent's decoding and saving, and gives the saved file."""

    class Clip(io.ComfyNode):
        @classmethod
        def define_schema(cls):
            return io.Schema("Clip", outputs=[io.Latent.Output(), io.Vae.Output()])

        @classmethod
        def execute(cls):
            return io.NodeOutput({"samples": drawn(9), "fps": 12.0}, loaded.vae)

    ours = [Clip, SpacetimeDecodeToFile, SpacetimeDecodeVideo]
    registry = Registry.from_nodes([*ours, *stock_nodes()])

    def run(places, **nodes):
        prompt = {"clip": {"class_type": "Clip", "inputs": {}}, **nodes}
        prompt["save"] = {
            "class_type": "SaveVideo",
            "inputs": {"filename_prefix": "a", "format": "auto", "codec": "auto"}
            | {"video": [list(nodes)[-1], 0]},
        }
        Executor(registry).run(prompt)
        return max(places.output.iterdir())

    return run


def test_a_saved_clip_is_the_one_that_the_nodes_for_whole_frames_save(wired, places):
    both = {"latent": ["clip", 0], "vae": ["clip", 1]}
    direct = wired(
        places, file={"class_type": "SpacetimeDecodeToFile", "inputs": {**both, "crf": 18.0}}
    )
    held = wired(
        places,
        frames={"class_type": "SpacetimeDecodeVideo", "inputs": both},
        video={
            "class_type": "CreateVideo",
            "inputs": {"images": ["frames", 0], "fps": ["frames", 1]},
        },
    )
    assert direct != held
    assert packets(direct) == packets(held)
    tags = probe_video(direct).metadata
    assert "SpacetimeDecodeToFile" in tags["prompt"]
    gc.collect()
    assert made_files(places) == []


def test_the_file_lasts_as_long_as_the_video(loaded, places):
    video = decode({"samples": drawn(3), "fps": 12.0}, loaded.vae)
    assert made_files(places) == [video.path]
    info = probe_video(video.path)
    assert (info.frames, info.width, info.height, info.fps) == (9, 48, 32, 12)
    del video
    gc.collect()
    assert made_files(places) == []


def test_crf_is_the_quality(loaded):
    exact, rough = (decode({"samples": drawn(3)}, loaded.vae, crf=crf) for crf in (0.0, 40.0))
    assert rough.path.stat().st_size < exact.path.stat().st_size / 4


def test_clips_of_a_batch_follow_each_other(loaded):
    batch = drawn(3, clips=2)
    video = decode({"samples": batch}, loaded.vae, crf=0.0)
    alone = [decode({"samples": each[None]}, loaded.vae, crf=0.0) for each in batch]
    assert torch.equal(frames_of(video), torch.cat([frames_of(each) for each in alone]))


def test_a_loop_is_decoded_as_one(loaded):
    latent = {"samples": drawn(3), "loop": True}
    frames = frames_of(decode(latent, loaded.vae, crf=0.0))
    whole = SpacetimeDecodeVideo.execute(latent, loaded.vae)[0].whole()
    assert len(frames) == len(whole) == 12
    per_frame = frames.mean(dim=(1, 2, 3)), whole.mean(dim=(1, 2, 3))
    torch.testing.assert_close(*per_frame, atol=5e-3, rtol=0)


def test_a_timeline_is_laid_over_the_decoded_frames(loaded):
    given = torch.rand(6, 32, 48, 3, generator=torch.Generator().manual_seed(0))
    audio = {"waveform": torch.rand(1, 1, RATE), "sample_rate": RATE}
    latent = SpacetimeExtendForward.execute(given, loaded.vae, 7, audio=audio)[0]
    video = decode(latent, loaded.vae, crf=0.0)
    frames = frames_of(video)
    whole = SpacetimeDecodeTimeline.execute(latent, loaded.vae)[0].whole()
    assert len(frames) == len(whole) == 13
    per_frame = frames.mean(dim=(1, 2, 3)), whole.mean(dim=(1, 2, 3))
    torch.testing.assert_close(*per_frame, atol=5e-3, rtol=0)
    back = SpacetimeEncodeFile.execute(video, loaded.vae).args[2]
    assert back["waveform"].abs().max() > 0.1


def test_sound_goes_into_the_file_and_comes_back(loaded):
    tone = 0.5 * torch.sin(torch.arange(3 * RATE) / RATE * 440 * 2 * torch.pi)
    audio = {"waveform": tone[None, None], "sample_rate": RATE}
    video = decode({"samples": drawn(5), "fps": 17.0}, loaded.vae, audio=audio)
    latent, fps, back = SpacetimeEncodeFile.execute(video, loaded.vae).args
    assert latent["samples"].shape == (1, 16, 5, 4, 6)
    assert fps == latent["fps"] == 17.0
    assert back["sample_rate"] == RATE
    assert back["waveform"].shape == (1, 1, RATE)
    assert (back["waveform"][0, 0] - tone[:RATE]).abs().mean() < 0.02


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        (torch.zeros(2, 1, 9), r"use one clip, \(1, channels, samples\)"),
        (torch.zeros(1, 3, 9), r"1 \(mono\), 2 \(stereo\) or 6 \(5.1\) channels"),
    ],
)
def test_sound_that_no_file_holds_is_refused_before_anything_is_decoded(
    loaded, places, waveform, message
):
    audio = {"waveform": waveform, "sample_rate": RATE}
    with pytest.raises(ValueError, match=message):
        decode({"samples": drawn(3)}, loaded.vae, audio=audio)
    assert made_files(places) == []


def test_small_tiles_are_refused_before_the_run():
    answer = SpacetimeDecodeToFile.validate_inputs(tile=64)
    assert answer == "a tile of 64 pixels is too small: use 256 or more, or 0 for none"
    assert all(SpacetimeDecodeToFile.validate_inputs(tile=each) is True for each in (0, 256, None))


def test_foreign_latents_are_refused(loaded, places):
    with pytest.raises(ValueError, match="use the VAE of the model that generated it"):
        decode({"samples": torch.zeros(1, 48, 3, 2, 2)}, loaded.vae)
    assert made_files(places) == []


def test_tiles_give_the_same_clip(loaded):
    latent = {"samples": drawn(2, rows=48, columns=2)}
    whole, tiled = (decode(latent, loaded.vae, crf=0.0, tile=tile) for tile in (0, 256))
    assert (frames_of(whole) - frames_of(tiled)).abs().max() < 0.02


def test_a_stopped_run_leaves_no_file(loaded, places):
    def stop(done, _):
        if done > 4:
            raise KeyboardInterrupt

    hosts.use(StandaloneHost(device="cpu", dtype="fp32", progress=stop))
    with pytest.raises(KeyboardInterrupt):
        decode({"samples": drawn(12)}, loaded.vae)
    assert made_files(places) == []


@pytest.fixture
def clip(places):
    """Thirty frames of 50x34 at ten frames per second."""
    path = places.input / "clip.mp4"
    frames = torch.rand(30, 34, 50, 3, generator=torch.Generator().manual_seed(1))
    write_video(path, frames.split(9), fps=10, crf=0)
    return VideoFromFile(path)


CHOICES = [
    {},
    {"width": 48, "height": 64, "how": "pad"},
    {"width": 32, "how": "stretch", "frames": 22},
    {"frames": 45},
    {"fps": 5.0},
]


@pytest.mark.parametrize("choice", CHOICES)
def test_encoding_a_file_is_fitting_and_encoding_its_frames(loaded, clip, choice):
    latent, fps, audio = SpacetimeEncodeFile.execute(clip, loaded.vae, **choice).args
    how = {"how": "crop", **choice, "fps": 10.0, "new_fps": choice.get("fps", 0.0)}
    frames = torch.cat(list(read_video(clip.path)))
    fitted, _, rate, *_ = SpacetimeFitVideo.execute(frames, vae=loaded.vae, **how).args
    wanted = SpacetimeEncodeVideo.execute(fitted, loaded.vae, rate)[0]
    assert torch.equal(latent["samples"], wanted["samples"])
    assert fps == latent["fps"] == wanted["fps"]
    assert audio is None


def test_seconds_at_the_beginning_are_left_out(loaded, clip):
    made = SpacetimeEncodeFile.execute(clip, loaded.vae, start=1.5)[0]["samples"]
    frames = torch.cat(list(read_video(clip.path)))[15:28, 1:33, 1:49]
    assert torch.equal(made, SpacetimeEncodeVideo.execute(frames, loaded.vae)[0]["samples"])
    with pytest.raises(MediaError, match="no video frame from 9 s on"):
        SpacetimeEncodeFile.execute(clip, loaded.vae, start=9.0)


def test_frames_of_a_stream_are_encoded_while_they_are_made(loaded):
    frames = torch.rand(9, 32, 48, 3, generator=torch.Generator().manual_seed(2))
    stream = FrameStream(frames.shape, lambda: iter(frames.split(2)))
    video = VideoFromComponents(stream, Fraction(12))
    made = SpacetimeEncodeFile.execute(video, loaded.vae)[0]["samples"]
    assert torch.equal(made, SpacetimeEncodeVideo.execute(frames, loaded.vae)[0]["samples"])


@pytest.fixture
def new_bytes():
    """Counts the bytes of all tensors that came since."""

    def count():
        tensors = [each for each in gc.get_objects() if issubclass(type(each), torch.Tensor)]
        storages = [each.untyped_storage() for each in tensors]
        return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())

    gc.collect()
    gc.freeze()
    yield count
    gc.unfreeze()


def test_a_longer_clip_holds_no_more_tensors(loaded, new_bytes):
    """Decoded and encoded again; what grows are the latents, a twelfth of the frames."""
    held, most = [], {}
    hosts.use(StandaloneHost(device="cpu", progress=lambda *_: held.append(new_bytes())))
    for frames in (16, 64):
        video = decode({"samples": drawn(frames)}, loaded.vae)
        decoding = max(held)
        held.clear()
        SpacetimeEncodeFile.execute(video, loaded.vae)
        most[frames] = decoding, max(held)
        held.clear()
    latents = drawn(64 - 16).nbytes
    assert most[64][0] < 1.1 * most[16][0] + latents
    assert most[64][1] < 1.1 * most[16][1] + latents
