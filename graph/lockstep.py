"""Several runs side by side, one at a time, which meet where they ask for the same kind of work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import torch


class Question(Protocol):
    """Work that a run asks for, and that may be done together with that of others."""

    @property
    def kind(self) -> Hashable | None:
        """Questions of equal kinds may be answered together; None for one that is alone."""
        ...

    @property
    def size(self) -> int:
        """How much it is, in a unit of its kind's own."""
        ...

    def alone(self) -> Any:
        """The answer."""
        ...

    def together(self, questions: Sequence[Self], kept: dict[Hashable, Any]) -> Sequence[Any]:
        """The answers to several questions of this kind, this one among them.

        Args:
            questions: in the order of the runs that ask.
            kept: holds what is made for later questions, as long as the runs go on.
        """
        ...


@dataclass(eq=False)
class _Member:
    """A run that goes on in a thread of its own, while it is its turn."""

    number: int
    lockstep: Lockstep
    turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    question: Question | None = None
    answer: Any = None
    error: BaseException | None = None
    until: Callable[[], bool] | None = None
    ended: bool = False
    seconds: float = 0.0
    since: float = 0.0

    @property
    def asked(self) -> Question:
        assert self.question is not None
        return self.question

    @property
    def can_go_on(self) -> bool:
        return not self.ended and self.question is None and (self.until is None or self.until())

    def pause(self) -> None:
        """Give the turn back, and wait for the next one."""
        self.seconds += time.perf_counter() - self.since
        self.lockstep.pass_on(self)
        self.turn.acquire()
        self.since = time.perf_counter()
        self.lockstep.check()


_member: ContextVar[_Member | None] = ContextVar("member", default=None)


def ask(question: Question) -> Any:
    """Have a question answered: in a lockstep with those of the other runs, else at once.

    Raises:
        KeyboardInterrupt: the runs are being stopped.
        Exception: what answering it raises, alone if not together.
    """
    member = _member.get()
    if member is None:
        return question.alone()
    member.lockstep.check()
    member.question = question
    member.pause()
    answer, error = member.answer, member.error
    member.answer = member.error = None
    if error is not None:
        raise error
    return answer


def wait_until(condition: Callable[[], bool]) -> None:
    """Let the other runs go on until a condition holds that one of them brings about."""
    member = _member.get()
    if member is not None and not condition():
        member.until = condition
        member.pause()
        member.until = None


def check_stopped() -> None:
    """Raise KeyboardInterrupt in a run whose lockstep is being stopped."""
    member = _member.get()
    if member is not None:
        member.lockstep.check()


def seconds_here() -> float:
    """A clock for spans of time: in a lockstep of the run's own time and its share of answers."""
    member = _member.get()
    now = time.perf_counter()
    return now if member is None else member.seconds + now - member.since


class Lockstep:
    """Runs that share this process; answers to their questions are made in the caller's thread.

    A run goes on until it asks, waits or ends; then it is the next one's turn. When none of them
    can go on, their questions are answered. So the same runs always meet in the same way.

    Args:
        most: size up to which questions are answered together.
        tell: told when questions could not be answered together, by the numbers of their runs and
            why; all are answered alone from then on.
    """

    def __init__(
        self, most: float, tell: Callable[[Sequence[int], Exception], None] = lambda *_: None
    ) -> None:
        self._most, self._tell = most, tell
        self._kept: dict[Hashable, Any] = {}
        self._apart = self._stopping = False
        self._members: Sequence[_Member] = ()
        self._back = threading.Semaphore(0)

    def run(self, works: Iterable[Callable[[], None]]) -> None:
        """Do all works, and return when all of them have ended.

        Raises:
            BaseException: what a work or Ctrl-C has raised; the others are stopped.
        """
        works = list(works)
        self._members = members = [_Member(number, self) for number in range(len(works))]
        threads = [
            threading.Thread(
                target=copy_context().run, args=(self._live, member, work), daemon=True
            )
            for member, work in zip(members, works, strict=True)
        ]
        try:
            for thread in threads:
                thread.start()
            while not all(member.ended for member in members):
                self._advance()
                self._answer([member for member in members if member.question is not None])
        finally:
            self._stop(members, threads)

    def pass_on(self, member: _Member) -> None:
        """Give the turn of a member to the next one, or back to the thread of `run`.

        Members pass it to each other: on a busy machine every change of threads is a wait.
        """
        following = [*self._members[member.number + 1 :], *self._members[: member.number]]
        can_go_on = (each for each in following if each.can_go_on)
        is_over = self._stopping or (member.ended and member.error is not None)
        after = None if is_over else next(can_go_on, None)
        (self._back if after is None else after.turn).release()

    def check(self) -> None:
        """Raise KeyboardInterrupt if the runs are being stopped."""
        if self._stopping:
            raise KeyboardInterrupt

    def _live(self, member: _Member, work: Callable[[], None]) -> None:
        """A member's thread."""
        _member.set(member)
        member.turn.acquire()
        member.since = time.perf_counter()
        try:
            if not self._stopping:
                work()
        except BaseException as problem:  # raised again in the thread of `run`
            member.error = problem
        finally:
            member.ended = True
            self.pass_on(member)

    def _advance(self) -> None:
        """Let members go on until none of them can without an answer."""
        while (first := next((each for each in self._members if each.can_go_on), None)) is not None:
            first.turn.release()
            self._back.acquire()
            for member in self._members:
                if member.ended and member.error is not None:
                    raise member.error

    @torch.inference_mode()
    def _answer(self, asking: Sequence[_Member]) -> None:
        """Answer all questions, those of a kind together."""
        kinds: dict[Hashable, list[_Member]] = {}
        for member in asking:
            kind = None if self._apart else member.asked.kind
            kinds.setdefault(member if kind is None else kind, []).append(member)
        for alike in kinds.values():
            for portion in self._portions(alike):
                self._answer_alike(portion)

    def _portions(self, members: Sequence[_Member]) -> list[list[_Member]]:
        """Members whose questions are small enough together; a large one is alone."""
        portions: list[list[_Member]] = []
        left = 0.0
        for member in members:
            size = member.asked.size
            if not portions or size > left:
                portions.append([])
                left = self._most
            portions[-1].append(member)
            left -= size
        return portions

    def _answer_alike(self, members: Sequence[_Member]) -> None:
        began = time.perf_counter()
        if len(members) > 1 and not self._apart:
            try:
                self._answer_together(members)
            except Exception as problem:
                self._apart = True
                self._kept.clear()
                self._tell([member.number for member in members], problem)
            else:
                share = (time.perf_counter() - began) / len(members)
                for member in members:
                    member.seconds += share
                return
        for member in members:
            began = time.perf_counter()
            _answer_alone(member)
            member.seconds += time.perf_counter() - began

    def _answer_together(self, members: Sequence[_Member]) -> None:
        questions = [member.asked for member in members]
        answers = questions[0].together(questions, self._kept)
        for member, answer in zip(members, answers, strict=True):
            member.answer, member.question = answer, None

    def _stop(self, members: Sequence[_Member], threads: Sequence[threading.Thread]) -> None:
        """Wake whoever waits, and wait for all to end; on the way out nobody gets an answer."""
        self._stopping = True
        for member in members:
            member.turn.release()
        for thread in threads:
            if thread.ident is not None:
                thread.join()


def _answer_alone(member: _Member) -> None:
    try:
        member.answer = member.asked.alone()
    except Exception as problem:  # of this run; the others go on
        member.error = problem
    member.question = None
