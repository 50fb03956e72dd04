"""Noise that follows a flow is plain noise in every frame, and the same noise along the flow."""

import pytest
import torch

from spacetime_video.samplers.clips import COVERAGE_KEY, Coverage
from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.noise.sources import MixedNoise
from spacetime_video.samplers.noise.warped import WarpedNoise, carried, shrunk, started

HEIGHT, WIDTH, CHANNELS, FRAMES = 128, 160, 64, 8
Y, X = torch.meshgrid(torch.arange(HEIGHT) + 0.5, torch.arange(WIDTH) + 0.5, indexing="ij")
FROM_MIDDLE = torch.stack([X - WIDTH / 2, Y - HEIGHT / 2], dim=2)


def everywhere(x, y):
    return torch.tensor([x, y], dtype=torch.float32).expand(HEIGHT, WIDTH, 2)


def patch_moves():
    """A square that moves on a still ground."""
    inside = (FROM_MIDDLE.abs() < 30).all(2, keepdim=True)
    return inside * torch.tensor([3.0, 1.0])


FLOWS = {
    "shifts": everywhere(3, -2),
    "shifts by parts of a pixel": everywhere(0.45, -0.3),
    "grows": FROM_MIDDLE * 0.04,
    "shrinks": FROM_MIDDLE * -0.04,
    "turns": FROM_MIDDLE.flip(2) * torch.tensor([-0.05, 0.05]),
    "a part moves": patch_moves(),
    "still": everywhere(0, 0),
}


def normal(count, seed):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(count, HEIGHT, WIDTH, generator=g)


def travelled(flow, frames=FRAMES):
    now = started(normal(CHANNELS, 0))
    for frame in range(frames):
        now = carried(now, flow, normal(2 * CHANNELS, 1 + frame))
    return now


def neighbours(noise):
    """The largest correlation with a place up to two places away, in any direction."""
    found = []
    for down in range(3):
        for right in range(-2 if down else 1, 3):
            one = noise[:, down:, max(right, 0) : WIDTH + min(right, 0)]
            other = noise[:, : noise.shape[1] - down, max(-right, 0) : WIDTH - max(right, 0)]
            found.append(float((one * other).mean().abs()))
    return max(found)


@pytest.mark.parametrize("name", FLOWS)
def test_each_frame_is_plain_noise(name):
    now = travelled(FLOWS[name])
    noise = now.noise.reshape(CHANNELS, HEIGHT, WIDTH)
    assert float(noise.mean()) == pytest.approx(0, abs=0.01)
    assert float(noise.var()) == pytest.approx(1, abs=0.01)
    assert float((noise**4).mean() / noise.var() ** 2) == pytest.approx(3, abs=0.05)
    assert neighbours(noise) < 0.005
    pairs = torch.corrcoef(now.noise).triu(1)
    assert float(pairs.abs().max()) < 0.04
    small = shrunk(now, HEIGHT, WIDTH, 8)
    assert small.shape == (CHANNELS, HEIGHT // 8, WIDTH // 8)
    assert float(small.var()) == pytest.approx(1, abs=0.08)


def likeness(one, other):
    return float(torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1])


def test_noise_goes_along_with_the_flow():
    first = normal(CHANNELS, 0)
    now = travelled(FLOWS["shifts"]).noise.reshape(first.shape)
    assert torch.allclose(now[:, :-16, 24:], first[:, 16:, :-24], atol=1e-5)
    assert likeness(now[:, 16:, 24:], first[:, 16:, 24:]) < 0.01
    assert torch.equal(travelled(FLOWS["still"]).noise.reshape(first.shape), first)
    slow = travelled(everywhere(0.25, 0)).noise.reshape(first.shape)
    assert likeness(slow[:, :, 4:], first[:, :, 2:-2]) > 0.95
    part = travelled(patch_moves()).noise.reshape(first.shape)
    moved = (slice(None), slice(44, 92), slice(76, 108))
    assert likeness(part[moved], first[:, 36:84, 52:84]) > 0.95
    assert torch.allclose(part[:, :30], first[:, :30], atol=1e-5)


def test_a_frame_that_grew_keeps_its_pattern():
    """Seen coarsely: a pixel's noise is split over the pixels that it becomes."""
    first, now = started(normal(CHANNELS, 0)), travelled(FLOWS["grows"])
    scale = 1.04**FRAMES
    before, after = (shrunk(each, HEIGHT, WIDTH, 8) for each in (first, now))
    y, x = torch.meshgrid(torch.linspace(-1, 1, 16), torch.linspace(-1, 1, 20), indexing="ij")
    at = torch.stack([x, y], dim=2)[None] / scale
    expected = torch.nn.functional.grid_sample(before[None], at, align_corners=False)[0]
    middle = (slice(None), slice(4, 12), slice(5, 15))
    assert likeness(after[middle], expected[middle]) > 0.5
    assert likeness(after[middle], before[middle]) < likeness(after[middle], expected[middle])


SEED, TIME = 5, 4
FLOW = everywhere(1, 0)[:64, :64].expand(12, -1, -1, -1)


def latent(frames, first=0, clips=1, **further):
    return {"samples": torch.zeros(clips, 4, frames, 8, 8), "first_frame": first, **further}


def test_windows_and_chunks_see_the_noise_of_their_frames():
    noise = WarpedNoise(SEED, FLOW, TIME)
    whole = noise.generate_noise(latent(6))
    fresh = WarpedNoise(SEED, FLOW, TIME)
    assert torch.equal(fresh.generate_noise(latent(3, first=1)), whole[:, :, 1:4])
    assert torch.equal(fresh.generate_noise(latent(4, first=-1))[:, :, 1:], whole[:, :, :3])
    two = fresh.generate_noise(latent(2, clips=2))
    assert not torch.equal(two[0], two[1])
    second = fresh.generate_noise(latent(2, batch_index=[1]))
    assert torch.equal(second[0], two[1])
    assert not torch.equal(noise.draw(latent(6), 1), whole)
    pictures = fresh.generate_noise({"samples": torch.zeros(6, 4, 8, 8)})
    assert torch.equal(pictures.transpose(0, 1)[None], whole)


def test_an_extension_that_begins_within_a_latent_frame_sees_the_noise_of_its_frames():
    """Its latent frames end at the video frames 7, 11 and so on, those of a whole clip at 8."""
    flow = everywhere(2, 0)[:64, :64].expand(16, -1, -1, -1)
    noise = WarpedNoise(SEED, flow, TIME)
    whole = noise.generate_noise(latent(5))
    covers = {COVERAGE_KEY: Coverage(7, 30, 3, (0, 1, 2))}
    extension = noise.generate_noise(latent(3, first=1, **covers))
    every = WarpedNoise(SEED, flow, 1).generate_noise(latent(17))
    assert torch.equal(extension, every[:, :, [7, 11, 15]])
    assert torch.equal(whole, every[:, :, ::TIME])
    aligned = {COVERAGE_KEY: Coverage(4, 30, 3, (0, 1, 2))}
    assert torch.equal(noise.generate_noise(latent(3, first=1, **aligned)), whole[:, :, 1:4])
    short = WarpedNoise(SEED, flow[:2], TIME).generate_noise(latent(3, first=1, **covers))
    assert torch.equal(short, FrameNoise(SEED).generate_noise(latent(3, first=1)))


def test_outside_of_the_flow_noise_is_plain():
    noise = WarpedNoise(SEED, FLOW, TIME)
    plain = FrameNoise(SEED).generate_noise(latent(9, first=-2))
    both = noise.generate_noise(latent(9, first=-2))
    assert torch.equal(both[:, :, :2], plain[:, :, :2])
    assert torch.equal(both[:, :, 6:], plain[:, :, 6:])
    assert not torch.equal(both[:, :, 2:6], plain[:, :, 2:6])


def test_a_latent_frame_moves_by_what_its_frames_move():
    flow = everywhere(2, 0)[:64, :64].expand(12, -1, -1, -1)
    made = WarpedNoise(SEED, flow, TIME).generate_noise({"samples": torch.zeros(1, 64, 4, 8, 8)})[0]
    for frame in range(3):
        assert torch.allclose(made[:, frame + 1, :, 1:], made[:, frame, :, :-1], atol=1e-5)


def test_fresh_noise_is_mixed_in_at_full_strength():
    warped = WarpedNoise(SEED, FLOW, TIME)
    for share in (0.2, 0.5, 0.8):
        mixed = MixedNoise(warped, FrameNoise(SEED + 1), share)
        made = mixed.generate_noise({"samples": torch.zeros(1, 256, 4, 8, 8)})
        assert float(made.var()) == pytest.approx(1, abs=0.02)
    with pytest.raises(ValueError, match="both noises have the seed 5"):
        MixedNoise(warped, FrameNoise(SEED), 0.5)


def test_sizes_that_do_not_belong_together():
    with pytest.raises(ValueError, match="64x64 pixels does not fit a latent of 8x6 positions"):
        WarpedNoise(SEED, FLOW, TIME).generate_noise({"samples": torch.zeros(1, 4, 2, 6, 8)})
    with pytest.raises(ValueError, match=r"a flow of shape \(8, 8, 2\)"):
        WarpedNoise(SEED, torch.zeros(8, 8, 2), TIME)
    with pytest.raises(ValueError, match="flow of a single frame is empty: estimate it"):
        WarpedNoise(SEED, torch.zeros(0, 8, 8, 2), TIME)
