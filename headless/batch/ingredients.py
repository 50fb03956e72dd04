"""The seeds, prompts and files that a graph names, so that a result can be traced back to them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...graph.dynamic_prompts import SEEDS
from ...graph.main_inputs import prompt_inputs
from ...graph.registry import Registry
from ...media import files_below, is_whole_path, plain_path
from ...media.names import same_name
from ...weights import BUNDLED_FOLDERS, bundled
from .results import digest_of

WEIGHTS = ".safetensors"
INPUT = " [input]"
"""Suffix that graphs may add to the name of a file."""


def words_of(nodes: Mapping[str, Any], registry: Registry) -> dict[str, Any]:
    """Return seeds by node and input, and the prompts that are sampled, with all choices drawn.

    Args:
        nodes: nodes of a prompt, in API format.
        registry: registry of the host that runs them.
    """
    given = ((each, nodes[each.node]["inputs"]) for each in prompt_inputs(nodes, registry))
    prompts = [inputs.get(each.input) for each, inputs in given]
    return {
        "seeds": {
            key: value for key, value in _constants(nodes) if key.rpartition(".")[2] in SEEDS
        },
        "prompts": [text for text in prompts if isinstance(text, str)],
    }


class Ingredients:
    """Finds the files of graphs and hashes each once, until its size or its time changes.

    Args:
        models: folder of weights.
        inputs: folder of the files that graphs load.
    """

    def __init__(self, models: Path, inputs: Path) -> None:
        self._models, self._inputs = models, plain_path(inputs)
        self._digests = dict[tuple[Path, int, int], str]()
        self._weights = dict[str, dict[str, Path]]()

    def of(self, nodes: Mapping[str, Any]) -> dict[str, Any]:
        """Return models and inputs with their sha256, "" for files that are missing.

        Args:
            nodes: nodes of a prompt, in API format.
        """
        names = dict.fromkeys(value for _, value in _constants(nodes) if isinstance(value, str))
        return {
            "models": {
                name: self._digest(path)
                for value in names
                for name, path in self._weight_files(value).items()
            },
            "inputs": {
                value: self._digest(path) for value in names if (path := self._input(value))
            },
        }

    def _weight_files(self, value: str) -> dict[str, Path]:
        """Return the weights with a name, by folder and name; usually one."""
        if not value.endswith(WEIGHTS):
            return {}
        if value not in self._weights:
            self._weights[value] = dict(self._look_for(value))
        return self._weights[value]

    def _look_for(self, value: str) -> Iterator[tuple[str, Path]]:
        own = [each.name for each in self._models.iterdir()] if self._models.is_dir() else []
        for folder in sorted({*BUNDLED_FOLDERS, *own}):
            root = self._models / folder
            there = {str(path.relative_to(root)): path for path in files_below(root, WEIGHTS)}
            there |= bundled(folder)
            found = same_name(value, list(there))
            if found is not None:
                yield f"{folder}/{found}", there[found]

    def _input(self, value: str) -> Path | None:
        if is_whole_path(value):
            return plain_path(value)
        name = value.removesuffix(INPUT)
        if not name or "\0" in name or "\n" in name:
            return None
        path = plain_path(self._inputs / name)
        try:
            return path if path.is_relative_to(self._inputs) and path.is_file() else None
        except OSError:  # a text that is too long for a name
            return None

    def _digest(self, path: Path) -> str:
        try:
            state = path.stat()
            key = (path, state.st_size, state.st_mtime_ns)
            if key not in self._digests:
                self._digests[key] = digest_of(path)
            return self._digests[key]
        except OSError:
            return ""


def _constants(nodes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the inputs that are not links, by node title, node id and input name."""
    for key, node in nodes.items():
        title = f"{node.get('_meta', {}).get('title') or node['class_type']} (#{key})"
        for name, value in node["inputs"].items():
            if not isinstance(value, list | dict):
                yield f"{title}.{name}", value
