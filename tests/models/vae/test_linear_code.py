import pytest
import torch

from spacetime_video.models.vae.linear_code import fit_linear_code, fold_blocks, unfold_blocks
from spacetime_video.models.vae.network import TINY_VAE, WAN21_VAE, VideoVAE


def random_clips(count=3, frames=9, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (2, 3, frames, 32, 32)
    return [torch.rand(shape, generator=generator, dtype=torch.float64) * 2 - 1] * count


def fit(clips):
    return fit_linear_code(clips, channels=16, time=4, space=8)


@pytest.mark.parametrize("frames", [1, 5, 13])
def test_unfolding_undoes_folding(frames):
    video = torch.rand(2, 3, frames, 16, 24)
    blocks = fold_blocks(video, time=4, space=8, first=True)
    assert blocks.shape == (2, 1 + (frames - 1) // 4, 2, 3, 768)
    assert torch.equal(unfold_blocks(blocks, time=4, space=8, first=True), video)


def test_pca_matrices_are_orthonormal_and_ordered_by_variance():
    clips = random_clips()
    code = fit(clips)
    assert torch.allclose(code.encode @ code.decode, torch.eye(16, dtype=torch.float64))
    blocks = fold_blocks(torch.cat(clips), time=4, space=8, first=True).flatten(0, -2)
    variance = ((blocks - code.mean) @ code.decode).var(0)
    assert (variance.diff() < 1e-9).all()


def test_a_clip_with_few_blocks_is_reproduced_exactly():
    clip = random_clips(1)[0][:1, :, :1, :24, :24]  # nine blocks need nine numbers at most
    code = fit([clip])
    blocks = fold_blocks(clip, time=4, space=8, first=True) - code.mean
    assert torch.allclose(blocks @ code.encode.T @ code.decode.T, blocks, atol=1e-10)


def test_a_fresh_vae_is_the_linear_code():
    clips = random_clips()
    code = fit(clips)
    vae = VideoVAE(TINY_VAE, dtype=torch.float64)
    vae.init_linear_code(code)
    blocks = fold_blocks(clips[0], time=4, space=8, first=True)
    codes = (blocks - code.mean) @ code.encode.T
    pixels = unfold_blocks(codes @ code.decode.T + code.mean, time=4, space=8, first=True)
    with torch.inference_mode():
        mean, logvar = vae.encode_moments(clips[0])
        assert (mean.movedim(1, -1) - codes).abs().max() < 1e-10
        assert (vae.decode(mean) - pixels).abs().max() < 1e-10
        assert torch.equal(logvar, torch.full_like(logvar, -6.0))


def test_a_fresh_linear_vae_can_learn_beyond_its_code():
    vae = VideoVAE(TINY_VAE)
    vae.init_linear_code(
        fit_linear_code([torch.randn(1, 3, 5, 32, 32)], channels=16, time=4, space=8)
    )
    (vae.decode(vae.encode(torch.randn(1, 3, 5, 16, 16))) ** 2).mean().backward()
    assert all(layer.weight.grad.abs().max() > 0 for layer in (vae.conv1, vae.decoder.head["2"]))


def test_errors_say_what_is_missing():
    with pytest.raises(ValueError, match="no clips"):
        fit([])
    with (
        pytest.raises(ValueError, match="linear_code=True"),
        torch.device("meta"),
    ):
        VideoVAE(WAN21_VAE).init_linear_code(fit(random_clips(1)))
