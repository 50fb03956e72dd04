"""Edits of a whole clip: another setting, or another colour of the object.

B batch, C channels, F frames, H rows, W columns.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median

import numpy as np
import torch
from torch import Tensor

from ...samplers.flow_edit import SOURCE, flow_edit
from ...samplers.solvers import SOLVERS
from ...timeline.plans import edited
from ...toyworld import COLOURS, SETTINGS
from ..cases import FPS, Case, true_clips
from ..figures import Figure, Number, Table
from ..readers import Readers
from ..scores.changes import Edited, Wanted, judge_edit
from ..studio import ClipMaker, Maker
from ..tasks import Seen, Task
from .cases import travelling
from .running import finished, laid_out
from .tables import GROUP
from .versions import TRUTH, share_of, table_of_versions

FRAMES = 17
GUIDANCE = 3.0
"""Guidance scale of the target prompt; at 1, edits hardly change a colour."""

BOTH = "asked, kept and followed"

_FLOW_EDIT, _SDEDIT = (0.7, 0.8), (0.6, 0.7, 0.8)
_SETTING, _COLOUR = 30, 31


_Asked = tuple[str, str, str, str, np.ndarray]
"""The changed property; setting, colour and shape of the result; the track (F, 2)."""


@dataclass(frozen=True)
class _Edit:
    """An edit of one property of clips.

    Args:
        asked: property to change, setting or colour.
        cases: cases of the given clips.
    """

    asked: str
    cases: tuple[Case, ...]

    def wanted(self, case: Case) -> Case:
        """The case after the edit."""
        return _changed(case, self.asked)

    def spoiled(self, case: Case) -> Case:
        """The case after the requested change and an unrequested one."""
        return _changed(self.wanted(case), "colour" if self.asked == "setting" else "setting")


def edit_tasks(count: int, maker: ClipMaker) -> list[Task]:
    """Tasks for edits of the setting and of the colour."""
    jobs = [
        _Edit(asked, tuple(travelling(group, count, FRAMES)))
        for asked, group in (("setting", _SETTING), ("colour", _COLOUR))
    ]
    return [Task(f"{GROUP}: {_title(job)}", job.cases, partial(_run, job, maker)) for job in jobs]


def look_at_edits(clips: Tensor, asked: _Asked) -> list[Edited]:
    """Judge versions (K, F, H, W, 3) of an edit."""
    what, setting, colour, shape, track = asked
    wanted = Wanted(what, setting, colour, shape, torch.from_numpy(track))
    return [judge_edit(clip, wanted, FPS) for clip in clips]


def _run(job: _Edit, maker: ClipMaker, _: Maker, readers: Readers, seen: Seen) -> Table:
    def make(batch: Sequence[Case]) -> tuple[dict[str, Tensor], list[_Asked]]:
        return _versions(job, maker, batch), [_asked(job, case) for case in batch]

    column = partial(_column, job.asked)
    return table_of_versions(_title(job), job.cases, make, look_at_edits, column, readers, seen)


def _title(job: _Edit) -> str:
    return f"edit of the {job.asked}"


def _versions(job: _Edit, maker: ClipMaker, batch: Sequence[Case]) -> dict[str, Tensor]:
    """Edits by every method, the true result, and versions that must not pass."""
    wanted = [job.wanted(case) for case in batch]
    source, target = ([case.prompt for case in each] for each in (batch, wanted))
    video, true, spoiled = (
        true_clips(each).video for each in (batch, wanted, [job.spoiled(case) for case in batch])
    )
    change = partial(_changed_clips, maker, batch, video, target)
    controls = {
        TRUTH: true,
        "unchanged": video,
        "played backwards": true.flip(1),
        "more is changed": spoiled,
    }
    return {
        **{f"FlowEdit {strength:g}": change(strength, source) for strength in _FLOW_EDIT},
        **{f"SDEdit {strength:g}": change(strength) for strength in _SDEDIT},
        "text alone": change(1.0),
        **{name: maker.decode(maker.encode(clips)) for name, clips in controls.items()},
    }


def _changed_clips(
    maker: ClipMaker,
    batch: Sequence[Case],
    video: Tensor,
    target: Sequence[str],
    strength: float,
    source: Sequence[str] | None = None,
) -> Tensor:
    """Edit clips (B, F, H, W, 3) as Edit Video does, with FlowEdit if there are source prompts."""
    change, form = torch.full((1, *video.shape[2:4]), strength), maker.model.latent.compression
    timelines = [edited(clip, FPS, change=change, compression=form) for clip in video]
    guider, sampler = maker.guider(target, scale=GUIDANCE), None
    if source is not None:
        sampling, known = maker.host.sampling, maker.conditioning(source)
        guider = sampling.with_further(guider, SOURCE, known, known, 1.0)
        guider = sampling.with_wrapper(guider, flow_edit(), innermost=True)
        sampler = sampling.make_sampler(
            SOLVERS["euler"], {}
        )  # a stochastic one would lose the clip
    made = maker.run(batch, guider, laid_out(maker, timelines), sampler=sampler)
    return finished(maker, timelines, made)


def _changed(case: Case, what: str) -> Case:
    """Give a case another setting, or its object another colour, chosen by the case's number."""
    scene = case.scene
    if what == "setting":
        other = _other(SETTINGS, scene.setting, case.seed)
        return replace(case, scene=replace(scene, setting=other))
    thing = scene.objects[0]
    thing = replace(thing, colour=_other(COLOURS, thing.colour, case.seed))
    return replace(case, scene=replace(scene, objects=(thing,)))


def _other(names: Mapping[str, object], name: str, number: int) -> str:
    rest = [each for each in names if each != name]
    return rest[number % len(rest)]


def _asked(job: _Edit, case: Case) -> _Asked:
    scene = job.wanted(case).scene
    thing, track = scene.objects[0], true_clips([case]).tracks[0, :, 0, :2].numpy()
    return job.asked, scene.setting, thing.colour, thing.shape, track


def _column(asked: str, edits: Sequence[Edited]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {
        f"the {asked} changed": share_of([each.asked for each in edits]),
        "the rest kept": share_of([each.kept for each in edits]),
        "track within 2 px": share_of([each.follows for each in edits]),
        BOTH: share_of([each.passed for each in edits]),
        "one object": share_of([each.alone for each in edits]),
    }
    off = [each.off for each in edits if math.isfinite(each.off)]
    if off:
        figures["off the track where seen, median"] = Number(round(median(off), 2), "px")
    return figures
