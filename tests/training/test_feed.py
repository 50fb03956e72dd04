"""Clips that are made while training goes on."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch

from spacetime_video.model_loaders.tokenizer import Tokenizer, train_tokenizer
from spacetime_video.models.shapes import VideoShape
from spacetime_video.models.vae.network import VideoVAE
from spacetime_video.training import feed as feeds
from spacetime_video.training import latents
from spacetime_video.training.feed import READ_EVERY, Feed, await_shard, makers
from spacetime_video.training.latents import Source, captions_of, in_turn, make_shards, read_set
from spacetime_video.training.recipe import write_weights

STILL = Source(name="still", shape=VideoShape(1, 16, 16), shards=2, first=0)
LARGE = replace(STILL, name="still_large", shape=VideoShape(1, 32, 32), first=1000)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latents, "SHARD", 4)


def test_new_shards_are_read_now_and_then(tmp_path: Path, vae: VideoVAE) -> None:
    tokenizer = Tokenizer(train_tokenizer(captions_of(range(20)), 96), max_length=48)
    feed = Feed(tmp_path, (STILL, LARGE), tokenizer)
    with pytest.raises(FileNotFoundError, match="make them with"):
        feed(0)
    jobs = in_turn([STILL, LARGE])
    make_shards(tmp_path, islice(jobs, 1), 1, vae)
    assert [len(each) for each in feed(1)] == [4], "a source without a shard is left out"
    make_shards(tmp_path, jobs, 1, vae)
    assert [len(each) for each in feed(READ_EVERY + 1)] == [4]
    small, large = feed(2 * READ_EVERY)
    assert (len(small), len(large)) == (8, 8)
    whole = read_set(tmp_path, STILL, tokenizer)
    assert torch.equal(small.latents, whole.latents)
    assert torch.equal(small.token_ids, whole.token_ids)
    assert torch.equal(small.fps, whole.fps)


def test_processes_make_shards_until_they_are_not_needed(tmp_path: Path, vae: VideoVAE) -> None:
    file = tmp_path / "vae.safetensors"
    write_weights(file, vae.state_dict(), {"kind": "vae", "config": vae.config.to_dict()})
    with makers(1, tmp_path / "latents", (STILL,), 1, file, "cpu"):
        await_shard(tmp_path / "latents", (STILL,))
    made = list((tmp_path / "latents").glob("*.safetensors"))
    assert made
    assert len(latents.read_shard(made[0]).short) == 64, "a process of its own has its own settings"


def test_a_folder_that_stays_empty_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "PATIENCE", 0.0)
    with pytest.raises(TimeoutError, match="no clips appeared"):
        await_shard(tmp_path, (STILL,))
