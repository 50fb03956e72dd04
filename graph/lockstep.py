"""Several runs side by side, one at a time, which meet where they ask for the same kind of work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from functools import partial
from itertools import count
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

    @property
    def stage(self) -> int:
        """Of a run's work. As long as one asks in an earlier stage, the others wait for it."""
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


Tell = Callable[[Sequence[int], Exception], None]

_A_MOMENT = 0.01
"""Seconds after which a free run looks again at what it waits for."""


class _Line:
    """One at a time, in the order in which they have drawn tickets."""

    def __init__(self) -> None:
        self._tickets, self._next, self._is_open = count(), 0, False
        self._moved = threading.Condition()

    def ticket(self) -> int:
        """The last place."""
        return next(self._tickets)

    def wait(self, ticket: int) -> None:
        """Wait for one's turn, which the next one waits for."""
        with self._moved:
            self._moved.wait_for(lambda: self._is_open or self._next == ticket)

    def move_on(self) -> None:
        """Let the next one have its turn."""
        with self._moved:
            self._next += 1
            self._moved.notify_all()

    def open(self) -> None:
        """Let all have their turn at once, from now on."""
        with self._moved:
            self._is_open = True
            self._moved.notify_all()


@dataclass(eq=False)
class _Member:
    """A run that goes on in a thread of its own, while it is its turn."""

    number: int
    lockstep: Lockstep
    work: Callable[[], None]
    thread: threading.Thread = field(init=False)
    turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    question: Question | None = None
    answer: Any = None
    error: BaseException | None = None
    until: Callable[[], bool] | None = None
    is_free: bool = False
    has_floor: bool = False
    ended: bool = False
    seconds: float = 0.0
    since: float = 0.0

    def __post_init__(self) -> None:
        live = partial(copy_context().run, self._live)
        self.thread = threading.Thread(target=live, daemon=True)

    @property
    def asked(self) -> Question:
        assert self.question is not None
        return self.question

    @property
    def can_go_on(self) -> bool:
        if self.ended or self.is_free or self.question is not None:
            return False
        return self.until is None or self.until()

    def begin(self) -> None:
        """Wait in a thread of its own for its first turn, unless it does already."""
        if self.thread.ident is None:
            self.thread.start()

    def pause(self) -> None:
        """Let others go on, and wait for its next turn."""
        self.give_turn()
        self.take_turn()
        self.lockstep.check()

    def go_beside(self) -> None:
        """Let others go on, and be free from now on; wait until nobody else works beside them."""
        ticket, self.is_free = self.lockstep.side.ticket(), True
        self.give_turn()
        self.lockstep.side.wait(ticket)
        self.since = time.perf_counter()

    def come_back(self) -> None:
        """Let another one work beside the others, and wait until nobody has the floor."""
        self.seconds += time.perf_counter() - self.since
        ticket = self.lockstep.floor.ticket()
        self.lockstep.side.move_on()
        self.lockstep.floor.wait(ticket)
        self.has_floor = True
        self.since = time.perf_counter()

    def give_turn(self) -> None:
        """Let others go on."""
        self.seconds += time.perf_counter() - self.since
        if self.has_floor:
            self.has_floor = False
            self.lockstep.give_floor()
        else:
            self.lockstep.pass_on(self)

    def take_turn(self) -> None:
        """Wait for its next turn."""
        self.turn.acquire()
        self.since = time.perf_counter()

    def _live(self) -> None:
        """Its thread."""
        _member.set(self)
        self.take_turn()
        try:
            self.lockstep.check()
            self.work()
        except BaseException as problem:  # raised again in the thread of `run`
            self.error = problem
        finally:
            self.ended = True
            self.give_turn()


_member: ContextVar[_Member | None] = ContextVar("member", default=None)


def ask(question: Question) -> Any:
    """Have a question answered: in a lockstep with those of the other runs, else at once.

    Raises:
        KeyboardInterrupt: the runs are being stopped.
        Exception: what answering it raises, alone if not together.
    """
    member = _member.get()
    if member is None or member.is_free:
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
    if member is None or condition():
        return
    if member.is_free:
        while not condition():
            with beside():
                time.sleep(_A_MOMENT)
    else:
        member.until = condition
        member.pause()
        member.until = None


@contextmanager
def beside() -> Iterator[None]:
    """Work beside the other runs of a lockstep, which go on meanwhile: a block for one at a time.

    What the block changes has to be the run's own, or be made for several threads. From its first
    such block on, a run is free: between these blocks it goes on as soon as no other run does that
    is in none of them, also while questions are answered; its own are answered at once.

    Raises:
        KeyboardInterrupt: the runs are being stopped.
    """
    member = _member.get()
    if member is None:
        yield
        return
    member.go_beside()
    try:
        member.lockstep.check()
        yield
    finally:
        member.come_back()


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
    can go on, their questions are answered. So the same runs always meet in the same way. Whoever
    has begun to work `beside` the others meets nobody any more.

    Args:
        most: size up to which questions are answered together.
    """

    def __init__(self, most: float) -> None:
        self.floor, self.side = _Line(), _Line()
        self._most = most
        self._kept: dict[Hashable, Any] = {}
        self._apart = self._stopping = False
        self._members: list[_Member] = []
        self._back = threading.Semaphore(0)
        self._changed = threading.Semaphore(0)

    def run(self, works: Iterable[Callable[[], None]], tell: Tell = lambda *_: None) -> None:
        """Do all works, and return when each has ended or is free, see `beside`.

        Those of an earlier call have ended then.

        Args:
            works: to do.
            tell: told when questions could not be answered together, by the numbers of their runs
                and why; all are answered alone from then on.

        Raises:
            BaseException: what a work or Ctrl-C has raised; all others are stopped, and so is the
                lockstep for good.
        """
        earlier = self._members
        self._tell, self._apart = tell, False
        members = [_Member(number, self, work) for number, work in enumerate(works)]
        self._members = [*earlier, *members]
        self._go_on(
            lambda: (
                all(member.ended for member in earlier)
                and all(member.ended or member.is_free for member in members)
            )
        )

    def finish(self) -> None:
        """Wait until all runs have ended; raises what `run` does."""
        self._go_on(lambda: all(member.ended for member in self._members))

    def _go_on(self, is_over: Callable[[], bool]) -> None:
        """Have runs go on, and answer them, until they are as far as that."""
        try:
            for member in self._members:
                member.begin()
            while True:
                self._advance()
                asking = [member for member in self._members if member.question is not None]
                if asking:
                    first = min(member.asked.stage for member in asking)
                    self._answer([member for member in asking if member.asked.stage == first])
                elif is_over():
                    break
                else:
                    self._changed.acquire()
        except BaseException:
            self._stop()
            raise
        self._members = [member for member in self._members if not member.ended]
        self._kept.clear()

    def pass_on(self, member: _Member) -> None:
        """Give the turn of a member to the next one, or back to the thread of `run`.

        Members pass it to each other: on a busy machine every change of threads is a wait.
        """
        place = self._members.index(member)
        following = [*self._members[place + 1 :], *self._members[:place]]
        can_go_on = (each for each in following if each.can_go_on)
        is_over = self._stopping or (member.ended and member.error is not None)
        after = None if is_over else next(can_go_on, None)
        (self._back if after is None else after.turn).release()

    def give_floor(self) -> None:
        """Let other free members go on, or those that take turns."""
        self.floor.move_on()
        self._changed.release()

    def check(self) -> None:
        """Raise KeyboardInterrupt if the runs are being stopped."""
        if self._stopping:
            raise KeyboardInterrupt

    def _advance(self) -> None:
        """Let members go on until none of them can without an answer."""
        self.floor.wait(self.floor.ticket())
        while self._goes_on():
            pass
        self.floor.move_on()

    def _goes_on(self) -> bool:
        """Let members go on, if any can, until it is nobody's turn."""
        for member in self._members:
            if member.ended and member.error is not None:
                raise member.error
        first = next((each for each in self._members if each.can_go_on), None)
        if first is not None:
            first.turn.release()
            self._back.acquire()
        return first is not None

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

    def _stop(self) -> None:
        """Wake whoever waits, and wait for all to end; on the way out nobody gets an answer."""
        self._stopping = True
        self.floor.open()
        self.side.open()
        for member in self._members:
            member.turn.release()
        for member in self._members:
            if member.thread.ident is not None:
                member.thread.join()


def _answer_alone(member: _Member) -> None:
    try:
        member.answer = member.asked.alone()
    except Exception as problem:  # of this run; the others go on
        member.error = problem
    member.question = None
