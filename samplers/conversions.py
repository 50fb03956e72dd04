"""Every form in which a network predicts, as one equation: x0 = skip x + out F(x).

A network of any form becomes a denoiser on either process; states and levels change with it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .denoiser import Denoiser, broadcast_sigma
from .process import NoiseProcess

Curve = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Form:
    """How a network was trained: on states x = signal x0 + noise eps, to predict F.

    Args:
        level: the form's own noise level for a ratio r = noise / signal from 0 to infinity.
        ratio: the ratio of a level.
        signal, noise: factors of x0 and eps in the state, by level.
        skip, out: x0 = skip x + out F, by level.
    """

    level: Curve
    ratio: Curve
    signal: Curve
    noise: Curve
    skip: Curve
    out: Curve


def _vp_signal(ratio: Tensor) -> Tensor:
    return (1 + ratio**2).rsqrt()


def _vp_noise(ratio: Tensor) -> Tensor:
    return (1 + ratio**-2).rsqrt()


def _same(level: Tensor) -> Tensor:
    return level


_VP: dict[str, Curve] = {
    "level": _same,
    "ratio": _same,
    "signal": _vp_signal,
    "noise": _vp_noise,
}

EPS = Form(**_VP, skip=lambda r: 1 / _vp_signal(r), out=lambda r: -r)
"""F = eps, on variance-preserving states; the level is the ratio."""

V = Form(**_VP, skip=_vp_signal, out=lambda r: -_vp_noise(r))
"""F = signal eps - noise x0, on variance-preserving states."""

X0 = Form(**_VP, skip=torch.zeros_like, out=torch.ones_like)
"""F = x0, on variance-preserving states."""

FLOW = Form(
    level=lambda r: 1 / (1 + 1 / r),
    ratio=lambda s: s / (1 - s),
    signal=lambda s: 1 - s,
    noise=_same,
    skip=torch.ones_like,
    out=torch.neg,
)
"""F = eps - x0, on x = (1 - s) x0 + s eps."""

TRIG_FLOW = Form(
    level=torch.atan, ratio=torch.tan, signal=torch.cos, noise=torch.sin,
    skip=torch.cos, out=lambda t: -torch.sin(t),
)  # fmt: skip
"""F = cos t eps - sin t x0, on x = cos t x0 + sin t eps with t from 0 to pi / 2 (sCM, rCM)."""


def edm(data_sigma: float = 0.5) -> Form:
    """F of Karras et al., 2022, on x = x0 + sigma eps; ``data_sigma`` is the data's deviation.

    The network sees x / sqrt(sigma^2 + data_sigma^2) and ln(sigma) / 4. Stable Video Diffusion is
    this with 1 and the opposite sign of F, which makes it ``V``.
    """

    def spread(sigma: Tensor) -> Tensor:
        return sigma**2 + data_sigma**2

    return Form(
        level=_same,
        ratio=_same,
        signal=torch.ones_like,
        noise=_same,
        skip=lambda s: data_sigma**2 / spread(s),
        out=lambda s: s * data_sigma / spread(s).sqrt(),
    )


def to_x0(form: Form, x: Tensor, output: Tensor, level: Tensor) -> Tensor:
    """Convert a network's output to the clean prediction; ``level`` is the form's own (B,)."""
    skip, out = form.skip(level), form.out(level)
    return broadcast_sigma(skip, x) * x + broadcast_sigma(out, x) * output


def from_x0(form: Form, x: Tensor, x0: Tensor, level: Tensor) -> Tensor:
    """Convert a clean prediction to what a network of this form would put out."""
    skip, out = form.skip(level), form.out(level)
    return (x0 - broadcast_sigma(skip, x) * x) / broadcast_sigma(out, x)


def to_eps(form: Form, x: Tensor, x0: Tensor, level: Tensor) -> Tensor:
    """Return the noise that belongs to a clean prediction, (x - signal x0) / noise."""
    signal, noise = form.signal(level), form.noise(level)
    return (x - broadcast_sigma(signal, x) * x0) / broadcast_sigma(noise, x)


def change_form(x: Tensor, level: Tensor, source: Form, target: Form) -> tuple[Tensor, Tensor]:
    """Bring a state to the level of another form that has the same ratio of noise to signal.

    Returns:
        The state, scaled, and its level (B,) there.
    """
    new = target.level(source.ratio(level))
    scale = _length(target, new) / _length(source, level)
    return x * broadcast_sigma(scale, x), new


def _length(form: Form, level: Tensor) -> Tensor:
    return (form.signal(level) ** 2 + form.noise(level) ** 2).sqrt()


def as_denoiser(form: Form, network: Callable[..., Tensor], process: NoiseProcess) -> Denoiser:
    """Turn a network of any form into a denoiser on a solver's process.

    Args:
        form: how the network predicts.
        network: (x, level, **extra) -> F, with the state and the level (B,) of the form. A model
            with numbered timesteps looks them up itself (``NoiseTable.timestep``).
        process: of the states that the denoiser is called with.
    """
    states = FLOW if process is NoiseProcess.FLOW else edm()

    def denoise(x: Tensor, sigma: Tensor, /, **extra: Any) -> Tensor:
        seen, level = change_form(x, sigma.to(x), states, form)
        return to_x0(form, seen, network(seen, level, **extra), level)

    return denoise
