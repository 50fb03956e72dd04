"""Measure Drag and Animate: objects cut out, moved, and then regenerated without a ControlNet.

B batch, F frames, H rows, W columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from random import Random
from typing import NamedTuple

import torch
from torch import Tensor

from ...media.fit import Size
from ...motion import Tracks
from ...motion.layers import RoughClip, animated, layers_of
from ...motion.path import points_under
from ...timeline import Timeline
from ...timeline.plans import animated as begun_with
from ...timeline.plans import dragged
from ...toyworld import Clip, caption, draw_scene
from ..cases import FPS, HELD_OUT, SQUARE, Case, true_clips
from ..figures import Figure, Mean, Share, Table
from ..readers import Readers
from ..scores.alignment import read_clip
from ..scores.placing import Placed, off_track
from ..studio import ClipMaker, Maker
from ..tasks import Seen, Task
from ..timeline.running import finished, laid_out
from ..timeline.versions import share_of, table_of_versions
from .tables import GROUP, verdict

NEAR = 0.08
"""Largest distance of an object's centre from its path in any frame, as a share of the width."""

BAR = 0.8
"""Share of clips whose object must stay that near."""

CHANGE, AROUND, GUIDANCE = 0.4, 0.9, 1.0
"""Noise ceiling of moving parts, that of everything else, and guidance, as in the example
workflow."""

DRAGGED, STILL, CUT_OUT = "dragged", "first frame alone", "cut-outs"
ON_PATH, OFF = "within 8 % in every frame", "centre's error, of the width"

_ACROSS, _UP = (0.25, 0.45), (-0.1, 0.1)
"""Distance that an object is dragged to the side with more room, as a share of the width, and
vertical drift and bend of its path, as shares of the height."""

_FIRST = HELD_OUT + 150_000_000


class Way(NamedTuple):
    """Wanted path of a clip's object.

    Attributes:
        colour: colour of the object.
        x, y: its centre in pixels (F,).
    """

    colour: str
    x: list[float]
    y: list[float]


def drag_task(count: int, maker: ClipMaker) -> Task:
    """Task that drags the still object of each case along its own path."""
    cases = drag_cases(count)
    return Task(f"{GROUP}: drag", cases, partial(_run, cases, maker))


def drag_cases(count: int) -> tuple[Case, ...]:
    """Draw held-out scenes of one object that stands still."""
    duration = SQUARE.frames / FPS
    scenes = (
        draw_scene(_FIRST + n, kind="single", motion="stays still", duration=duration)
        for n in range(count)
    )
    return tuple(Case(scene, SQUARE, number) for number, scene in enumerate(scenes))


def way_of(case: Case, clip: Clip) -> Way:
    """Draw a bent path for a case's object, from its place in the true clip (a batch of one)."""
    draws, (height, width) = Random(case.scene.seed), clip.video.shape[2:4]
    start = clip.tracks[0, 0, 0, :2]
    side = 1 if start[0] < width / 2 else -1
    move = torch.tensor([side * draws.uniform(*_ACROSS) * width, draws.uniform(*_UP) * height])
    bend = torch.tensor([0.0, draws.uniform(*_UP) * height])
    share = torch.linspace(0, 1, clip.video.shape[1])[:, None]
    x, y = (start + share * move + 4 * share * (1 - share) * bend).unbind(1)
    return Way(case.scene.objects[0].colour, x.tolist(), y.tolist())


def cut_out(clip: Clip, way: Way) -> RoughClip:
    """Cut out and move the object in the first frame of a clip (a batch of one)."""
    centre = torch.tensor([way.x, way.y]).T  # (F, 2)
    shape, size = clip.masks[0, 0, 0].float(), Size(*clip.video.shape[2:4])
    tracks = Tracks.seen(points_under(shape)[:, None] + centre - centre[0])
    return animated(clip.video[0, 0], layers_of(shape, tracks, size))


def look_at_drag(clips: Tensor, way: Way) -> list[tuple[bool, float]]:
    """Whether each version (K, F, H, W, 3) has its object on its path, and its mean distance."""
    x, y = torch.tensor(way.x), torch.tensor(way.y)
    wanted = Placed(x, y, torch.zeros(len(x)), torch.ones(len(x), dtype=torch.bool))
    found = []
    for clip in clips:
        away = off_track(read_clip(clip, FPS), way.colour, wanted, clip.shape[2])
        found.append((float(away.max()) <= NEAR, float(away.mean())))
    return found


def _run(cases: Sequence[Case], maker: ClipMaker, _: Maker, readers: Readers, seen: Seen) -> Table:
    def make(batch: Sequence[Case]) -> tuple[dict[str, Tensor], list[Way]]:
        clips = [true_clips([case]) for case in batch]
        ways = [way_of(*each) for each in zip(batch, clips, strict=True)]
        return _versions(maker, batch, clips, ways), ways

    table = table_of_versions("drag", cases, make, look_at_drag, _column, readers, seen)
    share = table.rows[ON_PATH][DRAGGED]
    assert isinstance(share, Share)
    reached = share.right / share.trials
    note = f"{verdict(reached >= BAR)}: {ON_PATH}: {100 * reached:.0f} % of clips, "
    return replace(table, group=GROUP, notes=(f"{note}{100 * BAR:.0f} % required",))


def _versions(
    maker: ClipMaker, batch: Sequence[Case], clips: Sequence[Clip], ways: Sequence[Way]
) -> dict[str, Tensor]:
    """Dragged clips (B, F, H, W, 3), and the versions to compare them with."""
    rough = [cut_out(*each) for each in zip(clips, ways, strict=True)]
    form = maker.model.latent.compression
    moved = [
        dragged(
            each.frames, each.moving, FPS, change=CHANGE, change_around=AROUND, compression=form
        )
        for each in rough
    ]
    begun = [begun_with(clip.video[0, 0], SQUARE.frames, FPS, compression=form) for clip in clips]
    rough_clips = torch.stack([each.frames for each in rough])
    return {
        DRAGGED: _made(maker, batch, moved),
        STILL: _made(maker, batch, begun),
        CUT_OUT: maker.decode(maker.encode(rough_clips)),
    }


def _made(maker: ClipMaker, batch: Sequence[Case], timelines: Sequence[Timeline]) -> Tensor:
    """Generate the clips (B, F, H, W, 3) of timelines; prompts do not mention motion."""
    prompts = [caption(case.scene, omit=frozenset(["motion"])) for case in batch]
    guider = maker.guider(prompts, scale=GUIDANCE)
    made = maker.run(batch, guider, laid_out(maker, timelines))
    return finished(maker, timelines, made, fade=0)


def _column(findings: Sequence[tuple[bool, float]]) -> Mapping[str, Figure]:
    near, off = zip(*findings, strict=True)
    return {ON_PATH: share_of(near), OFF: Mean.of([100 * each for each in off], "%")}
