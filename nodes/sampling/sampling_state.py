"""Sample Steps, Resume Sampling and their files: stop a run after any step and resume it later."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ...hosts import host, io, ui
from ...media.paths import claimed_output, prove_output
from ..helpers.search import search_words
from ..helpers.state_files import SUFFIX, read_state, state_names, state_path, write_state
from ..helpers.states import STATE, SamplingState, resume, start_run
from .sampling import sampling_inputs

MOST_STEPS = 1000
PREFIX = "states/spacetime"


def _state_output(tooltip: str) -> Any:
    return io.Custom(STATE).Output(display_name="state", tooltip=tooltip)


def _stop_after(default: int, least: int, tooltip: str) -> Any:
    return io.Int.Input("stop_after", default=default, min=least, max=MOST_STEPS, tooltip=tooltip)


class SpacetimeSampleSteps(io.ComfyNode):
    """Run the first steps of a sampling run."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeSampleSteps",
            display_name="Sample Steps",
            category="Spacetime/Sampling",
            description="Runs the first steps of a video and stops. Inspect several seeds early, "
            "then let Resume Sampling finish the best one; the result is bit-identical to an "
            "uninterrupted run.",
            **search_words(
                "ksampler advanced", "stop early", "pause", "split sigmas", "start at step"
            ),
            inputs=[
                *sampling_inputs(
                    io.Latent.Input(
                        "latent", tooltip="The clip to sample, from Empty Video or Encode Video."
                    )
                ),
                _stop_after(
                    8,
                    1,
                    "How many steps to run. The schedule stays that of the whole run; colours and "
                    "layout appear after about a quarter of its steps.",
                ),
            ],
            outputs=[
                _state_output("The stopped run, for Resume Sampling or Save Sampling State."),
                io.Latent.Output(
                    display_name="denoised_output",
                    tooltip="The model's prediction of the finished video, for Decode Video.",
                ),
            ],
        )

    @classmethod
    def execute(
        cls,
        guider: Any,
        noise: Any,
        sampler: Any,
        sigmas: Tensor,
        latent: Mapping[str, Any],
        stop_after: int = 8,
    ) -> io.NodeOutput:
        """Sample up to the step."""
        state = start_run(guider, noise, sampler, sigmas, latent, stop_after)
        return io.NodeOutput(state, state.look)


class SpacetimeResumeSampling(io.ComfyNode):
    """Run the rest of a sampling run, or part of it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        guider, noise, sampler, _, state = sampling_inputs(
            io.Custom(STATE).Input(
                "state", tooltip="The stopped run, from Sample Steps or Load Sampling State."
            )
        )
        return io.Schema(
            node_id="SpacetimeResumeSampling",
            display_name="Resume Sampling",
            category="Spacetime/Sampling",
            description="Continues a stopped run. With the same guider, noise and sampler the "
            "result is bit-identical to that of an uninterrupted run.",
            **search_words("continue", "go on", "finish", "ksampler advanced", "unpause"),
            inputs=[
                guider,
                noise,
                sampler,
                state,
                _stop_after(
                    0,
                    0,
                    "Stop again after this step, counted from the start of the whole run; 0 "
                    "continues to its end.",
                ),
            ],
            outputs=[
                io.Latent.Output(
                    display_name="output",
                    tooltip="The finished latent, for Decode Video; if the run stops again, the "
                    "prediction so far.",
                ),
                _state_output("The current state of the run."),
            ],
        )

    @classmethod
    def execute(
        cls, guider: Any, noise: Any, sampler: Any, state: SamplingState, stop_after: int = 0
    ) -> io.NodeOutput:
        """Continue sampling."""
        state = resume(guider, noise, sampler, state, stop_after)
        return io.NodeOutput(state.look, state)


class SpacetimeSaveSamplingState(io.ComfyNode):
    """Save a stopped run to a file."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeSaveSamplingState",
            display_name="Save Sampling State",
            category="Spacetime/Sampling",
            description="Saves a stopped run as a numbered safetensors file in the output folder, "
            "to continue it another day. Drop the file into the editor to open its graph.",
            **search_words("save latent", "checkpoint", "keep for later", "write state"),
            inputs=[
                io.Custom(STATE).Input(
                    "state", tooltip="The stopped run, from Sample Steps or Resume Sampling."
                ),
                io.String.Input(
                    "filename_prefix",
                    default=PREFIX,
                    tooltip="Start of the file name; may include subfolders.",
                ),
            ],
            outputs=[],
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
            is_output_node=True,
        )

    @classmethod
    def validate_inputs(cls, filename_prefix: str | None) -> bool | str:
        """Check the name before anything is computed."""
        if filename_prefix is None:
            return True
        try:
            prove_output(host().files.output_folder(), filename_prefix)
        except ValueError as error:
            return str(error)
        return True

    @classmethod
    def execute(cls, state: SamplingState, filename_prefix: str = PREFIX) -> io.NodeOutput:
        """Write the next free file."""
        folder = host().files.output_folder()
        with claimed_output(folder, filename_prefix, SUFFIX) as saved:
            write_state(saved.unfinished, state, host().files.graph_metadata(cls.hidden))
        return io.NodeOutput(ui={"states": [_saved(saved.path, folder)]})


def _saved(path: Path, folder: Path) -> Any:
    subfolder = path.parent.relative_to(folder.absolute()).as_posix()
    return ui.SavedResult(path.name, "" if subfolder == "." else subfolder, io.FolderType.output)


class SpacetimeLoadSamplingState(io.ComfyNode):
    """Load a stopped run from a file."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        files = state_names()
        return io.Schema(
            node_id="SpacetimeLoadSamplingState",
            display_name="Load Sampling State",
            category="Spacetime/Sampling",
            description="Loads a stopped run that Save Sampling State saved.",
            **search_words("load latent", "checkpoint", "read state", "continue later"),
            inputs=[
                io.Combo.Input(
                    "file",
                    options=files,
                    default=files[0] if files else None,
                    tooltip="A file in the output or input folder, newest first. Refresh the "
                    "editor (R) to find new files.",
                )
            ],
            outputs=[
                _state_output("The stopped run, for Resume Sampling."),
                io.Latent.Output(
                    display_name="denoised_output",
                    tooltip="The predicted video at the time it was stopped, for Decode Video.",
                ),
            ],
        )

    @classmethod
    def validate_inputs(cls, file: str | None) -> bool | str:
        """Reject a missing file before anything is computed."""
        if file is None:
            return True
        try:
            state_path(file)
        except FileNotFoundError as error:
            return str(error)
        return True

    @classmethod
    def fingerprint_inputs(cls, file: str) -> Any:
        """Identify the file by its time, size and path."""
        found = state_path(file).stat()
        return found.st_mtime_ns, found.st_size, found.st_ino

    @classmethod
    def execute(cls, file: str) -> io.NodeOutput:
        """Read the file."""
        state = read_state(state_path(file))
        return io.NodeOutput(state, state.look)


NODES: list[type[Any]] = [
    SpacetimeSampleSteps,
    SpacetimeResumeSampling,
    SpacetimeSaveSamplingState,
    SpacetimeLoadSamplingState,
]
