"""Node previews: the subset of `comfy_api.v0_0_2.ui` that the nodes use, with the same meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ...graph.schema import ComfyNode, UIOutput
from ...graph.sockets import FolderType


class SavedResult(dict[str, str]):
    """A file in one of the host's folders."""

    def __init__(self, filename: str, subfolder: str, type: FolderType) -> None:
        super().__init__(filename=filename, subfolder=subfolder, type=type.value)

    @property
    def filename(self) -> str:
        """The file's name without its folder."""
        return self["filename"]

    @property
    def subfolder(self) -> str:
        """The folder below the host's folder, "" for none."""
        return self["subfolder"]

    @property
    def type(self) -> FolderType:
        """The host's folder."""
        return FolderType(self["type"])


class SavedImages(UIOutput):
    """One or more saved images, animated or not."""

    def __init__(self, results: list[SavedResult], is_animated: bool = False) -> None:
        self.results = results
        self.is_animated = is_animated

    def as_dict(self) -> dict[str, Any]:
        """Return {"images": [...]}, with "animated" if they are."""
        animated = {"animated": (True,)} if self.is_animated else {}
        return {"images": self.results, **animated}


class PreviewImage(UIOutput):
    """Images (B, H, W, C) for the editor to show; without an editor no file is written."""

    def __init__(
        self, image: torch.Tensor, animated: bool = False, cls: type[ComfyNode] | None = None
    ) -> None:
        self.values: list[SavedResult] = []
        self.animated = animated

    def as_dict(self) -> dict[str, Any]:
        """Return {"images": [], "animated": (animated,)}."""
        return {"images": self.values, "animated": (self.animated,)}


class PreviewVideo(UIOutput):
    """One or more saved videos."""

    def __init__(self, values: Sequence[SavedResult | Mapping[str, str]]) -> None:
        self.values = values

    def as_dict(self) -> dict[str, Any]:
        """Return {"images": [...], "animated": (True,)}."""
        return {"images": list(self.values), "animated": (True,)}


class PreviewText(UIOutput):
    """A line of text."""

    def __init__(self, value: str) -> None:
        self.value = value

    def as_dict(self) -> dict[str, Any]:
        """Return {"text": (value,)}."""
        return {"text": (self.value,)}


__all__ = ["PreviewImage", "PreviewText", "PreviewVideo", "SavedImages", "SavedResult"]
