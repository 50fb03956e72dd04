"""Empty Video, Encode Video and Decode Video."""

import pytest
import torch

from spacetime_video.graph.schema import HiddenHolder, with_hidden
from spacetime_video.hosts.keys import PROMPT_KEY
from spacetime_video.nodes.latent.latents import SpacetimeEmptyVideo
from spacetime_video.nodes.prompt.prompt import SpacetimeEncodePrompt
from spacetime_video.nodes.timeline.timeline import SpacetimeDecodeTimeline
from spacetime_video.nodes.video.video import SpacetimeDecodeVideo, SpacetimeEncodeVideo
from spacetime_video.nodes.video.world import SpacetimeExampleClip


def test_an_empty_video_has_the_latents_shape():
    latent = SpacetimeEmptyVideo.execute(48, 32, 9, 12.0)[0]
    assert latent["samples"].shape == (1, 16, 3, 4, 6)
    assert not latent["samples"].any()
    assert latent["fps"] == 12.0


@pytest.mark.parametrize(
    ("width", "height", "frames", "message"),
    [
        (64, 64, 18, "18 frames do not fit: use 1 + a multiple of 4 (nearest: 17 or 21)"),
        (72, 64, 17, "width 72 does not fit: use a multiple of 16 (nearest: 64 or 80)"),
        (64, 40, 17, "height 40 does not fit: use a multiple of 16 (nearest: 32 or 48)"),
    ],
)
def test_sizes_that_do_not_fit_are_named_before_the_run(width, height, frames, message):
    answer = SpacetimeEmptyVideo.validate_inputs(width, height, frames)
    assert answer == message
    with pytest.raises(ValueError, match=r"does not fit|do not fit"):
        SpacetimeEmptyVideo.execute(width, height, frames)


def test_what_no_memory_holds_is_refused_before_the_run_with_what_would_fit(monkeypatch):
    monkeypatch.setattr("spacetime_video.nodes.helpers.sizes.whole_memory", lambda: 16_000_000_000)
    answer = SpacetimeEmptyVideo.validate_inputs(8192, 8192, 8193)
    assert "8193 frames of 8192x8192 need 138 GB of memory for its latent" in answer
    assert "this machine has 16.0 GB: use at most 949 frames of this size" in answer
    assert SpacetimeEmptyVideo.validate_inputs(8192, 8192, 949) is True
    assert "use at most 949 frames" in SpacetimeEmptyVideo.validate_inputs(8192, 8192, 953)
    assert SpacetimeEmptyVideo.validate_inputs(8192, None, 8193) is True
    with pytest.raises(ValueError, match="need 138 GB"):
        SpacetimeEmptyVideo.execute(8192, 8192, 8193)
    frames = SpacetimeExampleClip.validate_inputs(4096, 4096, 1441)
    assert "1441 frames of 4096x4096 need 290 GB of memory for its frames as one tensor" in frames
    monkeypatch.setattr("spacetime_video.nodes.helpers.sizes.whole_memory", lambda: 10_000_000)
    assert "use a smaller size" in SpacetimeEmptyVideo.validate_inputs(8192, 8192, 1)


def a_minute(decoder):
    graph = {
        "clip": {"class_type": "SpacetimeEmptyVideo", "inputs": {}},
        "made": {"class_type": "SpacetimeSampleLongVideo", "inputs": {"latent": ["clip", 0]}},
        "out": {"class_type": decoder, "inputs": {"latent": ["made", 0]}},
    }
    node = with_hidden(SpacetimeEmptyVideo, HiddenHolder(prompt=graph, unique_id="clip"))
    return node.execute(1280, 720, 961)[0]


def test_other_nodes_of_the_graph_may_lack_inputs():
    graph = {
        "clip": {"class_type": "SpacetimeEmptyVideo", "inputs": {}},
        "next": {"class_type": "SpacetimeSample", "inputs": {"latent": ["clip", 0], "x": [[], 0]}},
        "bare": {"class_type": "SpacetimeSolver"},
    }
    node = with_hidden(SpacetimeEmptyVideo, HiddenHolder(prompt=graph, unique_id="clip"))
    assert node.execute(64, 64, 5)[0]["samples"].shape[2] == 2


def test_frames_that_will_be_one_tensor_are_refused_where_no_file_takes_them(
    loaded, standalone, monkeypatch
):
    monkeypatch.setattr("spacetime_video.nodes.helpers.sizes.whole_memory", lambda: 8_000_000_000)
    for decoder in ("SpacetimeDecodeVideo", "SpacetimeDecodeTimeline", "SpacetimeDecodeToFile"):
        assert a_minute(decoder)["samples"].shape[2] == 241, "frames are decoded as they are read"
    monkeypatch.setattr(type(standalone.models), "streams_frames", False)
    assert a_minute("SpacetimeDecodeToFile")["samples"].shape[2] == 241
    told = "961 frames of 1280x720 need 11 GB .* use Decode to Video File.* at most 723 frames"
    for decoder in ("SpacetimeDecodeVideo", "SpacetimeDecodeTimeline", "VAEDecode"):
        with pytest.raises(ValueError, match=told):
            a_minute(decoder)
    latent = {"samples": torch.zeros(1, 16, 241, 1, 1).expand(1, 16, 241, 90, 160)}
    for node in (SpacetimeDecodeVideo, SpacetimeDecodeTimeline):
        with pytest.raises(ValueError, match=told):
            node.execute(latent, loaded.vae)


def test_sizes_that_come_by_links_are_not_checked_before_the_run():
    assert SpacetimeEmptyVideo.validate_inputs(None, None, None) is True
    assert SpacetimeEmptyVideo.validate_inputs(64, 64, 1) is True


@pytest.mark.parametrize("frames", [1, 5, 21])
def test_there_and_back_keeps_the_shape(loaded, frames):
    images = torch.rand(frames, 32, 48, 3, generator=torch.Generator().manual_seed(0))
    latent = SpacetimeEncodeVideo.execute(images, loaded.vae, fps=12.0)[0]
    assert latent["samples"].shape == (1, 16, 1 + (frames - 1) // 4, 4, 6)
    back, fps = SpacetimeDecodeVideo.execute(latent, loaded.vae).args
    back = back.whole()
    assert back.shape == images.shape
    assert 0 <= back.min() <= back.max() <= 1
    assert fps == 12.0


def test_decoding_in_chunks_equals_decoding_at_once(loaded):
    latent = torch.randn(1, 16, 9, 2, 2, generator=torch.Generator().manual_seed(0))
    frames = SpacetimeDecodeVideo.execute({"samples": latent}, loaded.vae)[0].whole()
    whole = loaded.vae.network.decode(latent)[0].movedim(0, -1) / 2 + 0.5
    torch.testing.assert_close(frames, whole.clamp(0, 1), atol=1e-4, rtol=0)


def test_transparency_is_left_out(loaded):
    images = torch.rand(1, 16, 16, 4, generator=torch.Generator().manual_seed(0))
    with_alpha = SpacetimeEncodeVideo.execute(images, loaded.vae)[0]["samples"]
    assert torch.equal(
        with_alpha, SpacetimeEncodeVideo.execute(images[..., :3], loaded.vae)[0]["samples"]
    )


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((6, 32, 32, 3), r"6 frames do not fit.*\(nearest: 5 or 9\)"),
        ((5, 30, 32, 3), r"32x30: height 30 does not fit.*\(nearest: 24 or 32\)"),
    ],
)
def test_frames_that_do_not_fit_are_refused(loaded, shape, message):
    with pytest.raises(ValueError, match=message):
        SpacetimeEncodeVideo.execute(torch.rand(shape), loaded.vae)


@pytest.mark.parametrize("shape", [(1, 4, 2, 4, 4), (1, 16, 4, 4)])
def test_a_latent_of_another_vae_is_refused(loaded, shape):
    with pytest.raises(ValueError, match="use the VAE of the model that generated it"):
        SpacetimeDecodeVideo.execute({"samples": torch.zeros(shape)}, loaded.vae)


def test_an_empty_prompt_is_a_prompt(loaded):
    ((context, options),) = SpacetimeEncodePrompt.execute(loaded.clip, "")[0]
    assert context.shape == (1, 12, 16)
    assert options == {PROMPT_KEY: ""}


def test_unknown_words_are_named(loaded, caplog):
    SpacetimeEncodePrompt.execute(loaded.clip, "a purple sphere")
    assert "'purple'" in caplog.text
