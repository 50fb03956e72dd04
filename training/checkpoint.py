"""Resumable training state as one safetensors file: weights, average, moments, step."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn


class TrainState:
    """A module with AdamW, a warm-up and cosine learning rate and an averaged copy.

    Every random number of a step comes from ``generator(step)``, so a run that resumes
    goes on exactly as one that never stopped.
    """

    def __init__(
        self, module: nn.Module, *, rate: float, steps: int, seed: int, decay: float = 0.999
    ) -> None:
        self.module = module
        self.rate, self.steps, self.seed, self.decay = rate, steps, seed, decay
        self.step = 0
        self.optimiser = torch.optim.AdamW(
            module.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=0.01
        )
        self.average = {name: p.detach().clone() for name, p in module.named_parameters()}

    def generator(self) -> torch.Generator:
        """Random numbers of the current step."""
        return torch.Generator().manual_seed(self.seed * 1_000_003 + self.step)

    def update(self, loss: Tensor) -> float:
        """One optimiser step; returns the gradient norm."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * self._schedule()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.module.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        keep = min(self.decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, weight in self.module.named_parameters():
                self.average[name].lerp_(weight, 1 - keep)
        return float(norm)

    def _schedule(self) -> float:
        warm = min(1.0, (self.step + 1) / 100)
        progress = min(1.0, self.step / self.steps)
        return warm * (
            0.02 + 0.98 * 0.5 * (1 + torch.cos(torch.tensor(progress * torch.pi)).item())
        )

    def save(self, path: Path) -> None:
        """Write everything needed to go on, whole or not at all."""
        tensors = {f"weight.{name}": p.detach() for name, p in self.module.named_parameters()}
        tensors |= {f"average.{name}": value for name, value in self.average.items()}
        for name, weight in self.module.named_parameters():
            for key, value in self.optimiser.state.get(weight, {}).items():
                tensors[f"adam.{key}.{name}"] = value.reshape(-1) if value.ndim == 0 else value
        write_tensors(path, tensors, {"step": self.step})

    def load(self, path: Path) -> None:
        """Go on from a file of ``save``."""
        with safe_open(path, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            self.step = json.loads(file.metadata()["state"])["step"]
        with torch.no_grad():
            for name, weight in self.module.named_parameters():
                weight.copy_(tensors[f"weight.{name}"])
                self.average[name].copy_(tensors[f"average.{name}"])
                moments = {
                    key: tensors[f"adam.{key}.{name}"]
                    for key in ("step", "exp_avg", "exp_avg_sq")
                    if f"adam.{key}.{name}" in tensors  # a weight without a gradient has none
                }
                if moments:
                    moments["step"] = moments["step"].reshape(())
                    self.optimiser.state[weight] = moments


def write_tensors(path: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write a safetensors file under a temporary name, then rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    contiguous = {key: value.contiguous() for key, value in tensors.items()}
    save_file(contiguous, part, metadata={"state": json.dumps(state)})
    part.replace(path)
