"""Sampling states as files: find them in the host's folders, write and read them."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from torch import Tensor

from ...hosts import host
from ...media import files_below, plain_path
from ...media.names import choose_among
from ...model_loaders.keys import UnsupportedCheckpointError
from ...model_loaders.sampling_state import read_sampling_state, write_sampling_state
from ...samplers.checkpoint import SolverState
from ...samplers.clips import COVERAGE_KEY, Coverage
from ...timeline import START_KEY, TIMELINE_KEY, StartClip, StartOnDemand, Timeline
from ...timeline.stored import from_tensors, to_tensors
from .states import SamplingState, SolverChoice

SUFFIX = ".state.safetensors"
"""Suffix of state files, which distinguishes them from weights in the same folders."""

OUTPUT, INPUT = " [output]", " [input]"
"""Suffix of a file's name for its folder; without one it is the input folder."""

_HISTORY, _LATENT, _TIMELINE, _START = "history.", "latent.", "timeline.", "start."
"""Prefixes of the names of tensors in a file."""

_TOLD = 200
"""Longest reason quoted in a message, in characters."""


def state_names() -> list[str]:
    """Names of the state files, newest first; those of the output folder are marked."""
    found = [
        *_files(host().files.results_folder(), OUTPUT),
        *_files(host().files.input_folder(), ""),
    ]
    return [name for _, name in sorted(found, reverse=True)]


def _files(folder: Path, mark: str) -> Iterator[tuple[float, str]]:
    for path in files_below(folder, SUFFIX):
        with suppress(OSError):  # a broken link, or a file without permission
            yield path.stat().st_mtime, f"{path.relative_to(folder).as_posix()}{mark}"


def state_path(name: str) -> Path:
    """Path of a state file.

    Args:
        name: relative to the input folder, or to the output folder if " [output]" follows it.

    Raises:
        FileNotFoundError: it is outside the folder or does not exist; names existing ones.
    """
    files = host().files
    folder = files.results_folder() if name.endswith(OUTPUT) else files.input_folder()
    root = plain_path(folder)
    path = plain_path(root / name.removesuffix(OUTPUT).removesuffix(INPUT))
    if "\0" in name or not path.is_relative_to(root):
        raise FileNotFoundError(f"{name!r} leads out of {root}: choose a file inside it")
    if not path.is_file():
        raise FileNotFoundError(
            f"no sampling state {name!r} in {folder}: {choose_among(state_names(), name)}"
        )
    return path


def write_state(path: Path, state: SamplingState, tags: Mapping[str, str]) -> None:
    """Write a state to a file, with the graph in ``tags``.

    Contents of the LATENT must be tensors or JSON values; a warning names those left out.
    """
    tensors = {
        "x": state.at.x, "sigmas": state.sigmas, "noise": state.noise, "so_far": state.so_far
    }  # fmt: skip
    tensors |= {f"{_HISTORY}{index}": past for index, past in enumerate(state.at.history)}
    latent, plain = _latent_parts(state.latent)
    info = {
        "step": state.at.step,
        "seed": state.seed,
        "solver": state.solver.name,
        "options": dict(state.solver.options),
        **plain,
    }
    write_sampling_state(path, {**tensors, **latent}, info, tags)


def _latent_parts(latent: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a LATENT, and its other values that go into a file."""
    tensors: dict[str, Tensor] = {}
    plain: dict[str, Any] = {}
    more: dict[str, Any] = {}
    for name, value in latent.items():
        if isinstance(value, Timeline):
            placed, more["timeline"] = to_tensors(value)
            tensors |= _named(_TIMELINE, placed)
        elif isinstance(value, StartOnDemand):
            made = value.known  # if the model has not requested it by now, it never will
            tensors |= {} if made is None else _named(_START, made._asdict())
        elif isinstance(value, Tensor):
            tensors[f"{_LATENT}{name}"] = value
        elif _is_plain(value):
            plain[name] = value
        else:
            host().session.warn(
                f"the latent's {name} ({type(value).__name__}) is not saved in the file"
            )
    return tensors, {"latent": plain, **more}


def read_state(path: Path) -> SamplingState:
    """Read the result of ``write_state``.

    Raises:
        FileNotFoundError: no such file.
        UnsupportedCheckpointError: it is damaged or holds something else.
    """
    tensors, info = read_sampling_state(path)
    try:
        return _state(tensors, info)
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        lacks = isinstance(problem, KeyError)
        what = f"lacks {problem}" if lacks else f"describes no run ({str(problem)[:_TOLD]})"
        raise UnsupportedCheckpointError(
            f"{path.name} {what}: it is damaged, or from another version of the pack"
        ) from problem


def _state(tensors: Mapping[str, Tensor], info: Mapping[str, Any]) -> SamplingState:
    history = sorted(
        (name for name in tensors if name.startswith(_HISTORY)),
        key=lambda name: int(name.removeprefix(_HISTORY)),
    )
    past = tuple(tensors[name] for name in history)
    return SamplingState(
        at=SolverState(_whole(info["step"]), tensors["x"], past),
        sigmas=tensors["sigmas"],
        solver=SolverChoice(name=str(info["solver"]), options=dict(info["options"])),
        seed=_whole(info["seed"]),
        noise=tensors["noise"],
        latent=_latent(tensors, info),
        so_far=tensors["so_far"],
    )


def _latent(tensors: Mapping[str, Tensor], info: Mapping[str, Any]) -> dict[str, Any]:
    """Reassemble a LATENT from its ``_latent_parts``."""
    latent = {**info["latent"], **_below(tensors, _LATENT)}
    if "timeline" in info:
        latent[TIMELINE_KEY] = from_tensors(_below(tensors, _TIMELINE), info["timeline"])
    if start := _below(tensors, _START):
        latent[START_KEY] = StartOnDemand.of(StartClip(start["latent"], start["made"]))
    if COVERAGE_KEY in latent:
        first, frames, latent_frames, shown, *closes = latent[COVERAGE_KEY]
        numbers = (_whole(first), _whole(frames), _whole(latent_frames))
        latent[COVERAGE_KEY] = Coverage(*numbers, tuple(map(_whole, shown)), closes == [True])
    return latent


def _whole(value: object) -> int:
    """Check that a value is a whole number and return it."""
    if type(value) is not int:
        raise TypeError(f"{value!r} instead of a whole number")
    return value


def _named(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Add a prefix to the names of tensors."""
    return {f"{prefix}{name}": each for name, each in tensors.items()}


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, without it."""
    found = {name: each for name, each in tensors.items() if name.startswith(prefix)}
    return {name.removeprefix(prefix): each for name, each in found.items()}


def _is_plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(each) for each in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(each) for key, each in value.items())
    return value is None or isinstance(value, bool | int | float | str)
