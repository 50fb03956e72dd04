"""The denoiser's part of the recipe: latents, initial weights, the run and the final weights.

The run folder holds ``latents/``, ``held_out/``, ``start/`` (the initial weights, whose sizes,
tokenizer and statistics are kept), checkpoints, log, plot, ``samples/`` and ``weights/``.
"""

import itertools
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..model_loaders.load import (
    DiTWeights,
    TextWeights,
    build_vae,
    read_vae,
)
from ..model_loaders.tokenizer import Tokenizer, tokenizer_to_tensor, train_tokenizer
from ..models.dit.config import TINY_DIT
from ..models.text.config import TINY_TEXT
from ..models.vae.network import VideoVAE
from ..toyworld import vocabulary
from .checkpoint import Length, TrainState
from .denoiser import DIT_MATRICES, TEXT_RATE, PromptedDiT, train_denoiser
from .feed import Feed
from .latents import (
    Source,
    captions_of,
    fingerprint,
    in_turn,
    latent_statistics,
    make_shards,
    read_set,
)
from .levels import SHIFT, TRAINING_SHIFT
from .loop import Tick, Watch, drive
from .meters import SOURCES as PROBE_SOURCES
from .meters import read_meters
from .pictures import SampleMaker, save_sample, validation_loss
from .preview import with_preview
from .recipe import DIT_FILE, HELD_OUT_SEED, SEED, TEXT_FILE, write_weights
from .sources import HELD_OUT, SOURCES, SQUARE, trained_range
from .start import Start, grown, read_start

LENGTH, LOOK_EVERY = Length(steps=40_000), Length(steps=500)
METERS_EVERY = 3600.0
"""Seconds between readings of the meters; one takes most of a minute on one core."""


@dataclass(frozen=True, kw_only=True)
class DenoiserPlan:
    """Options of the denoiser's training run.

    Args:
        length: length of the run.
        rate: peak learning rate.
        optimiser: adamw or muon.
        decay: decay of the averaged weights.
        shift: shift of the noise levels in training.
        whitening: see ``latent_statistics``; ignored with ``init_from``.
        look_every: interval at which validation loss is measured and samples and weights are
            written.
        init_from: folder of weights to start from; None starts from random weights.
        batch: tokens per step, relative to the default; above 1 to fill a GPU.
        compiled: whether to compile the network; worth the minute it takes on a GPU.
        meters: whether to read the meters.
        started: ``time.perf_counter()`` at which the clock of the run starts; the first step if
            None.
    """

    length: Length = LENGTH
    rate: float = 2e-3
    optimiser: str = "muon"
    decay: float = 0.999
    shift: float = TRAINING_SHIFT
    whitening: float = 0.5
    look_every: Length = LOOK_EVERY
    init_from: Path | None = None
    batch: float = 1.0
    compiled: bool = False
    meters: bool = True
    started: float | None = None


def make_latents(
    run: Path, vae_file: Path, tick: Tick, device: str = "cpu", scale: float = 1.0
) -> None:
    """Render and encode the held-out clips and training data that are missing.

    Args:
        run: folder of the run.
        vae_file: weights of the VAE.
        tick: progress callback.
        device: device to render and encode on.
        scale: share of the recipe's shards to make.
    """
    make_held_out(run, vae_file, device)
    vae = build_vae(read_vae(vae_file)).to(device)
    jobs = list(in_turn([scaled(source, scale) for source in SOURCES]))
    done = itertools.count(1)

    def show(source: Source, number: int) -> None:
        tick("latents", next(done), len(jobs))

    make_shards(run / "latents", jobs, SEED, vae, tick=show, device=device)


def make_held_out(run: Path, vae_file: Path, device: str = "cpu", *, meters: bool = True) -> None:
    """Render and encode the held-out clips for validation and for the meters."""
    vae = build_vae(read_vae(vae_file)).to(device)
    jobs = in_turn((HELD_OUT, *(PROBE_SOURCES if meters else ())))
    make_shards(run / "held_out", jobs, HELD_OUT_SEED, vae, device=device)


def scaled(source: Source, scale: float) -> Source:
    """Reduce a source to a share of its shards, at least one."""
    return replace(source, shards=math.ceil(source.shards * scale))


def make_denoiser(
    run: Path,
    vae_file: Path,
    tick: Tick,
    device: str = "cpu",
    plan: DenoiserPlan = DenoiserPlan(),
) -> None:
    """Train denoiser and text encoder on the encoded clips, or resume an interrupted run."""
    vae = build_vae(read_vae(vae_file)).to(device)
    start = find_start(run, plan, vae)
    tokenizer, latent = start.text.tokenizer, start.dit.latent
    feed = Feed(run / "latents", SOURCES, tokenizer, device)
    held_out = read_set(run / "held_out", HELD_OUT, tokenizer)
    generator = torch.Generator().manual_seed(SEED)
    model = PromptedDiT(start.dit.config, start.text.config, generator).to(device)
    state = TrainState(
        model, rate=plan.rate, length=plan.length, seed=SEED, decay=plan.decay,
        optimiser=plan.optimiser, muon_names=DIT_MATRICES, rates=TEXT_RATE,
    )  # fmt: skip
    state.start_from(start.state)
    if plan.compiled:
        model.compile_blocks()
    studio = SampleMaker(model, vae, latent, tokenizer)
    meters = read_meters(run / "held_out", studio, latent) if plan.meters else None
    due = itertools.count(METERS_EVERY, METERS_EVERY)
    next_reading = next(due)

    def look(state: TrainState) -> Mapping[str, float]:
        nonlocal next_reading
        write_denoiser(run / "weights", start, dict(model.named_parameters()), state.step)
        save_sample(run / "samples" / f"denoiser_{state.step:06d}.png", studio)
        seen = validation_loss(model, held_out, latent)
        if meters is None or state.seconds < next_reading:
            return seen
        next_reading = next(time for time in due if time > state.seconds)
        return seen | meters.read()

    watch = Watch(look=look, every=plan.look_every)
    losses = train_denoiser(state, feed, latent, plan.shift, plan.batch)
    drive(state, losses, run, "denoiser", tick, watch, plan.started)


def find_start(run: Path, plan: DenoiserPlan, vae: VideoVAE) -> Start:
    """Read the initial weights in ``start/``, filled first from ``init_from`` or at random.

    Weights of a smaller network or of another text encoder are grown to the recipe's sizes.

    Raises:
        ValueError: they were trained on the latents of another VAE.
    """
    folder = run / "start"
    if not (folder / TEXT_FILE).exists():
        code = fingerprint(vae)
        start = (
            fresh_start(run, plan, code)
            if plan.init_from is None
            else grown(read_start(plan.init_from), TINY_DIT, TINY_TEXT)
        )
        dit = replace(start.dit, latent=with_preview(start.dit.latent, vae))
        write_denoiser(folder, replace(start, dit=dit), start.state, 0)
    start = read_start(folder)
    if start.dit.info.get("vae", fingerprint(vae)) != fingerprint(vae):
        raise ValueError(
            f"the denoiser in {folder} was started with a different VAE than this run uses: "
            "train in a new folder"
        )
    return start


def fresh_start(run: Path, plan: DenoiserPlan, vae: str) -> Start:
    """Make random weights of the shipped sizes, with a tokenizer and the latents' statistics."""
    tokenizer = Tokenizer(make_tokenizer(), TINY_DIT.text_length)
    latents = read_set(run / "latents", SQUARE, tokenizer).latents
    latent = latent_statistics(latents, plan.whitening)
    model = PromptedDiT(TINY_DIT, TINY_TEXT, torch.Generator().manual_seed(SEED))
    info = {"shift": SHIFT, "token_levels": True, "vae": vae}
    return Start(
        DiTWeights(TINY_DIT, latent, model.dit.state_dict(), info),
        TextWeights(TINY_TEXT, model.text.state_dict(), tokenizer, {}),
    )


def make_tokenizer() -> bytes:
    """Train a word tokenizer on the toy world's captions."""
    return train_tokenizer([*captions_of(range(1000)), *vocabulary()], TINY_TEXT.vocab_size)


def write_denoiser(folder: Path, start: Start, weights: Mapping[str, Tensor], steps: int) -> None:
    """Write weights with ``PromptedDiT`` names as two files in the pack's format."""
    parts = {
        part: {
            key[len(part) :]: value.detach().cpu()
            for key, value in weights.items()
            if key.startswith(part)
        }
        for part in ("dit.", "text.")
    }
    kept = {
        key: start.dit.info[key]
        for key in ("shift", "token_levels", "vae")
        if key in start.dit.info
    }
    shared = {"steps": start.dit.info.get("steps", 0) + steps, "seed": SEED}
    dit_info = {
        "kind": "dit", "config": start.dit.config.to_dict(), "latent": asdict(start.dit.latent),
        "trained": trained_range(SOURCES), **kept, **shared,
    }  # fmt: skip
    text_info = {
        "kind": "text_encoder", "config": asdict(start.text.config),
        "max_length": start.text.tokenizer.max_length, **shared,
    }  # fmt: skip
    spiece = {"spiece_model": tokenizer_to_tensor(start.text.tokenizer.model_bytes)}
    write_weights(folder / DIT_FILE, parts["dit."], dit_info)
    write_weights(folder / TEXT_FILE, {**parts["text."], **spiece}, text_info)
