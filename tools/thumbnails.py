"""Thumbnails of the example workflows: their results with the shipped weights."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ..graph.executor import Event
from ..headless.engine import Engine, Job, saved_files
from ..hosts.standalone.folders import Folders
from ..hosts.standalone.host import StandaloneHost
from ..media import film_strips, load_image, read_video, resize

TILE = 192
"""Longer side of a frame in pixels."""

SHOWN = {".png", ".mp4"}
"""Viewable files that a graph may save; it may also save states and tables."""

WHOLE_CLIP, LONGEST = 6, 129
"""Frames shown of a single clip, in two rows; maximum frames read per clip."""


def write_thumbnails(folder: Path, device: str = "cpu") -> Iterator[Path]:
    """Run every workflow of a folder and save a JPEG of its results beside it.

    Yields:
        The path of each image once it is saved.
    """
    engine = Engine(StandaloneHost(device=device))
    for workflow in sorted(folder.glob("*.json")):
        saved = json.loads(workflow.read_text(encoding="utf-8"))
        with tempfile.TemporaryDirectory() as made:
            folders = Folders.of(input=Path(made) / "input", output=Path(made) / "output")
            events: list[Event] = []
            engine.run(Job(workflow=saved, folders=folders), events.append)
            files = [Path(file) for event in events for file in saved_files(event, folders)]
            picture = thumbnail([_read(file) for file in files if file.suffix in SHOWN])
        path = workflow.with_suffix(".jpg")
        pixels = (picture.clamp(0, 1) * 255).round().byte().numpy()
        Image.fromarray(pixels).save(path, quality=88, optimize=True)
        yield path


def thumbnail(clips: list[Tensor]) -> Tensor:
    """Combine clips (F, H, W, 3) into one image (H, W, 3): rows of three frames, an image as it is.

    Raises:
        ValueError: there are no clips.
    """
    if not clips:
        raise ValueError("the graph saved no image and no video: it has nothing to show")
    shown = [_tiles(clip) for clip in clips]
    if len(shown) == 1 and len(shown[0]) >= WHOLE_CLIP:
        (clip,) = shown
        places = torch.linspace(0, len(clip) - 1, WHOLE_CLIP).round().long()
        shown = list(clip[places].chunk(2))
    return film_strips(shown, 3, gap=0)


def _tiles(clip: Tensor) -> Tensor:
    _, height, width, _ = clip.shape
    scale = TILE / max(height, width)
    return resize(clip, round(height * scale), round(width * scale))


def _read(path: Path) -> Tensor:
    if path.suffix == ".png":
        return load_image(path).pixels[None, ..., :3]
    return next(read_video(path, chunk=LONGEST))
