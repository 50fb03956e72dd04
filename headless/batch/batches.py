"""The batches of an output folder: each has its own folder, and is found again by its jobs."""

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
"""Subfolder of the output folder."""

_DIGITS = 8


def batches_folder(output: Path) -> Path:
    """Return the folder in which an output folder keeps its batches."""
    return output / FOLDER


def digest_of_jobs(jobs: Sequence[BatchJob]) -> str:
    """Return a digest that is equal for equal jobs in equal order, wherever they came from."""
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
        jobs: all jobs of the batch.
        groups: the same jobs, as they will be run.
        settings: what else their results depend on, as JSON.

    Raises:
        ValueError: there are no jobs, two share an id or a name, or a name leads out of the folder.
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
    """Return the manifests in an output folder, the most recently run batch first."""
    found = batches_folder(output).glob(f"*/{FILE}")
    return sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def find_batch(output: Path, jobs: Sequence[BatchJob] | None) -> Path:
    """Return the manifest of the last batch that was run, or of the last with exactly these jobs.

    Raises:
        FileNotFoundError: there is no such batch.
    """
    found = manifests(output)
    if not found:
        raise FileNotFoundError(f"there is no batch in {output}: give the output folder of a batch")
    if jobs is None:
        return found[0]
    digest = digest_of_jobs(jobs)
    for path in found:
        with suppress(ManifestError):  # of another batch, whose jobs can no longer be read
            if read_manifest(path).header["digest"] == digest:
                return path
    raise FileNotFoundError(
        f"no batch in {output} has exactly the {counted(len(jobs), 'job')} given: a workflow, an "
        "input or the order of jobs has changed; --resume without workflows continues the last "
        "batch as it was started"
    )


def find_result(file: Path) -> tuple[Contents, JobRecord] | None:
    """Return the manifest and the job that a file is a result of; None if unknown.

    The file is identified by its content, and searched for in the manifests of all its parent
    folders.
    """
    wanted = digest_of(file)
    for folder in plain_path(file).parents:
        for path in manifests(folder):
            with suppress(ManifestError, OSError):  # it cannot be read
                contents = read_manifest(path)
                for record in contents.records.values():
                    if any(each.sha256 == wanted for each in record.files):
                        return contents, record
    return None


def _check(output: Path, jobs: Sequence[BatchJob]) -> None:
    """Reject names that cannot be used, before anything is computed."""
    if not jobs:
        raise ValueError("the batch has no jobs: there is nothing to do")
    for values in ([job.id for job in jobs], [job.name for job in jobs]):
        twice = [value for value, count in Counter(values).items() if count > 1]
        if twice:
            raise ValueError(f"several jobs are called {some_of(twice)}: each needs its own name")
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
            with suppress(OSError):  # not empty: a recorded batch
                entry.rmdir()
