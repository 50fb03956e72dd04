"""What a command line says of the jobs of a batch."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class JobOptions:
    """Where the jobs of a batch come from.

    Args:
        workflows: files of graphs, or results that carry one; "-" is the input stream, which holds
            one graph, or a job in each line of JSON.
        assignments: set in every job, each ``Node.input=value``; what a job sets itself wins.
        tables: files of jobs, a row each: CSV, TSV, JSONL or YAML.
        sweeps: ``Node.input=values``: a range, a list, or @ and a file of lines.
        each: ``Node.input=pattern`` of files, a job each.
        seeds: numbers for the graph's own seed, such as ``1-20``; empty for those that it has.
        prompts: file of prompts for the graph's own prompt, one in each line.
        zipped: whether tables, sweeps, files, prompts and seeds go side by side, the first with
            the first; otherwise every one is combined with every other.
        name: template of the results' names, such as ``{Prompt.text}_{Noise.seed}``.
        input_dir: where graphs find their files.
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
