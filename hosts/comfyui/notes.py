"""Progress, warnings on a node, and the graph in saved files."""
# pyright: reportMissingImports=false

import logging
from collections.abc import Callable
from typing import Any

from comfy.cli_args import args
from comfy.model_management import throw_exception_if_processing_interrupted
from comfy.utils import ProgressBar
from comfy_execution.utils import get_executing_context

from ..tags import as_json


def ticker(total: int) -> Callable[[int], None]:
    """Start a progress bar on the running node; a tick raises if the user has interrupted."""
    bar = ProgressBar(total)

    def tick(done: int) -> None:
        throw_exception_if_processing_interrupted()
        bar.update_absolute(done, total)

    return tick


def warn(message: str) -> None:
    """Warn in the log, and as text on the running node if a server serves an editor."""
    logging.getLogger(__name__).warning(message)
    running = get_executing_context()
    if running is None:
        return
    from server import PromptServer

    server = getattr(PromptServer, "instance", None)
    if server is not None:
        server.send_progress_text(message, running.node_id)


def graph_metadata(hidden: Any) -> dict[str, str]:
    """Return the graph as tags of a file, from which the editor can reopen it."""
    if args.disable_metadata:
        return {}
    tags = dict(hidden.extra_pnginfo or {})
    if hidden.prompt is not None:
        tags["prompt"] = hidden.prompt
    return {key: as_json(value) for key, value in tags.items()}
