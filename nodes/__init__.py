"""The pack's nodes: each is a schema around one call. Import them after choosing a host."""

import importlib
import logging
from collections.abc import Iterator
from typing import Any

MODULES = (
    "load.models",
    "load.lora",
    "prompt.prompt",
    "prompt.schedule",
    "control.controlnet",
    "control.strength",
    "control.region",
    "control.plot",
    "control.clips",
    "latent.latents",
    "patches.patches",
    "sampling.noise",
    "sampling.warped_noise",
    "sampling.solvers",
    "schedules.schedules",
    "schedules.few_step",
    "schedules.model_schedule",
    "schedules.shifts",
    "schedules.plot",
    "sampling.sampling",
    "sampling.experts",
    "sampling.consistency",
    "sampling.sampling_state",
    "guidance.guidance",
    "guidance.rules",
    "guidance.blocks",
    "guidance.step_cache",
    "control.motion",
    "control.motion_tracks",
    "timeline.extend",
    "timeline.several",
    "timeline.edit",
    "timeline.drag",
    "timeline.timeline",
    "timeline.long",
    "timeline.flow_edit",
    "timeline.loop",
    "timeline.windows",
    "control.hints",
    "control.optical_flow",
    "control.toy_world",
    "video.video",
    "video.files",
    "video.fit",
    "video.compare",
    "video.measure",
    "video.world",
)
"""Node modules, in menu order."""


def all_nodes(*, strict: bool = False) -> list[type[Any]]:
    """Every node class that loads, in menu order.

    A file that cannot be imported, or a node whose schema cannot be built, is logged with the
    reason and skipped; the others stay. When ``strict``, its exception is raised instead.
    """
    return [node for name in MODULES for node in _sound_nodes(name, strict)]


def _sound_nodes(name: str, strict: bool) -> Iterator[type[Any]]:
    file = f"nodes/{name.replace('.', '/')}.py"
    try:
        nodes = importlib.import_module(f".{name}", __package__).NODES
    except Exception as problem:
        if strict:
            raise
        _report(f"cannot load the nodes of {file}", problem)
        return
    for node in nodes:
        try:
            node.GET_SCHEMA()
        except Exception as problem:
            if strict:
                raise
            _report(f"cannot load {node.__name__} of {file}", problem)
        else:
            yield node


def _report(what: str, problem: Exception) -> None:
    reason = f"{type(problem).__name__}: {problem}"
    logger = logging.getLogger(__name__)
    logger.error("Spacetime: %s: %s", what, reason)
    logger.debug("traceback", exc_info=problem)
