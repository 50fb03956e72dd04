"""Stationary Gaussian videos of any length, whose windows are videos of the same law."""

from functools import cache

import torch

from .conftest import GaussianVideo


class Tracks:
    """Denoises a state of any number of frames as the part of an endless video that it is.

    Args:
        kernel: covariance of two frames by their distance.
    """

    def __init__(self, kernel):
        self.video = cache(lambda frames: self._video(kernel, frames))

    @classmethod
    def smooth(cls, reach):
        """Frames resemble their neighbours up to about so far."""
        return cls(
            lambda distance: torch.exp(-(distance**2) / (2 * reach**2)) + (distance == 0) / 1e3
        )

    @classmethod
    def rough(cls, correlation):
        """Each frame depends on the one before alone."""
        return cls(lambda distance: correlation**distance)

    @staticmethod
    def _video(kernel, frames):
        video = GaussianVideo(frames, mean=0.0)
        place = torch.arange(frames, dtype=torch.float64)
        video.covariance = kernel((place[:, None] - place).abs())
        video.variances, video.directions = torch.linalg.eigh(video.covariance)
        return video

    def denoise(self, x, at):
        return self.video(x.shape[2]).denoise(x, at.sigma)
