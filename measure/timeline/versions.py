"""Versions of the same cases, generated and judged side by side.

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
"""Batch of cases -> versions (B, ..., F, H, W, 3) by name, and reference data for each case."""


def table_of_versions(
    title: str,
    cases: Sequence[Case],
    make: Make,
    look: Callable[[Tensor, Any], Sequence[Finding]],
    column: Callable[[Sequence[Finding]], Mapping[str, Figure]],
    readers: Readers,
    seen: Seen,
) -> Table:
    """Make a table with one column per version; a partial one if the measurement is interrupted.

    Args:
        title: title of the table.
        cases: all cases.
        make: generates the versions of a batch; the first version is the first column.
        look: module-level function of the versions (K, ..., F, H, W, 3) and the reference data of
            one case.
        column: computes the figures from all findings of one version.
        readers: processes that call ``look``.
        seen: called with the first version of each batch.

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
    """Share that passes."""
    return Share(sum(passed), len(passed))
