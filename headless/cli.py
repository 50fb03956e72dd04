"""The `spacetime` command. Heavy imports happen inside the commands, so that help is instant."""

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Spacetime: video diffusion graphs without a screen.",
)
train_app = typer.Typer(no_args_is_help=True, help="Repeat the training of the shipped weights.")
app.add_typer(train_app, name="train")
measure_app = typer.Typer(no_args_is_help=True, help="Measure the shipped weights.")
app.add_typer(measure_app, name="measure")

RunFolder = Annotated[
    Path, typer.Option("--run-dir", help="Folder of clips, checkpoints, logs and weights.")
]


@app.callback()
def root() -> None:
    """Spacetime: video diffusion graphs without a screen."""


@app.command()
def run(
    workflow: Annotated[Path, typer.Argument(help="Workflow JSON, UI or API format.")],
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NODE.INPUT=VALUE",
            help='Change an input: --set "Prompt.text=a red cube moves left at night".',
        ),
    ] = None,
    output_dir: Annotated[Path, typer.Option(help="Where results are saved.")] = Path("output"),
    input_dir: Annotated[Path, typer.Option(help="Where graphs find their files.")] = Path("input"),
    models_dir: Annotated[
        Path,
        typer.Option(envvar="SPACETIME_MODELS_DIR", help="ComfyUI-style folder of weights."),
    ] = Path("models"),
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, fp32, bf16 or fp16.")] = "auto",
    json_line: Annotated[
        bool, typer.Option("--json", help="Print one machine-readable result line.")
    ] = False,
    verbose: Annotated[bool, typer.Option(help="Show the traceback of an error.")] = False,
) -> None:
    """Run a saved workflow and print the files it made."""
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
    )
    raise typer.Exit(run_command(options))


@measure_app.command("alignment")
def measure_alignment(
    prompts: Annotated[int, typer.Option(help="Held-out prompts to generate.")] = 50,
) -> None:
    """How often the shipped model shows the colour, setting and motion asked for."""
    from .measure import measure_command

    measure_command(prompts)


@train_app.command("clips")
def train_clips(run_dir: RunFolder = Path("runs/tiny")) -> None:
    """Render the training clips of the toy world."""
    from .train import train

    train(run_dir, ("clips",))


@train_app.command("vae")
def train_vae(run_dir: RunFolder = Path("runs/tiny")) -> None:
    """Train the causal video VAE on the rendered clips."""
    from .train import train

    train(run_dir, ("vae",))


@train_app.command("denoiser")
def train_denoiser(run_dir: RunFolder = Path("runs/tiny")) -> None:
    """Train the denoiser and its text encoder on encoded clips."""
    from .train import train

    train(run_dir, ("denoiser",))


@train_app.command("all")
def train_all(run_dir: RunFolder = Path("runs/tiny")) -> None:
    """Clips, VAE and denoiser, one after the other; an interrupted run goes on."""
    from .train import train

    train(run_dir, ("clips", "vae", "denoiser"))


def main() -> None:
    """Entry point of the command. Asked to terminate, it stops as for Ctrl-C: cleanly, told."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(app())
