"""The `spacetime` command. Heavy imports happen inside the commands, so that help is instant."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from .batch_cli import batch
from .check_cli import check
from .imports import importing
from .measure_cli import measure_app
from .options import (
    Assignments,
    Device,
    InputFolder,
    ModelsFolder,
    NoMetadata,
    NumberFormat,
    OtherDevice,
    OtherInputFolder,
    OtherModelsFolder,
    OtherNumberFormat,
    OutputFolder,
    Quiet,
    Verbose,
    settings_of,
)
from .streams import prepare_streams, print_results, tell, tell_traceback
from .train_cli import train_app

WRONG_USAGE = 2

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    help="Spacetime: run video diffusion graphs headless.",
)
app.add_typer(train_app, name="train")
app.add_typer(measure_app, name="measure")
app.command()(batch)
app.command()(check)


def _print_version(wanted: bool) -> None:
    if wanted:
        from .version import version

        raise typer.Exit(print_results([f"spacetime {version()}"]))


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Spacetime: run video diffusion graphs headless."""


@app.command()
def run(
    workflow: Annotated[
        Path,
        typer.Argument(
            help="Workflow JSON in UI or API format; - reads it from standard input. For an image, "
            "a video or a sampling state, the graph embedded in the file is run."
        ),
    ],
    assignments: Assignments = None,
    output_dir: OutputFolder = Path("output"),
    input_dir: InputFolder = Path("input"),
    models_dir: ModelsFolder = Path("models"),
    device: Device = "auto",
    dtype: NumberFormat = "auto",
    json_line: Annotated[
        bool, typer.Option("--json", help="Print one machine-readable result line.")
    ] = False,
    verbose: Verbose = False,
    preview: Annotated[
        Path | None,
        typer.Option(
            metavar="PNG", help="Write a film strip of the clip in progress to this file."
        ),
    ] = None,
    quiet: Quiet = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Check the workflow and print what would run; run nothing."),
    ] = False,
    no_metadata: NoMetadata = False,
) -> None:
    """Run a saved workflow and print the paths of the files it saved."""
    with importing():
        from .run import RunOptions, run_command

    options = RunOptions(
        workflow=workflow,
        assignments=tuple(assignments or ()),
        output_dir=output_dir,
        input_dir=input_dir,
        models_dir=models_dir,
        device=device,
        dtype=dtype,
        json_line=json_line,
        verbose=verbose,
        preview=preview,
        quiet=quiet,
        dry_run=dry_run,
        metadata=not no_metadata,
    )
    raise typer.Exit(run_command(options))


@app.command()
def world(
    folder: Annotated[Path, typer.Argument(help="Folder for the clips; created if missing.")],
    count: Annotated[int, typer.Option(min=1, max=100_000, help="Number of clips.")] = 4,
    kind: Annotated[
        str, typer.Option(help="Kind of scene, such as single, pair, hits or loop; any mixes them.")
    ] = "single",
    seed: Annotated[int, typer.Option(min=0, max=2**53, help="Seed of the first clip.")] = 0,
    frames: Annotated[int, typer.Option(min=1, help="Frames per clip.")] = 17,
    width: Annotated[int, typer.Option(min=16, help="Width in pixels.")] = 64,
    height: Annotated[int, typer.Option(min=16, help="Height in pixels.")] = 64,
    fps: Annotated[float, typer.Option(help="Frames per second.")] = 16.0,
    style: Annotated[str | None, typer.Option(help="shaded or cartoon.")] = None,
    camera: Annotated[str | None, typer.Option(help="Camera move, such as 'pans left'.")] = None,
    loop: Annotated[
        bool, typer.Option("--loop", help="Render clips whose end leads into their beginning.")
    ] = False,
) -> None:
    """Render clips of the toy world with captions, masks, depth and the state of every frame."""
    from .world import WorldOptions, world_command

    options = WorldOptions(
        folder=folder,
        count=count,
        kind=kind,
        seed=seed,
        frames=frames,
        width=width,
        height=height,
        fps=fps,
        style=style,
        camera=camera,
        loop=loop,
    )
    raise typer.Exit(world_command(options))


@app.command()
def reproduce(
    file: Annotated[
        Path, typer.Argument(help="An image, a video or a sampling state with its graph embedded.")
    ],
    input_dir: OtherInputFolder = None,
    models_dir: OtherModelsFolder = None,
    device: OtherDevice = None,
    dtype: OtherNumberFormat = None,
    json_line: Annotated[
        bool, typer.Option("--json", help="Print one machine-readable result line.")
    ] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Regenerate a result from its embedded graph and report how much the two differ."""
    from .reproduce import ReproduceOptions, reproduce_command

    options = ReproduceOptions(
        file=file,
        settings=settings_of(input_dir, models_dir, device, dtype),
        json_line=json_line,
        quiet=quiet,
        verbose=verbose,
    )
    raise typer.Exit(reproduce_command(options))


@app.command("contact-sheet")
def contact_sheet(
    folder: Annotated[
        Path,
        typer.Argument(help="Output folder (its last batch is shown) or the folder of one batch."),
    ] = Path("output"),
) -> None:
    """Write an HTML page with the results of a batch and print its path."""
    from .batch.page.command import sheet_command

    raise typer.Exit(sheet_command(folder))


@app.command("object-info")
def object_info(
    nodes: Annotated[
        list[str] | None, typer.Argument(metavar="[NODE]...", help="Node ids (default: all nodes).")
    ] = None,
    models_dir: ModelsFolder = Path("models"),
) -> None:
    """Print the inputs and outputs of nodes as JSON, like ComfyUI's /object_info."""
    from .describe import describe_command

    raise typer.Exit(describe_command(nodes or (), models_dir))


def main() -> None:
    """Entry point of the command. SIGTERM stops it like Ctrl-C: cleanly, and with a message.

    Waiting OpenMP threads sleep: on a busy machine, spinning threads take the cores from the
    threads that they wait for.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when torch is imported
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    prepare_streams()
    sys.exit(_guarded(sys.argv[1:]))


def _guarded(arguments: list[str]) -> int:
    """Run a command and return its exit code; report any exception in one message."""
    try:
        app(arguments)
    except SystemExit as ended:
        if ended.code == WRONG_USAGE:
            _tell_programs(arguments, "invalid arguments: see standard error")
        return ended.code if isinstance(ended.code, int) else 0
    except Exception as problem:
        from .failure import message_of

        if "--verbose" in arguments:
            tell_traceback()
        tell(message_of(problem))
        _tell_programs(arguments, message_of(problem))
    return 1


def _tell_programs(arguments: list[str], message: str) -> None:
    """Print the line that `--json` promises if the command failed before printing it."""
    if "--json" not in arguments:
        return
    if arguments[:1] == ["run"]:
        from .run import Report

        print_results([Report(error=message).as_json(0.0)])
    elif arguments[:1] == ["batch"]:
        print_results([json.dumps({"event": "end", "ok": False, "error": message})])
    elif arguments[:1] in (["reproduce"], ["check"]):
        print_results([json.dumps({"ok": False, "error": message})])
