"""Encoded clips of the toy world: rendered, encoded and written in one pass, shard by shard.

B batch, C channels, F latent frames, H rows, W columns, S text tokens.
"""

import hashlib
import heapq
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import torch
from einops import rearrange
from safetensors import safe_open
from torch import Tensor

from ..model_loaders.files import write_file
from ..model_loaders.tokenizer import Tokenizer
from ..models.latent_format import LatentFormat
from ..models.shapes import VideoShape
from ..models.vae.network import VideoVAE
from ..toyworld import Clip, Scene, caption, render
from ..toyworld.captions import detailed_caption
from .layers import mixed_precision
from .scenes import FRAME_RATES, clip_weight, partial_caption, scene_seed, training_scene

SHARD = 64
ENCODED_AT_ONCE = 16
MOST_ROUNDS = 5
"""How often the shards of a source may be made with other scenes: another source may begin half a
million scenes later, and all clips are kept in memory."""

CAPTIONS = ("short", "detailed", "partial")


@dataclass(frozen=True, kw_only=True)
class Source:
    """One shape of the training data.

    Args:
        name: of the files.
        shape: pixels; of a loop exactly one period, 4 frames per latent frame.
        shards: how many of ``SHARD`` clips.
        first: number of its first scene, so that sources share none.
        loop: whether time is a circle.
        share: how often a training step takes it, relative to the others.
        kind: of its scenes; those of the training mixture if None.
    """

    name: str
    shape: VideoShape
    shards: int
    first: int
    loop: bool = False
    share: float = 1.0
    kind: str | None = None

    def path(self, folder: Path, number: int) -> Path:
        """File of a shard."""
        return folder / f"{self.name}_{number:05d}.safetensors"

    def scenes(self, seed: int, number: int) -> list[Scene]:
        """Scenes of a shard."""
        first, fps = self.first + number * SHARD, frame_rate(number)
        return [
            training_scene(
                scene_seed(seed, first + n), self.shape.frames, fps, loop=self.loop, kind=self.kind
            )
            for n in range(SHARD)
        ]


@dataclass(frozen=True, eq=False)
class LatentShard:
    """Encoded clips that share size, frame rate and the place of the key frame.

    Args:
        latents: (B, C, F, H, W) float16, raw.
        keys: (B, C, 1, H, W) float16, one frame of each clip encoded alone.
        key_time: place of that frame in latent frames: pixel frame / 4 in an open clip.
        short, detailed, partial: captions; partial ones leave out setting or motions.
        kinds: of the scenes.
        fps: frames per second.
    """

    latents: Tensor
    keys: Tensor
    key_time: float
    short: tuple[str, ...]
    detailed: tuple[str, ...]
    partial: tuple[str, ...]
    kinds: tuple[str, ...]
    fps: float


def captions_of(seeds: Iterable[int]) -> list[str]:
    """Captions of random scenes of every kind: short, detailed and partial."""
    sentences = []
    for seed in seeds:
        scene = training_scene(seed, 17, 16.0, loop=seed % 8 == 0)
        sentences += [caption(scene), detailed_caption(scene), partial_caption(scene)]
    return sentences


def fingerprint(vae: VideoVAE) -> str:
    """Name of the weights that encode, so that latents of others are not taken for their own."""
    digest = hashlib.sha256()
    for name, weight in sorted(vae.state_dict().items()):
        if name.startswith(("encoder.", "conv1.", "linear_encoder.")):
            digest.update(name.encode() + weight.cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def make_shards(
    folder: Path,
    jobs: Iterable[tuple[Source, int]],
    seed: int,
    vae: VideoVAE,
    *,
    tick: Callable[[Source, int], None] = lambda source, number: None,
    device: torch.device | str = "cpu",
) -> None:
    """Make the shards that a folder lacks, each written whole or not at all.

    Args:
        folder: shards of several sources; those made with other VAE weights are made again.
        jobs: sources with the numbers of their shards.
        seed: of the data; different seeds never share a scene.
        vae: on ``device``.
        tick: called with each shard that is there.
        device: to render and encode on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    code = fingerprint(vae)
    for source, number in jobs:
        path = source.path(folder, number)
        if not is_made(path, code):
            parts = render_parts(source, number, seed, device)
            write_shard(path, make_shard(source, number, seed, vae, parts), code)
        tick(source, number)


def in_turn(sources: Sequence[Source], *, endless: bool = False) -> Iterator[tuple[Source, int]]:
    """All shards of some sources, so that each has the same share of its own made at any time.

    Args:
        sources: what to make.
        endless: go on with new scenes after the last, for ``MOST_ROUNDS``.
    """

    def numbered(source: Source) -> Iterator[tuple[float, str, Source, int]]:
        for number in range(source.shards * (MOST_ROUNDS if endless else 1)):
            yield (number + 0.5) / source.shards, source.name, source, number

    for _, _, source, number in heapq.merge(*map(numbered, sources), key=lambda job: job[:2]):
        yield source, number


def frame_rate(number: int) -> float:
    """Frames per second of shard ``number``: the rates go round."""
    return FRAME_RATES[number % len(FRAME_RATES)]


@dataclass(frozen=True, eq=False)
class RenderedPart:
    """Some scenes of a shard with what is seen of them."""

    scenes: Sequence[Scene]
    clip: Clip


def render_parts(
    source: Source, number: int, seed: int, device: torch.device | str = "cpu"
) -> Iterator[RenderedPart]:
    """Render the scenes of shard ``number``, some at a time; the frame rate goes round by shard."""
    fps, scenes = frame_rate(number), source.scenes(seed, number)
    frames, height, width = source.shape
    size = {"frames": frames, "height": height, "width": width}
    for start in range(0, SHARD, ENCODED_AT_ONCE):
        part = scenes[start : start + ENCODED_AT_ONCE]
        yield RenderedPart(part, render(part, fps=fps, device=device, **size))


@torch.inference_mode()
def make_shard(
    source: Source, number: int, seed: int, vae: VideoVAE, parts: Iterable[RenderedPart]
) -> LatentShard:
    """Encode shard ``number``, rendered on the device of the VAE."""
    key = Random(scene_seed(seed, source.first + number * SHARD)).randrange(source.shape.frames)
    latents, keys, scenes = [], [], []
    for part in parts:
        latents.append(encode_pictures(vae, part.clip.video, loop=source.loop))
        keys.append(encode_pictures(vae, part.clip.video[:, key : key + 1], loop=False))
        scenes += part.scenes
    return LatentShard(
        torch.cat(latents),
        torch.cat(keys),
        key_time(key, vae.time_factor, loop=source.loop),
        tuple(caption(scene) for scene in scenes),
        tuple(detailed_caption(scene) for scene in scenes),
        tuple(partial_caption(scene) for scene in scenes),
        tuple(scene.kind for scene in scenes),
        frame_rate(number),
    )


def encode_pictures(vae: VideoVAE, pictures: Tensor, *, loop: bool) -> Tensor:
    """Raw latents (B, C, F', H', W') float16 on the CPU of pictures (B, F, H, W, 3) in [0, 1]."""
    video = rearrange(pictures, "B F H W C -> B C F H W") * 2 - 1
    with mixed_precision(video.device):  # differs by 0.003 where latents deviate by 1
        latents = encode_loop(vae, video) if loop else vae.encode(video)
    return latents.half().cpu()


def key_time(frame: int, time_factor: int, *, loop: bool) -> float:
    """Place of a pixel frame in latent frames.

    A latent frame stands where the last of its pixel frames does: in an open clip number 0 is
    pixel frame 0 alone, in a loop every latent frame covers ``time_factor`` of them.
    """
    return (frame - (time_factor - 1) * loop) / time_factor


def encode_loop(vae: VideoVAE, video: Tensor, turns: int = 2) -> Tensor:
    """Encode one period of a circle of time, as the past of an endless repetition sees it.

    Args:
        vae: causal, so that what came before must be shown to it.
        video: (B, 3, time_factor * F, H, W), the frame after the last is the first.
        turns: periods that are encoded, of which the last is kept.

    Returns:
        (B, C, F, H, W); rolled with the video, as far as the VAE forgets in the turns before.
    """
    frames = video.shape[2] // vae.time_factor
    # Frame 0 alone makes a latent frame, so the period that is kept begins one frame late.
    stream = torch.cat([video[:, :, -1:], *[video] * turns], dim=2)
    return vae.encode(stream)[:, :, -frames:]


def is_made(path: Path, code: str) -> bool:
    """Whether there is a shard that the VAE of this fingerprint has encoded."""
    return path.exists() and read_header(path)["vae"] == code


def write_shard(path: Path, shard: LatentShard, code: str) -> None:
    """Write a shard with the fingerprint of its VAE, whole or not at all."""
    header = {
        "key_time": shard.key_time,
        "short": shard.short,
        "detailed": shard.detailed,
        "partial": shard.partial,
        "kinds": shard.kinds,
        "fps": shard.fps,
        "vae": code,
    }
    tensors = {"latents": shard.latents, "keys": shard.keys}
    write_file(path, tensors, {"shard": json.dumps(header)})


def read_header(path: Path) -> dict[str, Any]:
    """What a shard says of its clips."""
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["shard"])


def read_shard(path: Path) -> LatentShard:
    """Read one shard."""
    header = read_header(path)
    with safe_open(path, framework="pt") as file:
        latents, keys = file.get_tensor("latents"), file.get_tensor("keys")
    texts = {name: tuple(header[name]) for name in (*CAPTIONS, "kinds")}
    return LatentShard(latents, keys, header["key_time"], fps=header["fps"], **texts)


@dataclass(frozen=True, eq=False)
class LatentSet:
    """All encoded clips of a source, in memory.

    Args:
        latents: (B, C, F, H, W) float16, raw.
        keys: (B, C, 1, H, W) float16.
        key_times: (B,) latent frames.
        fps: (B,)
        token_ids, mask: (B, 3, S) of the ``CAPTIONS``.
        weights: (B,) how often a step takes a clip, relative to others.
        loop: whether time is a circle.
        share: how often a training step takes it, relative to other sets.
        hints: (B, C, F, H, W) float16, raw, of what a control branch follows; None for none.
    """

    latents: Tensor
    keys: Tensor
    key_times: Tensor
    fps: Tensor
    token_ids: Tensor
    mask: Tensor
    weights: Tensor
    loop: bool
    share: float
    hints: Tensor | None = None

    def __len__(self) -> int:
        return len(self.latents)


def shard_paths(folder: Path, source: Source) -> list[Path]:
    """Files of a source that are there, in order."""
    return sorted(folder.glob(f"{source.name}_?????.safetensors"))


def read_set(folder: Path, source: Source, tokenizer: Tokenizer) -> LatentSet:
    """Read the shards of a source that are there.

    Raises:
        FileNotFoundError: there is none.
    """
    paths = shard_paths(folder, source)
    if not paths:
        raise FileNotFoundError(f"no latents of {source.name} in {folder}: make them first")
    return collect([read_shard(path) for path in paths], source, tokenizer)


def collect(shards: Sequence[LatentShard], source: Source, tokenizer: Tokenizer) -> LatentSet:
    """Put the shards of a source together and tokenise their captions."""
    ids, masks = zip(*(_tokens(shard, tokenizer) for shard in shards), strict=True)
    return LatentSet(
        torch.cat([shard.latents for shard in shards]),
        torch.cat([shard.keys for shard in shards]),
        torch.cat([torch.full((len(shard.latents),), shard.key_time) for shard in shards]),
        torch.cat([torch.full((len(shard.latents),), shard.fps) for shard in shards]),
        torch.cat(ids),
        torch.cat(masks),
        torch.cat([_weights(shard) for shard in shards]),
        source.loop,
        source.share,
    )


def _tokens(shard: LatentShard, tokenizer: Tokenizer) -> tuple[Tensor, Tensor]:
    told = [tokenizer.batch(getattr(shard, name)) for name in CAPTIONS]
    ids, mask = (torch.stack(each, dim=1) for each in zip(*told, strict=True))
    return ids.short(), mask


def _weights(shard: LatentShard) -> Tensor:
    described = zip(shard.kinds, shard.short, strict=True)
    return torch.tensor([clip_weight(kind, text) for kind, text in described])


def latent_statistics(latents: Tensor, whitening: float = 0.5) -> LatentFormat:
    """Mean and deviation by which a network sees latents (B, C, F, H, W).

    Args:
        latents: raw.
        whitening: 1 gives every channel the variance 1, 0 one common scale, so that strong
            channels stay strong; in between the deviations are geometric means of both. The
            variance over all channels together is 1 in any case.
    """
    flat = rearrange(latents.float(), "B C F H W -> C (B F H W)")
    mean, std = flat.mean(1), flat.std(1)
    scale = std**whitening
    scale = scale * (std / scale).square().mean().sqrt()
    return LatentFormat(
        channels=latents.shape[1], mean=tuple(mean.tolist()), std=tuple(scale.tolist())
    )
