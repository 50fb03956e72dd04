"""Options shared by several commands."""

from pathlib import Path
from typing import Annotated

import typer

_MODELS_HELP = "ComfyUI-style folder of weights."
_MODELS_VARIABLE = "SPACETIME_MODELS_DIR"

ModelsFolder = Annotated[Path, typer.Option(envvar=_MODELS_VARIABLE, help=_MODELS_HELP)]
OtherModelsFolder = Annotated[
    Path | None, typer.Option(envvar=_MODELS_VARIABLE, help=f"{_MODELS_HELP} (default: models)")
]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NODE.INPUT=VALUE",
        help='Change an input: --set "Prompt.text=a red cube moves left at night".',
    ),
]
OutputFolder = Annotated[Path, typer.Option("--output-dir", "-o", help="Folder for results.")]
InputFolder = Annotated[Path, typer.Option(help="Folder with the files that graphs load.")]
OtherInputFolder = Annotated[
    Path | None, typer.Option(help="Folder with the files that graphs load (default: input).")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
OtherDevice = Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N.")]
NumberFormat = Annotated[str, typer.Option("--dtype", help="auto, fp32, bf16 or fp16.")]
OtherNumberFormat = Annotated[str | None, typer.Option("--dtype", help="auto, fp32, bf16 or fp16.")]
Verbose = Annotated[bool, typer.Option(help="Print details of the device, and tracebacks.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
NoMetadata = Annotated[
    bool, typer.Option("--no-metadata", help="Save files without their workflow embedded.")
]


def settings_of(
    input_dir: Path | None, models_dir: Path | None, device: str | None, dtype: str | None
) -> dict[str, str | None]:
    """Return the settings of a batch by name; None where not set."""
    folders = {"input_dir": input_dir, "models_dir": models_dir}
    named = {name: None if folder is None else str(folder) for name, folder in folders.items()}
    return {**named, "device": device, "dtype": dtype}
