"""Resumable training state as one safetensors file: weights, average, moments, step."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from .muon import Muon

WARM_UP = 100
COOL_DOWN = 0.25
"""Share of a run, at its end, in which the rate falls to zero."""

_AVERAGE_WARM_UP = 10
_LARGEST_NORM = 1.0
BLOCK_MATRICES = r"(^|\.)blocks?\.\d+\.(.*(?<!bias)\.)?weight$"
"""Names of the weights inside a transformer's blocks; with one axis they are no matrices."""


class TrainState:
    """A module with its optimiser, learning rate and averaged copy.

    The rate warms up, stays and falls linearly at the end, so that a checkpoint from before the
    fall also begins a longer run. Every random number of a step comes from ``generator()``, so a
    run that resumes goes on exactly as one that never stopped. A step whose loss or gradient is
    not finite changes nothing but the counters.

    Args:
        module: on the device to train on.
        rate: largest learning rate, in AdamW's terms.
        steps: length of the run.
        seed: of all random numbers.
        decay: of the averaged copy.
        optimiser: adamw, or muon for the matrices among ``muon_names`` with AdamW for the rest.
        muon_names: pattern found in the names of weights for Muon.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        rate: float,
        steps: int,
        seed: int,
        decay: float = 0.999,
        optimiser: str = "adamw",
        muon_names: str = BLOCK_MATRICES,
    ) -> None:
        if optimiser not in ("adamw", "muon"):
            raise ValueError(f"no optimiser {optimiser!r}: use adamw or muon")
        self.module = module
        self.rate, self.steps, self.seed, self.decay = rate, steps, seed, decay
        self.step, self.skipped, self.norm = 0, 0, 0.0
        self.optimisers = _optimisers(module, rate, muon_names if optimiser == "muon" else None)
        self.average = {name: p.detach().clone() for name, p in module.named_parameters()}

    @property
    def fall(self) -> int:
        """First step at which the rate falls."""
        return fall_of(self.steps)

    def generator(self) -> torch.Generator:
        """Random numbers of the current step."""
        return torch.Generator().manual_seed(self.seed * 1_000_003 + self.step)

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
                group["lr"] = self.rate * self.schedule()
            optimiser.step()
        keep = min(self.decay, (1 + self.step) / (_AVERAGE_WARM_UP + self.step))
        with torch.no_grad():
            for name, weight in self.module.named_parameters():
                self.average[name].lerp_(weight, 1 - keep)

    def schedule(self) -> float:
        """Share of the learning rate at the current step."""
        warm = min(1.0, (self.step + 1) / WARM_UP)
        left = (self.steps - self.step) / max(1, self.steps - self.fall)
        return warm * max(0.0, min(1.0, left))

    def save(self, path: Path) -> None:
        """Write everything needed to go on, whole or not at all."""
        tensors = {f"weight.{name}": p.detach() for name, p in self.module.named_parameters()}
        tensors |= {f"average.{name}": value for name, value in self.average.items()}
        for name, weight in self.module.named_parameters():
            for key, value in self._moments(weight).items():
                tensors[f"moment.{key}.{name}"] = value.reshape(-1) if value.ndim == 0 else value
        counters = {"step": self.step, "steps": self.steps, "skipped": self.skipped}
        write_tensors(path, tensors, counters)

    def load(self, path: Path) -> None:
        """Go on from a file of ``save``."""
        with safe_open(path, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        counters = read_counters(path)
        self.step, self.skipped = counters["step"], counters["skipped"]
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
    module: nn.Module, rate: float, muon_names: str | None
) -> list[torch.optim.Optimizer]:
    matrices, others = [], []
    for name, weight in module.named_parameters():
        is_matrix = muon_names is not None and weight.ndim > 1 and re.search(muon_names, name)
        (matrices if is_matrix else others).append(weight)
    adam = torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
    return [adam, Muon(matrices, lr=rate)] if matrices else [adam]


def fall_of(steps: int) -> int:
    """First step at which the rate falls in a run of ``steps``."""
    return steps - int(steps * COOL_DOWN)


def read_counters(path: Path) -> dict[str, int]:
    """Step, planned steps and skipped steps of a checkpoint."""
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["state"])


def write_tensors(path: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write a safetensors file under a temporary name, then rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    contiguous = {key: value.contiguous() for key, value in tensors.items()}
    save_file(contiguous, part, metadata={"state": json.dumps(state)})
    part.replace(path)
