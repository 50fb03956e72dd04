"""A video model in closed form: Gaussian tracks with a smooth covariance between frames."""

import pytest
import torch

from spacetime_video.samplers.process import NoiseProcess


class GaussianVideo:
    """x0 ~ N(mean, K) along the frames of (B, C, F, H, W), with K an RBF kernel."""

    def __init__(self, frames, *, mean=0.7, reach=2.0, dtype=torch.float64):
        place = torch.arange(frames, dtype=dtype)
        covariance = torch.exp(-((place[:, None] - place) ** 2) / (2 * reach**2))
        self.covariance = 0.5 * covariance + 0.01 * torch.eye(frames, dtype=dtype)
        self.mean = mean
        self.variances, self.directions = torch.linalg.eigh(self.covariance)

    def denoise(self, x, sigma, **extra):
        """E[x0 | x] on the flow process for one noise level per sample."""
        return self.posterior(x, 1 - sigma, sigma)

    def denoise_ve(self, x, sigma, **extra):
        """E[x0 | x] on the VE process."""
        return self.posterior(x, torch.ones_like(sigma), sigma)

    def denoiser(self, process):
        return self.denoise if process is NoiseProcess.FLOW else self.denoise_ve

    def posterior(self, x, signal, noise):
        """E[x0 | x] of states x = signal x0 + noise eps; factors (B,)."""
        a, b = signal[:, None].to(self.variances), noise[:, None].to(self.variances)
        gain = a * self.variances / (a**2 * self.variances + b**2)  # (B, F)
        noisy_mean = self.mean * a[..., None, None, None]
        return (self.mean + self._scale(x - noisy_mean, gain)).to(x.dtype)

    def denoise_frames(self, x, sigma):
        """E[x0 | x] on the flow process with a level for every frame, (B, F); 0 is given."""
        rows = []
        for row, levels in zip(x, sigma.to(self.covariance), strict=True):
            signal = torch.diag(1 - levels)
            spread = signal @ self.covariance @ signal + torch.diag(levels**2)
            gain = self.covariance @ signal @ torch.linalg.pinv(spread, hermitian=True)
            centred = row.to(gain) - ((1 - levels) * self.mean)[:, None, None]
            denoised = self.mean + torch.einsum("fg,cghw->cfhw", gain, centred)
            rows.append(torch.where(levels[:, None, None] > 0, denoised, row.to(denoised)))
        return torch.stack(rows).to(x.dtype)

    def solve(self, x, start, end, process=NoiseProcess.FLOW):
        """The exact solution at level ``end`` of the ODE that is at ``x`` at level ``start``."""
        signals = [process.signal(level) for level in (start, end)]
        spread = [
            (a**2 * self.variances + level**2).sqrt()
            for a, level in zip(signals, (start, end), strict=True)
        ]
        moved = self._scale(x - signals[0] * self.mean, (spread[1] / spread[0])[None])
        return signals[1] * self.mean + moved

    def law(self, x):
        """Deviation of samples from the model's mean and covariance, the largest of each."""
        frames = x.permute(2, 0, 1, 3, 4).flatten(1).double()
        off_mean = (frames.mean(1) - self.mean).abs().max().item()
        return off_mean, (torch.cov(frames) - self.covariance).abs().max().item()

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


@pytest.fixture
def many():
    """Noise enough to measure the law of samples."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(32, 4, 6, 8, 8, generator=generator, dtype=torch.float64)
