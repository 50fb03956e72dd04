"""Encoded hints for encoded clips: a folder per kind, with the clips' file names.

B batch, C channels, F latent frames, H rows, W columns.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from ..model_loaders.files import write_file
from ..models.vae.network import VideoVAE
from .hints import HINTS, HintKind
from .latents import (
    RenderedPart,
    Source,
    encode_pictures,
    fingerprint,
    frame_rate,
    is_made,
    make_shard,
    read_header,
    render_parts,
    write_shard,
)


@dataclass(frozen=True)
class HintFolder:
    """Folder with the hints of one kind.

    Args:
        folder: folder of the shards.
        kind: kind of the hints.
    """

    folder: Path
    kind: HintKind

    @classmethod
    def of(cls, run: Path, kind: HintKind) -> "HintFolder":
        """Return a run's hint folder for a kind."""
        return cls(run / "hints" / kind, kind)

    def path(self, shard: Path) -> Path:
        """Path of the hints for a shard of clips."""
        return self.folder / shard.name

    def read(self, shard: Path) -> Tensor:
        """Read the raw latents (B, C, F, H, W), float16, of the hints for a shard of clips."""
        with safe_open(self.path(shard), framework="pt") as file:
            return file.get_tensor("hints")


def make_hinted_shards(
    folder: Path,
    hints: HintFolder,
    jobs: Iterable[tuple[Source, int]],
    seed: int,
    vae: VideoVAE,
    *,
    device: torch.device | str = "cpu",
) -> None:
    """Make the missing shards of clips in a folder, and their missing hints.

    Args:
        folder, jobs, seed, vae, device: as for ``make_shards``.
        hints: folder for the hints.

    Raises:
        ValueError: existing clips show other scenes than the seed gives now.
    """
    for each in (folder, hints.folder):
        each.mkdir(parents=True, exist_ok=True)
    code = fingerprint(vae)
    for source, number in jobs:
        path = source.path(folder, number)
        if is_made(path, code) and is_made(hints.path(path), code):
            continue
        parts = list(render_parts(source, number, seed, device))
        if not is_made(path, code):
            write_shard(path, make_shard(source, number, seed, vae, parts), code)
        made = encoded_hints(hints.kind, source, number, vae, parts)
        _write(hints, path, made, parts, code)


@torch.inference_mode()
def encoded_hints(
    kind: HintKind, source: Source, number: int, vae: VideoVAE, parts: Iterable[RenderedPart]
) -> Tensor:
    """Encode the hints of a rendered shard to raw latents (B, C, F, H, W), float16."""
    fps, pictures = frame_rate(number), HINTS[kind]
    device = next(vae.parameters()).device
    each = (pictures(part, fps).to(device) for part in parts)
    return torch.cat([encode_pictures(vae, made, loop=source.loop) for made in each])


def _write(
    hints: HintFolder, shard: Path, made: Tensor, parts: Iterable[RenderedPart], code: str
) -> None:
    kinds = [scene.kind for part in parts for scene in part.scenes]
    if read_header(shard)["kinds"] != kinds:
        raise ValueError(
            f"{shard} shows other scenes than the toy world generates now: render its clips again "
            "in a new folder"
        )
    header = {"vae": code, "hint": hints.kind}
    write_file(hints.path(shard), {"hints": made}, {"shard": json.dumps(header)})
