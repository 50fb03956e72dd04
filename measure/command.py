"""The `spacetime measure` commands."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from ..headless.streams import INTERRUPTED, tell
from ..media import save_image
from ..training.recipe import DIT_FILE, control_file
from .control.plot import strength_plot
from .control.tasks import NAMES as CONTROL_NAMES
from .control.tasks import Adherence, control_tasks
from .few_steps import measure_few_steps, quality_plot, ways_of
from .figures import Table, table_of
from .guidance import measure_guidance, ways_to_guide
from .markdown import markdown
from .readers import Readers
from .report import contact_sheet, print_tables
from .studio import ClipMaker, Maker, Settings
from .tasks import SETS, Measured, Sheet, measure, tasks_of
from .timeline.plot import Steps, steps_plot
from .timeline.tasks import NAMES, timeline_tasks


@dataclass(frozen=True, kw_only=True)
class MeasureOptions:
    """Options of the command line."""

    prompts: int
    only: Sequence[str]
    settings: Settings
    jobs: int | None = None
    markdown: bool = False
    json_file: Path | None = None
    sheet_file: Path | None = None


def measure_command(options: MeasureOptions, maker: Maker | None = None) -> int:
    """Measure, print and write the requested results; return the exit code."""
    return _told(lambda: _measure(options, maker))


def few_steps_command(options: MeasureOptions, plot_file: Path | None) -> int:
    """Measure a few-step LoRA against its teacher; return the exit code."""
    return _told(lambda: _measure_few_steps(options, plot_file))


def guidance_command(options: MeasureOptions) -> int:
    """Measure guidance settings, those named in ``only``; return the exit code."""
    return _told(lambda: _measure_guidance(options))


def timeline_command(options: MeasureOptions, plot_file: Path | None) -> int:
    """Measure how generated parts join given ones, for jobs in ``only``; return the exit code."""
    return _told(lambda: _measure_timeline(options, plot_file))


def control_command(options: MeasureOptions, plot_file: Path | None) -> int:
    """Measure how well clips follow hints, for jobs in ``only``; return the exit code."""
    return _told(lambda: _measure_control(options, plot_file))


def report_command(files: Sequence[Path], *, json_file: Path | None, as_markdown: bool) -> int:
    """Print the tables of several measurements as one measurement; return the exit code."""
    return _told(lambda: _report(files, json_file, as_markdown))


def merge(parts: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, Any], list[Table]]:
    """Merge parts of a measurement into their common settings and all tables.

    Args:
        parts: contents of JSON files, by file name.

    Raises:
        ValueError: a part is not a measurement, its settings differ from the first part's, or a
            table occurs twice.
    """
    settings: dict[str, Any] = {}
    tables: dict[str, Table] = {}
    for file, part in parts.items():
        if not {"settings", "tables"} <= part.keys():
            raise ValueError(f"{file} holds no measurement: write one with --json")
        settings = settings or part["settings"]
        if part["settings"] != settings:
            raise ValueError(
                f"{file} was measured with {part['settings']}, but {next(iter(parts))} with "
                f"{settings}: measure both with the same settings"
            )
        for table in map(table_of, part["tables"]):
            if table.name in tables:
                raise ValueError(f"{file} measures {table.name!r} again: leave out one of the two")
            tables[table.name] = table
    return settings, list(tables.values())


def _told(run: Callable[[], None]) -> int:
    try:
        run()
    except KeyboardInterrupt:
        tell("interrupted")
        return INTERRUPTED
    except (ValueError, OSError) as problem:
        tell(str(problem))
        return 1
    return 0


def _measure(options: MeasureOptions, maker: Maker | None) -> None:
    tasks = tasks_of(options.only or SETS, options.prompts)
    sheet = Sheet()
    with Readers(options.jobs) as readers:
        measured = measure(maker or ClipMaker(options.settings), readers, tasks, sheet)
    _print(measured.tables, options.markdown)
    if options.sheet_file and sheet.clips:
        save_image(options.sheet_file, contact_sheet(sheet.clips, sheet.prompts))
    _write(options.json_file, _settings(options), measured.tables)
    _end(measured)


def _measure_few_steps(options: MeasureOptions, plot_file: Path | None) -> None:
    ways = ways_of(options.settings)
    with Readers(options.jobs) as readers:
        tables = measure_few_steps(ways, readers, options.prompts)
    _print(tables, options.markdown)
    if plot_file:
        save_image(plot_file, quality_plot(ways, tables[0]))
    _write(options.json_file, _settings(options), tables)


def _measure_guidance(options: MeasureOptions) -> None:
    ways = ways_to_guide(options.settings, options.only)
    with Readers(options.jobs) as readers:
        tables = measure_guidance(ways, readers, options.prompts)
    _print(tables, options.markdown)
    settings = _settings(options)
    del settings["guidance"]  # every row has its own
    _write(options.json_file, settings, tables)


def _measure_timeline(options: MeasureOptions, plot_file: Path | None) -> None:
    maker, sheet, steps = ClipMaker(options.settings), Sheet(), Steps()
    tasks = timeline_tasks(options.only or NAMES, options.prompts, maker, steps)
    with Readers(options.jobs) as readers:
        measured = measure(maker, readers, tasks, sheet)
    _print(measured.tables, options.markdown)
    settings = {**_settings(options), "solver": options.settings.solver}
    _write(options.json_file, settings, measured.tables)
    if plot_file and (steps.panels or not measured.interrupted):
        save_image(plot_file, steps_plot(steps))
    _end(measured)


def _end(measured: Measured) -> None:
    """End the command as interrupted, after all results have been written."""
    if measured.interrupted:
        raise KeyboardInterrupt


def _measure_control(options: MeasureOptions, plot_file: Path | None) -> None:
    swept, controls = Adherence(), options.settings.weights
    maker = ClipMaker(of_controls(options.settings))
    names = options.only or CONTROL_NAMES
    tasks = control_tasks(names, options.prompts, maker, controls, swept)
    with Readers(options.jobs) as readers:
        measured = measure(maker, readers, tasks, Sheet())
    _print(measured.tables, options.markdown)
    if plot_file and (swept.lines or not measured.interrupted):
        save_image(plot_file, strength_plot(swept))
    _write(options.json_file, _settings(options), measured.tables)
    _end(measured)


def of_controls(settings: Settings) -> Settings:
    """The settings with the denoiser that the control branches in a folder belong to.

    As in training, that is the denoiser beside them, or else the shipped one.
    """
    folder = settings.weights
    if folder is None or (folder / DIT_FILE).exists() or not any(folder.glob(control_file("*"))):
        return settings
    return replace(settings, weights=None)


def _report(files: Sequence[Path], json_file: Path | None, as_markdown: bool) -> None:
    settings, tables = merge({str(file): _read(file) for file in files})
    _print(tables, as_markdown)
    _write(json_file, settings, tables)


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise ValueError(f"{file} is not a JSON file: {problem}") from problem
    return found if isinstance(found, dict) else {}


def _print(tables: Sequence[Table], as_markdown: bool) -> None:
    if as_markdown:
        sys.stdout.write(markdown(tables))
    else:
        print_tables(tables, Console())


def _write(file: Path | None, settings: Mapping[str, Any], tables: Sequence[Table]) -> None:
    if file:
        result = {"settings": settings, "tables": [table.as_dict() for table in tables]}
        file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _settings(options: MeasureOptions) -> dict[str, Any]:
    settings = options.settings
    return {
        "prompts": options.prompts,
        "guidance": settings.guidance,
        "steps": settings.steps,
        "shift": settings.shift,
        "weights": "shipped" if settings.weights is None else str(settings.weights),
    }
