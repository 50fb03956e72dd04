"""`spacetime object-info`: describe the pack's nodes as ComfyUI's server does."""

import difflib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from .. import hosts
from ..graph.object_info import object_info
from ..hosts.standalone.host import StandaloneHost

MODULE = "custom_nodes.spacetime-video"
"""The module that ComfyUI reports for the nodes, with the pack in its usual folder."""


def describe_command(names: Sequence[str], models_dir: Path) -> int:
    """Print the JSON of ``/object_info`` for all or some nodes; return the exit code.

    Args:
        names: node ids; empty for all nodes.
        models_dir: folder of weights; its files are listed as well as the bundled ones.
    """
    hosts.use(StandaloneHost(models=models_dir, device="cpu"))
    from ..nodes import all_nodes

    described = object_info(all_nodes(), module=MODULE)
    unknown = [name for name in names if name not in described]
    if unknown:
        sys.stderr.write("".join(f"{_problem(name, list(described))}\n" for name in unknown))
        return 1
    chosen = {name: described[name] for name in names or described}
    sys.stdout.write(f"{json.dumps(chosen, ensure_ascii=False, indent=1)}\n")
    return 0


def _problem(name: str, known: list[str]) -> str:
    alike = difflib.get_close_matches(name, known, n=3)
    there = f"did you mean {' or '.join(alike)}?" if alike else f"choose from {', '.join(known)}"
    return f"the pack has no node {name!r}: {there}"
