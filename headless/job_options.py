"""Options that define the jobs of a batch."""

from pathlib import Path
from typing import Annotated

import typer

Tables = Annotated[
    list[Path] | None,
    typer.Option(
        "--table",
        metavar="FILE",
        help="One job per row of a CSV, TSV, JSONL or YAML file with the columns Node.input, "
        "workflow and name.",
    ),
]
Sweeps = Annotated[
    list[str] | None,
    typer.Option(
        "--sweep",
        metavar="NODE.INPUT=VALUES",
        help='One job per value: "Noise.seed=0..99", "Denoiser.guidance=1..5:0.5", '
        '"Prompt.text=a cube|a cone", a JSON list, or @FILE with one value per line.',
    ),
]
Each = Annotated[
    list[str] | None,
    typer.Option(
        "--each",
        metavar="NODE.INPUT=FILES",
        help='One job per file of a folder or pattern: "Load Video.file=clips/*.mp4".',
    ),
]
Prompts = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="One job per line of this file, used as the graph's prompt."),
]
Seeds = Annotated[str, typer.Option(help="One job per seed: 1-20, or 1,5,9-12.")]
Zipped = Annotated[
    bool,
    typer.Option(
        "--zip", help="Pair the values of these options in order instead of combining all of them."
    ),
]
Name = Annotated[
    str,
    typer.Option(
        metavar="TEMPLATE",
        help="Names of results: {Node.input}, {seed}, {prompt}, {graph}, {number}, {name}; / "
        "creates folders. (default: {graph}_{number})",
    ),
]
