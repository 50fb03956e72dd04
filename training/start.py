"""Initial weights of a denoiser run: given weights, or larger ones grown from them.

D width, S text tokens.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..model_loaders.load import DiTWeights, TextWeights, read_dit, read_text_encoder
from ..model_loaders.tokenizer import Tokenizer
from ..models.dit.config import DiTConfig
from ..models.dit.network import VideoDiT, initialise
from ..models.text.config import T5Config
from ..models.text.t5 import T5Encoder
from ..models.text.t5 import initialise as initialise_text
from ..toyworld import caption
from .denoiser import PromptedDiT
from .recipe import DIT_FILE, SEED, TEXT_FILE
from .scenes import scene_seed, training_scene

FIT_STEPS, FIT_RATE, FIT_CAPTIONS = 1500, 2e-3, 128
"""Steps, learning rate and captions per step to fit a new text encoder to an old one."""

_BRANCH_ENDS = ("self_attn.o", "cross_attn.o", "ffn.2")


@dataclass(frozen=True, eq=False)
class Start:
    """Initial weights of a run."""

    dit: DiTWeights
    text: TextWeights

    @property
    def state(self) -> dict[str, Tensor]:
        """Float32 weights under the names of ``PromptedDiT``."""
        parts = {"dit.": self.dit.state, "text.": self.text.state}
        return {
            prefix + name: weight.float()
            for prefix, state in parts.items()
            for name, weight in state.items()
        }


def read_start(folder: Path) -> Start:
    """Read the weights of a denoiser and its text encoder from a folder."""
    return Start(read_dit(folder / DIT_FILE), read_text_encoder(folder / TEXT_FILE))


def network_of(start: Start) -> PromptedDiT:
    """Build the network of given weights, frozen."""
    network = PromptedDiT(start.dit.config, start.text.config, torch.Generator().manual_seed(SEED))
    network.load_state_dict(start.state)
    return network.eval().requires_grad_(False)


def grown(start: Start, dit: DiTConfig, text: T5Config) -> Start:
    """Grow initial weights to other sizes so that a run keeps what they have learned.

    New blocks of the denoiser initially change nothing. A text encoder of another layout is
    reinitialised and fitted to the old one's outputs for captions of single objects.

    Raises:
        ValueError: the denoisers differ in more than their number of blocks.
    """
    g = torch.Generator().manual_seed(SEED)
    if start.dit.config != dit:
        start = replace(start, dit=_deepened(start.dit, dit, g))
    if start.text.config != text:
        start = replace(start, text=_fitted(start.text, text, g))
    return start


def _deepened(weights: DiTWeights, config: DiTConfig, g: torch.Generator) -> DiTWeights:
    old, new = weights.config.layers, config.layers
    if replace(config, layers=old) != weights.config or new < old:
        raise ValueError(
            f"weights of {weights.config} cannot grow to {config}: only blocks can be added"
        )
    network = VideoDiT(config)
    initialise(network, g)
    state = dict(network.state_dict())
    places = block_places(old, new)
    for name, weight in weights.state.items():
        place = re.fullmatch(r"blocks\.(\d+)\.(.*)", name)
        state[f"blocks.{places[int(place[1])]}.{place[2]}" if place else name] = weight
    for number in set(range(new)) - set(places):
        for end in _BRANCH_ENDS:
            for part in ("weight", "bias"):
                state[f"blocks.{number}.{end}.{part}"].zero_()
    return replace(weights, config=config, state=state)


def block_places(old: int, new: int) -> list[int]:
    """Numbers of the old blocks after new blocks are spread evenly between them.

    Raises:
        ValueError: there are fewer new blocks than old ones.
    """
    if new < old:
        raise ValueError(f"{old} blocks cannot be spread over {new}: blocks can only be added")
    return [round(number * (new - 1) / max(1, old - 1)) for number in range(old)]


def _fitted(weights: TextWeights, config: T5Config, g: torch.Generator) -> TextWeights:
    teacher = T5Encoder(weights.config)
    teacher.load_state_dict({name: weight.float() for name, weight in weights.state.items()})
    student = T5Encoder(config)
    initialise_text(student, g)
    with torch.no_grad():
        student.shared.weight.copy_(teacher.shared.weight)
        student.encoder.final_layer_norm.weight.copy_(teacher.encoder.final_layer_norm.weight)
    fit_text(student, teacher, weights.tokenizer, single_captions(range(20_000)), g, FIT_STEPS)
    return replace(weights, config=config, state=student.state_dict())


def single_captions(numbers: Sequence[int]) -> list[str]:
    """Generate short captions of single-object scenes, without duplicates."""
    scenes = (training_scene(scene_seed(SEED, n), 17, 16.0, kind="single") for n in numbers)
    return list(dict.fromkeys(caption(scene) for scene in scenes))


def fit_text(
    student: T5Encoder,
    teacher: T5Encoder,
    tokenizer: Tokenizer,
    captions: Sequence[str],
    g: torch.Generator,
    steps: int,
) -> float:
    """Train an encoder to match another one's outputs for captions; return the relative error."""
    ids, mask = tokenizer.batch(captions)
    ids, mask = (each[:, : int(mask.sum(1).max())] for each in (ids, mask))
    with torch.no_grad():
        parts = zip(ids.split(512), mask.split(512), strict=True)
        wanted = torch.cat([teacher(*part) for part in parts])
    optimiser = torch.optim.AdamW(student.parameters(), lr=FIT_RATE, weight_decay=0.0)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    error = 0.0
    for _ in range(steps):
        rows = torch.randint(len(ids), (FIT_CAPTIONS,), generator=g)
        valid, target = mask[rows], wanted[rows][mask[rows]]
        off = (student(ids[rows], valid)[valid] - target).square().mean()
        optimiser.zero_grad()
        off.backward()
        optimiser.step()
        fall.step()
        error = float(off.detach() / target.square().mean())
    return error
