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
"""Share of a run, at its end, in which the rate falls to zero."""


@dataclass(frozen=True)
class Length:
    """How long a run is: so many steps, or so many seconds of the clock, whatever a step takes.

    Args:
        steps: of the optimiser.
        seconds: with all that is done between steps; not counted while the run is interrupted.

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
        """Share of the run that is over."""
        if self.steps is not None:
            return min(1.0, step / self.steps)
        assert self.seconds is not None
        return min(1.0, seconds / self.seconds)


_AVERAGE_WARM_UP = 10

_LARGEST_NORM = 1.0
BLOCK_MATRICES = r"(^|\.)blocks?\.\d+\.(.*(?<!bias)\.)?weight$"
"""Names of the weights inside a transformer's blocks; with one axis they are not matrices."""
NOTHING = r"(?!)"
"""A pattern that no name matches."""


class TrainState:
    """A module with its optimiser, learning rate and averaged copy.

    The rate warms up, stays and falls linearly at the end, so that a checkpoint from before the
    fall also begins a longer run. Every random number of a step comes from ``generator()``, so a
    run that resumes goes on exactly as one that never stopped. A step whose loss or gradient is
    not finite changes nothing but the counters.

    Args:
        module: on the device to train on.
        rate: largest learning rate, in AdamW's terms.
        length: of the run.
        seed: of all random numbers.
        decay: of the averaged copy; until the run is long enough for it, that reaches back over
            about a ninth of the steps so far.
        optimiser: adamw, or muon for the matrices among ``muon_names`` with AdamW for the rest.
        muon_names: pattern found in the names of weights for Muon.
        rates: shares of the rate for weights whose names match a pattern, where it is not all.
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
        """Share of the run that is over."""
        return self.length.share(self.step, self.seconds)

    @property
    def done(self) -> bool:
        """Whether the run is over."""
        return self.share >= 1

    @property
    def falling(self) -> bool:
        """Whether the rate falls already."""
        return has_fallen(self.share)

    def generator(self) -> torch.Generator:
        """Random numbers of the current step."""
        return torch.Generator().manual_seed(self.seed * 1_000_003 + self.step)

    def noise_generator(self) -> torch.Generator:
        """Random numbers of the current step that are drawn in bulk, on the module's device."""
        device = next(self.module.parameters()).device
        return torch.Generator(device).manual_seed(-1 - self.seed * 1_000_003 - self.step)

    def update(self, loss: Tensor) -> None:
        """One optimiser step; ``norm`` is then that of its gradient."""
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
        """Share of the learning rate at the current step."""
        warm = min(1.0, (self.step + 1) / WARM_UP)
        return warm * min(1.0, (1 - self.share) / COOL_DOWN)

    def save(self, path: Path) -> None:
        """Write everything needed to go on, whole or not at all."""
        tensors = {f"weight.{name}": p.detach() for name, p in self.module.named_parameters()}
        tensors |= {f"average.{name}": value for name, value in self.average.items()}
        for name, weight in self.module.named_parameters():
            for key, value in self._moments(weight).items():
                tensors[f"moment.{key}.{name}"] = value.reshape(-1) if value.ndim == 0 else value
        write_tensors(path, tensors, {**self.counters, "share": self.share})

    @property
    def counters(self) -> dict[str, float]:
        """How far the run is."""
        return {"step": self.step, "skipped": self.skipped, "seconds": self.seconds}

    def load(self, path: Path) -> None:
        """Go on from a file of ``save``."""
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
        """Begin a new run at given weights, by name."""
        self.module.load_state_dict(dict(weights))
        with torch.no_grad():
            for name, weight in self.module.named_parameters():
                self.average[name].copy_(weight)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Inside, the module has the averaged weights."""
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
    """Whether the rate falls when a share of a run is over."""
    return share >= 1 - COOL_DOWN


def read_counters(path: Path) -> dict[str, float]:
    """Step, skipped steps, seconds, and share of its run of a checkpoint."""
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["state"])


def write_tensors(path: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write a checkpoint, whole or not at all."""
    write_file(path, tensors, {"state": json.dumps(state)})
