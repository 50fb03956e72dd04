"""Hints beside clips: what they show, and shards that are made for a folder of clips."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from spacetime_video.media.hints import CannyOptions, canny_edges
from spacetime_video.model_loaders.files import write_file
from spacetime_video.model_loaders.tokenizer import Tokenizer, train_tokenizer
from spacetime_video.models.shapes import VideoShape
from spacetime_video.models.vae.network import VideoVAE
from spacetime_video.toyworld import draw_scene, nearness, outlines, render
from spacetime_video.training import latents, scenes
from spacetime_video.training.feed import Feed, await_shard, makers
from spacetime_video.training.hint_shards import HintFolder, make_hinted_shards
from spacetime_video.training.hints import HINTS, check_hint, depth_pictures, edge_pictures
from spacetime_video.training.latents import (
    RenderedPart,
    Source,
    captions_of,
    in_turn,
    make_shards,
    read_header,
)
from spacetime_video.training.recipe import write_weights

CLIPS = Source(name="clips", shape=VideoShape(5, 16, 16), shards=2, first=0)
STILLS = Source(name="stills", shape=VideoShape(1, 16, 16), shards=1, first=1000)
LOOPS = Source(name="loops", shape=VideoShape(8, 16, 16), shards=1, first=2000, loop=True)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latents, "SHARD", 4)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer(train_tokenizer(captions_of(range(20)), 96), max_length=48)


def test_edges_are_those_of_the_node_or_outlines_or_vary() -> None:
    scenes = [draw_scene(n) for n in range(24)]
    clip = render(scenes, frames=2, height=32, width=32)
    made = edge_pictures(RenderedPart(scenes, clip), 16.0)
    kinds = {"usual": 0, "outlines": 0, "varied": 0}
    for video, masks, hint in zip(clip.video, clip.masks, made, strict=True):
        usual = [canny_edges(frame.movedim(-1, 0), CannyOptions())[0] for frame in video]
        if torch.equal(hint[..., 0], torch.stack(usual)):
            kinds["usual"] += 1
        elif torch.equal(hint[..., 0], outlines(masks).float()):
            kinds["outlines"] += 1
        else:
            kinds["varied"] += 1
        assert set(hint.unique().tolist()) <= {0.0, 1.0}
    assert min(kinds.values()) >= 2, kinds


def test_depth_is_the_nearness_of_what_is_seen() -> None:
    scenes = [draw_scene(1)]
    clip = render(scenes, frames=2, height=32, width=32)
    made = depth_pictures(RenderedPart(scenes, clip), 16.0)
    assert made.shape == (1, 2, 32, 32, 3)
    assert torch.equal(made[..., 1], nearness(clip.depth))


@pytest.mark.parametrize("source", [CLIPS, STILLS, LOOPS], ids=lambda source: source.name)
@pytest.mark.parametrize("kind", HINTS)
def test_hints_have_the_places_of_their_clips(
    source: Source, kind: str, tmp_path: Path, vae: VideoVAE
) -> None:
    hints = HintFolder.of(tmp_path, check_hint(kind))
    make_hinted_shards(tmp_path / "latents", hints, [(source, 0)], 1, vae)
    path = source.path(tmp_path / "latents", 0)
    made = hints.read(path)
    assert made.shape == latents.read_shard(path).latents.shape
    assert made.dtype == torch.float16
    assert made.float().std() > 0.01


def test_a_folder_of_clips_gets_its_hints(
    tmp_path: Path, vae: VideoVAE, tokenizer: Tokenizer
) -> None:
    folder, hints = tmp_path / "latents", HintFolder.of(tmp_path, "depth")
    make_shards(folder, in_turn([CLIPS]), 1, vae)
    first, second = (CLIPS.path(folder, n) for n in (0, 1))
    stamp = first.stat().st_mtime_ns
    feed = Feed(folder, (CLIPS,), tokenizer, hints=hints)
    with pytest.raises(FileNotFoundError):
        feed(0)
    second.unlink()
    make_hinted_shards(folder, hints, [(CLIPS, 0)], 1, vae)
    assert first.stat().st_mtime_ns == stamp, "clips that are there stay"
    assert [len(each) for each in feed(0)] == [4]
    make_hinted_shards(folder, hints, in_turn([CLIPS]), 1, vae)
    (found,) = feed(100)
    assert found.hints is not None
    assert torch.equal(found.hints, torch.cat([hints.read(path) for path in (first, second)]))
    assert len(found) == 8
    stamp = hints.path(first).stat().st_mtime_ns
    make_hinted_shards(folder, hints, in_turn([CLIPS]), 1, vae)
    assert hints.path(first).stat().st_mtime_ns == stamp, "hints are made once"


def test_cameras_that_move_are_seen_more_often_and_told_less_where_tracks_are_followed(
    tmp_path: Path, vae: VideoVAE, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenes, "CAMERA_SHARE", 0.5)
    monkeypatch.setattr(latents, "SHARD", 16)
    weights, same = {}, {}
    for kind in ("tracks", "depth"):
        hints = HintFolder.of(tmp_path, check_hint(kind))
        make_hinted_shards(tmp_path / "latents", hints, [(CLIPS, 0)], 1, vae)
        (found,) = Feed(tmp_path / "latents", (CLIPS,), tokenizer, hints=hints)(0)
        (plain,) = Feed(tmp_path / "latents", (CLIPS,), tokenizer)(0)
        weights[kind] = found.weights
        same[kind] = (found.token_ids == plain.token_ids).all(2)  # (B, captions)
    told = latents.read_shard(CLIPS.path(tmp_path / "latents", 0)).short
    moves = torch.tensor(["the camera" in text for text in told])
    assert 0 < moves.sum() < 16
    assert torch.equal(weights["tracks"] / weights["depth"], 1 + 4.0 * moves)
    assert same["depth"].all()
    short, detailed, partial = same["tracks"].unbind(1)
    assert detailed.all(), "these still tell of the camera"
    assert torch.equal(~short, moves), "the others leave it to the tracks"
    assert torch.equal(~partial, moves)


def test_clips_of_other_scenes_are_refused(tmp_path: Path, vae: VideoVAE) -> None:
    folder, hints = tmp_path / "latents", HintFolder.of(tmp_path, "depth")
    make_shards(folder, [(CLIPS, 0)], 1, vae)
    path = CLIPS.path(folder, 0)
    shard, header = latents.read_shard(path), read_header(path)
    header["kinds"] = header["kinds"][::-1] if len(set(header["kinds"])) > 1 else ["loop"] * 4
    write_file(path, {"latents": shard.latents, "keys": shard.keys}, {"shard": json.dumps(header)})
    with pytest.raises(ValueError, match="other scenes"):
        make_hinted_shards(folder, hints, [(CLIPS, 0)], 1, vae)
    assert not hints.path(path).exists()


def test_hints_of_another_vae_are_made_again(tmp_path: Path, vae: VideoVAE) -> None:
    folder, hints = tmp_path / "latents", HintFolder.of(tmp_path, "depth")
    make_hinted_shards(folder, hints, [(STILLS, 0)], 1, vae)
    path = hints.path(STILLS.path(folder, 0))
    write_file(
        path, {"hints": torch.zeros(4, 4, 1, 2, 2)}, {"shard": json.dumps({"vae": "another"})}
    )
    make_hinted_shards(folder, hints, [(STILLS, 0)], 1, vae)
    assert hints.read(STILLS.path(folder, 0)).abs().max() > 0


def test_makers_make_hints_beside_clips(tmp_path: Path, vae: VideoVAE) -> None:
    file = tmp_path / "vae.safetensors"
    write_weights(file, vae.state_dict(), {"kind": "vae", "config": vae.config.to_dict()})
    hints = HintFolder.of(tmp_path, "depth")
    source = replace(STILLS, name="made")
    with makers(1, tmp_path / "latents", (source,), 1, file, "cpu", hints):
        await_shard(tmp_path / "latents", (source,), hints)
    made = list(hints.folder.glob("*.safetensors"))
    assert made
    assert len(hints.read(made[0])) == 64


def test_an_unknown_hint_is_told() -> None:
    with pytest.raises(ValueError, match="unknown hint 'pose': use edges, depth, tracks"):
        check_hint("pose")
