"""Meters of whether a denoiser in training respects word order, on separate held-out scenes.

The cost of a wrong caption shows within minutes of training, where images take hours.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..measure.scores.alignment import judge, read_frame
from ..model_loaders.tokenizer import Tokenizer
from ..models.latent_format import LatentFormat
from ..models.shapes import LatentShape, VideoShape
from ..toyworld import Scene, caption, parse_caption
from .denoiser import Batch, PromptedDiT
from .latents import LatentSet, Source, read_set
from .pictures import VALIDATION_LEVELS, SampleMaker, velocity_error, whole_clips
from .recipe import HELD_OUT_SEED

SHARDS = 2
DRAWN = 32
"""Shards per probe, and number of images generated to check that colours stay with their shapes."""

Tokens = tuple[Tensor, Tensor]
"""Token ids (B, S) and mask (B, S)."""

_STILL, _CLIP = VideoShape(1, 64, 64), VideoShape(17, 64, 64)
_STILL_SHAPE = LatentShape(1, 8, 8)
_NOISE_SEED = 78
_FIRST = 1_000_000


def swapped_colours(scene: Scene) -> Scene:
    """Swap the colours of a scene's first two objects."""
    one, two, *others = scene.objects
    both = replace(one, colour=two.colour), replace(two, colour=one.colour)
    return replace(scene, objects=(*both, *others))


def swapped_names(scene: Scene) -> Scene:
    """Swap the colours and shapes of a scene's first two objects."""
    one, two, *others = scene.objects
    both = (
        replace(one, colour=two.colour, shape=two.shape),
        replace(two, colour=one.colour, shape=one.shape),
    )
    return replace(scene, objects=(*both, *others))


def swapped_motions(scene: Scene) -> Scene:
    """Swap the first and second motion of a scene's object."""
    (thing,) = scene.objects
    assert thing.then is not None
    return replace(scene, objects=(replace(thing, motion=thing.then, then=thing.motion),))


@dataclass(frozen=True)
class Probe:
    """Scenes of one kind, with a caption that is wrong only in its word order.

    Args:
        name: what the word order decides.
        source: source of the scenes.
        swap: scene -> the scene that the wrong caption describes.
    """

    name: str
    source: Source
    swap: Callable[[Scene], Scene]


def _source(number: int, shape: VideoShape, kind: str) -> Source:
    name = f"probe_{kind}_{shape.frames}"
    return Source(name=name, shape=shape, shards=SHARDS, first=number * _FIRST, kind=kind)


_PAIRS, _RELATIONS = _source(1, _STILL, "pair"), _source(2, _STILL, "relation")
PROBES = (
    Probe("colours", _PAIRS, swapped_colours),
    Probe("colours in clips", _source(3, _CLIP, "pair"), swapped_colours),
    Probe("objects of a relation", _RELATIONS, swapped_names),
    Probe("order of motions", _source(4, _CLIP, "sequence"), swapped_motions),
)
SOURCES = tuple(dict.fromkeys(probe.source for probe in PROBES))


@dataclass(frozen=True, eq=False)
class Meters:
    """All meters with their held-out clips.

    Args:
        studio: the denoiser to measure.
        latent: its latent format.
        data: clips of each probe, with the tokens of its wrong captions (B, S).
    """

    studio: SampleMaker
    latent: LatentFormat
    data: Sequence[tuple[Probe, tuple[LatentSet, Tokens]]]

    def read(self) -> dict[str, float]:
        """Measure the cost of wrong captions and the share of images that match their prompt."""
        costs = {f"swapped {probe.name}": self._cost(*data) for probe, data in self.data}
        return {**costs, **binding(self.studio, _PAIRS), **binding(self.studio, _RELATIONS)}

    @torch.inference_mode()
    def _cost(self, data: LatentSet, wrong: Tokens) -> float:
        """Squared velocity error with the wrong caption minus that with the true one."""
        model, g = self.studio.model, torch.Generator().manual_seed(_NOISE_SEED)
        costs = []
        for rows in torch.arange(len(data)).split(64):
            true = whole_clips(model, data, rows, self.latent)
            ids, mask = (each[rows].to(model.device) for each in wrong)
            told = (true, replace(true, token_ids=ids, mask=mask))
            noise = torch.randn(true.clean.shape, generator=g).to(true.clean)
            for level in VALIDATION_LEVELS:
                right, off = (_error(model, each, noise, level) for each in told)
                costs.append(off - right)
        return round(sum(costs) / len(costs), 6)


def _error(model: PromptedDiT, batch: Batch, noise: Tensor, level: float) -> float:
    return velocity_error(model, batch, noise, level, given=0)


def read_meters(folder: Path, studio: SampleMaker, latent: LatentFormat) -> Meters:
    """Set up the meters with the clips of ``SOURCES`` in a folder."""
    tokenizer = studio.tokenizer
    data = [
        (probe, (read_set(folder, probe.source, tokenizer), wrong_captions(probe, tokenizer)))
        for probe in PROBES
    ]
    return Meters(studio, latent, data)


def wrong_captions(probe: Probe, tokenizer: Tokenizer) -> Tokens:
    """Token ids (B, S) and mask of the wrong caption of every clip."""
    return tokenizer.batch([caption(probe.swap(scene)) for scene in scenes_of(probe.source)])


def scenes_of(source: Source) -> list[Scene]:
    """All held-out scenes of a source."""
    shards = range(source.shards)
    return [scene for number in shards for scene in source.scenes(HELD_OUT_SEED, number)]


def binding(studio: SampleMaker, source: Source) -> Mapping[str, float]:
    """Shares of generated images of two objects with the right binding and count, or relation."""
    prompts = [caption(scene) for scene in scenes_of(source)[:DRAWN]]
    pictures = studio.make(prompts, _STILL_SHAPE)[:, 0]
    verdicts = [
        judge(read_frame(picture), parse_caption(prompt))
        for picture, prompt in zip(pictures, prompts, strict=True)
    ]
    names = ("binding", "count") if source.kind == "pair" else ("relation",)
    return {
        f"{name}, drawn": round(sum(verdict[name] for verdict in verdicts) / DRAWN, 4)
        for name in names
    }
