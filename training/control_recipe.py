"""The recipe of control branches: clips with hints, a frozen denoiser, the run and its weights.

The run folder holds the denoiser's ``latents/``, ``held_out/``, ``hints/`` with a folder per kind,
the run's ``control_<kind>.*``, ``samples/`` and ``weights/``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from ..media.images import save_image
from ..media.strip import film_strip
from ..model_loaders.load import build_vae, read_control, read_vae
from ..models.control.network import DilatedBranch
from ..models.shapes import LatentShape
from ..models.vae.network import VideoVAE
from .checkpoint import Length, TrainState
from .control import (
    PLAIN,
    BlackHints,
    Emphasis,
    base_fingerprint,
    control_validation,
    light_branch,
    steered_by,
    train_control,
)
from .control_start import begun_control, control_info
from .feed import Feed, read_paths
from .hint_shards import HintFolder, make_hinted_shards
from .hints import HintKind
from .latents import LatentSet, fingerprint, in_turn, read_shard, shard_paths
from .loop import Tick, Watch, drive
from .pictures import SampleMaker
from .recipe import HELD_OUT_SEED, SEED, control_file, write_weights
from .sources import HELD_OUT, SOURCES, trained_range
from .start import Start, network_of, read_start

LENGTH, LOOK_EVERY = Length(steps=6000), Length(steps=500)
SAMPLES, FRAMES_SHOWN = 6, 5

EMPHASES: Mapping[HintKind, Emphasis] = {
    "edges": PLAIN,
    "depth": PLAIN,
    "tracks": Emphasis(shift=9.0, detail=0.1, focus=6.0),
}
"""Tracks only show where things are, which is decided at high levels: from 0.8 down, noisy clips
show it themselves, and hardly anything is learned from their tracks."""


@dataclass(frozen=True, kw_only=True)
class ControlPlan:
    """Options of a control branch's training run.

    Args:
        hint: kind of hint that the branch follows.
        length: length of the run.
        rate: peak learning rate.
        optimiser: adamw or muon.
        decay: decay of the averaged weights.
        look_every: interval at which validation loss is measured and samples and weights are
            written.
        init_from: file of a branch to start from, for any kind of hint; None starts from fresh
            weights.
        batch: tokens per step, relative to the default; above 1 to fill a GPU.
        started: see ``DenoiserPlan``.
    """

    hint: HintKind
    length: Length = LENGTH
    rate: float = 4e-3
    optimiser: str = "muon"
    decay: float = 0.998
    look_every: Length = LOOK_EVERY
    init_from: Path | None = None
    batch: float = 1.0
    started: float | None = None

    @property
    def name(self) -> str:
        """Stem of the names of the run's files."""
        return f"control_{self.hint}"


def make_hinted_held_out(run: Path, vae_file: Path, hint: HintKind, device: str = "cpu") -> None:
    """Render and encode the held-out clips for validation, with their hints."""
    vae = build_vae(read_vae(vae_file)).to(device)
    hints = HintFolder.of(run, hint)
    jobs = in_turn([HELD_OUT])
    make_hinted_shards(run / "held_out", hints, jobs, HELD_OUT_SEED, vae, device=device)


def check_control(run: Path, base_folder: Path, vae_file: Path, plan: ControlPlan) -> None:
    """Raise the errors that ``make_control`` would, before any clips are rendered."""
    begun_branch(run, read_start(base_folder), build_vae(read_vae(vae_file)), plan)


def make_control(
    run: Path,
    base_folder: Path,
    vae_file: Path,
    tick: Tick,
    device: str,
    plan: ControlPlan,
) -> None:
    """Train a control branch for the denoiser in a folder, or resume an interrupted run.

    Raises:
        ValueError: the run, or the branch to start from, is for another denoiser or VAE, or has
            other sizes; or the run is for another hint.
    """
    start, vae = read_start(base_folder), build_vae(read_vae(vae_file)).to(device)
    base, tokenizer, latent = network_of(start).to(device), start.text.tokenizer, start.dit.latent
    info, path = branch_info(start, vae, plan), run / "weights" / control_file(plan.hint)
    branch = begun_branch(run, start, vae, plan).to(device)
    hints = HintFolder.of(run, plan.hint)
    feed = Feed(run / "latents", SOURCES, tokenizer, device, hints)
    held_out = read_paths(shard_paths(run / "held_out", HELD_OUT), HELD_OUT, tokenizer, hints)
    state = TrainState(
        branch, rate=plan.rate, length=plan.length, seed=SEED, decay=plan.decay,
        optimiser=plan.optimiser,
    )  # fmt: skip
    black = BlackHints(vae, latent)
    album = Album(SampleMaker(base, vae, latent, tokenizer), branch, held_out, captions(run))

    def look(state: TrainState) -> Mapping[str, float]:
        write_weights(path, named_weights(branch), {**info, "steps": state.step})
        album.save(run / "samples" / f"{plan.name}_{state.step:06d}.png")
        return control_validation(branch, base, held_out, latent)

    watch = Watch(look=look, every=plan.look_every)
    losses = train_control(state, base, feed, black, EMPHASES[plan.hint], plan.batch)
    drive(state, losses, run, plan.name, tick, watch, plan.started)


def branch_info(start: Start, vae: VideoVAE, plan: ControlPlan) -> dict[str, object]:
    """Metadata of a branch's file, without the number of training steps."""
    return {
        **control_info(light_branch(start.dit.config), start.dit.latent),
        "hint": plan.hint,
        "base": base_fingerprint(start.dit.state),
        "vae": fingerprint(vae),
        "trained": trained_range(SOURCES),
        "seed": SEED,
    }


def begun_branch(run: Path, start: Start, vae: VideoVAE, plan: ControlPlan) -> DilatedBranch:
    """Load the branch that a run starts with from its weights file, which is created if missing.

    Raises:
        ValueError: the file, or the one to start from, is for another denoiser or VAE, or has
            other sizes; or the file is for another hint.
    """
    info, path = branch_info(start, vae, plan), run / "weights" / control_file(plan.hint)
    generator = torch.Generator().manual_seed(SEED)
    branch = begun_control(start.dit, light_branch(start.dit.config), generator)
    assert isinstance(branch, DilatedBranch)
    if not path.exists():
        if plan.init_from is not None:
            other = {name: value for name, value in info.items() if name != "hint"}
            _fill(branch, plan.init_from, other, "start without it, or choose another file")
        write_weights(path, named_weights(branch), {**info, "steps": 0})
    _fill(branch, path, info, "train in a new folder")
    return branch


def _fill(branch: DilatedBranch, path: Path, info: Mapping[str, object], advice: str) -> None:
    """Load a file's weights into a branch, if its config and metadata are as in ``info``."""
    given = read_control(path)
    has, wanted = given.config.to_dict(), branch.control.to_dict()
    known = [name for name in ("hint", "base", "vae") if name in info]
    for name in known:
        has[name], wanted[name] = given.info.get(name), info[name]
    different = [name for name, value in wanted.items() if has[name] != value]
    if different:
        theirs, ours = (
            ", ".join(f"{name}={values[name]}" for name in different) for values in (has, wanted)
        )
        raise ValueError(
            f"the control branch in {path} has {theirs}, but this run has {ours}: {advice}"
        )
    branch.load_state_dict({name: each.float() for name, each in given.state.items()})


def named_weights(branch: DilatedBranch) -> dict[str, Tensor]:
    """Return a branch's weights by name, on the CPU."""
    return {name: weight.detach().cpu() for name, weight in branch.named_parameters()}


def captions(run: Path) -> list[str]:
    """Return short captions of the first held-out clips."""
    return list(read_shard(shard_paths(run / "held_out", HELD_OUT)[0]).short[:SAMPLES])


@dataclass(frozen=True, eq=False)
class Album:
    """Rows of held-out clips: the hint, the clip generated from it, and the original clip.

    Args:
        studio: generates clips.
        branch: steers the generation.
        data: held-out clips with hints.
        prompts: captions of the clips to show, one per row.
    """

    studio: SampleMaker
    branch: DilatedBranch
    data: LatentSet
    prompts: list[str]

    @torch.inference_mode()
    def pictures(self) -> Tensor:
        """Render all rows into one image (H, W, 3)."""
        studio, count = self.studio, len(self.prompts)
        assert self.data.hints is not None
        raw = {"hint": self.data.hints[:count].float(), "truth": self.data.latents[:count].float()}
        hint = studio.latent.normalise(raw["hint"]).to(studio.model.device)
        steer = steered_by(self.branch, studio.model, hint)
        made = studio.make(self.prompts, LatentShape(*hint.shape[2:]), steer=steer)
        columns = (studio.decode(raw["hint"]), made, studio.decode(raw["truth"]))
        strips = [[film_strip(clip, FRAMES_SHOWN) for clip in column] for column in columns]
        return torch.cat([torch.cat(row, dim=1) for row in zip(*strips, strict=True)])

    def save(self, path: Path) -> None:
        """Write the rows as an image; skipped if Pillow is missing."""
        if find_spec("PIL") is not None:
            save_image(path, self.pictures())
