"""Resumable training state as one safetensors file: weights, average, moments, step."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from ..model_loaders.files import write_file
from .muon import Muon

WARM_UP = 100
COOL_DOWN = 0.25
"""Share of a run, at its end, over which the learning rate falls to zero."""


@dataclass(frozen=True)
class Length:
    """Length of a run, in steps or in seconds of wall-clock time.

    Args:
        steps: number of optimiser steps.
        seconds: time including everything done between steps, but not interruptions of the run.

    Raises:
        ValueError: neither or both are given, or one is not above 0.
    """

    steps: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        given = [each for each in (self.steps, self.seconds) if each is not None]
        if len(given) != 1 or given[0] <= 0:
            raise ValueError(
                f"a run of {self.steps} steps and {self.seconds} seconds: give one of the two, "
                "above 0"
            )

    def share(self, step: int, seconds: float) -> float:
        """Completed share of the run."""
        if self.steps is not None:
            return min(1.0, step / self.steps)
        assert self.seconds is not None
        return min(1.0, seconds / self.seconds)


_AVERAGE_WARM_UP = 10

_LARGEST_NORM = 1.0
BLOCK_MATRICES = r"(^|\.)blocks?\.\d+\.(.*(?<!bias)\.)?weight$"
"""Pattern for the weights inside a transformer's blocks; 1-D weights are not matrices."""
NOTHING = r"(?!)"
"""A pattern that no name matches."""


class TrainState:
    """A module with its optimiser, learning rate and averaged copy.

    The learning rate warms up, stays constant and falls linearly at the end, so a checkpoint from
    before the fall can also start a longer run. All random numbers of a step come from
    ``generator()``, so a resumed run continues exactly like an uninterrupted one. A step whose loss
    or gradient is not finite changes only the counters.

    Args:
        module: the module, on the training device.
        rate: peak learning rate, on AdamW's scale.
        length: length of the run.
        seed: seed of all random numbers.
        decay: decay of the averaged copy; early in the run, the average covers about the last ninth
            of the steps so far.
        optimiser: adamw, or muon for the matrices among ``muon_names`` with AdamW for the rest.
        muon_names: pattern to search for in the names of weights that Muon trains.
        rates: factor of the learning rate for weights whose names match a pattern, 1 for others.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        rate: float,
        length: Length,
        seed: int,
        decay: float = 0.999,
        optimiser: str = "adamw",
        muon_names: str = BLOCK_MATRICES,
        rates: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        if optimiser not in ("adamw", "muon"):
            raise ValueError(f"unknown optimiser {optimiser!r}: use adamw or muon")
        self.module = module
        self.rate, self.length, self.seed, self.decay = rate, length, seed, decay
        self.step, self.skipped, self.norm, self.seconds = 0, 0, 0.0, 0.0
        muon_names = muon_names if optimiser == "muon" else NOTHING
        self.optimisers = _optimisers(module, rate, muon_names, rates)
        self.average = {name: p.detach().clone() for name, p in module.named_parameters()}

    @property
    def share(self) -> float:
        """Completed share of the run."""
        return self.length.share(self.step, self.seconds)

    @property
    def done(self) -> bool:
        """Whether the run is over."""
        return self.share >= 1

    @property
    def falling(self) -> bool:
        """Whether the learning rate is already falling."""
        return has_fallen(self.share)

    def generator(self) -> torch.Generator:
        """Random generator of the current step."""
        return torch.Generator().manual_seed(self.seed * 1_000_003 + self.step)

    def noise_generator(self) -> torch.Generator:
        """Random generator for bulk draws of the current step, on the module's device."""
        device = next(self.module.parameters()).device
        return torch.Generator(device).manual_seed(-1 - self.seed * 1_000_003 - self.step)

    def update(self, loss: Tensor) -> None:
        """Take one optimiser step and set ``norm`` to its gradient norm."""
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.module.parameters(), _LARGEST_NORM)
        if bool(torch.isfinite(norm) & torch.isfinite(loss.detach())):
            self._move()
        else:
            self.skipped += 1
        self.module.zero_grad(set_to_none=True)
        self.step, self.norm = self.step + 1, float(norm)

    def _move(self) -> None:
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = self.rate * group["share"] * self.schedule()
            optimiser.step()
        keep = min(self.decay, (1 + self.step) / (_AVERAGE_WARM_UP + self.step))
        with torch.no_grad():
            for name, weight in self.module.named_parameters():
                self.average[name].lerp_(weight, 1 - keep)

    def schedule(self) -> float:
        """Factor of the learning rate at the current step."""
        warm = min(1.0, (self.step + 1) / WARM_UP)
        return warm * min(1.0, (1 - self.share) / COOL_DOWN)

    def save(self, path: Path) -> None:
        """Write everything needed to resume, atomically."""
        tensors = {f"weight.{name}": p.detach() for name, p in self.module.named_parameters()}
        tensors |= {f"average.{name}": value for name, value in self.average.items()}
        for name, weight in self.module.named_parameters():
            for key, value in self._moments(weight).items():
                tensors[f"moment.{key}.{name}"] = value.reshape(-1) if value.ndim == 0 else value
        write_tensors(path, tensors, {**self.counters, "share": self.share})

    @property
    def counters(self) -> dict[str, float]:
        """Progress of the run."""
        return {"step": self.step, "skipped": self.skipped, "seconds": self.seconds}

    def load(self, path: Path) -> None:
        """Resume from a file written by ``save``."""
        with safe_open(path, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        counters = read_counters(path)
        self.step, self.skipped = int(counters["step"]), int(counters["skipped"])
        self.seconds = counters["seconds"]
        moments: dict[str, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            kind, _, rest = key.partition(".")
            if kind == "moment":
                what, _, name = rest.partition(".")
                moments.setdefault(name, {})[what] = value
        with torch.no_grad():
            for name, weight in self.module.named_parameters():
                weight.copy_(tensors[f"weight.{name}"])
                self.average[name].copy_(tensors[f"average.{name}"])
                self._give_moments(weight, moments.get(name, {}))

    def start_from(self, weights: Mapping[str, Tensor]) -> None:
        """Start a new run from given weights, by name."""
        self.module.load_state_dict(dict(weights))
        with torch.no_grad():
            for name, weight in self.module.named_parameters():
                self.average[name].copy_(weight)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Context in which the module has the averaged weights."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        for name, weight in self.module.named_parameters():
            weight.data, self.average[name] = self.average[name], weight.data

    def _moments(self, weight: Tensor) -> dict[str, Tensor]:
        states = (optimiser.state.get(weight) for optimiser in self.optimisers)
        return next((state for state in states if state), {})

    def _give_moments(self, weight: Tensor, moments: Mapping[str, Tensor]) -> None:
        if not moments:  # a weight without a gradient has none
            return
        kept = {
            key: value.reshape(()) if key == "step" else value.to(weight.device)
            for key, value in moments.items()
        }
        for optimiser in self.optimisers:
            owned = [own for group in optimiser.param_groups for own in group["params"]]
            if any(own is weight for own in owned):
                optimiser.state[weight] = kept


def _optimisers(
    module: nn.Module, rate: float, muon_names: str, rates: Mapping[str, float]
) -> list[torch.optim.Optimizer]:
    groups: dict[tuple[bool, float], list[Tensor]] = {}
    for name, weight in module.named_parameters():
        is_matrix = weight.ndim > 1 and re.search(muon_names, name) is not None
        share = next((rates[pattern] for pattern in rates if re.search(pattern, name)), 1.0)
        groups.setdefault((is_matrix, share), []).append(weight)
    matrices, others = (
        [{"params": owned, "share": share} for (kind, share), owned in groups.items() if kind is of]
        for of in (True, False)
    )
    optimisers: list[torch.optim.Optimizer] = []
    if others:
        adam = {"lr": rate, "betas": (0.9, 0.99), "weight_decay": 0.01, "fused": True}
        optimisers.append(torch.optim.AdamW(others, **adam))
    if matrices:
        optimisers.append(Muon(matrices, lr=rate))
    return optimisers


def has_fallen(share: float) -> bool:
    """Whether the learning rate has started to fall at this share of a run."""
    return share >= 1 - COOL_DOWN


def read_counters(path: Path) -> dict[str, float]:
    """Read a checkpoint's step, skipped steps, seconds and share of its run."""
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["state"])


def write_tensors(path: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write a checkpoint atomically."""
    write_file(path, tensors, {"state": json.dumps(state)})
