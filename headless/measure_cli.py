"""The `spacetime measure` commands. Heavy imports happen inside them."""

from pathlib import Path
from typing import Annotated

import typer

measure_app = typer.Typer(no_args_is_help=True, help="Measure the shipped weights.")

AsMarkdown = Annotated[bool, typer.Option("--markdown", help="Print tables in Markdown.")]
MeasureDevice = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs", help="Number of processes that read clips (default: the number of cores)."
    ),
]
OtherWeights = Annotated[
    Path | None,
    typer.Option("--weights", help="Folder with other weights, named like the shipped files."),
]
JsonFile = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write all figures to this JSON file.")
]


@measure_app.command("alignment")
def measure_alignment(
    prompts: Annotated[int, typer.Option(help="Held-out prompts for each table.")] = 50,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SET",
            help="Measure only this set; may be repeated: text, sizes, image, scenes, "
            "composition, physics, given or vae.",
        ),
    ] = None,
    guidance: Annotated[float, typer.Option(help="Guidance scale.")] = 2.0,
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
        typer.Option("--contact-sheet", metavar="PNG", help="Draw the first 40 clips, uncurated."),
    ] = None,
    as_markdown: AsMarkdown = False,
) -> None:
    """Measure how often clips match their prompts, and what else the shipped models do."""
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
    guidance: Annotated[float, typer.Option(help="Guidance scale of the teacher.")] = 3.0,
    steps: Annotated[int, typer.Option(min=1, help="Steps of the teacher.")] = 30,
    device: MeasureDevice = "auto",
    jobs: Jobs = None,
    weights: OtherWeights = None,
    json_file: JsonFile = None,
    plot_file: Annotated[
        Path | None, typer.Option("--plot", metavar="PNG", help="Plot quality against steps.")
    ] = None,
    as_markdown: AsMarkdown = False,
) -> None:
    """Compare the few-step LoRA with its teacher: quality, variety, evaluations and time."""
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
            help="Measure only this method; may be repeated: a scale of plain guidance (1, 1.5, 2, "
            "3 or 5), '3 in levels 0.2 to 0.9', '3 projected' … as named in the tables.",
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps of the solver.")] = 30,
    device: MeasureDevice = "auto",
    jobs: Jobs = None,
    weights: OtherWeights = None,
    json_file: JsonFile = None,
    as_markdown: AsMarkdown = False,
) -> None:
    """Compare guidance methods on the same prompts and noise."""
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
            help="Measure only this part; may be repeated: calibration (of the meters), animate, "
            "forward, backward, connect, loop, windows, one-minute, edit, inpaint, outpaint, "
            "keyframes or converge.",
        ),
    ] = None,
    guidance: Annotated[float, typer.Option(help="Guidance scale.")] = 1.0,
    steps: Annotated[int, typer.Option(min=1, help="Steps of the solver.")] = 30,
    few_steps: Annotated[
        bool, typer.Option("--few-steps", help="Sample with the shipped few-step LoRA in 4 steps.")
    ] = False,
    device: MeasureDevice = "auto",
    jobs: Jobs = None,
    weights: OtherWeights = None,
    json_file: JsonFile = None,
    plot_file: Annotated[
        Path | None, typer.Option("--plot", metavar="PNG", help="Plot the steps between frames.")
    ] = None,
    as_markdown: AsMarkdown = False,
) -> None:
    """Measure how well generated parts join given ones, whether loops close, what edits keep."""
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
            help="Measure only this part; may be repeated: edges, depth, tracks, camera, drag "
            "(without control weights), or strength (of the other parts named, or of all).",
        ),
    ] = None,
    guidance: Annotated[float, typer.Option(help="Guidance scale.")] = 3.0,
    steps: Annotated[int, typer.Option(min=1, help="Steps of the solver.")] = 30,
    device: MeasureDevice = "auto",
    jobs: Jobs = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="Folder with ControlNets and, if it is not the shipped one, the model that they "
            "were trained for."
        ),
    ] = None,
    json_file: JsonFile = None,
    plot_file: Annotated[
        Path | None,
        typer.Option(
            "--plot", metavar="PNG", help="Plot how closely hints are followed at each strength."
        ),
    ] = None,
    as_markdown: AsMarkdown = False,
) -> None:
    """Measure how closely clips follow hints and camera moves, and how much prompts suffer."""
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
    files: Annotated[list[Path], typer.Argument(help="JSON files with parts of a measurement.")],
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write all figures to one JSON file."),
    ] = None,
    as_markdown: AsMarkdown = False,
) -> None:
    """Merge parts of a measurement that were measured with --only and --json."""
    from ..measure.command import report_command

    raise typer.Exit(report_command(files, json_file=json_file, as_markdown=as_markdown))
