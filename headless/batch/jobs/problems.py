"""Why a batch cannot start: everything that is wrong with its jobs, reported at once."""

from collections.abc import Sequence

from ....graph.errors import LISTED
from ....media import counted


class BatchError(ValueError):
    """Jobs that cannot run; ``problems`` lists everything that is wrong with them."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        count = len(self.problems)
        lines = "".join(f"\n- {problem}" for problem in self.problems[:LISTED])
        more = f"\n- and {count - LISTED} more" if count > LISTED else ""
        super().__init__(
            f"the batch has {counted(count, 'problem')}; nothing was run:{lines}{more}"
        )
