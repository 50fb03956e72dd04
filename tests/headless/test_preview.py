"""Previews while sampling: drawn on a coloured terminal, kept in a file, made by nobody else."""

import io
from dataclasses import asdict, replace

import pytest
import torch
from rich.console import Console

from spacetime_video.headless.display import Display
from spacetime_video.headless.terminal import UPPER_HALF, draw_picture
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.hosts.standalone.preview import strip_maker
from spacetime_video.hosts.standalone.runs import StandaloneSampling
from spacetime_video.media import load_image
from spacetime_video.model_loaders.load import read_dit, read_vae
from spacetime_video.models.latent_format import LatentFormat
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import sample_euler
from spacetime_video.training.recipe import write_weights

STRIP = torch.linspace(0, 1, 96 * 488 * 3).reshape(96, 488, 3)


def terminal(color_system="truecolor", **options):
    return Console(
        file=io.StringIO(), force_terminal=True, color_system=color_system, width=80, **options
    )


def test_two_pixels_share_a_character():
    picture = torch.zeros(4, 6, 3)
    picture[0, :, 0], picture[1, :, 1], picture[2:, :, 2] = 1.0, 1.0, 1.0
    lines = [
        [s for s in line if s.text == UPPER_HALF]
        for line in Console(width=40).render_lines(draw_picture(picture, 6), pad=False)
    ]
    assert [len(line) for line in lines] == [6, 6]
    upper, lower = lines[0][0].style, lines[1][0].style
    assert upper is not None
    assert lower is not None
    assert (upper.color.triplet, upper.bgcolor.triplet) == ((255, 0, 0), (0, 255, 0))
    assert (lower.color.triplet, lower.bgcolor.triplet) == ((0, 0, 255), (0, 0, 255))


def test_a_coloured_terminal_shows_pictures_and_a_pipe_does_not(tmp_path):
    assert Display(console=terminal()).shows_pictures
    assert not Display(console=terminal(color_system=None)).shows_pictures
    assert not Display(console=Console(file=io.StringIO())).shows_pictures
    assert Display(tmp_path / "look.png", Console(file=io.StringIO())).shows_pictures


def test_the_picture_goes_when_the_run_ends():
    console = terminal()
    with Display(console=console) as display:
        display.preview(STRIP)
        display._bars.refresh()
        assert UPPER_HALF in console.file.getvalue()
        console.file.seek(0)
        console.file.truncate()
    assert UPPER_HALF not in console.file.getvalue()


@pytest.fixture
def colourful(models_dir, tmp_path):
    """The models folder's transformer, with a map from latents to colours."""
    weights = read_dit(models_dir / "diffusion_models/random_dit.safetensors")
    rgb = tuple((0.1 * n, 0.0, -0.1 * n) for n in range(16))
    latent = replace(weights.latent, rgb=rgb, rgb_bias=(0.1, 0.2, 0.3))
    info = {"kind": "dit", "config": weights.config.to_dict(), "latent": asdict(latent)}
    write_weights(tmp_path / "colourful.safetensors", dict(weights.state), info)
    return read_dit(tmp_path / "colourful.safetensors")


def test_a_map_in_the_file_is_read_back(colourful):
    assert colourful.latent.rgb[3] == pytest.approx((0.3, 0.0, -0.3))
    seen = torch.randn(16, 2, 3, 4, generator=torch.Generator().manual_seed(1))
    picture = colourful.latent.preview(seen)
    colours = torch.einsum("cfhw,cr->fhwr", seen, torch.tensor(colourful.latent.rgb))
    expected = ((colours + torch.tensor([0.1, 0.2, 0.3]) + 1) / 2).clamp(0, 1)
    torch.testing.assert_close(picture, expected)


def test_previews_of_a_family_without_a_map_are_a_decoded_frame(standalone, models_dir):
    vae = standalone.models.make_vae(
        read_vae(models_dir / "vae/random_vae.safetensors"), dtype="fp32"
    )
    other = standalone.models.make_vae(
        read_vae(models_dir / "vae/other_vae.safetensors"), dtype="fp32"
    )
    latent = LatentFormat(channels=16)
    seen = torch.randn(16, 3, 4, 6, generator=torch.Generator().manual_seed(2))
    strip = strip_maker(latent, [vae, other])([seen])
    assert strip is not None
    assert strip.shape == (96, 144, 3)
    assert float(strip.std()) > 0
    assert strip_maker(latent, [other])([seen]) is None


def test_every_step_of_a_packed_run_shows_each_clip(run, write, graph, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(StandaloneSampling, "_watch", watching(shown))
    assert run(write(graph), preview=tmp_path / "look.png") == 0
    assert len(shown) == graph["7"]["inputs"]["steps"]
    assert [tuple(clip.shape) for clip in shown[-1]] == [(16, 2, 4, 4)]


def watching(shown):
    original = StandaloneSampling._watch

    def watch(self, model, clips_of):
        show = original(self, model, clips_of)

        def both(state):
            shown.append(clips_of(state))
            show(state)

        return show if self.session.preview is None else both  # of a rehearsal nothing is shown

    return watch


def test_the_file_holds_the_latest_strip(run, write, graph, tmp_path):
    assert run(write(graph), preview=tmp_path / "looks" / "look.png") == 0
    strip = load_image(tmp_path / "looks" / "look.png").pixels
    assert strip.shape == (96, 96, 3)  # no map in this file: one decoded frame
    assert float(strip.std()) > 0


def test_a_preview_changes_no_result(run, write, graph, tmp_path):
    assert run(write(graph)) == 0
    assert run(write(graph), preview=tmp_path / "look.png") == 0
    first, second = sorted((tmp_path / "output").glob("*.mp4"))
    assert first.read_bytes() == second.read_bytes()


def test_a_preview_that_cannot_be_written_is_refused_at_once(run, write, graph, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert run(write(graph), preview=tmp_path / "file" / "look.png") == 1
    assert "is not a folder" in capsys.readouterr().err
    assert not (tmp_path / "output").exists()


def test_the_clip_in_progress_is_what_is_drawn(colourful):
    strips = []
    host = StandaloneHost(device="cpu", dtype="fp32", preview=strips.append)
    model = host.models.make_model(colourful, dtype="fp32")
    prompt = [[torch.zeros(1, 12, 16), {}]]
    guider = host.sampling.make_guider(model, prompt, prompt, 1.0)
    noise = torch.randn(1, 16, 2, 4, 4, generator=torch.Generator().manual_seed(3))
    sampler = host.sampling.make_sampler(sample_euler, {})
    latent = {"samples": torch.zeros_like(noise)}
    made = host.sampling.sample(guider, noise, sampler, flow_sigmas(3, shift=3.0), latent, 0)
    assert len(strips) == 3
    expected = strip_maker(colourful.latent, [])([colourful.latent.normalise(made)[0]])
    torch.testing.assert_close(strips[-1], expected)
