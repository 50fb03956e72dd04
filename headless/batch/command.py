"""`spacetime batch`: many jobs, begun or taken up again."""

import json
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from ...graph.errors import LISTED
from ...media import plain_path, prove_writable, shown
from ..failure import cut, message_of
from ..streams import INTERRUPTED, print_results, tell, tell_traceback
from ..version import versions
from .backend import Backend, BatchStopped, JobFailed
from .backends import BackendOptions, backend_of, registry_of
from .batches import batches_folder, begin_batch, find_batch
from .display import BatchDisplay
from .events import as_line
from .job import BatchJob
from .jobs.make import jobs_of
from .jobs.options import JobOptions
from .layout import Layout
from .lock import FolderInUse, FolderLock
from .manifest import DONE, FAILED, Contents, Manifest, read_manifest
from .page.sheet import ContactSheet
from .refused import refused_jobs, told_together
from .restore import restore
from .runner import JobSaved, Outcome, Runner, Told
from .settings import BatchSettings


@dataclass(frozen=True, kw_only=True)
class BatchOptions:
    """What the command line said.

    Args:
        jobs: where they come from.
        backend: where they run.
        output_dir: folder of results.
        settings: by the names of `BatchSettings`; None where nothing was said.
        resume, retry_failed: whether a batch goes on, and its failed jobs with it.
        max_failures: after which it ends.
        json_lines: whether events are printed for programs.
        quiet, verbose: how much is shown.
    """

    jobs: JobOptions
    output_dir: Path
    backend: BackendOptions = field(default_factory=BackendOptions)
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    resume: bool = False
    retry_failed: bool = False
    max_failures: int | None = None
    json_lines: bool = False
    quiet: bool = False
    verbose: bool = False


@dataclass
class _Session:
    """One run of the command, and what is told of it at its end."""

    options: BatchOptions
    began: float = field(default_factory=time.monotonic)
    manifest: Manifest | None = None
    sheet: ContactSheet | None = None
    outcome: Outcome = field(default_factory=Outcome)
    refused: dict[str, JobFailed] = field(default_factory=dict[str, JobFailed])
    errors: dict[str, str] = field(default_factory=dict[str, str])
    error: str = ""

    @property
    def counts(self) -> Mapping[str, int]:
        """Jobs of the batch by what has become of them."""
        records = self.manifest.records.values() if self.manifest else ()
        states = Counter(record.state for record in records)
        done, failed = states[DONE], states[FAILED]
        before = done - len(self.outcome.saved)
        return {
            "done": done, "before": before, "failed": failed, "left": len(records) - done - failed
        }  # fmt: skip


def batch_command(options: BatchOptions) -> int:
    """Run, print the outcome, and return the exit code: 0 if all jobs are done."""
    session, code = _Session(options), 1
    try:
        _run(session)
        code = 1 if session.counts["failed"] or session.counts["left"] else 0
    except KeyboardInterrupt:
        session.error, code = "interrupted", INTERRUPTED
    except (BatchStopped, FolderInUse) as problem:  # which say it all
        session.error = cut(str(problem))
    except Exception as problem:  # whatever it is, what was saved is named and programs are told
        session.error = message_of(problem)
        if options.verbose:
            tell_traceback()
    return _print_end(session) or code


def _run(session: _Session) -> None:
    options, output = session.options, plain_path(session.options.output_dir)
    jobs = _jobs(options)
    prove_writable(output)
    with FolderLock(batches_folder(output)):
        recorded = find_batch(output, jobs) if options.resume or options.retry_failed else None
        contents = read_manifest(recorded) if recorded else None
        begun = contents.header["settings"] if contents else {}
        settings = BatchSettings.of(begun, {**options.settings, "output_dir": str(output)})
        backend = backend_of(options.backend, settings)
        try:
            to_do = _to_do(contents, options) if contents else list(jobs or ())
            refused = _refused(options, to_do, settings)
            manifest = (
                Manifest(recorded)
                if recorded
                else begin_batch(
                    output, to_do, _groups(backend, to_do, refused), settings.as_json()
                )
            )
            session.manifest, session.refused = manifest, refused
            _work(session, Layout(output, manifest.path.parent), backend)
        finally:
            backend.close()


def _refused(
    options: BatchOptions, jobs: Sequence[BatchJob], settings: BatchSettings
) -> dict[str, JobFailed]:
    """What is told of jobs that cannot run; of those of servers that is not known here."""
    if not jobs or options.backend.servers:
        return {}
    return refused_jobs(jobs, settings, tell=_say(options))


def _say(options: BatchOptions) -> Callable[[str], None]:
    return (lambda text: None) if options.quiet else tell


def _groups(
    backend: Backend, jobs: Sequence[BatchJob], refused: Collection[str]
) -> list[tuple[BatchJob, ...]]:
    """Jobs that run together; those that cannot run are alone."""
    groups = backend.groups([job for job in jobs if job.id not in refused])
    return [*groups, *((job,) for job in jobs if job.id in refused)]


def _to_do(contents: Contents, options: BatchOptions) -> list[BatchJob]:
    """Jobs of a batch that goes on which are not done, or have failed and run again."""
    over = {DONE} if options.retry_failed else {DONE, FAILED}
    return [record.job for record in contents.records.values() if record.state not in over]


def _jobs(options: BatchOptions) -> Sequence[BatchJob] | None:
    """The jobs that the command line asks for; None for those of a batch that is there."""
    if not (options.jobs.workflows or options.jobs.tables):
        if options.resume or options.retry_failed:
            return None
        raise ValueError(
            "there is no workflow to run: name one, or a --table of jobs, or go on with --resume"
        )
    settings = BatchSettings.of({}, options.settings)
    folders = {"input_dir": Path(settings.input_dir), "output_dir": options.output_dir}
    return jobs_of(replace(options.jobs, **folders), registry_of(options.backend, settings))


def _work(session: _Session, layout: Layout, backend: Backend) -> None:
    """Run what is to do in a batch, and record why it ends."""
    manifest, options = session.manifest, session.options
    assert manifest is not None
    sheet = session.sheet = ContactSheet(layout)
    reason = "stopped"
    try:
        say = _say(options)
        _compare_versions(manifest.versions, say)
        manifest.session(versions())
        restore(manifest, layout, retry_failed=options.retry_failed, tell=say)
        names = {
            record.job.id: record.job.name
            for record in manifest.records.values()
            if record.state not in (DONE, FAILED)
        }
        sheet.begin()
        if names and sheet.path:
            say(f"results appear in {sheet.path.as_uri()}")
        jobs = [record.job for record in manifest.records.values()]
        for line in told_together(jobs, session.refused):
            say(line)
        with BatchDisplay(names, Console(stderr=True, quiet=options.quiet)) as display:
            watch = partial(_watch, session, display.told)
            runner = Runner(manifest, layout, backend, watch, options.max_failures)
            session.outcome = runner.outcome
            runner.refuse(session.refused.values())
            runner.run()
        reason = session.error = runner.outcome.stopped
    except KeyboardInterrupt:
        reason = "interrupted"
        raise
    except BatchStopped as problem:
        reason = str(problem)
        raise
    finally:
        manifest.close(reason or "ended")
        sheet.end()
        with suppress(OSError):  # of failed jobs something is left
            layout.jobs.rmdir()


def _compare_versions(then: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Warn where a batch goes on with other versions than it was run with before."""
    now = versions()
    changed = [
        f"{name} {version} (before: {then[name]})"
        for name, version in now.items()
        if then.get(name, version) != version
    ]
    if changed:
        say(f"the batch goes on with {', '.join(changed)}: results may differ from those before")


def _watch(session: _Session, show: Callable[[Told], None], told: Told) -> None:
    show(told)
    assert session.manifest is not None
    assert session.sheet is not None
    session.sheet.keep(has_changed=isinstance(told, JobSaved | JobFailed))
    name = session.manifest.records[told.job].job.name
    if isinstance(told, JobFailed):
        session.errors[name] = told.message
        if session.options.verbose:
            tell(told.traceback)
    if session.options.json_lines:
        print_results([as_line(told, name)])


def _print_end(session: _Session) -> int:
    """Say what has become of the jobs, and print the files; gives the exit code of printing."""
    counts, path = session.counts, session.manifest.path if session.manifest else None
    sheet = session.sheet.path if session.sheet else None
    if session.error:
        tell(session.error)
    for name, error in list(session.errors.items())[:LISTED]:
        tell(f"{shown(name)} failed: {error}")
    if path is not None:
        parts = [f"{counts['done']} done"]
        parts += [f"{counts['before']} of them before"] if counts["before"] else []
        parts += [f"{counts[word]} {word}" for word in ("failed", "left") if counts[word]]
        tell(f"{', '.join(parts)}; see {sheet.as_uri() if sheet else path}")
    if not session.options.json_lines:
        files = session.outcome.saved.values()
        return print_results([str(file) for those in files for file in those])
    end: dict[str, Any] = {
        "event": "end",
        "ok": not (session.error or counts["failed"] or counts["left"]),
        **counts,
        "seconds": round(time.monotonic() - session.began, 3),
        "manifest": str(path) if path else None,
        "contact_sheet": str(sheet) if sheet else None,
    }
    return print_results([json.dumps(end | ({"error": session.error} if session.error else {}))])
