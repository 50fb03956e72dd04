"""Networks that animate an image: what a conditioning carries reaches them, and what they lack."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from spacetime_video import hosts
from spacetime_video.hosts.keys import START_LATENT_KEY, START_MASK_KEY, VISION_KEY
from spacetime_video.model_loaders.load import DiTWeights
from spacetime_video.models.dit.config import DiTConfig
from spacetime_video.models.dit.network import VideoDiT
from spacetime_video.models.latent_format import WAN21_LATENT
from spacetime_video.models.patchify import patchify
from spacetime_video.nodes.helpers.long_runs import LongRun
from spacetime_video.nodes.helpers.state_files import read_state, write_state
from spacetime_video.nodes.helpers.states import resume, start_run
from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.solvers import SOLVERS
from spacetime_video.timeline import START_KEY, latent_of
from spacetime_video.timeline.chunks import ChunkPlan
from spacetime_video.timeline.plans import animated

CONFIG = DiTConfig(
    dim=24, heads=2, ffn_dim=32, layers=2, in_channels=36, text_dim=16, text_length=5,
    freq_dim=16, image_dim=10,
)  # fmt: skip
UNSEEING = replace(CONFIG, image_dim=0)
ONE_STEP = torch.tensor([1.0, 0.0])
SIZE = (3, 4, 6)


def seeded(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def loaded(host, config=CONFIG):
    generator = torch.Generator().manual_seed(1)
    state = VideoDiT(config).state_dict()
    state = {name: 0.2 * torch.randn(w.shape, generator=generator) for name, w in state.items()}
    return host.models.make_model(DiTWeights(config, WAN21_LATENT, state), dtype="fp32")


def seen(width=10, seed=3, tokens=4):
    return SimpleNamespace(penultimate_hidden_states=seeded(1, tokens, width, seed=seed))


def started(size=SIZE):
    mask = torch.ones(1, 1, *SIZE)
    mask[:, :, :1] = 0
    return {START_LATENT_KEY: seeded(1, 16, *size, seed=4), START_MASK_KEY: mask}


def prompt(seed=1, **options):
    return [[seeded(1, 5, 16, seed=seed), options]]


def sampled(host, model, positive, negative, guidance=1.0, rows=1):
    guider = host.sampling.make_guider(model, positive, negative, guidance)
    latent = {"samples": torch.zeros(rows, 16, *SIZE)}
    noise, euler = seeded(rows, 16, *SIZE), host.sampling.make_sampler(SOLVERS["euler"], {})
    with torch.inference_mode():
        return host.sampling.sample(guider, noise, euler, ONE_STEP, latent, 0)


def predicted(model, conditioning, rows=1):
    ((text, options),) = conditioning
    image = options[VISION_KEY].penultimate_hidden_states
    latent = WAN21_LATENT.normalise(options[START_LATENT_KEY])
    given = (1 - options[START_MASK_KEY]).repeat(1, 4, 1, 1, 1)
    noise = seeded(rows, 16, *SIZE)
    with torch.inference_mode():
        rows_of = [each.expand(rows, *each.shape[1:]) for each in (text, image, given, latent)]
        context = model.dit.prepare(*rows_of[:2])
        channels = torch.cat(rows_of[2:], dim=1)
        return noise - model.dit(noise, torch.ones(rows), [context], channels=channels)


def test_the_network_sees_the_image_and_the_start(standalone):
    model = loaded(standalone)
    positive = prompt(**{VISION_KEY: seen()}, **started())
    made = sampled(standalone, model, positive, positive)
    wanted = WAN21_LATENT.denormalise(predicted(model, positive))
    torch.testing.assert_close(made, wanted, atol=1e-4, rtol=1e-4)


def test_each_side_of_the_guidance_has_its_own(standalone):
    model = loaded(standalone)
    positive = prompt(**{VISION_KEY: seen()}, **started())
    negative = prompt(2, **{VISION_KEY: seen(seed=8)}, **started())
    made = sampled(standalone, model, positive, negative, guidance=3.0, rows=2)
    c, u = predicted(model, positive, 2), predicted(model, negative, 2)
    wanted = WAN21_LATENT.denormalise(u + 3.0 * (c - u))
    torch.testing.assert_close(made, wanted, atol=1e-3, rtol=1e-3)


def test_what_is_missing_or_not_taken_is_told(standalone):
    animating = loaded(standalone)
    of_text = loaded(standalone, replace(CONFIG, in_channels=16, image_dim=0))
    whole = {VISION_KEY: seen(), **started()}
    cases = {
        "needs the CLIP Vision output.*run the graph in ComfyUI": (animating, started()),
        "output is 9 wide, the model needs 10": (animating, {**whole, VISION_KEY: seen(9)}),
        "image-to-video model with 20 further channels": (animating, {VISION_KEY: seen()}),
        r"start image of shape \(1, 16, 2, 4, 6\)": (animating, {**whole, **started((2, 4, 6))}),
        "CLIP Vision output, which this model does not take": (of_text, {VISION_KEY: seen()}),
        "start image, which this model does not support": (of_text, started()),
    }
    for problem, (model, options) in cases.items():
        with pytest.raises(ValueError, match=problem):
            sampled(standalone, model, prompt(**options), prompt(**options))


def test_sides_with_other_numbers_of_images_are_told(standalone):
    model, sides = loaded(standalone), [{VISION_KEY: seen(tokens=n), **started()} for n in (4, 8)]
    with pytest.raises(ValueError, match=r"different shapes \[\(4, 10\), \(8, 10\)\]: give both"):
        sampled(standalone, model, *(prompt(**side) for side in sides), guidance=3.0)


def test_packed_patches_carry_no_start_image(standalone):
    guider = standalone.sampling.make_guider(
        loaded(standalone), *[prompt(**{VISION_KEY: seen()}, **started())] * 2, 1.0
    )
    tokens = patchify([torch.zeros(1, 16, *SIZE)])
    euler = standalone.sampling.make_sampler(SOLVERS["euler"], {})
    with pytest.raises(ValueError, match=r"20 extra channels.*use the Sample node"):
        standalone.sampling.sample_tokens(guider, tokens, euler, ONE_STEP, tokens, [{}], 0)


def encoded(frames):
    """Every eighth pixel of the last frame behind each latent frame, in all channels."""
    return frames[::4, ::8, ::8, :1].movedim(-1, 0).repeat(16, 1, 1, 1)[None]


@pytest.fixture
def channels(monkeypatch):
    """The further channels of every step."""
    seen, original = [], VideoDiT.forward

    def noted(self, *rest, channels, **named):
        seen.append(channels)
        return original(self, *rest, channels=channels, **named)

    monkeypatch.setattr(VideoDiT, "forward", noted)
    return seen


def parts_of(host, options):
    guider = host.sampling.make_guider(loaded(host, UNSEEING), *[prompt(**options)] * 2, 1.0)
    return guider, host.sampling.make_sampler(SOLVERS["euler"], {})


def made_long(host, latent, options):
    hosts.use(host)
    guider, euler = parts_of(host, options)
    run = LongRun(
        guider=guider, noise=FrameNoise(7), sampler=euler, sigmas=ONE_STEP,
        plan=ChunkPlan(length=5, context=2), keep=False,
    )  # fmt: skip
    with torch.inference_mode():
        return run.sample(latent)


def test_later_chunks_are_shown_what_is_made_and_grey(standalone, channels):
    picture = torch.rand(32, 48, 3, generator=torch.Generator().manual_seed(2))
    latent = latent_of(animated(picture, 33, 16.0), encoded, 16)
    made = made_long(standalone, latent, {})
    grey = WAN21_LATENT.normalise(torch.full((1, 16, 1, 4, 6), 0.5))
    for shown, there in zip(channels, [[0], [0, 3, 4], [0, 5, 6]], strict=True):
        given, context = WAN21_LATENT.normalise(made[:, :, there]), len(there)
        torch.testing.assert_close(shown[:, 4:, :context], given)
        torch.testing.assert_close(shown[:, 4:, context:], grey.expand_as(shown[:, 4:, context:]))
        assert torch.all(shown[:, :4, :context] == 1)
        assert torch.all(shown[:, :4, context:] == 0)


def test_a_clip_of_one_chunk_is_shown_what_sample_shows(standalone):
    picture = torch.rand(32, 48, 3, generator=torch.Generator().manual_seed(2))
    latent = latent_of(animated(picture, 17, 16.0), encoded, 16)
    guider, euler = parts_of(standalone, {})
    noise = FrameNoise(7).generate_noise(latent)
    with torch.inference_mode():
        wanted = standalone.sampling.sample(guider, noise, euler, ONE_STEP, latent, 7)
    assert torch.equal(made_long(standalone, latent, {}), wanted)


def test_a_run_goes_on_from_a_file_with_its_start_clip(standalone, channels, tmp_path):
    hosts.use(standalone)
    picture = torch.rand(32, 48, 3, generator=torch.Generator().manual_seed(2))
    latent = latent_of(animated(picture, 17, 16.0), encoded, 16)
    guider, euler = parts_of(standalone, {})
    levels, noise = torch.tensor([1.0, 0.5, 0.0]), FrameNoise(7)
    with torch.inference_mode():
        drawn = noise.generate_noise(latent)
        wanted = standalone.sampling.sample(guider, drawn, euler, levels, latent, 7)
        write_state(tmp_path / "half", start_run(guider, noise, euler, levels, latent, 1), {})
        state = read_state(tmp_path / "half")
        assert torch.equal(resume(guider, noise, euler, state, 0).look["samples"], wanted)
    first, *later = channels
    assert all(torch.equal(each, first) for each in later)
    whole, part = state.latent[START_KEY](), state.latent[START_KEY]([0, 2])
    assert torch.equal(part.latent, whole.latent[:, :, [0, 2]])


def test_a_start_image_of_a_conditioning_is_cut_to_the_chunks(standalone, channels):
    carried = started((9, 4, 6))
    carried[START_MASK_KEY] = torch.ones(1, 1, 9, 4, 6)
    carried[START_MASK_KEY][:, :, [0, 8]] = 0
    made = made_long(standalone, {"samples": torch.zeros(1, 16, 9, 4, 6)}, carried)
    start = WAN21_LATENT.normalise(carried[START_LATENT_KEY])
    last = channels[-1]
    torch.testing.assert_close(last[:, 4:, 1:3], WAN21_LATENT.normalise(made[:, :, 5:7]))
    torch.testing.assert_close(last[:, 4:, 3:], start[:, :, 7:])
    assert last[0, 0, :, 0, 0].tolist() == [1, 1, 1, 0, 1]


def test_empty_latents_beside_later_chunks_are_told_of_once(standalone, channels, caplog):
    samples, mask = seeded(1, 16, 9, 4, 6), torch.ones(1, 1, 9, 4, 6)
    mask[:, :, 0] = 0
    made_long(standalone, {"samples": samples * (1 - mask), "noise_mask": mask}, {})
    assert caplog.text.count("shown empty latents") == 1
