"""Measure whether loops close: compare their wrap with every other step.

B batch, C channels, F frames, H rows, W columns.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from statistics import median
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor

from ...training.latents import encode_loop
from ..cases import Case, batches, true_clips
from ..figures import Figure, Number, Share, Table
from ..readers import Readers
from ..scores.joins import METERS
from ..scores.signals import read_signals
from ..scores.stability import Closure, read_closure, read_motion
from ..stopping import keeping
from ..studio import ClipMaker, Maker
from ..tasks import Seen, Task
from .baselines import by_roll
from .cases import looping, travelling
from .making import decoded_loop
from .tables import GROUP

TITLE = "loop"
FRAMES = 32

_LOOPS, _OPEN = 10, 11


class Turn(NamedTuple):
    """How one turn of a loop closes, and how much moves in it, in 1/255."""

    closure: Closure
    motion: float


def loop_task(count: int, maker: ClipMaker) -> Task:
    """Return the task of generating loops of `FRAMES` frames from prompts alone."""
    cases = tuple(looping(_LOOPS, count, FRAMES))
    clips = tuple(travelling(_OPEN, count, FRAMES))
    return Task(f"{GROUP}: {TITLE}", cases, partial(_run, cases, clips, maker))


def judge_turns(turns: Tensor, _: None) -> list[Turn]:
    """Judge versions (K, F, H, W, 3) of one turn."""
    found: list[Turn] = []
    for turn in turns:
        signals = read_signals(turn, loop=True)
        found.append(Turn(read_closure(signals), read_motion(turn, signals).amount))
    return found


def _run(
    cases: Sequence[Case],
    clips: Sequence[Case],
    maker: ClipMaker,
    _: Maker,
    readers: Readers,
    seen: Seen,
) -> Table:
    found: dict[str, list[Turn]] = {}
    with keeping(found, lambda: _table(found)):
        for batch, others in zip(batches(cases), batches(clips), strict=True):
            versions = _versions(maker, batch, others)
            each_turn = list(torch.stack(list(versions.values()), dim=1))
            for turns in readers.map(judge_turns, each_turn, [None] * len(batch)):
                for name, turn in zip(versions, turns, strict=True):
                    found.setdefault(name, []).append(turn)
            seen(batch, versions["generated"])
    return _table(found)


def _table(found: Mapping[str, Sequence[Turn]]) -> Table:
    rows: dict[str, dict[str, Figure]] = {}
    for column, turns in found.items():
        for row, figure in _column(turns).items():
            rows.setdefault(row, {})[column] = figure
    return Table(GROUP, TITLE, rows)


def _versions(
    maker: ClipMaker, batch: Sequence[Case], others: Sequence[Case]
) -> Mapping[str, Tensor]:
    """One turn (B, F, H, W, 3) of each version."""
    made = maker.sample(batch, loop=True)
    video = rearrange(true_clips(batch).video, "B F H W C -> B C F H W") * 2 - 1
    with torch.inference_mode():
        true = encode_loop(maker.vae, video.to(maker.coder.device, maker.coder.dtype))
    open_clips = maker.decode(maker.encode(_whole(others)))
    return {
        "generated": decoded_loop(maker, made),
        "true loops": decoded_loop(maker, true.float().cpu()),
        "decoded after one latent": decoded_loop(maker, made, context=1),
        "plain roll": decoded_loop(maker, by_roll(maker, batch)),
        "open clips": open_clips[:, -FRAMES:],
    }


def _whole(cases: Sequence[Case]) -> Tensor:
    """True clips with one frame more than a turn."""
    longer = [Case(c.scene, c.shape._replace(frames=FRAMES + 1), c.seed) for c in cases]
    return true_clips(longer).video


def _column(turns: Sequence[Turn]) -> dict[str, Figure]:
    closures = [turn.closure for turn in turns]
    figures: dict[str, Figure] = {
        "closes": Share(sum(each.wrap.passed for each in closures), len(closures))
    }
    for meter in METERS:
        wraps = [each.wrap for each in closures if meter in each.wrap.deviations]
        passed = [meter not in wrap.failed for wrap in wraps]
        if passed:
            figures[f"by {meter}"] = Share(sum(passed), len(passed))
    figures["wrap relative to inner steps, median"] = _median([each.step for each in closures])
    figures["wrap relative to inner second differences, median"] = _median(
        [c.second_difference for c in closures]
    )
    figures["motion, median"] = Number(round(median(turn.motion for turn in turns), 2), "/255")
    return figures


def _median(values: Sequence[float]) -> Number:
    return Number(round(median(values), 3))
