"""The colours of previews are those of the clip."""

import pytest
import torch

from spacetime_video.model_loaders.load import build_vae, read_dit, read_vae
from spacetime_video.models.latent_format import LatentFormat
from spacetime_video.training import preview
from spacetime_video.training.preview import fit, mean_colours, pairs, with_preview
from spacetime_video.weights import bundled


def test_previews_show_the_mean_colours_of_clips_they_were_not_fitted_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vae = build_vae(read_vae(next(iter(bundled("vae").values()))))
    plain = read_dit(next(iter(bundled("diffusion_models").values()))).latent
    monkeypatch.setattr(preview, "CLIPS", 4)
    latent = with_preview(plain, vae)
    monkeypatch.setattr(preview, "_FIRST", 9_500_000)
    seen, colours = pairs(latent, vae, clips=2)
    for each, colour in zip(seen, colours, strict=True):
        picture = latent.preview(each)
        assert picture is not None
        error = (picture.movedim(-1, 0) - (colour / 2 + 0.5).clamp(0, 1)).square().mean()
        assert float(error) < 10 ** (-40 / 10)


def test_a_family_without_a_map_has_no_preview() -> None:
    assert LatentFormat(channels=4).preview(torch.zeros(4, 1, 2, 2)) is None


def test_exact_map_is_found() -> None:
    g = torch.Generator().manual_seed(0)
    factors, bias = torch.randn(4, 3, generator=g), torch.randn(3, generator=g)
    seen = torch.randn(2, 4, 3, 5, 5, generator=g)
    colours = torch.einsum("bcfhw,cr->brfhw", seen, factors) + bias[:, None, None, None]
    found = fit((seen, colours))
    torch.testing.assert_close(found[0], factors)
    torch.testing.assert_close(found[1], bias)


def test_first_latent_frame_stands_for_the_first_frame_alone() -> None:
    video = torch.zeros(1, 3, 9, 16, 16)
    video[:, :, 0], video[:, :, 1:5, :8], video[:, :, 4, :8] = 1.0, 0.5, 0.9
    means = mean_colours(video, LatentFormat(channels=4))
    assert means.shape == (1, 3, 3, 2, 2)
    assert means[0, 0, :, 0, 0].tolist() == pytest.approx([1.0, 0.6, 0.0])
    assert means[0, 0, :, 1, 0].tolist() == [1.0, 0.0, 0.0]
