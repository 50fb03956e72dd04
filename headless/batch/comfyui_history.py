"""Read a ComfyUI server's record of a prompt that has ended: its files, or its error."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...graph.errors import GraphError, node_label
from ...graph.validate import node_title
from .backend import JobFailed
from .comfyui_client import SavedOnServer

OUTPUT, TEMP = "output", "temp"

_ERROR, _INTERRUPTED = "execution_error", "execution_interrupted"


def succeeded(entry: Mapping[str, Any]) -> bool:
    """Whether a prompt has run to its end."""
    status = entry.get("status")
    return not isinstance(status, dict) or status.get("status_str") == "success"


def saved_files(entry: Mapping[str, Any]) -> list[SavedOnServer]:
    """Return the files that a prompt has saved, or its previews if there are no others.

    Nodes list them under different keys: images, gifs, video, audio and others.
    """
    found = dict.fromkeys(_files(entry.get("outputs")))
    saved = [file for file in found if file.folder == OUTPUT]
    return saved or [file for file in found if file.folder == TEMP]


def _files(outputs: Any) -> Iterator[SavedOnServer]:
    for shown_by_node in outputs.values() if isinstance(outputs, dict) else ():
        for items in shown_by_node.values() if isinstance(shown_by_node, dict) else ():
            for item in items if isinstance(items, list | tuple) else ():
                if isinstance(item, dict) and isinstance(item.get("filename"), str):
                    subfolder, folder = item.get("subfolder") or "", item.get("type") or OUTPUT
                    yield SavedOnServer(item["filename"], str(subfolder), str(folder))


def failure(job: str, entry: Mapping[str, Any], nodes: Mapping[str, Any], url: str) -> JobFailed:
    """Return the failure of a prompt that has not run to its end."""
    for kind, about in _messages(entry):
        key, class_type = str(about.get("node_id", "")), str(about.get("node_type", "a node"))
        title = title_of(key, nodes, class_type)
        if kind == _ERROR:
            reason = f"{about.get('exception_type')}: {str(about.get('exception_message')).strip()}"
            trace = about.get("traceback")
            return JobFailed(
                job=job,
                message=f"{node_label(key, title, class_type)} failed on {url}: {reason}",
                traceback="".join(map(str, trace)) if isinstance(trace, list) else "",
                node=title,
            )
        if kind == _INTERRUPTED:
            return JobFailed(
                job=job,
                message=f"it was stopped on {url}, at {node_label(key, title, class_type)}",
                node=title,
            )
    return JobFailed(job=job, message=f"it failed on {url}, which does not say why: see its log")


def title_of(key: str, nodes: Mapping[str, Any], class_type: str) -> str:
    """Return the title of a prompt's node; for one that another node added, its class."""
    raw = nodes.get(key)
    return node_title(raw, None) if isinstance(raw, dict) else class_type


def refused_prompt(answer: Mapping[str, Any], nodes: Mapping[str, Any]) -> GraphError | None:
    """Return what a server finds wrong with a prompt; None if nothing."""
    problems = list(_node_problems(answer.get("node_errors"), nodes))
    error = answer.get("error")
    if not problems and isinstance(error, dict):
        problems = [_told(error)]
    elif not problems and error:
        problems = [str(error)]
    return GraphError(problems) if problems else None


def _node_problems(node_errors: Any, nodes: Mapping[str, Any]) -> Iterator[str]:
    for key, about in node_errors.items() if isinstance(node_errors, dict) else ():
        class_type = str(about.get("class_type", "a node"))
        label = node_label(key, title_of(key, nodes, class_type), class_type)
        for error in about.get("errors") or ():
            yield f"{label}: {_told(error)}"


def _told(error: Mapping[str, Any]) -> str:
    parts = [str(error[name]).strip() for name in ("message", "details") if error.get(name)]
    return ": ".join(dict.fromkeys(parts))


def _messages(entry: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    status = entry.get("status")
    messages: Sequence[Any] = status.get("messages") or () if isinstance(status, dict) else ()
    for message in messages:
        if isinstance(message, list | tuple) and len(message) == 2 and isinstance(message[1], dict):
            yield str(message[0]), message[1]
