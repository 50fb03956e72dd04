"""The recipe of the shipped weights: sizes, data, steps, and the files they end in.

Everything lies in one run folder: clips, checkpoints, logs, sample strips and weights.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from ..model_loaders.load import METADATA_KEY, build_vae, read_vae
from ..model_loaders.tokenizer import Tokenizer, tokenizer_to_tensor, train_tokenizer
from ..models.dit import TINY_DIT
from ..models.latent_format import LatentFormat
from ..models.linear_code import fit_linear_code
from ..models.shapes import VideoShape
from ..models.text_encoder import TINY_TEXT
from ..models.vae import TINY_VAE, VideoVAE
from ..toyworld import caption, random_scene, vocabulary
from .checkpoint import TrainState
from .clips import ClipShard, read_shards, render_shard, write_shards
from .denoiser import (
    LatentSet,
    Mixture,
    PromptedDiT,
    encode_shards,
    latent_statistics,
    train_denoiser,
)
from .vae import psnr, train_decoder

SEED = 2
HELD_OUT_SEED = 3
SQUARE = VideoShape(17, 64, 64)
WIDE = VideoShape(17, 48, 80)
TALL = VideoShape(17, 80, 48)
SHARDS = {SQUARE: 64, WIDE: 16, TALL: 16}
VAE_STEPS, VAE_BATCH, VAE_CROP = 1500, 4, (9, 48, 48)
DIT_STEPS = 4000
CHECKPOINT_EVERY = 50

Tick = Callable[[str, int, int], None]
"""(what, done, total)."""


def render_clips(run: Path, tick: Tick) -> None:
    """Render every shard of the recipe that is not there yet."""
    for shape, count in SHARDS.items():
        name = "x".join(map(str, shape))
        write_shards(run / "clips", SEED, count, shape, lambda n, c=count, m=name: tick(m, n, c))


def make_vae(run: Path, tick: Tick) -> None:
    """Fit the linear code and train the decoder beside it, or go on where a run stopped."""
    shards = read_shards(run / "clips", SQUARE)
    generator = torch.Generator().manual_seed(SEED)
    vae = fresh_vae(shards[:8], generator)
    state = TrainState(vae, rate=1e-3, steps=VAE_STEPS, seed=SEED)
    losses = train_decoder(state, shards, batch=VAE_BATCH, crop=VAE_CROP)
    _loop(state, losses, run, "vae", tick)
    _load_average(state)
    test = render_shard(HELD_OUT_SEED, 0, SQUARE).pixels(torch.arange(16))
    info = {"kind": "vae", "config": TINY_VAE.to_dict(), "psnr": round(psnr(vae, test), 2)}
    write_weights(run / "weights/spacetime_tiny_vae.safetensors", _average(state), info)


def fresh_vae(shards: list[ClipShard], generator: torch.Generator) -> VideoVAE:
    """A VAE that is the best linear code of some clips to begin with."""
    with torch.random.fork_rng():
        torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))
        vae = VideoVAE(TINY_VAE)
    clips = (shard.pixels(torch.arange(len(shard.captions))) for shard in shards)
    vae.init_linear_code(fit_linear_code(clips, channels=TINY_VAE.z_channels, time=4, space=8))
    return vae


def make_tokenizer() -> bytes:
    """A word tokenizer of the toy world's captions."""
    sentences = [caption(random_scene(number)) for number in range(2000)] + vocabulary()
    return train_tokenizer(sentences, vocab_size=TINY_TEXT.vocab_size)


def encode_clips(run: Path, tick: Tick) -> tuple[list[Mixture], LatentFormat, bytes]:
    """Latents of every size, and single frames of the square clips as images."""
    vae = build_vae(read_vae(run / "weights/spacetime_tiny_vae.safetensors"))
    spiece = make_tokenizer()
    tokenizer = Tokenizer(spiece, max_length=TINY_DIT.text_length)

    def encoded(shape: VideoShape, frames: int, name: str) -> LatentSet:
        shards = read_shards(run / "clips", shape)
        total = len(shards)
        return encode_shards(
            shards, vae, tokenizer, frames=frames, tick=lambda n: tick(name, n, total)
        )

    square = encoded(SQUARE, 17, "encode square")
    mixtures = [
        Mixture(square, 0.7, 32),
        Mixture(encoded(WIDE, 17, "encode wide"), 0.075, 32),
        Mixture(encoded(TALL, 17, "encode tall"), 0.075, 32),
        Mixture(encoded(SQUARE, 1, "encode images"), 0.15, 64),
    ]
    return mixtures, latent_statistics(square.latents), spiece


def make_denoiser(run: Path, tick: Tick) -> None:
    """Train denoiser and text encoder on the encoded clips."""
    mixtures, latent, spiece = encode_clips(run, tick)
    model = PromptedDiT(TINY_DIT, TINY_TEXT, torch.Generator().manual_seed(SEED))
    state = TrainState(model, rate=1e-3, steps=DIT_STEPS, seed=SEED)
    _loop(state, train_denoiser(state, mixtures, latent), run, "denoiser", tick)
    write_denoiser(run, state, latent, spiece)


def write_denoiser(run: Path, state: TrainState, latent: LatentFormat, spiece: bytes) -> None:
    """Write the averaged weights as two files of the pack."""
    average = _average(state)
    parts = {
        part: {key[len(part) :]: value for key, value in average.items() if key.startswith(part)}
        for part in ("dit.", "text.")
    }
    shared = {"steps": state.step, "seed": SEED}
    dit_info = {
        "kind": "dit", "config": TINY_DIT.to_dict(), "latent": asdict(latent), **shared
    }  # fmt: skip
    text_info = {
        "kind": "text_encoder",
        "config": asdict(TINY_TEXT),
        "max_length": TINY_DIT.text_length,
        **shared,
    }
    write_weights(run / "weights/spacetime_tiny_dit.safetensors", parts["dit."], dit_info)
    text = {**parts["text."], "spiece_model": tokenizer_to_tensor(spiece)}
    write_weights(run / "weights/spacetime_tiny_text.safetensors", text, text_info)


def write_weights(path: Path, state: dict[str, Tensor], info: dict[str, Any]) -> None:
    """Write half-precision weights with their config in the metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = {k: v.half().contiguous() if v.is_floating_point() else v for k, v in state.items()}
    part = path.with_suffix(".part")
    save_file(half, part, metadata={METADATA_KEY: json.dumps(info)})
    part.replace(path)


def _average(state: TrainState) -> dict[str, Tensor]:
    return dict(state.average)


def _load_average(state: TrainState) -> None:
    with torch.no_grad():
        for name, weight in state.module.named_parameters():
            weight.copy_(state.average[name])


def _loop(state: TrainState, losses: Iterator[float], run: Path, name: str, tick: Tick) -> None:
    """Drive a training generator: resume, log every step's loss, write checkpoints."""
    checkpoint, log = run / f"{name}.checkpoint.safetensors", run / f"{name}.log"
    if checkpoint.exists():
        state.load(checkpoint)
    with log.open("a") as lines:
        for loss in losses:
            lines.write(f"{state.step} {loss:.6f}\n")
            tick(name, state.step, state.steps)
            if state.step % CHECKPOINT_EVERY == 0 or state.step == state.steps:
                lines.flush()
                state.save(checkpoint)
