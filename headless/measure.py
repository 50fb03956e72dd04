"""How well the shipped model follows its prompts, read from the pixels of what it makes."""

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor

from ..hosts.standalone.host import StandaloneHost
from ..metrics.alignment import Reading, read_clip
from ..model_loaders.load import read_dit, read_text_encoder, read_vae
from ..models.shapes import VideoShape
from ..samplers.noise import FrameNoise
from ..samplers.schedules import flow_sigmas
from ..samplers.solvers import SOLVERS
from ..toyworld import Scene, caption, parse_caption, random_scene, render
from ..weights import bundled

HELD_OUT = 900_000_000
"""First scene seed of the measurement; training scenes have smaller ones."""
PROPERTIES = ("colour", "setting", "motion")
SHAPE, FPS, STEPS, SHIFT, GUIDANCE = VideoShape(17, 64, 64), 16.0, 30, 3.0, 2.0


class Share(NamedTuple):
    """Successes among trials with Wilson's 95 % interval."""

    right: int
    trials: int

    def as_dict(self) -> dict[str, Any]:
        """Percentages, rounded."""
        low, high = self.interval()
        return {
            "percent": round(100 * self.right / self.trials, 1),
            "interval_95": [round(100 * low, 1), round(100 * high, 1)],
            "of": self.trials,
        }

    def interval(self) -> tuple[float, float]:
        """Wilson score interval (1927) at 95 %."""
        z, n = 1.96, self.trials
        rate, spread = self.right / n, z * z / n
        centre = (rate + spread / 2) / (1 + spread)
        half = z / (1 + spread) * math.sqrt(rate * (1 - rate) / n + spread / (4 * n))
        return centre - half, centre + half


def scores(readings: Sequence[Reading], prompts: Sequence[str]) -> dict[str, Any]:
    """Per property, how many clips show what their prompt asks for."""
    wanted = [parse_caption(prompt) for prompt in prompts]
    pairs = list(zip(readings, wanted, strict=True))
    table = {
        name: Share(sum(getattr(r, name) == w[name] for r, w in pairs), len(pairs)).as_dict()
        for name in PROPERTIES
    }
    both = sum(r.colour == w["colour"] and r.setting == w["setting"] for r, w in pairs)
    table["colour and setting"] = Share(both, len(pairs)).as_dict()
    return table


class Generator:
    """The shipped model with fixed settings: prompt and seed in, frames out."""

    def __init__(self) -> None:
        self.host = host = StandaloneHost()
        dit, text, vae = (self._path(f) for f in ("diffusion_models", "text_encoders", "vae"))
        self.model = host.make_model(read_dit(dit), dtype="auto")
        self.clip = host.make_clip(read_text_encoder(text), dtype="auto")
        self.vae = host.make_vae(read_vae(vae), dtype="auto")
        self.sampler = host.make_sampler(SOLVERS["euler"], {})
        self.negative = host.encode_prompt(self.clip, "")

    @staticmethod
    def _path(folder: str) -> Path:
        return next(iter(bundled(folder).values()))

    @torch.inference_mode()
    def make(self, prompt: str, seed: int) -> Tensor:
        """Frames (F, H, W, 3) of a prompt."""
        positive = self.host.encode_prompt(self.clip, prompt)
        guider = self.host.make_guider(self.model, positive, self.negative, GUIDANCE)
        shape = self.model.latent.latent_shape(SHAPE)
        latent = {"samples": torch.zeros(1, self.model.latent.channels, *shape), "fps": FPS}
        noise = FrameNoise(seed).generate_noise(latent)
        sigmas = flow_sigmas(STEPS, shift=SHIFT)
        samples = self.host.sample(guider, noise, self.sampler, sigmas, latent, seed)
        return self.host.decode_video(self.vae, samples)


def true_clip(scene: Scene) -> Tensor:
    """The world's own render of a scene."""
    clip = render([scene], frames=SHAPE.frames, height=SHAPE.height, width=SHAPE.width, fps=FPS)
    return clip.video[0]


def measure_alignment(count: int) -> dict[str, Any]:
    """Figures of ``count`` held-out prompts, with the meter's own on true renders beside them."""
    scenes = [random_scene(HELD_OUT + number) for number in range(count)]
    prompts = [caption(scene) for scene in scenes]
    generator, console = Generator(), Console(stderr=True)
    made = [
        read_clip(generator.make(prompt, number))
        for number, prompt in enumerate(track(prompts, "generated clips", console=console))
    ]
    true = [read_clip(true_clip(s)) for s in track(scenes, "true renders", console=console)]
    return {
        "generated": scores(made, prompts),
        "true renders": scores(true, prompts),
        "shuffled prompts": scores(made, prompts[1:] + prompts[:1]),
    }


def measure_command(count: int) -> None:
    """Print the figures as JSON."""
    sys.stdout.write(json.dumps(measure_alignment(count), indent=1) + "\n")
