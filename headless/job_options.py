"""Options that say where the jobs of a batch come from."""

from pathlib import Path
from typing import Annotated

import typer

Tables = Annotated[
    list[Path] | None,
    typer.Option(
        "--table",
        metavar="FILE",
        help="A job for each row of a CSV, TSV, JSONL or YAML file, whose columns are Node.input, "
        "workflow and name.",
    ),
]
Sweeps = Annotated[
    list[str] | None,
    typer.Option(
        "--sweep",
        metavar="NODE.INPUT=VALUES",
        help='A job for each value: "Noise.seed=0..99", "Denoiser.guidance=1..5:0.5", '
        '"Prompt.text=a cube|a cone", a JSON list, or @FILE with one in each line.',
    ),
]
Each = Annotated[
    list[str] | None,
    typer.Option(
        "--each",
        metavar="NODE.INPUT=FILES",
        help='A job for each file of a folder or pattern: "Load Video.file=clips/*.mp4".',
    ),
]
Prompts = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A job for each line, as the graph's prompt."),
]
Seeds = Annotated[str, typer.Option(help="A job for each seed: 1-20, or 1,5,9-12.")]
Zipped = Annotated[
    bool,
    typer.Option(
        "--zip", help="Take the first value of each option, then the second ones, and so on."
    ),
]
Name = Annotated[
    str,
    typer.Option(
        metavar="TEMPLATE",
        help="What results are called: {Node.input}, {seed}, {prompt}, {graph}, {number}, {name}; "
        "/ makes folders. [default: {graph}_{number}]",
    ),
]
