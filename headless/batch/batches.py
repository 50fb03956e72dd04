"""The batches of an output folder: each has a folder of its own, and is found again by its jobs."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from ...media import counted, plain_path
from ...media.names import some_of
from ...media.paths import output_target
from .job import BatchJob
from .manifest import FILE, Contents, JobRecord, Manifest, ManifestError, read_manifest, write_plan
from .results import digest_of

FOLDER = ".spacetime_batch"
"""In the output folder."""

_DIGITS = 8


def batches_folder(output: Path) -> Path:
    """Where an output folder keeps its batches."""
    return output / FOLDER


def digest_of_jobs(jobs: Sequence[BatchJob]) -> str:
    """The same for the same jobs in the same order; where they came from does not count."""
    digest, known = sha256(), dict[int, str]()
    for job in jobs:
        graph = id(job.workflow)  # many jobs share one
        if graph not in known:
            known[graph] = json.dumps(job.workflow, sort_keys=True)
        facts = [job.id, job.name, job.assignments]
        digest.update(json.dumps(facts).encode() + known[graph].encode())
    return digest.hexdigest()


def begin_batch(
    output: Path,
    jobs: Sequence[BatchJob],
    groups: Iterable[Sequence[BatchJob]],
    settings: Mapping[str, Any],
) -> Manifest:
    """Record a new batch.

    Args:
        output: folder of results, locked.
        jobs: all of them.
        groups: the same jobs, as they will be run.
        settings: what else their results depend on, as JSON.

    Raises:
        ValueError: two jobs have one id or one name, or a name leads out of the folder.
    """
    _check(output, jobs)
    _remove_remains(output)
    digest = digest_of_jobs(jobs)
    name = f"{datetime.now():%Y%m%d-%H%M%S}-{digest[:_DIGITS]}"
    folder = _new_folder(batches_folder(output), name)
    header = {"batch": folder.name, "digest": digest, "settings": dict(settings)}
    write_plan(folder / FILE, header, groups)
    return Manifest(folder / FILE)


def manifests(output: Path) -> list[Path]:
    """The manifests in an output folder, that of the batch that was run last first."""
    found = batches_folder(output).glob(f"*/{FILE}")
    return sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def find_batch(output: Path, jobs: Sequence[BatchJob] | None) -> Path:
    """The manifest of the batch that was run last, or of the last one with just these jobs.

    Raises:
        FileNotFoundError: there is none.
    """
    found = manifests(output)
    if not found:
        raise FileNotFoundError(f"no batch was begun in {output}: give the folder of its results")
    if jobs is None:
        return found[0]
    digest = digest_of_jobs(jobs)
    for path in found:
        with suppress(ManifestError):  # of another batch, whose jobs nobody knows any more
            if read_manifest(path).header["digest"] == digest:
                return path
    raise FileNotFoundError(
        f"no batch in {output} has just the {counted(len(jobs), 'job')} given: a workflow, an "
        "input or their order has changed; --resume without workflows goes on with the last batch "
        "as it was begun"
    )


def find_result(file: Path) -> tuple[Contents, JobRecord] | None:
    """The manifest of the batch that a file is a result of, and its job; None where none is known.

    The file is known by its content, and looked for in the manifests of all folders around it.
    """
    wanted = digest_of(file)
    for folder in plain_path(file).parents:
        for path in manifests(folder):
            with suppress(ManifestError, OSError):  # it tells of no file
                contents = read_manifest(path)
                for record in contents.records.values():
                    if any(each.sha256 == wanted for each in record.files):
                        return contents, record
    return None


def _check(output: Path, jobs: Sequence[BatchJob]) -> None:
    """Refuse names that cannot be used before anything is computed."""
    if not jobs:
        raise ValueError("the batch has no jobs: nothing is to do")
    for values in ([job.id for job in jobs], [job.name for job in jobs]):
        twice = [value for value, count in Counter(values).items() if count > 1]
        if twice:
            raise ValueError(f"several jobs are called {some_of(twice)}: each needs another name")
    for job in jobs:
        output_target(output, job.name)


def _new_folder(parent: Path, name: str) -> Path:
    number, folder = 1, parent / name
    while folder.exists():
        number += 1
        folder = parent / f"{name}-{number}"
    return folder


def _remove_remains(output: Path) -> None:
    """Remove what is left of batches that were killed before they were recorded."""
    for entry in [*batches_folder(output).iterdir()]:
        if entry.suffix == ".part":
            entry.unlink()
        elif entry.is_dir():
            with suppress(OSError):  # a batch
                entry.rmdir()
