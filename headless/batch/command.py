"""`spacetime batch`: run many jobs, in a new batch or a resumed one."""

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
    """Options from the command line.

    Args:
        jobs: where jobs come from.
        backend: where they run.
        output_dir: folder of results.
        settings: settings by the names of `BatchSettings`; None where not set.
        resume, retry_failed: whether to continue a batch, and to rerun its failed jobs.
        max_failures: number of failed jobs after which the batch ends.
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
    """One run of the command, and what is reported at its end."""

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
        """Number of the batch's jobs by outcome."""
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
    except (BatchStopped, FolderInUse) as problem:  # their messages are complete
        session.error = cut(str(problem))
    except Exception as problem:  # any error is reported, together with the files saved so far
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
    """Return the failures of jobs that cannot run; empty for a batch on servers."""
    if not jobs or options.backend.servers:
        return {}
    return refused_jobs(jobs, settings, tell=_say(options))


def _say(options: BatchOptions) -> Callable[[str], None]:
    return (lambda text: None) if options.quiet else tell


def _groups(
    backend: Backend, jobs: Sequence[BatchJob], refused: Collection[str]
) -> list[tuple[BatchJob, ...]]:
    """Group jobs that run together; jobs that cannot run are alone."""
    groups = backend.groups([job for job in jobs if job.id not in refused])
    return [*groups, *((job,) for job in jobs if job.id in refused)]


def _to_do(contents: Contents, options: BatchOptions) -> list[BatchJob]:
    """Return the jobs of a resumed batch that have to run, with failed ones if they are retried."""
    over = {DONE} if options.retry_failed else {DONE, FAILED}
    return [record.job for record in contents.records.values() if record.state not in over]


def _jobs(options: BatchOptions) -> Sequence[BatchJob] | None:
    """Return the jobs that the command line defines; None to resume an existing batch."""
    if not (options.jobs.workflows or options.jobs.tables):
        if options.resume or options.retry_failed:
            return None
        raise ValueError(
            "there is no workflow to run: name one, or a --table of jobs, or continue with --resume"
        )
    settings = BatchSettings.of({}, options.settings)
    folders = {"input_dir": Path(settings.input_dir), "output_dir": options.output_dir}
    return jobs_of(replace(options.jobs, **folders), registry_of(options.backend, settings))


def _work(session: _Session, layout: Layout, backend: Backend) -> None:
    """Run the remaining jobs of a batch, and record why it ends."""
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
        with suppress(OSError):  # failed jobs leave files in it
            layout.jobs.rmdir()


def _compare_versions(then: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Warn if a batch continues with other versions than before."""
    now = versions()
    changed = [
        f"{name} {version} (before: {then[name]})"
        for name, version in now.items()
        if then.get(name, version) != version
    ]
    if changed:
        say(f"the batch continues with {', '.join(changed)}: results may differ from earlier ones")


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
    """Print the outcome of the jobs and their files; return the exit code of printing."""
    counts, path = session.counts, session.manifest.path if session.manifest else None
    sheet = session.sheet.path if session.sheet else None
    if session.error:
        tell(session.error)
    for name, error in list(session.errors.items())[:LISTED]:
        tell(f"{shown(name)} failed: {error}")
    if path is not None:
        parts = [f"{counts['done']} done"]
        parts += [f"{counts['before']} of them earlier"] if counts["before"] else []
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
