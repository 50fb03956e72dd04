"""Encoded clips: one pass from scenes to shards, circles of time, statistics."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from einops import rearrange

from spacetime_video.model_loaders.tokenizer import Tokenizer, train_tokenizer
from spacetime_video.models.shapes import VideoShape
from spacetime_video.models.vae.network import VideoVAE
from spacetime_video.toyworld import caption, parse_caption, render
from spacetime_video.training import latents
from spacetime_video.training.latents import (
    MOST_ROUNDS,
    LatentShard,
    Source,
    captions_of,
    encode_loop,
    in_turn,
    key_time,
    latent_statistics,
    make_shard,
    make_shards,
    read_set,
    read_shard,
    render_parts,
)
from spacetime_video.training.meters import SOURCES as PROBE_SOURCES
from spacetime_video.training.recipe import HELD_OUT_SEED, SEED
from spacetime_video.training.scenes import (
    ATTEMPTS,
    CLIP_KINDS,
    MOTION_WEIGHTS,
    SEEDS_APART,
    STILL_KINDS,
    clip_weight,
    partial_caption,
    scene_seed,
    training_scene,
)
from spacetime_video.training.sources import HELD_OUT, SOURCES

OPEN = Source(name="open", shape=VideoShape(9, 16, 16), shards=2, first=0)
CIRCLE = Source(name="circle", shape=VideoShape(8, 16, 16), shards=1, first=1000, loop=True)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latents, "SHARD", 4)


def shard_of(source: Source, number: int, vae: VideoVAE) -> LatentShard:
    return make_shard(source, number, 1, vae, render_parts(source, number, 1))


def test_shards_are_made_once_and_read_back(tmp_path: Path, vae: VideoVAE) -> None:
    seen: list[int] = []
    make_shards(tmp_path, in_turn([OPEN]), 1, vae, tick=lambda _, n: seen.append(n))
    stamps = [OPEN.path(tmp_path, n).stat().st_mtime_ns for n in (0, 1)]
    OPEN.path(tmp_path, 1).unlink()
    make_shards(tmp_path, in_turn([OPEN]), 1, vae, tick=lambda _, n: seen.append(n))
    assert seen == [0, 1, 0, 1]
    assert OPEN.path(tmp_path, 0).stat().st_mtime_ns == stamps[0]
    shard = shard_of(OPEN, 1, vae)
    assert torch.equal(read_shard(OPEN.path(tmp_path, 1)).latents, shard.latents)
    assert shard.fps == 12.0
    tokenizer = Tokenizer(train_tokenizer(captions_of(range(20)), 96), max_length=48)
    data = read_set(tmp_path, OPEN, tokenizer)
    assert data.latents.shape == (8, 4, 3, 2, 2)
    assert data.latents.dtype == torch.float16
    assert data.fps.tolist() == [8.0] * 4 + [12.0] * 4
    told = zip(shard.kinds, shard.short, strict=True)
    assert data.weights[4:].tolist() == [clip_weight(*each) for each in told]
    ids, mask = tokenizer.batch([shard.detailed[2]])
    assert torch.equal(data.token_ids[6, 1].long(), ids[0])
    assert torch.equal(data.mask[6, 1], mask[0])
    with pytest.raises(FileNotFoundError, match="no latents of circle"):
        read_set(tmp_path, CIRCLE, tokenizer)


def test_shards_of_another_vae_are_made_anew(tmp_path: Path, vae: VideoVAE) -> None:
    source = replace(OPEN, shards=1)
    make_shards(tmp_path, in_turn([source]), 1, vae)
    before = read_shard(source.path(tmp_path, 0)).latents
    other = VideoVAE(vae.config)
    other.load_state_dict(vae.state_dict())
    with torch.no_grad():
        other.linear_encoder.bias.add_(1.0)
    make_shards(tmp_path, in_turn([source]), 1, other)
    after = read_shard(source.path(tmp_path, 0)).latents
    torch.testing.assert_close(after.float(), before.float() + 1, atol=0.02, rtol=0)
    stamp = source.path(tmp_path, 0).stat().st_mtime_ns
    with torch.no_grad():
        other.linear_decoder.bias.add_(1.0)
    make_shards(tmp_path, in_turn([source]), 1, other)
    assert source.path(tmp_path, 0).stat().st_mtime_ns == stamp, "a decoder has no say in latents"


def test_latents_and_key_frames_are_those_of_the_scenes(vae: VideoVAE) -> None:
    shard = shard_of(OPEN, 0, vae)
    scene = training_scene(scene_seed(1, 2), OPEN.shape.frames, 8.0)
    video = render([scene], frames=9, height=16, width=16, fps=8.0).video
    pixels = rearrange(video, "B F H W C -> B C F H W") * 2 - 1
    with torch.inference_mode():
        latent = vae.encode(pixels)
        frame = round(shard.key_time * 4)
        key = vae.encode(pixels[:, :, frame : frame + 1])
    torch.testing.assert_close(shard.latents[2:3].float(), latent, atol=2e-2, rtol=2e-2)
    torch.testing.assert_close(shard.keys[2:3].float(), key, atol=2e-2, rtol=2e-2)
    assert shard.kinds[2] == scene.kind


def test_a_rolled_circle_has_rolled_latents(vae: VideoVAE) -> None:
    video = torch.rand(2, 3, 32, 16, 16, generator=torch.Generator().manual_seed(3)) * 2 - 1
    with torch.inference_mode():
        code, rolled = (encode_loop(vae, v, turns=3) for v in (video, video.roll(4, dims=2)))
        start = vae.encode(torch.cat([video[:, :, :1], video], dim=2))[:, :, 1:]
    assert code.shape == (2, 4, 8, 2, 2)
    error = (rolled - code.roll(1, dims=2)).abs().max()
    assert float((start[:, :, 0] - code[:, :, 0]).abs().max()) > 20 * float(error)
    assert float(error) < 0.02


def test_place_of_a_key_frame() -> None:
    assert key_time(0, 4, loop=False) == 0.0
    assert key_time(8, 4, loop=False) == 2.0
    assert key_time(3, 4, loop=True) == 0.0
    assert key_time(31, 4, loop=True) == 7.0


def test_loops_are_made_of_loops(vae: VideoVAE) -> None:
    shard = shard_of(CIRCLE, 0, vae)
    assert shard.latents.shape == (4, 4, 2, 2, 2)
    assert set(shard.kinds) == {"loop"}


def test_no_scene_is_both_trained_on_and_held_out_or_in_two_sources() -> None:
    held_out = [(HELD_OUT_SEED, source) for source in (HELD_OUT, *PROBE_SOURCES)]
    places = [(SEED, source) for source in SOURCES] + held_out
    spans = sorted(
        (
            scene_seed(seed, source.first),
            scene_seed(seed, source.first + source.shards * 64 * MOST_ROUNDS),
        )
        for seed, source in places
    )
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert spans[-1][1] <= SEEDS_APART
    assert (ATTEMPTS + 1) * SEEDS_APART < 2**63


def test_styles_and_cameras_have_their_shares() -> None:
    scenes = [training_scene(n, OPEN.shape.frames, 8.0) for n in range(150)]
    assert 0.05 < sum(scene.style == "cartoon" for scene in scenes) / 150 < 0.21
    assert 0.05 < sum(scene.camera.motion != "still" for scene in scenes) / 150 < 0.21
    assert len({scene.kind for scene in scenes}) > 6


def test_hard_motions_of_single_objects_weigh_more() -> None:
    assert clip_weight("pair", "a red cube spins and a blue sphere rolls at day") == 1.0
    assert clip_weight("single", "a red sphere stays still at day") == 1.0
    for motion, weight in MOTION_WEIGHTS.items():
        assert clip_weight("single", f"a red sphere {motion} at day") == weight


@pytest.mark.parametrize(("frames", "shares"), [(17, CLIP_KINDS), (1, STILL_KINDS)])
def test_kinds_have_their_shares(frames: int, shares: dict[str, float]) -> None:
    assert sum(shares.values()) == pytest.approx(1)
    seen = Counter(training_scene(n, frames, 16.0).kind for n in range(400))
    for kind, share in shares.items():
        assert seen[kind] / 400 == pytest.approx(share, abs=4 * (share * (1 - share) / 400) ** 0.5)
    several = sum(seen[kind] for kind in ("pair", "relation", "three", "occlusion", "hits"))
    assert several / 400 > 0.3


def test_partial_captions_leave_something_out() -> None:
    scenes = [training_scene(n, 17, 16.0) for n in range(60)]
    whole = [scene for scene in scenes if partial_caption(scene) == caption(scene)]
    untold = {"relation", "changes"}
    assert {scene.kind for scene in whole} <= untold, "two that stand still; what changes is told"
    asked = [parse_caption(partial_caption(scene)) for scene in scenes]
    assert {wanted.setting is None for wanted in asked} == {True, False}
    assert {wanted.objects[0].motion is None for wanted in asked} == {True, False}
    assert all(
        wanted.objects[0].colour == scene.objects[0].colour
        for wanted, scene in zip(asked, scenes, strict=True)
    )


def test_shards_of_all_sources_are_made_in_turn() -> None:
    jobs = list(in_turn([replace(OPEN, shards=4), replace(CIRCLE, shards=2)]))
    assert [(source.name, number) for source, number in jobs] == [
        ("open", 0), ("circle", 0), ("open", 1), ("open", 2), ("circle", 1), ("open", 3)
    ]  # fmt: skip
    assert len(list(in_turn([OPEN], endless=True))) == OPEN.shards * MOST_ROUNDS


@pytest.mark.parametrize("whitening", [0.0, 0.5, 1.0])
def test_statistics_whiten_as_much_as_asked(whitening: float) -> None:
    g = torch.Generator().manual_seed(0)
    scales = torch.tensor([4.0, 1.0, 0.25])[None, :, None, None, None]
    raw = torch.randn(50, 3, 3, 6, 6, generator=g) * scales + 2.0
    normal = latent_statistics(raw, whitening).normalise(raw)
    spread = normal.std(dim=(0, 2, 3, 4))
    assert float(spread.square().mean()) == pytest.approx(1.0, abs=0.02)
    assert float(spread[0] / spread[2]) == pytest.approx(16 ** (1 - whitening), rel=0.05)
    assert normal.mean(dim=(0, 2, 3, 4)).abs().max() < 1e-3
