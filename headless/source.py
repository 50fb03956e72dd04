"""Read the command's workflow from a JSON file, standard input or a saved result."""

import sys
from pathlib import Path
from typing import Any

from ..graph.errors import WorkflowError
from ..graph.workflow import parse_workflow, read_workflow
from ..media import MOST_BYTES, image_tags, probe_video

STDIN = Path("-")

PICTURES = frozenset({".png", ".webp"})
VIDEOS = frozenset({".mp4", ".mov", ".m4v", ".mkv", ".webm"})
STATES = frozenset({".safetensors"})

TAGS = ("workflow", "prompt")
"""Metadata keys of a result's graph: as the editor saves it, and as it was run."""


def read_source(path: Path) -> dict[str, Any]:
    """Read the workflow that the command line names.

    Args:
        path: a workflow file, "-" for standard input, or an image, a video or a sampling state that
            carries its graph.

    Raises:
        WorkflowError: it contains no graph.
        ValueError, OSError: a result cannot be read.
    """
    if path == STDIN:
        return parse_workflow(sys.stdin.buffer.read(MOST_BYTES.value + 1), "standard input")
    if path.suffix.lower() not in PICTURES | VIDEOS | STATES:
        return read_workflow(path)
    return next(iter(read_graphs(path).values()))


def read_graphs(path: Path) -> dict[str, dict[str, Any]]:
    """Read the graphs that a result carries, by `TAGS`; there is at least one.

    Args:
        path: an image, a video or a sampling state.

    Raises:
        WorkflowError: it carries no graph.
        ValueError, OSError: it cannot be read.
    """
    tags = _tags(path, path.suffix.lower())
    found = {
        name: parse_workflow(tags[name].encode(), f"the {name} in {path}")
        for name in TAGS
        if tags.get(name)
    }
    if not found:
        raise WorkflowError(
            f"{path} carries no graph: it was saved without metadata, or re-saved by another "
            "program; use a workflow file"
        )
    return found


def _tags(path: Path, kind: str) -> dict[str, str]:
    if kind in PICTURES:
        return image_tags(path)
    if kind in VIDEOS:
        return {name.lower(): text for name, text in probe_video(path).metadata.items()}
    from ..model_loaders.load import read_file

    return dict(read_file(path, matrices=False).header)
