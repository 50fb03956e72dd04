"""Clips for training while they are still being made: the folder of shards is read again and again.

Processes of their own render and encode new shards beside the training, on the same device.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from ..model_loaders.load import build_vae, read_vae
from ..model_loaders.tokenizer import Tokenizer
from .latents import LatentSet, Source, collect, in_turn, make_shards, read_shard, shard_paths

READ_EVERY = 100
"""Steps between two looks for new shards."""

PATIENCE = 300.0
"""Seconds within which the first shard must be there."""


Sets = Callable[[int], Sequence[LatentSet]]
"""The clips of each source for a step of training."""


class Feed:
    """All clips of some sources that are there, in memory, with those that come.

    Args:
        folder: of the shards.
        sources: those without a shard yet are left out.
        tokenizer: of the captions.
        device: to keep the latents on.
    """

    def __init__(
        self,
        folder: Path,
        sources: Sequence[Source],
        tokenizer: Tokenizer,
        device: torch.device | str = "cpu",
    ) -> None:
        self.folder, self.sources, self.tokenizer = folder, sources, tokenizer
        self.device = device
        self._read: dict[str, set[Path]] = {source.name: set() for source in sources}
        self._sets: dict[str, LatentSet] = {}

    def __call__(self, step: int) -> list[LatentSet]:
        """The clips of each source for a step.

        Raises:
            FileNotFoundError: there is no shard of any source.
        """
        if step % READ_EVERY == 0 or not self._sets:
            for source in self.sources:
                self._look(source)
        if not self._sets:
            raise FileNotFoundError(f"no latents in {self.folder}: make them first")
        return [self._sets[source.name] for source in self.sources if source.name in self._sets]

    def _look(self, source: Source) -> None:
        known = self._read[source.name]
        new = [path for path in shard_paths(self.folder, source) if path not in known]
        if not new:
            return
        known.update(new)
        found = collect([read_shard(path) for path in new], source, self.tokenizer)
        found = replace(
            found, latents=found.latents.to(self.device), keys=found.keys.to(self.device)
        )
        before = self._sets.get(source.name)
        self._sets[source.name] = found if before is None else _joined(before, found)


def _joined(one: LatentSet, other: LatentSet) -> LatentSet:
    values = {
        field.name: torch.cat([getattr(one, field.name), getattr(other, field.name)])
        for field in fields(LatentSet)
        if isinstance(getattr(one, field.name), Tensor)
    }
    return replace(one, **values)


@contextmanager
def makers(
    count: int, folder: Path, sources: Sequence[Source], seed: int, vae_file: Path, device: str
) -> Iterator[None]:
    """Inside, so many processes make shards without end; none if ``count`` is 0."""
    context = multiprocessing.get_context("spawn")
    crew = [
        context.Process(
            target=_make, args=(part, count, folder, sources, seed, vae_file, device), daemon=True
        )
        for part in range(count)
    ]
    for one in crew:
        one.start()
    try:
        yield
    finally:
        for one in crew:
            one.terminate()
            one.join()


def await_shard(folder: Path, sources: Sequence[Source]) -> None:
    """Wait until a folder has a shard of any of some sources.

    Raises:
        TimeoutError: there is none after ``PATIENCE``.
    """
    end = time.monotonic() + PATIENCE
    while not any(shard_paths(folder, source) for source in sources):
        if time.monotonic() > end:
            raise TimeoutError(f"no clip was made in {folder} within {PATIENCE:.0f} s")
        time.sleep(0.2)


def _make(
    part: int,
    parts: int,
    folder: Path,
    sources: Sequence[Source],
    seed: int,
    vae_file: Path,
    device: str,
) -> None:
    torch.set_num_threads(1)
    vae = build_vae(read_vae(vae_file)).to(device)
    make_shards(
        folder, islice(in_turn(sources, endless=True), part, None, parts), seed, vae, device=device
    )
