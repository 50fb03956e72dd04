"""Loops sampled in the standalone host, with networks that know a circle of time and others."""

import logging
from dataclasses import replace

import pytest
import torch

from spacetime_video.model_loaders.load import DiTWeights, read_dit
from spacetime_video.models.dit.network import VideoDiT
from spacetime_video.models.patchify import patchify, unpatchify
from spacetime_video.samplers.looping import close_loops
from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS
from spacetime_video.samplers.window_plans import WindowPlan
from spacetime_video.samplers.windows import context_windows

FRAMES = 9
TOLD = "this model was not trained on loops"


@pytest.fixture(scope="module")
def weights(models_dir):
    return read_dit(models_dir / "diffusion_models/random_dit.safetensors")


@pytest.fixture(scope="module")
def circular(standalone, weights):
    return standalone.models.make_model(weights, dtype="fp32")


@pytest.fixture(scope="module")
def straight(standalone, weights):
    """The same network without an input for loops."""
    conditions = tuple(name for name in weights.config.conditions if name != "loop")
    state = {
        k: v for k, v in weights.state.items() if not k.startswith("condition_embeddings.loop")
    }
    config = replace(weights.config, conditions=conditions)
    return standalone.models.make_model(
        DiTWeights(config, weights.latent, state, weights.info), dtype="fp32"
    )


class Run:
    """Samples loops, and notes what the network saw."""

    def __init__(self, host, model, monkeypatch, *, steps=8):
        self.host, self.sigmas, self.seen = host, flow_sigmas(steps, shift=3.0), []
        generator = torch.Generator().manual_seed(1)
        prompts = [[[torch.randn(1, 12, 16, generator=generator), {}]] for _ in range(2)]
        self.guider = host.sampling.make_guider(model, *prompts, 1.0)
        self.euler = host.sampling.make_sampler(SOLVERS["euler"], {})
        original = VideoDiT.forward_tokens

        def watch(network, tokens, layout, *rest, **named):
            frames = [len(layout.coordinates[span, 0].unique()) for span in layout.spans]
            self.seen.append((frames, layout.loop_frames))
            return original(network, tokens, layout, *rest, **named)

        monkeypatch.setattr(VideoDiT, "forward_tokens", watch)

    def latent(self, *, loop=True, frames=FRAMES, wrappers=()):
        latent = {"samples": torch.zeros(1, 16, frames, 4, 4), "fps": 16.0, "loop": loop}
        guider = self.guider
        for wrapper in wrappers:
            guider = self.host.sampling.with_wrapper(guider, wrapper)
        noise = FrameNoise(7).generate_noise(latent)
        with torch.inference_mode():
            return self.host.sampling.sample(guider, noise, self.euler, self.sigmas, latent, 7)

    def packed(self, *loops):
        clips = [torch.zeros(1, 16, FRAMES, 4, 4)] * len(loops)
        noise = [FrameNoise(7).generate_noise({"samples": clip}) for clip in clips]
        extras = [{"fps": 16.0, "loop": loop} for loop in loops]
        with torch.inference_mode():
            return unpatchify(
                self.host.sampling.sample_tokens(
                    self.guider, patchify(noise), self.euler, self.sigmas,
                    patchify(clips, loops=loops), extras, 7,
                )
            )  # fmt: skip


def test_a_network_without_circular_time_is_shown_the_ends_again(
    standalone, straight, monkeypatch, caplog
):
    run = Run(standalone, straight, monkeypatch)
    with caplog.at_level(logging.WARNING):
        made = run.latent()
    assert run.seen == [([FRAMES + 6], (0,))] * 8
    told = f"{TOLD}: to close a loop of 9 latent frames, it also sees the last and the first 3"
    assert told in caplog.text
    by_hand = Run(standalone, straight, monkeypatch).latent(loop=False, wrappers=[_as_loop])
    torch.testing.assert_close(made, by_hand, atol=0, rtol=0)


def _as_loop(denoiser, run):
    each = tuple(replace(clip, loop=True) for clip in run.clips.each)
    clips = replace(run.clips, each=each)
    inner = close_loops()(denoiser, replace(run, clips=clips))
    return lambda x, at: inner(x, replace(at, clips=clips))


def test_a_network_with_circular_time_sees_the_loop_once(standalone, circular, monkeypatch, caplog):
    run = Run(standalone, circular, monkeypatch)
    with caplog.at_level(logging.WARNING):
        run.latent()
    assert run.seen == [([FRAMES], (FRAMES,))] * 8
    assert TOLD not in caplog.text


def test_few_steps_show_half_of_the_loop(standalone, straight, monkeypatch, caplog):
    run = Run(standalone, straight, monkeypatch, steps=4)
    with caplog.at_level(logging.WARNING):
        run.latent()
    assert run.seen == [([FRAMES + 8], (0,))] * 4
    assert "17 in each step; from 8 steps on, fewer are enough" in caplog.text


def test_clips_with_two_ends_are_sampled_as_before(standalone, straight, monkeypatch, caplog):
    run = Run(standalone, straight, monkeypatch)
    with caplog.at_level(logging.WARNING):
        run.latent(loop=False)
    assert run.seen == [([FRAMES], (0,))] * 8
    assert caplog.text == ""


def test_packed_loops_are_those_of_their_latents(standalone, straight, monkeypatch):
    wanted = Run(standalone, straight, monkeypatch).latent()
    for made in Run(standalone, straight, monkeypatch).packed(True, True):
        torch.testing.assert_close(made, wanted, atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match="loops packed with other clips"):
        Run(standalone, straight, monkeypatch).packed(True, False)


@pytest.mark.parametrize("kind", ["circular", "straight"])
def test_windows_close_loops_by_themselves(standalone, kind, request, monkeypatch):
    """Rolled by a hop and with the noise rolled, the result is rolled."""
    model = request.getfixturevalue(kind)
    windows = context_windows(WindowPlan(length=6, overlap=2))
    run = Run(standalone, model, monkeypatch)
    made = run.latent(frames=12, wrappers=[windows])
    assert run.seen == [([6], (0,))] * 24
    rolled = FrameNoise(7).generate_noise({"samples": torch.zeros(1, 16, 12, 4, 4)}).roll(4, 2)
    monkeypatch.setattr(FrameNoise, "generate_noise", lambda self, latent: rolled)
    again = run.latent(frames=12, wrappers=[windows])
    torch.testing.assert_close(again, made.roll(4, dims=2), atol=1e-5, rtol=0)
