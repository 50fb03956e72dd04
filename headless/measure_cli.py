"""The `spacetime measure` commands; like the others they import nothing heavy at the start."""

from pathlib import Path
from typing import Annotated

import typer

measure_app = typer.Typer(no_args_is_help=True, help="Measure the shipped weights.")

AsMarkdown = Annotated[bool, typer.Option("--markdown", help="Print tables in Markdown.")]
MeasureDevice = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", help="Processes that read clips (default: the number of cores)."),
]
OtherWeights = Annotated[
    Path | None,
    typer.Option("--weights", help="Folder with other weights, named as the shipped files."),
]
JsonFile = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write all figures as JSON.")
]


@measure_app.command("alignment")
def measure_alignment(
    prompts: Annotated[int, typer.Option(help="Held-out prompts for each table.")] = 50,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SET",
            help="Only this set, may be repeated: text, image, scenes, composition, "
            "physics, given or vae.",
        ),
    ] = None,
    guidance: Annotated[float, typer.Option(help="How strongly prompts are followed.")] = 2.0,
    steps: Annotated[int, typer.Option(min=1, help="Steps of the solver.")] = 30,
    shift: Annotated[
        float | None, typer.Option(help="Shift of the schedule (default: the model's own).")
    ] = None,
    device: MeasureDevice = "auto",
    jobs: Jobs = None,
    weights: OtherWeights = None,
    json_file: JsonFile = None,
    sheet_file: Annotated[
        Path | None,
        typer.Option("--contact-sheet", metavar="PNG", help="Draw the first 40 clips, unpicked."),
    ] = None,
    as_markdown: AsMarkdown = False,
) -> None:
    """How often clips show what their prompts ask for, and what else the shipped models do."""
    from ..measure.command import MeasureOptions, measure_command
    from ..measure.studio import Settings

    settings = Settings(guidance, steps, shift, device, weights)
    options = MeasureOptions(
        prompts=prompts,
        only=tuple(only or ()),
        settings=settings,
        jobs=jobs,
        markdown=as_markdown,
        json_file=json_file,
        sheet_file=sheet_file,
    )
    raise typer.Exit(measure_command(options))


@measure_app.command("few-steps")
def measure_few_steps(
    prompts: Annotated[int, typer.Option(min=2, help="Held-out prompts.")] = 50,
    lora: Annotated[
        Path | None, typer.Option(help="The few-step LoRA (default: the shipped one).")
    ] = None,
    guidance: Annotated[float, typer.Option(help="Of the teacher.")] = 3.0,
    steps: Annotated[int, typer.Option(min=1, help="Of the teacher.")] = 30,
    device: MeasureDevice = "auto",
    jobs: Jobs = None,
    weights: OtherWeights = None,
    json_file: JsonFile = None,
    plot_file: Annotated[
        Path | None, typer.Option("--plot", metavar="PNG", help="Draw quality against steps.")
    ] = None,
    as_markdown: AsMarkdown = False,
) -> None:
    """Quality, variety, evaluations and time of the few-step LoRA beside its teacher's."""
    from ..measure.command import MeasureOptions, few_steps_command
    from ..measure.studio import Settings
    from ..weights import bundled

    lora = lora or next(iter(bundled("loras").values()), None)
    settings = Settings(guidance, steps, device=device, weights=weights, lora=lora)
    options = MeasureOptions(
        prompts=prompts,
        only=(),
        settings=settings,
        jobs=jobs,
        markdown=as_markdown,
        json_file=json_file,
    )
    raise typer.Exit(few_steps_command(options, plot_file))


@measure_app.command("guidance")
def measure_guidance(
    prompts: Annotated[int, typer.Option(min=2, help="Held-out prompts for each table.")] = 50,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WAY",
            help="Only this way, may be repeated: a scale of plain guidance (1, 1.5, 2, 3 or 5), "
            "'3 in levels 0.2 to 0.9', '3 projected' … as the tables name them.",
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps of the solver.")] = 30,
    device: MeasureDevice = "auto",
    jobs: Jobs = None,
    weights: OtherWeights = None,
    json_file: JsonFile = None,
    as_markdown: AsMarkdown = False,
) -> None:
    """Ways to guide beside each other, on the same prompts and noise."""
    from ..measure.command import MeasureOptions, guidance_command
    from ..measure.studio import Settings

    options = MeasureOptions(
        prompts=prompts,
        only=tuple(only or ()),
        settings=Settings(steps=steps, device=device, weights=weights),
        jobs=jobs,
        markdown=as_markdown,
        json_file=json_file,
    )
    raise typer.Exit(guidance_command(options))


@measure_app.command("timeline")
def measure_timeline(
    cases: Annotated[int, typer.Option(help="Held-out clips for each table.")] = 40,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PART",
            help="Only this part, may be repeated: calibration (of the meters), animate, forward, "
            "backward, connect, loop, windows, one-minute, edit, inpaint, outpaint, keyframes or "
            "converge.",
        ),
    ] = None,
    guidance: Annotated[float, typer.Option(help="How strongly prompts are followed.")] = 1.0,
    steps: Annotated[int, typer.Option(min=1, help="Steps of the solver.")] = 30,
    few_steps: Annotated[
        bool, typer.Option("--few-steps", help="Sample with the shipped few-step LoRA in 4 steps.")
    ] = False,
    device: MeasureDevice = "auto",
    jobs: Jobs = None,
    weights: OtherWeights = None,
    json_file: JsonFile = None,
    plot_file: Annotated[
        Path | None, typer.Option("--plot", metavar="PNG", help="Draw the steps over the frames.")
    ] = None,
    as_markdown: AsMarkdown = False,
) -> None:
    """How well made parts of clips join given ones, whether loops close, and what edits keep."""
    from ..measure.command import MeasureOptions, timeline_command
    from ..measure.studio import Settings, few_step_settings

    settings = Settings(guidance, steps, device=device, weights=weights)
    if few_steps:
        settings = few_step_settings(settings)
    options = MeasureOptions(
        prompts=cases,
        only=tuple(only or ()),
        settings=settings,
        jobs=jobs,
        markdown=as_markdown,
        json_file=json_file,
    )
    raise typer.Exit(timeline_command(options, plot_file))


@measure_app.command("control")
def measure_control(
    cases: Annotated[int, typer.Option(help="Held-out clips for each table.")] = 200,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PART",
            help="Only this part, may be repeated: edges, depth, tracks, camera, drag (without "
            "control weights), or strength (of those that are named beside it, or of all).",
        ),
    ] = None,
    guidance: Annotated[float, typer.Option(help="How strongly prompts are followed.")] = 3.0,
    steps: Annotated[int, typer.Option(min=1, help="Steps of the solver.")] = 30,
    device: MeasureDevice = "auto",
    jobs: Jobs = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="Folder with ControlNets, and with the model that they were trained for where "
            "that is not the shipped one."
        ),
    ] = None,
    json_file: JsonFile = None,
    plot_file: Annotated[
        Path | None,
        typer.Option("--plot", metavar="PNG", help="Draw how hints are followed by strength."),
    ] = None,
    as_markdown: AsMarkdown = False,
) -> None:
    """How closely clips follow edges, depth, tracks and camera moves, and what prompts lose."""
    from ..measure.command import MeasureOptions, control_command
    from ..measure.studio import Settings

    options = MeasureOptions(
        prompts=cases,
        only=tuple(only or ()),
        settings=Settings(guidance, steps, device=device, weights=weights),
        jobs=jobs,
        markdown=as_markdown,
        json_file=json_file,
    )
    raise typer.Exit(control_command(options, plot_file))


@measure_app.command("report")
def measure_report(
    files: Annotated[list[Path], typer.Argument(help="JSON files of parts of a measurement.")],
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all figures as one JSON.")
    ] = None,
    as_markdown: AsMarkdown = False,
) -> None:
    """Put parts of a measurement, made with --only and --json, together."""
    from ..measure.command import report_command

    raise typer.Exit(report_command(files, json_file=json_file, as_markdown=as_markdown))
