"""Saved graphs on the shipped weights, in the standalone host."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from spacetime_video import hosts
from spacetime_video.graph.executor import Executor
from spacetime_video.graph.registry import Registry
from spacetime_video.headless.engine import standalone_registry
from spacetime_video.hosts.standalone.folders import Folders, use_folders
from spacetime_video.hosts.standalone.host import StandaloneHost

Prompt = Mapping[str, Mapping[str, Any]]

SHORTENED = 65
"""Frames of longer clips in tests: three chunks of Sample Long Video."""


@pytest.fixture(scope="module")
def registry() -> Registry:
    host = StandaloneHost(device="cpu", dtype="fp32")
    hosts.use(host)
    return standalone_registry(host)


@pytest.fixture
def run(registry: Registry, tmp_path: Path) -> Callable[..., list[Path]]:
    """Run a prompt, in few steps if it samples and not for long, and find what it saved."""

    def run(prompt: Prompt, *, steps: int = 3) -> list[Path]:
        folders = Folders.of(input=tmp_path / "input", output=tmp_path / "output")
        with use_folders(folders):
            result = Executor(registry).run(shortened(prompt, steps))
        return [
            folders.output / item["subfolder"] / item["filename"]
            for ui in result.outputs.values()
            for item in ui.get("images", ())
        ]

    return run


def shortened(prompt: Prompt, steps: int) -> dict[str, dict[str, Any]]:
    return {key: {**node, "inputs": _shortened(node, steps)} for key, node in prompt.items()}


def _shortened(node: Mapping[str, Any], steps: int) -> dict[str, Any]:
    if node["class_type"] == "SpacetimeSchedule":
        return {**node["inputs"], "steps": steps}
    if node["class_type"] == "SpacetimeSampleSteps":
        return {**node["inputs"], "stop_after": steps - 1}
    if node["class_type"] == "SpacetimeEmptyVideo":
        return {**node["inputs"], "frames": min(node["inputs"]["frames"], SHORTENED)}
    return node["inputs"]
