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
"""Maximum number of times that a source's shards are made, each time with new scenes: another
source may start half a million scenes later, and all clips are kept in memory."""

CAPTIONS = ("short", "detailed", "partial")


@dataclass(frozen=True, kw_only=True)
class Source:
    """One shape of the training data.

    Args:
        name: prefix of the file names.
        shape: shape in pixels; a loop has exactly one period, 4 frames per latent frame.
        shards: number of shards, with ``SHARD`` clips each.
        first: number of its first scene, chosen so that sources share no scenes.
        loop: whether time is circular.
        share: sampling weight in training, relative to other sources.
        kind: kind of its scenes; the training mixture if None.
    """

    name: str
    shape: VideoShape
    shards: int
    first: int
    loop: bool = False
    share: float = 1.0
    kind: str | None = None

    def path(self, folder: Path, number: int) -> Path:
        """Path of a shard."""
        return folder / f"{self.name}_{number:05d}.safetensors"

    def scenes(self, seed: int, number: int) -> list[Scene]:
        """Draw the scenes of a shard."""
        first, fps = self.first + number * SHARD, frame_rate(number)
        return [
            training_scene(
                scene_seed(seed, first + n), self.shape.frames, fps, loop=self.loop, kind=self.kind
            )
            for n in range(SHARD)
        ]


@dataclass(frozen=True, eq=False)
class LatentShard:
    """Encoded clips with the same size, frame rate and key frame position.

    Args:
        latents: raw latents (B, C, F, H, W), float16.
        keys: one frame of each clip encoded alone, (B, C, 1, H, W), float16.
        key_time: position of that frame in latent frames: pixel frame / 4 in an open clip.
        short, detailed, partial: captions; partial ones omit the setting, the motions or both.
        kinds: kinds of the scenes.
        fps: frame rate.
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
    """Generate captions of random scenes of every kind: short, detailed and partial."""
    sentences = []
    for seed in seeds:
        scene = training_scene(seed, 17, 16.0, loop=seed % 8 == 0)
        sentences += [caption(scene), detailed_caption(scene), partial_caption(scene)]
    return sentences


def fingerprint(vae: VideoVAE) -> str:
    """Hash of the encoder's weights, to detect latents from another VAE."""
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
    """Make the missing shards of a folder, each written atomically.

    Args:
        folder: shards of several sources; those made with other VAE weights are replaced.
        jobs: sources with the numbers of their shards.
        seed: seed of the data; different seeds never share a scene.
        vae: the VAE, on ``device``.
        tick: called for each shard once it exists.
        device: device to render and encode on.
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
    """Interleave the shards of several sources so that all progress at the same relative rate.

    Args:
        sources: sources of the shards.
        endless: continue with new scenes after the last shard, up to ``MOST_ROUNDS`` rounds.
    """

    def numbered(source: Source) -> Iterator[tuple[float, str, Source, int]]:
        for number in range(source.shards * (MOST_ROUNDS if endless else 1)):
            yield (number + 0.5) / source.shards, source.name, source, number

    for _, _, source, number in heapq.merge(*map(numbered, sources), key=lambda job: job[:2]):
        yield source, number


def frame_rate(number: int) -> float:
    """Frame rate of shard ``number``; the rates cycle from shard to shard."""
    return FRAME_RATES[number % len(FRAME_RATES)]


@dataclass(frozen=True, eq=False)
class RenderedPart:
    """Some scenes of a shard and their rendered clips."""

    scenes: Sequence[Scene]
    clip: Clip


def render_parts(
    source: Source, number: int, seed: int, device: torch.device | str = "cpu"
) -> Iterator[RenderedPart]:
    """Render the scenes of shard ``number``, ``ENCODED_AT_ONCE`` at a time."""
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
    """Encode the parts of shard ``number``, rendered on the VAE's device."""
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
    """Encode images (B, F, H, W, 3) in [0, 1] to raw float16 latents (B, C, F', H', W') on CPU."""
    video = rearrange(pictures, "B F H W C -> B C F H W") * 2 - 1
    with mixed_precision(video.device):  # error 0.003 for latents of deviation 1
        latents = encode_loop(vae, video) if loop else vae.encode(video)
    return latents.half().cpu()


def key_time(frame: int, time_factor: int, *, loop: bool) -> float:
    """Convert the position of a pixel frame to latent frames.

    A latent frame is at the position of its last pixel frame. In an open clip, latent frame 0
    covers only pixel frame 0; in a loop, every latent frame covers ``time_factor`` pixel frames.
    """
    return (frame - (time_factor - 1) * loop) / time_factor


def encode_loop(vae: VideoVAE, video: Tensor, turns: int = 2) -> Tensor:
    """Encode one period of a loop as it would be encoded after endless repetition.

    Args:
        vae: a causal VAE, which must see the preceding periods.
        video: (B, 3, time_factor * F, H, W); its first frame follows its last.
        turns: number of periods to encode, of which the last is kept.

    Returns:
        (B, C, F, H, W). Rolling the video rolls the result, as far as the VAE forgets within the
        preceding turns.
    """
    frames = video.shape[2] // vae.time_factor
    # Frame 0 alone makes a latent frame, so the kept period starts one frame late.
    stream = torch.cat([video[:, :, -1:], *[video] * turns], dim=2)
    return vae.encode(stream)[:, :, -frames:]


def is_made(path: Path, code: str) -> bool:
    """Whether a shard exists and was encoded by the VAE with this fingerprint."""
    return path.exists() and read_header(path)["vae"] == code


def write_shard(path: Path, shard: LatentShard, code: str) -> None:
    """Write a shard with the fingerprint of its VAE, atomically."""
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
    """Read the metadata of a shard's clips."""
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
        latents: raw latents (B, C, F, H, W), float16.
        keys: key frames (B, C, 1, H, W), float16.
        key_times: positions of the key frames in latent frames (B,).
        fps: frame rates (B,).
        token_ids, mask: tokens of the ``CAPTIONS`` (B, 3, S).
        weights: sampling weights of the clips (B,).
        loop: whether time is circular.
        share: sampling weight of the set in training, relative to other sets.
        hints: raw latents of the hints for a control branch (B, C, F, H, W), float16; None for
            none.
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
    """Existing shard files of a source, in order."""
    return sorted(folder.glob(f"{source.name}_?????.safetensors"))


def read_set(folder: Path, source: Source, tokenizer: Tokenizer) -> LatentSet:
    """Read the existing shards of a source.

    Raises:
        FileNotFoundError: there are none.
    """
    paths = shard_paths(folder, source)
    if not paths:
        raise FileNotFoundError(
            f"no latents of {source.name} in {folder}: make them with `spacetime train latents`"
        )
    return collect([read_shard(path) for path in paths], source, tokenizer)


def collect(shards: Sequence[LatentShard], source: Source, tokenizer: Tokenizer) -> LatentSet:
    """Join the shards of a source and tokenise their captions."""
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
    """Compute the mean and standard deviation that normalise latents for a network.

    Args:
        latents: raw latents (B, C, F, H, W).
        whitening: 1 gives every channel variance 1; 0 applies one common scale, so that strong
            channels stay strong; in between, the deviations are geometric means of both. The
            variance over all channels together is always 1.
    """
    flat = rearrange(latents.float(), "B C F H W -> C (B F H W)")
    mean, std = flat.mean(1), flat.std(1)
    scale = std**whitening
    scale = scale * (std / scale).square().mean().sqrt()
    return LatentFormat(
        channels=latents.shape[1], mean=tuple(mean.tolist()), std=tuple(scale.tolist())
    )
