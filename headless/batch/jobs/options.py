"""Command-line options that define the jobs of a batch."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class JobOptions:
    """Where the jobs of a batch come from.

    Args:
        workflows: graph files, or results that carry a graph; "-" reads standard input: either one
            graph, or one JSON job per line.
        assignments: set in every job, each ``Node.input=value``; a job's own values win.
        tables: files with one job per row: CSV, TSV, JSONL or YAML.
        sweeps: ``Node.input=values``: a range, a list, or @ and a file of lines.
        each: ``Node.input=pattern``: one job per file that matches.
        seeds: numbers for the graph's own seed, such as ``1-20``; empty to keep the graph's.
        prompts: file of prompts for the graph's own prompt, one per line.
        zipped: whether tables, sweeps, files, prompts and seeds are paired, first with first;
            otherwise every one is combined with every other.
        name: template of the results' names, such as ``{Prompt.text}_{Noise.seed}``.
        input_dir: folder with the files that graphs load.
        output_dir: where results are saved.
    """

    workflows: tuple[Path, ...] = ()
    assignments: tuple[str, ...] = ()
    tables: tuple[Path, ...] = ()
    sweeps: tuple[str, ...] = ()
    each: tuple[str, ...] = ()
    seeds: str = ""
    prompts: Path | None = None
    zipped: bool = False
    name: str = ""
    input_dir: Path = Path("input")
    output_dir: Path = Path("output")
