"""Versions of the same cases, made and judged beside each other.

B batch, F frames, H rows, W columns.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from ..cases import Case, batches
from ..figures import Figure, Share, Table
from ..readers import Readers
from ..stopping import keeping
from ..tasks import Seen
from .tables import GROUP

GENERATED, TRUTH, BASELINE = "generated", "true clips", "plain noise mask"

Finding = TypeVar("Finding")

Make = Callable[[Sequence[Case]], tuple[Mapping[str, Tensor], Sequence[Any]]]
"""A batch of cases -> versions (B, ..., F, H, W, 3) by name, and what is asked of each case."""


def table_of_versions(
    title: str,
    cases: Sequence[Case],
    make: Make,
    look: Callable[[Tensor, Any], Sequence[Finding]],
    column: Callable[[Sequence[Finding]], Mapping[str, Figure]],
    readers: Readers,
    seen: Seen,
) -> Table:
    """One column for each version; what there is of it where the measurement is interrupted.

    Args:
        title: of the table.
        cases: all of them.
        make: makes the versions of a batch of them, the first one for the first column.
        look: a function of a module, of versions (K, ..., F, H, W, 3) of one case and what is asked
            of it.
        column: the figures of all findings of one version.
        readers: that look.
        seen: told of the first version of each batch.

    Raises:
        Stopped: the measurement was interrupted.
    """
    found: dict[str, list[Finding]] = {}
    with keeping(found, lambda: _table(title, found, column)):
        for batch in batches(cases):
            versions, asked = make(batch)
            clips = list(torch.stack(list(versions.values()), dim=1))
            for each in readers.map(look, clips, asked):
                for name, finding in zip(versions, each, strict=True):
                    found.setdefault(name, []).append(finding)
            seen(batch, next(iter(versions.values())))
    return _table(title, found, column)


def _table(
    title: str,
    found: Mapping[str, Sequence[Finding]],
    column: Callable[[Sequence[Finding]], Mapping[str, Figure]],
) -> Table:
    rows: dict[str, dict[str, Figure]] = {}
    for name, findings in found.items():
        for row, figure in column(findings).items():
            rows.setdefault(row, {})[name] = figure
    return Table(GROUP, title, rows)


def share_of(passed: Sequence[bool]) -> Share:
    """How many pass."""
    return Share(sum(passed), len(passed))
