"""Feed training with clips while they are still being made, by rereading the folder of shards.

Separate processes render and encode new shards during training, on the same device.
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
from .hint_shards import HintFolder, make_hinted_shards
from .hints import hint_weight, without_what_is_shown
from .latents import LatentSet, Source, collect, in_turn, make_shards, read_shard, shard_paths

READ_EVERY = 100
"""Steps between checks for new shards."""

PATIENCE = 300.0
"""Seconds to wait for the first shard."""


Sets = Callable[[int], Sequence[LatentSet]]
"""Step number -> the clips of each source for that training step."""


class Feed:
    """All existing clips of some sources in memory, extended as new shards appear.

    Args:
        folder: folder of the shards.
        sources: sources to read; those without a shard yet are left out.
        tokenizer: tokenizer of the captions.
        device: device to keep the latents on.
        hints: folder of the clips' hints, None for no hints; shards without hints are ignored
            until these exist.
    """

    def __init__(
        self,
        folder: Path,
        sources: Sequence[Source],
        tokenizer: Tokenizer,
        device: torch.device | str = "cpu",
        hints: HintFolder | None = None,
    ) -> None:
        self.folder, self.sources, self.tokenizer = folder, sources, tokenizer
        self.device, self.hints = device, hints
        self._read: dict[str, set[Path]] = {source.name: set() for source in sources}
        self._sets: dict[str, LatentSet] = {}

    def __call__(self, step: int) -> list[LatentSet]:
        """Return the clips of each source for a step.

        Raises:
            FileNotFoundError: no source has a shard.
        """
        if step % READ_EVERY == 0 or not self._sets:
            for source in self.sources:
                self._look(source)
        if not self._sets:
            raise FileNotFoundError(
                f"no latents in {self.folder}: make them with `spacetime train latents`"
            )
        return [self._sets[source.name] for source in self.sources if source.name in self._sets]

    def _look(self, source: Source) -> None:
        known, there = self._read[source.name], hinted_paths(self.folder, source, self.hints)
        new = [path for path in there if path not in known]
        if not new:
            return
        known.update(new)
        found = read_paths(new, source, self.tokenizer, self.hints)
        kept = ("latents", "keys", *(("hints",) if self.hints else ()))
        found = replace(found, **{name: getattr(found, name).to(self.device) for name in kept})
        before = self._sets.get(source.name)
        self._sets[source.name] = found if before is None else _joined(before, found)


def hinted_paths(folder: Path, source: Source, hints: HintFolder | None) -> list[Path]:
    """Existing shard files of a source; with a hint folder, only those that have hints."""
    paths = shard_paths(folder, source)
    return paths if hints is None else [path for path in paths if hints.path(path).exists()]


def read_paths(
    paths: Sequence[Path], source: Source, tokenizer: Tokenizer, hints: HintFolder | None
) -> LatentSet:
    """Read the clips of a source's shards, with their hints if there is a hint folder."""
    shards = [read_shard(path) for path in paths]
    if hints is None:
        return collect(shards, source, tokenizer)
    told = [without_what_is_shown(hints.kind, shard) for shard in shards]
    found = collect(told, source, tokenizer)
    weights = [hint_weight(hints.kind, text) for shard in shards for text in shard.short]
    return replace(
        found,
        hints=torch.cat([hints.read(path) for path in paths]),
        weights=found.weights * torch.tensor(weights),
    )


def _joined(one: LatentSet, other: LatentSet) -> LatentSet:
    values = {
        field.name: torch.cat([getattr(one, field.name), getattr(other, field.name)])
        for field in fields(LatentSet)
        if isinstance(getattr(one, field.name), Tensor)
    }
    return replace(one, **values)


@contextmanager
def makers(
    count: int,
    folder: Path,
    sources: Sequence[Source],
    seed: int,
    vae_file: Path,
    device: str,
    hints: HintFolder | None = None,
) -> Iterator[None]:
    """Context in which ``count`` processes keep making shards and their hints."""
    context = multiprocessing.get_context("spawn")
    shared = (folder, sources, seed, vae_file, device, hints)
    crew = [
        context.Process(target=_make, args=(part, count, *shared), daemon=True)
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


def await_shard(folder: Path, sources: Sequence[Source], hints: HintFolder | None = None) -> None:
    """Wait until a folder has a shard of any of the sources, with its hints.

    Raises:
        TimeoutError: there is none after ``PATIENCE`` seconds.
    """
    end = time.monotonic() + PATIENCE
    while not any(hinted_paths(folder, source, hints) for source in sources):
        if time.monotonic() > end:
            raise TimeoutError(f"no clips appeared in {folder} within {PATIENCE:.0f} s")
        time.sleep(0.2)


def _make(
    part: int,
    parts: int,
    folder: Path,
    sources: Sequence[Source],
    seed: int,
    vae_file: Path,
    device: str,
    hints: HintFolder | None,
) -> None:
    torch.set_num_threads(1)
    vae = build_vae(read_vae(vae_file)).to(device)
    jobs = islice(in_turn(sources, endless=True), part, None, parts)
    if hints is None:
        make_shards(folder, jobs, seed, vae, device=device)
    else:
        make_hinted_shards(folder, hints, jobs, seed, vae, device=device)
