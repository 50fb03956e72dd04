"""`spacetime world`: write clips of the toy world to disk, each with its ground truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track

from ..media import new_folder, prove_writable, save_image, to_frame_rate
from ..toyworld import KINDS, Scene, caption, draw_scene, render
from .failure import message_of
from .streams import INTERRUPTED, print_results, tell
from .world_files import strip_of, strip_sheet, write_clip

ANY = "any"
OVERVIEW = "overview.png"
MOST_SHOWN = 24
"""Maximum number of clips that the overview shows."""
MOST_PIXELS = 2**28
"""Limit per clip, which is rendered at once: 11 GB with its masks and depth."""


@dataclass(frozen=True, kw_only=True)
class WorldOptions:
    """Options from the command line; None lets the seed choose."""

    folder: Path
    count: int
    kind: str
    seed: int
    frames: int
    width: int
    height: int
    fps: float
    style: str | None
    camera: str | None
    loop: bool


def world_command(options: WorldOptions) -> int:
    """Write the clips, print where they are, and return the exit code."""
    try:
        _check(options)
        scenes = draw_scenes(options)
        _check_free(options.folder, scenes)
        lines = write_world(options, scenes)
    except KeyboardInterrupt:
        tell("interrupted")
        return INTERRUPTED
    except Exception as problem:  # any error ends in one message
        tell(message_of(problem))
        return 1
    return print_results(lines)


def draw_scenes(options: WorldOptions) -> list[Scene]:
    """Draw one scene per seed, starting with the first seed."""
    kind = "loop" if options.loop else None if options.kind == ANY else options.kind
    seeds = range(options.seed, options.seed + options.count)
    duration = options.frames / options.fps
    return [
        draw_scene(seed, kind=kind, style=options.style, camera=options.camera, duration=duration)
        for seed in seeds
    ]


def write_world(options: WorldOptions, scenes: Sequence[Scene]) -> list[str]:
    """Render and write every scene and the overview; return a line for each item written."""
    lines, strips = [], []
    for scene in track(scenes, "clips", console=Console(stderr=True), disable=len(scenes) < 2):
        clip = render(
            [scene],
            frames=options.frames,
            height=options.height,
            width=options.width,
            fps=options.fps,
        )
        with new_folder(options.folder / folder_name(scene)) as folder:
            write_clip(folder, scene, clip, options.fps)
        lines.append(f"{options.folder / folder_name(scene)}  {caption(scene)}")
        if len(strips) < MOST_SHOWN:
            strips.append(strip_of(clip.video[0], caption(scene)))
    overview = options.folder / OVERVIEW
    save_image(overview, strip_sheet(strips))
    return [*lines, f"{overview}  {len(strips)} of {len(scenes)} clips at a glance"]


def folder_name(scene: Scene) -> str:
    """Return the name of a clip's folder, such as "hits_000003"."""
    return f"{scene.kind}_{scene.seed:06}"


def _check(options: WorldOptions) -> None:
    if options.kind not in (ANY, *KINDS):
        names = ", ".join((*KINDS, ANY))
        raise ValueError(f"unknown kind {options.kind!r}: use one of {names}")
    if options.loop and options.kind not in (ANY, "single", "loop"):
        raise ValueError(f"--loop cannot be combined with --kind {options.kind}: use only one")
    to_frame_rate(options.fps)
    _check_size(options)
    prove_writable(options.folder)


def _check_size(options: WorldOptions) -> None:
    pixels = options.frames * options.width * options.height
    if pixels > MOST_PIXELS:
        raise ValueError(
            f"clips of {options.frames} frames of {options.width}x{options.height} are too large "
            f"to render at once: use at most {MOST_PIXELS // (options.width * options.height)} "
            "frames of this size, or a smaller size"
        )


def _check_free(folder: Path, scenes: Sequence[Scene]) -> None:
    taken = [name for name in map(folder_name, scenes) if (folder / name).exists()]
    if taken:
        raise ValueError(
            f"{folder} already holds {taken[0]}"
            + (f" and {len(taken) - 1} more of these clips" if len(taken) > 1 else "")
            + ": use another folder or another --seed"
        )
