"""Match the statistics of latents to a reference, against drift of colour and contrast."""

from torch import Tensor


def matched(latent: Tensor, reference: Tensor, share: float) -> Tensor:
    """Shift and scale each channel towards the mean and standard deviation of a reference.

    Adaptive instance normalisation (Huang and Belongie, 2017) over frames and pixels.

    Args:
        latent: (B, C, F, H, W).
        reference: (B, C, F', H, W), on any device.
        share: 0 leaves the latent unchanged, 1 gives it the reference's statistics.
    """
    if share == 0:
        return latent
    axes, reference = (2, 3, 4), reference.to(latent)
    mean, std = latent.mean(axes, keepdim=True), latent.std(axes, keepdim=True)
    wanted_mean = reference.mean(axes, keepdim=True)
    wanted_std = reference.std(axes, keepdim=True)
    moved = (latent - mean) / std.clamp(min=1e-6) * wanted_std + wanted_mean
    return latent.lerp(moved, share)
