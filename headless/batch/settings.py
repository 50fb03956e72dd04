"""What the results of a batch depend on besides its jobs; recorded, and kept on resuming."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ...media import plain_path


@dataclass(frozen=True, kw_only=True)
class BatchSettings:
    """Folders, device and number format, as for `spacetime run`.

    Args:
        input_dir: folder with the files that graphs load.
        output_dir: folder with earlier results that graphs load, and for those of the batch.
        models_dir: ComfyUI-style folder of weights.
        device: auto, cpu, cuda or cuda:N.
        dtype: auto, fp32, bf16 or fp16.
        metadata: whether saved files carry their graph.
        pack: maximum jobs computed together; 0 for as many as is worthwhile.
    """

    input_dir: str = "input"
    output_dir: str = "output"
    models_dir: str = "models"
    device: str = "auto"
    dtype: str = "auto"
    metadata: bool = True
    pack: int = 0

    @classmethod
    def of(cls, recorded: Mapping[str, Any], given: Mapping[str, Any]) -> "BatchSettings":
        """Return the recorded settings of a batch, overridden by those given.

        Args:
            recorded: settings as returned by `as_json`; empty for a new batch.
            given: settings by name; None where not set.
        """
        told = {name: value for name, value in given.items() if value is not None}
        return replace(cls(), **{**recorded, **told})

    def as_json(self) -> dict[str, Any]:
        """Return its values, with absolute folders, since a batch may resume from elsewhere."""
        folders = {name: str(plain_path(getattr(self, name))) for name in _FOLDERS}
        return {**asdict(self), **folders}


_FOLDERS = ("input_dir", "output_dir", "models_dir")
