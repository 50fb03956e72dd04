"""Muon: steps along the orthogonalised momentum of a matrix, in float32.

torch.optim.Muon orthogonalises in bfloat16, which takes four times as long as float32 on a CPU
without that type. Source: Jordan et al., "Muon: an optimizer for hidden layers", 2024; scale of
the steps: Liu et al., "Muon is scalable for LLM training", 2025.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

_COEFFICIENTS = (
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
    (3.3184196573706015, -2.488488024314874, 0.51004894012372),
)
"""Quintics of Amsel et al., "The Polar Express", 2025, for singular values from 0.001."""

_MATCH_ADAM = 0.2
"""Root mean square of an AdamW step in units of its rate."""


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised; the rate is one that would suit AdamW.

    Args:
        weights: matrices; kernels count as matrices with a row per output channel.
        lr: rate.
        momentum: share of the old momentum that stays.
        weight_decay: times the rate, taken off the weights.
    """

    def __init__(
        self,
        weights: Iterable[Tensor],
        *,
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(weights, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Move every weight that has a gradient."""
        for group in self.param_groups:
            moved = [weight for weight in group["params"] if weight.grad is not None]
            for weight in moved:
                self._move(weight, group)

    def _move(self, weight: Tensor, group: dict[str, float]) -> None:
        state, gradient, keep = self.state[weight], weight.grad, group["momentum"]
        assert gradient is not None
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(weight)
        state["momentum"].lerp_(gradient, 1 - keep)
        matrix = torch.lerp(gradient, state["momentum"], keep).flatten(1)
        scale = _MATCH_ADAM * max(matrix.shape) ** 0.5
        weight.mul_(1 - group["lr"] * group["weight_decay"])
        weight.add_(orthogonalise(matrix).view_as(weight), alpha=-group["lr"] * scale)


def orthogonalise(matrix: Tensor) -> Tensor:
    """Bring the singular values of a matrix (M, N) near 1."""
    x = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.mT
    x = x / (x.norm() + 1e-7)
    for a, b, c in _COEFFICIENTS:
        gram = x @ x.mT
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x if matrix.shape[0] <= matrix.shape[1] else x.mT
