"""What inference does in place, piece by piece and in other forms equals the plain passes."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spacetime_video.models.layers import to_channels_last
from spacetime_video.models.vae import pieces, resample
from spacetime_video.models.vae.network import TINY_VAE, WAN21_VAE, WAN22_VAE, VideoVAE
from spacetime_video.models.vae.resample import add_duplicate, duplicate_up
from spacetime_video.models.vae.stream import Tape

SMALL = {"z_channels": 3, "base_dim": 4, "decoder_base_dim": 8}
CONFIGS = {
    "wan21": replace(WAN21_VAE, **SMALL),
    "wan22": replace(WAN22_VAE, **SMALL, res_blocks=1),
    "tiny": replace(TINY_VAE, **SMALL),
}
FRAMES = 4
"""latent frames"""


class Case:
    """A network with random parameters, clips, and the passes that training takes."""

    def __init__(self, config, batch=1, side=2):
        torch.manual_seed(5)
        self.vae = VideoVAE(config).eval().requires_grad_(False)
        for name, parameter in self.vae.named_parameters():
            torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
            if name.endswith("gamma"):
                torch.nn.init.uniform_(parameter, 0.5, 1.5)
        to_channels_last(self.vae)
        pixels = side * config.compression.space
        self.video = torch.randn(batch, 3, 4 * FRAMES - 3, pixels, pixels + pixels // side)
        self.latent = torch.randn(batch, config.z_channels, FRAMES, side, side + 1)
        with torch.enable_grad():
            self.encoded = self.vae.encode(self.video)
            self.decoded = self.vae.decode(self.latent)


@pytest.fixture(scope="module", params=CONFIGS)
def case(request):
    return Case(CONFIGS[request.param])


@pytest.fixture
def one_frame_at_a_time(monkeypatch):
    monkeypatch.setattr(pieces, "LARGEST", 1)
    monkeypatch.setattr(pieces, "ALONE", 1)


def apart(made, expected):
    return float((made - expected).abs().max() / expected.std())


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("name", CONFIGS)
@torch.inference_mode()
def test_whole_passes_equal_those_of_training(name, batch):
    case = Case(CONFIGS[name], batch)
    assert apart(case.vae.decode(case.latent), case.decoded) < 2e-5
    assert apart(case.vae.encode(case.video), case.encoded) < 2e-5


@torch.inference_mode()
def test_pieces_of_one_frame_equal_the_whole(case, one_frame_at_a_time):
    assert apart(case.vae.decode(case.latent), case.decoded) < 2e-5
    assert apart(case.vae.encode(case.video), case.encoded) < 2e-5


@pytest.mark.parametrize("largest", [1500, 4000, 9000])
@torch.inference_mode()
def test_pieces_of_any_size_equal_the_whole(case, largest, monkeypatch):
    monkeypatch.setattr(pieces, "LARGEST", largest)
    assert apart(case.vae.decode(case.latent), case.decoded) < 2e-5
    assert apart(case.vae.encode(case.video), case.encoded) < 2e-5


@torch.inference_mode()
def test_rows_in_bands_equal_the_whole(case, monkeypatch):
    """Each band of a doubled frame is seen as one of the whole, at the edges too."""
    whole = case.vae.decode(case.latent)
    monkeypatch.setattr(resample, "BAND", 1)
    bands = []
    for rows in (1, 3):
        monkeypatch.setattr(resample, "BAND_ROWS", rows)
        bands.append(case.vae.decode(case.latent))
    assert [apart(made, whole) < 1e-6 for made in bands] == [True, True]


@torch.inference_mode()
def test_residuals_are_added_where_the_state_lies(case):
    """So a level of the decoder holds its state once, whatever the number of its blocks."""
    block = list(case.vae.decoder.upsamples)[-1].upsamples[-1]
    channels = block.residual["6"].out_channels
    state = torch.randn(1, channels, 2, 4, 4)
    expected = block(state, Tape(None))
    assert block(state, Tape(None, in_place=True)).data_ptr() == state.data_ptr()
    assert apart(state, expected) < 2e-5


@settings(max_examples=4, deadline=None, derandomize=True)
@given(cuts=st.lists(st.booleans(), min_size=FRAMES - 1, max_size=FRAMES - 1))
@torch.no_grad()
def test_chunks_equal_the_whole(case, cuts):
    edges = [0, *(i + 1 for i, cut in enumerate(cuts) if cut), FRAMES]
    sizes = [b - a for a, b in pairwise(edges)]
    cache, videos = None, []
    for part in case.latent.split(sizes, dim=2):
        video, cache = case.vae.decode_chunk(part, cache)
        videos.append(video)
    assert apart(torch.cat(videos, dim=2), case.decoded) < 2e-5
    pixels = [4 * size - 3 * (number == 0) for number, size in enumerate(sizes)]
    latents = case.vae.encode_stream(case.video.split(pixels, dim=2))
    assert apart(torch.cat(list(latents), dim=2), case.encoded) < 2e-5


@torch.inference_mode()
def test_one_frame_is_an_image(case):
    """Convolutions leave out what would see the zeros before the first frame."""
    assert apart(case.vae.decode(case.latent[:, :, :1]), case.decoded[:, :, :1]) < 2e-5
    assert apart(case.vae.encode(case.video[:, :, :1]), case.encoded[:, :, :1]) < 2e-5


@torch.inference_mode()
def test_what_is_given_stays_as_it_was(case, one_frame_at_a_time):
    latent, video = case.latent.clone(), case.video.clone()
    case.vae.decode(case.latent)
    case.vae.encode(case.video)
    assert torch.equal(case.latent, latent)
    assert torch.equal(case.video, video)


@pytest.mark.parametrize("name", CONFIGS)
def test_bfloat16_is_no_further_from_float32_than_training_is(name):
    case = Case(CONFIGS[name], side=4)
    case.vae.bfloat16()
    rough = case.latent.bfloat16(), case.video.bfloat16()
    plain = case.vae.decode(rough[0]), case.vae.encode(rough[1])
    with torch.inference_mode():
        made = case.vae.decode(rough[0]), case.vae.encode(rough[1])
    for here, there, exact in zip(made, plain, (case.decoded, case.encoded), strict=True):
        assert here.dtype == torch.bfloat16
        assert (here - exact).norm() < 1.1 * (there - exact).norm()


@torch.no_grad()
def test_new_frames_take_the_place_of_old_ones(case):
    """A stream needs no room for what its layers remembered beside what they remember."""
    _, cache = case.vae.decode_chunk(case.latent[:, :, :2], None)
    places = [frames.data_ptr() for frames in cache]
    before = [frames.clone() for frames in cache]
    _, after = case.vae.decode_chunk(case.latent[:, :, 2:], cache)
    assert [frames.data_ptr() for frames in after] == places
    assert not any(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@torch.no_grad()
def test_a_stream_goes_on_in_another_mode(case):
    """Begun for inference, continued for training, and the other way round."""
    with torch.inference_mode():
        first, cache = case.vae.decode_chunk(case.latent[:, :, :1], None)
    with torch.enable_grad():
        second, cache = case.vae.decode_chunk(case.latent[:, :, 1:2], cache)
    third, _ = case.vae.decode_chunk(case.latent[:, :, 2:], cache)
    assert apart(torch.cat([first, second, third], dim=2), case.decoded) < 2e-5


@pytest.mark.parametrize(("channels", "out"), [(8, 8), (8, 4), (4, 8), (2, 8)])
@pytest.mark.parametrize("time", [1, 2])
@pytest.mark.parametrize("first", [True, False])
def test_adding_a_duplicate_equals_duplicating(channels, out, time, first):
    x = torch.randn(2, channels, 3, 2, 2)
    expected = duplicate_up(x, out, time=time, space=2, first=first)
    made = add_duplicate(torch.ones_like(expected), x, time=time, space=2, first=first)
    assert torch.equal(made, expected + 1)
