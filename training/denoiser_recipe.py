"""The denoiser's part of the recipe: latents, a start, the run and the weights it ends in.

In the run folder: ``latents/``, ``held_out/``, ``start/`` (the weights that training began with,
whose sizes, tokenizer and statistics it keeps), checkpoints, log, plot, ``samples/``, ``weights/``.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..media.images import save_image
from ..model_loaders.load import (
    DiTWeights,
    TextWeights,
    build_vae,
    read_dit,
    read_text_encoder,
    read_vae,
)
from ..model_loaders.tokenizer import Tokenizer, tokenizer_to_tensor, train_tokenizer
from ..models.dit import TINY_DIT
from ..models.shapes import LatentShape, VideoShape
from ..models.text_encoder import TINY_TEXT
from ..models.vae import VideoVAE
from ..toyworld import vocabulary
from .checkpoint import TrainState
from .denoiser import PromptedDiT, train_denoiser
from .latents import (
    Source,
    captions_of,
    fingerprint,
    latent_statistics,
    make_shards,
    read_set,
)
from .levels import SHIFT, TRAINING_SHIFT
from .loop import Tick, Watch, drive
from .pictures import Studio, validation_loss
from .preview import with_preview
from .recipe import HELD_OUT_SEED, SEED, write_weights

DIT_FILE = "spacetime_tiny_dit.safetensors"
TEXT_FILE = "spacetime_tiny_text.safetensors"

MILLION = 1_000_000
SQUARE = Source(name="square", shape=VideoShape(17, 64, 64), shards=600, first=0, share=0.48)
SOURCES = (
    SQUARE,
    Source(name="wide", shape=VideoShape(17, 48, 80), shards=100, first=MILLION, share=0.1),
    Source(name="tall", shape=VideoShape(17, 80, 48), shards=100, first=2 * MILLION, share=0.1),
    Source(name="long", shape=VideoShape(33, 64, 64), shards=160, first=3 * MILLION, share=0.16),
    Source(
        name="loop", shape=VideoShape(32, 64, 64), shards=100, first=4 * MILLION, loop=True,
        share=0.1,
    ),
    Source(name="banner", shape=VideoShape(1, 48, 96), shards=40, first=5 * MILLION, share=0.03),
    Source(name="poster", shape=VideoShape(1, 96, 48), shards=40, first=6 * MILLION, share=0.03),
)  # fmt: skip
HELD_OUT = replace(SQUARE, name="held_out", shards=2)

PROMPTS = (
    "a red sphere moves left at day",
    "a blue cube spins in the snow",
    "a yellow cone bounces at sunset",
    "a green cylinder comes closer at night",
    "a purple cube moves right in the jungle",
    "a red cube left of a blue sphere at day",
)
"""Of the sample pictures."""

SAMPLE_SHAPE = LatentShape(5, 8, 8)


@dataclass(frozen=True, kw_only=True)
class DenoiserPlan:
    """What a run of the denoiser can be told.

    Args:
        steps: length.
        rate: largest learning rate.
        optimiser: adamw or muon.
        decay: of the averaged weights.
        shift: of the noise levels in training.
        whitening: see ``latent_statistics``; not used where weights are given to start from.
        look_every: steps between two looks at validation loss and samples.
        init_from: folder of weights to begin a run with; without it they are random.
    """

    steps: int = 20_000
    rate: float = 1e-3
    optimiser: str = "muon"
    decay: float = 0.999
    shift: float = TRAINING_SHIFT
    whitening: float = 0.5
    look_every: int = 500
    init_from: Path | None = None


@dataclass(frozen=True, eq=False)
class Start:
    """Weights that a run begins with."""

    dit: DiTWeights
    text: TextWeights

    @property
    def state(self) -> dict[str, Tensor]:
        """Float32 weights by the names of ``PromptedDiT``."""
        parts = {"dit.": self.dit.state, "text.": self.text.state}
        return {
            prefix + name: weight.float()
            for prefix, state in parts.items()
            for name, weight in state.items()
        }


def make_latents(
    run: Path, vae_file: Path, tick: Tick, device: str = "cpu", scale: float = 1.0
) -> None:
    """Render and encode the training data and the held-out clips that are not there yet.

    Args:
        run: folder.
        vae_file: weights of the VAE that encodes.
        tick: progress.
        device: to render and encode on.
        scale: share of the recipe's shards to make.
    """
    vae = build_vae(read_vae(vae_file)).to(device)
    jobs = [(HELD_OUT, HELD_OUT_SEED, run / "held_out")]
    jobs += [(scaled(source, scale), SEED, run / "latents") for source in SOURCES]
    for source, seed, folder in jobs:

        def show(done: int, job: Source = source) -> None:
            tick(job.name, done, job.shards)

        make_shards(folder, source, seed, vae, tick=show, device=device)


def scaled(source: Source, scale: float) -> Source:
    """A source with a share of its shards, at least one."""
    return replace(source, shards=math.ceil(source.shards * scale))


def make_denoiser(
    run: Path,
    vae_file: Path,
    tick: Tick,
    device: str = "cpu",
    plan: DenoiserPlan = DenoiserPlan(),
) -> None:
    """Train denoiser and text encoder on the encoded clips, or go on where a run stopped."""
    vae = build_vae(read_vae(vae_file)).to(device)
    start = find_start(run, plan, vae)
    tokenizer, latent = start.text.tokenizer, start.dit.latent
    sets = [read_set(run / "latents", source, tokenizer) for source in SOURCES]
    held_out = read_set(run / "held_out", HELD_OUT, tokenizer)
    generator = torch.Generator().manual_seed(SEED)
    model = PromptedDiT(start.dit.config, start.text.config, generator).to(device)
    state = TrainState(
        model, rate=plan.rate, steps=plan.steps, seed=SEED, decay=plan.decay,
        optimiser=plan.optimiser,
    )  # fmt: skip
    state.start_from(start.state)
    studio = Studio(model, vae, latent, tokenizer)

    def look(state: TrainState) -> Mapping[str, float]:
        write_denoiser(run / "weights", start, dict(model.named_parameters()), state.step)
        picture = studio.picture(PROMPTS, SAMPLE_SHAPE)
        save_image(run / "samples" / f"denoiser_{state.step:06d}.png", picture)
        return validation_loss(model, held_out, latent)

    watch = Watch(look=look, every=plan.look_every)
    drive(state, train_denoiser(state, sets, latent, plan.shift), run, "denoiser", tick, watch)


def find_start(run: Path, plan: DenoiserPlan, vae: VideoVAE) -> Start:
    """Weights in ``start/`` of a run; put there first from another folder, or at random.

    Raises:
        ValueError: they were made for the latents of another VAE.
    """
    folder = run / "start"
    if not (folder / TEXT_FILE).exists():
        code = fingerprint(vae)
        start = (
            fresh_start(run, plan, code) if plan.init_from is None else read_start(plan.init_from)
        )
        dit = replace(start.dit, latent=with_preview(start.dit.latent, vae))
        write_denoiser(folder, replace(start, dit=dit), start.state, 0)
    start = read_start(folder)
    if start.dit.info.get("vae", fingerprint(vae)) != fingerprint(vae):
        raise ValueError(
            f"the denoiser in {folder} began with another VAE than this run has now: "
            "train in a new folder"
        )
    return start


def read_start(folder: Path) -> Start:
    """Weights of a denoiser and its text encoder in a folder."""
    return Start(read_dit(folder / DIT_FILE), read_text_encoder(folder / TEXT_FILE))


def network_of(start: Start) -> PromptedDiT:
    """The network of given weights, which will not be trained."""
    network = PromptedDiT(start.dit.config, start.text.config, torch.Generator().manual_seed(SEED))
    network.load_state_dict(start.state)
    return network.eval().requires_grad_(False)


def fresh_start(run: Path, plan: DenoiserPlan, vae: str) -> Start:
    """Random weights of the shipped sizes, a tokenizer, and the statistics of the latents."""
    tokenizer = Tokenizer(make_tokenizer(), TINY_DIT.text_length)
    latent = latent_statistics(read_set(run / "latents", SQUARE, tokenizer).latents, plan.whitening)
    model = PromptedDiT(TINY_DIT, TINY_TEXT, torch.Generator().manual_seed(SEED))
    info = {"shift": SHIFT, "token_levels": True, "vae": vae}
    return Start(
        DiTWeights(TINY_DIT, latent, model.dit.state_dict(), info),
        TextWeights(TINY_TEXT, model.text.state_dict(), tokenizer, {}),
    )


def make_tokenizer() -> bytes:
    """A word tokenizer of the toy world's captions."""
    return train_tokenizer([*captions_of(range(1000)), *vocabulary()], TINY_TEXT.vocab_size)


def write_denoiser(folder: Path, start: Start, weights: Mapping[str, Tensor], steps: int) -> None:
    """Write weights by the names of ``PromptedDiT`` as two files of the pack."""
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
        **kept, **shared,
    }  # fmt: skip
    text_info = {
        "kind": "text_encoder", "config": asdict(start.text.config),
        "max_length": start.text.tokenizer.max_length, **shared,
    }  # fmt: skip
    spiece = {"spiece_model": tokenizer_to_tensor(start.text.tokenizer.model_bytes)}
    write_weights(folder / DIT_FILE, parts["dit."], dit_info)
    write_weights(folder / TEXT_FILE, {**parts["text."], **spiece}, text_info)
