"""Training from the command line: the recipe's stages with a progress bar."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..media import prove_writable
from ..training.control_whole import WholeControl, train_control_within
from ..training.denoiser_recipe import DenoiserPlan, make_denoiser, make_latents
from ..training.distil_recipe import DistilPlan, make_few_step
from ..training.loop import Tick
from ..training.recipe import DIT_FILE, VAE_FILE
from ..training.vae_recipe import VAEPlan, make_decoder, make_vae
from ..training.whole import WholePlan, train_within, usual_makers
from ..weights import bundled


def train_latents(run: Path, tick: Tick, device: str, scale: float = 1.0) -> None:
    """Render and encode the denoiser's data."""
    make_latents(run, vae_file(run), tick, device, scale)


def train_denoiser(run: Path, tick: Tick, device: str, plan: DenoiserPlan) -> None:
    """Train the denoiser and its text encoder."""
    make_denoiser(run, vae_file(run), tick, device, plan)


def train_few_step(run: Path, tick: Tick, device: str, plan: DistilPlan) -> None:
    """Distil the denoiser into a few-step LoRA."""
    make_few_step(run, denoiser_folder(run), vae_file(run), tick, device, plan)


def train_decoder(run: Path, tick: Tick, device: str, plan: VAEPlan) -> None:
    """Continue training the VAE's decoder, also on latents from the denoiser."""
    make_decoder(run, denoiser_folder(run), tick, device, plan)


def train_everything(run: Path, device: str) -> None:
    """Train all stages from scratch, one after another."""
    stages: tuple[Callable[[Tick], None], ...] = (
        lambda tick: make_vae(run, tick, device),
        lambda tick: train_latents(run, tick, device),
        lambda tick: train_denoiser(run, tick, device, DenoiserPlan()),
        lambda tick: train_decoder(run, tick, device, VAEPlan()),
        lambda tick: train_few_step(run, tick, device, DistilPlan()),
    )
    for stage in stages:
        with_progress(run, stage)


def train_in_minutes(
    run: Path, minutes: float, device: str, makers: int | None, tick: Tick
) -> None:
    """Continue training denoiser and few-step LoRA from the shipped weights, within a time."""
    count = usual_makers(device) if makers is None else makers
    train_within(run, WholePlan(minutes=minutes, device=device, makers=count), tick)


def train_control(run: Path, tick: Tick, plan: WholeControl) -> None:
    """Train a control branch."""
    train_control_within(run, plan, tick)


def denoiser_folder(run: Path) -> Path:
    """Return the folder of the denoiser that a run has trained, else of the shipped one."""
    own = run / "weights"
    return own if (own / DIT_FILE).exists() else bundled("diffusion_models")[DIT_FILE].parent


def vae_file(run: Path) -> Path:
    """Return the VAE that a run has trained, else the shipped one."""
    own = run / "weights" / VAE_FILE
    return own if own.exists() else bundled("vae")[VAE_FILE]


def with_progress(run: Path, stage: Callable[[Tick], None]) -> None:
    """Run a stage in a folder; it resumes where an earlier run stopped."""
    prove_writable(run)
    run.mkdir(parents=True, exist_ok=True)
    with _bars() as tick:
        stage(tick)


@contextmanager
def _bars() -> Iterator[Tick]:
    """Show one progress bar for each task that is ticked."""
    columns = (
        TextColumn("{task.description:16}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks = {}

        def tick(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done)

        yield tick
