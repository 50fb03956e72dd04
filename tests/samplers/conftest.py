"""A video model in closed form: Gaussian tracks with a smooth covariance between frames."""

import pytest
import torch


class GaussianVideo:
    """x0 ~ N(mean, K) along the frames of (B, C, F, H, W), with K an RBF kernel."""

    def __init__(self, frames, *, mean=0.7, reach=2.0, dtype=torch.float64):
        place = torch.arange(frames, dtype=dtype)
        covariance = torch.exp(-((place[:, None] - place) ** 2) / (2 * reach**2))
        covariance = 0.5 * covariance + 0.01 * torch.eye(frames, dtype=dtype)
        self.mean = mean
        self.variances, self.directions = torch.linalg.eigh(covariance)

    def denoise(self, x, sigma, **extra):
        """E[x0 | x] for one noise level per sample."""
        s = sigma[:, None].to(self.variances)
        gain = (1 - s) * self.variances / ((1 - s) ** 2 * self.variances + s**2)  # (B, F)
        noisy_mean = self.mean * (1 - s)[..., None, None, None]
        return (self.mean + self._scale(x - noisy_mean, gain)).to(x.dtype)

    def solve(self, x, start, end):
        """The exact solution at level ``end`` of the ODE that is at ``x`` at level ``start``."""
        spread = [((1 - s) ** 2 * self.variances + s**2).sqrt() for s in (start, end)]
        moved = self._scale(x - (1 - start) * self.mean, (spread[1] / spread[0])[None])
        return (1 - end) * self.mean + moved

    def _scale(self, x, gain):
        coefficients = torch.einsum("bcfhw,fk->bckhw", x.to(gain), self.directions)
        scaled = coefficients * gain[:, None, :, None, None]
        return torch.einsum("bckhw,fk->bcfhw", scaled, self.directions)


@pytest.fixture
def video_model():
    return GaussianVideo(6)


@pytest.fixture
def start():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 3, 6, 2, 2, generator=generator, dtype=torch.float64)
