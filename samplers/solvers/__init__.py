"""ODE solvers in the host's calling convention: pure functions of a denoiser and a schedule.

``sample_<name>(denoiser, x, sigmas, extra_args=None, callback=None, disable=None, **options)``

Args of every solver:
    denoiser: ``(x, sigma (B,), **extra_args) -> x0``, see ``Denoiser``.
    x: the state at noise level ``sigmas[0]``, any shape with the batch first: a latent
        (B, C, F, H, W) or tokens (B, L, D). It keeps its dtype.
    sigmas: (n + 1,) noise levels of n steps. If they end in 0, the result is exactly the last
        prediction of the denoiser; an empty or single-valued schedule returns ``x``.
    extra_args: keyword arguments for the denoiser.
    callback: called once per step, after its first evaluation, with ``x``, ``i``, ``sigma``,
        ``sigma_hat`` and ``denoised``; an exception raised by it ends the run.
    disable: accepted because the host passes it; solvers draw no progress bar.

Options by keyword:
    checkpoint: where to start and stop, and where to record progress.
    process: how the states mix signal and noise, for solvers that depend on it.
    noise: step number -> noise that a stochastic solver adds after that step.

All raise ``ValueError`` for a schedule that they cannot follow.
"""

from collections.abc import Callable, Mapping
from functools import partial

from torch import Tensor

from .ancestral import sample_euler_ancestral
from .consistency import sample_lcm
from .dpmpp import sample_dpmpp_2m, sample_dpmpp_2m_sde
from .euler import sample_euler, sample_heun
from .unipc import sample_unipc

SOLVERS: Mapping[str, Callable[..., Tensor]] = {
    "euler": sample_euler,
    "heun": sample_heun,
    "dpmpp_2m": sample_dpmpp_2m,
    "unipc": sample_unipc,
    "unipc_3": partial(sample_unipc, order=3),
}
"""Deterministic solvers: the same noise gives the same path for any number of steps."""

STOCHASTIC_SOLVERS: Mapping[str, Callable[..., Tensor]] = {
    "euler_ancestral": sample_euler_ancestral,
    "dpmpp_2m_sde": sample_dpmpp_2m_sde,
    "lcm": sample_lcm,
}
"""Solvers that add fresh noise after each step."""
