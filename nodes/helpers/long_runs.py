"""A long clip, sampled chunk by chunk as one stream of latents.

B batch, C channels, F latent frames, H rows, W columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from ...hosts import host
from ...hosts.stretch import stretch
from ...model_loaders.files import is_measuring
from ...samplers.clips import COVERAGE_KEY, coverage_of
from ...samplers.masks import latent_mask
from ...samplers.noise.sources import step_noise_of
from ...timeline import PART_KEY, TIMELINE_KEY, ClipPart, softened
from ...timeline.chunks import Chunk, ChunkPlan
from ...timeline.statistics import matched
from .chunk_files import ChunkFiles
from .edits import check_edit
from .start import begun, gives, repeats_steps, with_noise, with_repetitions
from .trained import warn_if_untrained, warn_of_distillation

_OF_THE_WHOLE = ("samples", "noise_mask", "noise_ceiling", TIMELINE_KEY)
"""Keys of a LATENT that the run of a part replaces or omits."""


@dataclass(frozen=True, kw_only=True)
class LongRun:
    """Everything that a chunk is sampled with.

    Args:
        guider, noise, sampler, sigmas: as for Sample.
        plan: how the clip is divided.
        match: how far each chunk is matched to the statistics of the first one, from 0 to 1.
        keep: whether finished chunks are kept as files.
        origin: distinguishes runs whose first steps are alike, see ``origin_of``.
    """

    guider: Any
    noise: Any
    sampler: Any
    sigmas: Tensor
    plan: ChunkPlan
    match: float = 0.0
    keep: bool = True
    origin: str = ""

    def sample(self, latent: Mapping[str, Any]) -> Tensor:
        """Sample the places of a LATENT that are not given: (B, C, F, H, W).

        Raises:
            ValueError: the latent is not an open clip.
        """
        warn_of_distillation(self.guider, self.sampler)
        check_edit(self.guider, self.sampler, [latent])
        latent = host().sampling.fit_latent(self.guider, latent)
        _check(latent)
        time = host().sampling.about(self.guider).time_factor
        whole = _Whole(latent, self.noise.generate_noise(latent), time)
        chunks = self.plan.chunks(whole.free_frames, whole.keyframes)
        if chunks:
            warn_if_untrained(self.guider, [whole.part(chunks[0])])
            whole.repeats = (gives(latent) or len(chunks) > 1) and repeats_steps(self.guider)
            self._fill(whole, chunks)
        return whole.samples

    def _fill(self, whole: "_Whole", chunks: Sequence[Chunk]) -> None:
        files = self._files(whole, chunks) if self.keep else None
        reference: Tensor | None = None
        for number, chunk in enumerate(chunks):
            made = None if files is None else files.read(number)
            if made is None:
                with stretch(number, len(chunks)):
                    made = self._run(whole, chunk)[:, :, chunk.places]
                made = made if reference is None else matched(made, reference, self.match)
                if files is not None:
                    files.write(number, made)
            reference = made if reference is None else reference
            whole.keep(chunk, made)

    def _run(self, whole: "_Whole", chunk: Chunk, steps: int | None = None) -> Tensor:
        """Sample one chunk, or its first steps, together with its context."""
        part = whole.part(chunk)
        levels = begun(self.guider, self.sigmas, [part])
        if len(levels) == 1 < len(self.sigmas):
            return part["samples"]
        draws = step_noise_of(self.noise, part)
        guider, sampler = with_noise(self.guider, self.sampler, draws)
        if whole.repeats:
            sampler = with_repetitions(guider, sampler, draws)
        return host().sampling.sample(
            guider,
            whole.noise[:, :, list(chunk.shown)],
            sampler,
            levels if steps is None else levels[: steps + 1],
            part,
            self.noise.seed,
        )

    def _files(self, whole: "_Whole", chunks: Sequence[Chunk]) -> ChunkFiles | None:
        """Files of exactly this run, identified by its graph and by the result of a first step.

        The step depends on the contents of files in the graph (weights, images), on the device
        and on the dtype.
        """
        with stretch(0, len(chunks)):
            step = self._run(whole, chunks[0], 1)
        if is_measuring():
            return None
        given = (whole.samples, whole.mask, whole.ceiling, whole.noise[:, :1, :, :1, :1])
        known = host().sampling.about(self.guider).known
        return ChunkFiles([self.origin, step, *given, self.sigmas, self.plan, self.match, *known])


class _Whole:
    """The whole clip while it is being filled.

    Args:
        latent: LATENT of clips of one size (B, C, F, H, W).
        noise: for the whole clip.
        time_factor: frames of the video per latent frame after the first.
    """

    def __init__(self, latent: Mapping[str, Any], noise: Tensor, time_factor: int) -> None:
        self.latent, self.noise = latent, noise
        self.tell = cache(host().session.warn)
        self.samples: Tensor = latent["samples"].clone()
        self.mask = self._mask(softened(latent), time_factor)
        self.ceiling: Tensor | None = latent.get("noise_ceiling")
        self.coverage = coverage_of(latent, self.samples, time_factor)
        self.free = self.mask > 0
        self.free_frames = _frames(self.free)
        masked = _frames(self._mask(latent, time_factor) > 0)
        self.keyframes = {n for n, free in enumerate(self.free_frames) if free and not masked[n]}
        self.repeats = False

    def _mask(self, latent: Mapping[str, Any], time_factor: int) -> Tensor:
        """Noise mask (B or 1, 1, F, H, W) of a LATENT of these samples."""
        mask = latent.get("noise_mask")
        if mask is None:
            return torch.ones(1, 1, *self.samples.shape[2:])
        return latent_mask(mask, self.samples, time_factor)[:, None]

    def part(self, chunk: Chunk) -> dict[str, Any]:
        """The LATENT of one chunk: everything outside its new frames is given."""
        shown = list(chunk.shown)
        part = {key: each for key, each in self.latent.items() if key not in _OF_THE_WHOLE}
        part["samples"] = self.samples[:, :, shown]
        part["noise_mask"] = self._opened(self.mask, chunk)
        if self.ceiling is not None:
            part["noise_ceiling"] = self._opened(self.ceiling, chunk)
        part["first_frame"] = self._first(chunk)
        part[PART_KEY] = self._part(chunk)
        part[COVERAGE_KEY] = self.coverage.part(chunk.shown)
        return part

    def _part(self, chunk: Chunk) -> ClipPart:
        """Latent frames of a chunk that earlier chunks sampled: neither its own nor given."""
        new = {*chunk.made, chunk.lead}
        there = torch.tensor([self.free_frames[n] and n not in new for n in chunk.shown])
        return ClipPart(chunk.shown, self.samples.shape[2], there, self.tell)

    def _opened(self, values: Tensor, chunk: Chunk) -> Tensor:
        """Values of the places that the chunk samples; 1 in the discarded frame, 0 elsewhere."""
        opened = torch.zeros_like(values[:, :, list(chunk.shown)])
        opened[:, :, chunk.places] = values[:, :, list(chunk.made)]
        if chunk.lead is not None:
            opened[:, :, chunk.shown.index(chunk.lead)] = 1
        return opened

    def _first(self, chunk: Chunk) -> int:
        """Absolute number of a chunk's first frame, counted back from the first one it samples."""
        return int(self.latent.get("first_frame", 0)) + chunk.made.start - chunk.places[0]

    def keep(self, chunk: Chunk, made: Tensor) -> None:
        """Write a chunk's samples into the whole clip; given places stay bit for bit."""
        frames = list(chunk.made)
        there = self.samples[:, :, frames]
        free = self.free[:, :, frames].to(there.device)
        self.samples[:, :, frames] = torch.where(free, made.to(there), there)


def _frames(free: Tensor) -> list[bool]:
    """For each latent frame of places (B, 1, F, H, W), whether any of it is True."""
    return free.flatten(3).any(3).any(0)[0].tolist()


def _check(latent: Mapping[str, Any]) -> None:
    samples = latent["samples"]
    if not isinstance(samples, Tensor) or samples.ndim != 5:
        raise ValueError(
            "expected a video latent (batch, channels, frames, rows, columns), got one of shape "
            f"{tuple(samples.shape)}: use Sample for other latents"
        )
    if latent.get("loop"):
        raise ValueError(
            "a loop has no beginning to start from, so it cannot be sampled in chunks: use Sample, "
            "with Context Windows if it is long"
        )
