"""The command `spacetime batch`; like the others it imports nothing heavy at the start."""

from pathlib import Path
from typing import Annotated

import typer

from .backend_options import (
    PATIENCE,
    Devices,
    Ray,
    ServerHeaders,
    ServerPatience,
    Servers,
    WorkerCount,
    backend_options,
)
from .job_options import Each, Name, Prompts, Seeds, Sweeps, Tables, Zipped
from .options import (
    Assignments,
    NoMetadata,
    OtherDevice,
    OtherInputFolder,
    OtherModelsFolder,
    OtherNumberFormat,
    OutputFolder,
    Quiet,
    Verbose,
    settings_of,
)


def _jobs_together(given: str) -> int:
    if given == "auto":
        return 0
    if not given.isdecimal() or int(given) == 0:
        raise typer.BadParameter(
            f"{given!r} is neither a number from 1 on nor auto: 1 computes every job alone, auto "
            "as many together as it pays for"
        )
    return int(given)


Workflows = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[WORKFLOW]...",
        help="Workflow files as for `spacetime run`, or - for a graph or lines of JSON jobs in "
        "the input stream; with --resume none goes on with the last batch.",
    ),
]
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Go on with a batch: what is done and unchanged stays."),
]
RetryFailed = Annotated[
    bool, typer.Option("--retry-failed", help="As --resume, and run failed jobs again.")
]
MaxFailures = Annotated[
    int | None, typer.Option(min=1, help="Begin no more jobs after so many have failed.")
]
Pack = Annotated[
    int | None,
    typer.Option(
        parser=_jobs_together,
        metavar="auto|NUMBER",
        help="Compute at most so many jobs together that differ in seeds and texts alone; 1 for "
        "each alone, auto for as many as it pays for (default: auto).",
    ),
]
JsonLines = Annotated[bool, typer.Option("--json", help="Print events as lines of JSON.")]


def batch(
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
    input_dir: OtherInputFolder = None,
    models_dir: OtherModelsFolder = None,
    device: OtherDevice = None,
    dtype: OtherNumberFormat = None,
    no_metadata: NoMetadata = False,
    resume: Resume = False,
    retry_failed: RetryFailed = False,
    max_failures: MaxFailures = None,
    pack: Pack = None,
    servers: Servers = None,
    server_headers: ServerHeaders = None,
    server_patience: ServerPatience = PATIENCE,
    workers: WorkerCount = 0,
    devices: Devices = "",
    ray: Ray = "",
    json_lines: JsonLines = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Run saved workflows many times, and go on where a batch was stopped."""
    from .batch.command import BatchOptions, batch_command
    from .batch.jobs.options import JobOptions

    options = BatchOptions(
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
        ),
        backend=backend_options(servers, server_headers, server_patience, workers, devices, ray),
        output_dir=output_dir,
        settings=settings_of(input_dir, models_dir, device, dtype)
        | {"metadata": False if no_metadata else None, "pack": pack},
        resume=resume,
        retry_failed=retry_failed,
        max_failures=max_failures,
        json_lines=json_lines,
        quiet=quiet,
        verbose=verbose,
    )
    raise typer.Exit(batch_command(options))
