"""The `spacetime train` commands. Heavy imports happen inside them."""

from pathlib import Path
from typing import Annotated

import typer

train_app = typer.Typer(no_args_is_help=True, help="Train weights for the pack's tiny networks.")

RunFolder = Annotated[
    Path, typer.Option("--run-dir", help="Folder for clips, checkpoints, logs and weights.")
]


def _known_device(name: str) -> str:
    """Reject a missing device before anything is rendered for it."""
    from ..hosts.standalone.devices import choose_device

    try:
        choose_device(name)
    except ValueError as problem:
        raise typer.BadParameter(str(problem)) from problem
    return name


TrainDevice = Annotated[
    str, typer.Option("--device", help="cpu, cuda or cuda:N.", callback=_known_device)
]


@train_app.command("vae")
def train_vae(
    run_dir: RunFolder = Path("runs/tiny"),
    device: TrainDevice = "cpu",
    steps: Annotated[int | None, typer.Option(min=1, help="Number of training steps.")] = None,
) -> None:
    """Train the causal video VAE on clips of the toy world."""
    from ..training.vae_recipe import VAEPlan, make_vae
    from .train import with_progress

    plan = VAEPlan() if steps is None else VAEPlan(steps=steps)
    with_progress(run_dir, lambda tick: make_vae(run_dir, tick, device, plan))


@train_app.command("decoder")
def train_decoder(
    run_dir: RunFolder = Path("runs/tiny"),
    device: TrainDevice = "cpu",
    steps: Annotated[int | None, typer.Option(min=1, help="Number of training steps.")] = None,
) -> None:
    """Train only the VAE's decoder; its latents stay as they are."""
    from ..training.vae_recipe import VAEPlan
    from .train import train_decoder, with_progress

    plan = VAEPlan() if steps is None else VAEPlan(decoder_steps=steps)
    with_progress(run_dir, lambda tick: train_decoder(run_dir, tick, device, plan))


@train_app.command("latents")
def train_latents(
    run_dir: RunFolder = Path("runs/tiny"),
    device: TrainDevice = "cpu",
    scale: Annotated[float, typer.Option(help="Fraction of the recipe's data to generate.")] = 1.0,
) -> None:
    """Render and encode the clips that the denoiser is trained on."""
    from .train import train_latents, with_progress

    with_progress(run_dir, lambda tick: train_latents(run_dir, tick, device, scale))


@train_app.command("denoiser")
def train_denoiser(
    run_dir: RunFolder = Path("runs/tiny"),
    device: TrainDevice = "cpu",
    steps: Annotated[int, typer.Option(min=1, help="Number of training steps.")] = 40_000,
    rate: Annotated[float, typer.Option(help="Peak learning rate.")] = 2e-3,
    optimiser: Annotated[str, typer.Option(help="muon or adamw.")] = "muon",
    whitening: Annotated[
        float, typer.Option(help="1: every latent channel has variance 1; 0: one scale for all.")
    ] = 0.5,
    look_every: Annotated[int, typer.Option(min=1, help="Steps between sample images.")] = 500,
    init_from: Annotated[
        Path | None, typer.Option(help="Folder of weights to start a new run from.")
    ] = None,
) -> None:
    """Train the denoiser and its text encoder; an interrupted run resumes."""
    from ..training.checkpoint import Length
    from ..training.denoiser_recipe import DenoiserPlan
    from .train import train_denoiser, with_progress

    plan = DenoiserPlan(
        length=Length(steps=steps),
        rate=rate,
        optimiser=optimiser,
        whitening=whitening,
        look_every=Length(steps=look_every),
        init_from=init_from,
    )
    with_progress(run_dir, lambda tick: train_denoiser(run_dir, tick, device, plan))


@train_app.command("lcm")
def train_lcm(
    run_dir: RunFolder = Path("runs/tiny"),
    device: TrainDevice = "cpu",
    steps: Annotated[int, typer.Option(min=1, help="Number of training steps.")] = 1000,
    rate: Annotated[float, typer.Option(help="Peak learning rate.")] = 1e-3,
    rank: Annotated[int, typer.Option(min=1, help="Rank of the LoRA.")] = 32,
    guidance: Annotated[
        tuple[float, float],
        typer.Option(help="Lowest and highest guidance scale of the teacher."),
    ] = (3.0, 3.0),
    look_every: Annotated[int, typer.Option(min=1, help="Steps between sample images.")] = 250,
    init_from: Annotated[
        Path | None, typer.Option(help="LoRA to start from, of the same rank.")
    ] = None,
) -> None:
    """Distil the denoiser into a few-step LoRA; an interrupted run resumes."""
    from ..training.checkpoint import Length
    from ..training.distil_recipe import DistilPlan
    from .train import train_few_step, with_progress

    plan = DistilPlan(
        length=Length(steps=steps),
        rate=rate,
        rank=rank,
        guidance=guidance,
        init_from=init_from,
        look_every=Length(steps=look_every),
    )
    with_progress(run_dir, lambda tick: train_few_step(run_dir, tick, device, plan))


def _known_hint(name: str) -> str:
    """Reject an unknown hint."""
    from ..training.hints import check_hint

    try:
        return check_hint(name)
    except ValueError as problem:
        raise typer.BadParameter(str(problem)) from problem


@train_app.command("control")
def train_control(
    hint: Annotated[
        str,
        typer.Option(
            help="Hint that clips will follow: edges, depth or tracks.", callback=_known_hint
        ),
    ],
    run_dir: RunFolder = Path("runs/tiny"),
    device: TrainDevice = "cpu",
    minutes: Annotated[
        float | None, typer.Option(min=0.5, help="Length of the run, including all preparation.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Number of training steps, instead of --minutes.")
    ] = None,
    makers: Annotated[
        int | None,
        typer.Option(min=0, help="Number of processes that render and encode clips and hints."),
    ] = None,
    base: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the denoiser and text encoder that the ControlNet is for (default: "
            "those of the run folder, else the shipped ones)."
        ),
    ] = None,
    init_from: Annotated[
        Path | None, typer.Option(help="ControlNet to start a new run from, for any hint.")
    ] = None,
) -> None:
    """Train a small ControlNet for a frozen denoiser; an interrupted run resumes."""
    from ..training.checkpoint import Length
    from ..training.control_whole import WholeControl
    from ..training.hints import check_hint
    from ..training.whole import usual_makers
    from .train import denoiser_folder, train_control, vae_file, with_progress

    if (minutes is None) == (steps is None):
        raise typer.BadParameter("set the length of the run with either --minutes or --steps")
    plan = WholeControl(
        hint=check_hint(hint),
        length=Length(steps=steps, seconds=None if minutes is None else 60 * minutes),
        base=base or denoiser_folder(run_dir),
        vae_file=vae_file(run_dir),
        device=device,
        makers=usual_makers(device) if makers is None else makers,
        init_from=init_from,
    )
    with_progress(run_dir, lambda tick: train_control(run_dir, tick, plan))


@train_app.command("all")
def train_all(
    run_dir: RunFolder = Path("runs/tiny"),
    device: TrainDevice = "cpu",
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0.5,
            help="Continue training the denoiser and the few-step LoRA from the shipped weights, "
            "within this time. Without it, everything is trained from scratch, including the VAE.",
        ),
    ] = None,
    makers: Annotated[
        int | None,
        typer.Option(min=1, help="With --minutes: number of processes that render and encode."),
    ] = None,
) -> None:
    """Train all stages, from the VAE to the few-step LoRA; an interrupted run resumes."""
    from .train import train_everything, train_in_minutes, with_progress

    if minutes is None:
        train_everything(run_dir, device)
    else:
        with_progress(
            run_dir, lambda tick: train_in_minutes(run_dir, minutes, device, makers, tick)
        )
