"""The command `spacetime check`. Heavy imports happen inside it."""

from pathlib import Path
from typing import Annotated

import typer

from .job_options import Each, Name, Prompts, Seeds, Sweeps, Tables, Zipped
from .options import Assignments, Device, InputFolder, ModelsFolder, NumberFormat, OutputFolder

Workflows = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[WORKFLOW]...", help="Workflow files as for `spacetime batch`."),
]
Server = Annotated[
    str,
    typer.Option(metavar="URL", help="Check against the nodes of a running ComfyUI server."),
]
Headers = Annotated[
    list[str] | None,
    typer.Option("--server-header", metavar="NAME:VALUE", help="Header for every request."),
]
NoEstimate = Annotated[
    bool, typer.Option("--no-estimate", help="Do not estimate tokens, memory and time.")
]
JsonLine = Annotated[
    bool, typer.Option("--json", help="Print one machine-readable line with all findings.")
]


def check(
    workflows: Workflows = None,
    assignments: Assignments = None,
    tables: Tables = None,
    sweeps: Sweeps = None,
    each: Each = None,
    prompts: Prompts = None,
    seeds: Seeds = "",
    zipped: Zipped = False,
    name: Name = "",
    output_dir: OutputFolder = Path("output"),
    input_dir: InputFolder = Path("input"),
    models_dir: ModelsFolder = Path("models"),
    device: Device = "auto",
    dtype: NumberFormat = "auto",
    server: Server = "",
    headers: Headers = None,
    no_estimate: NoEstimate = False,
    json_line: JsonLine = False,
) -> None:
    """Check whether workflows and batches can run, what is missing and how long they take."""
    from .batch.jobs.options import JobOptions
    from .check.command import CheckOptions, check_command

    options = CheckOptions(
        jobs=JobOptions(
            workflows=tuple(workflows or ()),
            assignments=tuple(assignments or ()),
            tables=tuple(tables or ()),
            sweeps=tuple(sweeps or ()),
            each=tuple(each or ()),
            seeds=seeds,
            prompts=prompts,
            zipped=zipped,
            name=name,
            input_dir=input_dir,
            output_dir=output_dir,
        ),
        models_dir=models_dir,
        device=device,
        dtype=dtype,
        server=server,
        headers=tuple(headers or ()),
        estimate=not no_estimate,
        json_line=json_line,
    )
    raise typer.Exit(check_command(options))
