"""The command `spacetime batch`. Heavy imports happen inside it."""

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
            f"expected auto or a number from 1 on, got {given!r}: 1 computes every job alone, auto "
            "as many together as is worthwhile"
        )
    return int(given)


Workflows = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[WORKFLOW]...",
        help="Workflow files as for `spacetime run`, or - to read a graph, or one JSON job per "
        "line, from standard input. With --resume and no workflow, the last batch continues.",
    ),
]
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Continue a batch; finished jobs with unchanged files are kept."),
]
RetryFailed = Annotated[
    bool, typer.Option("--retry-failed", help="Like --resume, and rerun failed jobs.")
]
MaxFailures = Annotated[
    int | None, typer.Option(min=1, help="Start no more jobs after this many have failed.")
]
Pack = Annotated[
    int | None,
    typer.Option(
        parser=_jobs_together,
        metavar="auto|NUMBER",
        help="Maximum number of jobs computed together, among those that differ only in seeds and "
        "texts; 1: each alone, auto: as many as is worthwhile (default: auto).",
    ),
]
JsonLines = Annotated[bool, typer.Option("--json", help="Print events as JSON lines.")]


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
    """Run many jobs from saved workflows, and resume a batch that was stopped."""
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
