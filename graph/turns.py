"""The runs of a lockstep: they take turns, ask questions, wait, and work beside other runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from .lockstep import Lockstep


class Question(Protocol):
    """Work that a run requests and that may be done together with the work of other runs."""

    @property
    def kind(self) -> Hashable | None:
        """Questions of equal kinds may be answered together; None is answered alone."""
        ...

    @property
    def size(self) -> int:
        """The amount of work, in a unit specific to its kind."""
        ...

    @property
    def stage(self) -> int:
        """The stage of the run's work; questions of an earlier stage are answered first."""
        ...

    def alone(self) -> Any:
        """Return the answer to this question alone."""
        ...

    def together(self, questions: Sequence[Self], kept: dict[Hashable, Any]) -> Sequence[Any]:
        """Return the answers to several questions of this kind, including this one.

        Args:
            questions: in the order of the runs that ask them.
            kept: a cache for later questions, which lasts until the runs end.
        """
        ...


_A_MOMENT = 0.01
"""Seconds between a free run's checks of the condition it waits for."""


class Line:
    """A queue: one member at a time has its turn, in the order of the tickets drawn."""

    def __init__(self) -> None:
        self._tickets, self._next, self._is_open = count(), 0, False
        self._moved = threading.Condition()

    def ticket(self) -> int:
        """Draw a ticket for the last place."""
        return next(self._tickets)

    def wait(self, ticket: int) -> None:
        """Wait for the turn of a ticket; call `move_on` to end that turn."""
        with self._moved:
            self._moved.wait_for(lambda: self._is_open or self._next == ticket)

    def move_on(self) -> None:
        """Pass the turn to the next ticket."""
        with self._moved:
            self._next += 1
            self._moved.notify_all()

    def open(self) -> None:
        """Stop making anyone wait, from now on."""
        with self._moved:
            self._is_open = True
            self._moved.notify_all()


@dataclass(eq=False)
class Member:
    """A run that executes in its own thread while it has its turn."""

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
        """Start the run's thread, which waits for its first turn, unless it is already started."""
        if self.thread.ident is None:
            self.thread.start()

    def pause(self) -> None:
        """Let others continue, and wait for the next turn."""
        self.give_turn()
        self.take_turn()
        self.lockstep.check()

    def go_beside(self) -> None:
        """Become free and let others continue; wait until no other run works beside them."""
        ticket, self.is_free = self.lockstep.side.ticket(), True
        self.give_turn()
        self.lockstep.side.wait(ticket)
        self.since = time.perf_counter()

    def come_back(self) -> None:
        """Let another run work beside the others, and wait until nobody has the floor."""
        self.seconds += time.perf_counter() - self.since
        ticket = self.lockstep.floor.ticket()
        self.lockstep.side.move_on()
        self.lockstep.floor.wait(ticket)
        self.has_floor = True
        self.since = time.perf_counter()

    def give_turn(self) -> None:
        """Let others continue."""
        self.seconds += time.perf_counter() - self.since
        if self.has_floor:
            self.has_floor = False
            self.lockstep.give_floor()
        else:
            self.lockstep.pass_on(self)

    def take_turn(self) -> None:
        """Wait for the next turn."""
        self.turn.acquire()
        self.since = time.perf_counter()

    def _live(self) -> None:
        """The body of the run's thread."""
        current.set(self)
        self.take_turn()
        try:
            self.lockstep.check()
            self.work()
        except BaseException as problem:  # raised again in the thread of `run`
            self.error = problem
        finally:
            self.ended = True
            self.give_turn()


current: ContextVar[Member | None] = ContextVar("member", default=None)


def ask(question: Question) -> Any:
    """Answer a question: in a lockstep together with those of the other runs, otherwise at once.

    Raises:
        KeyboardInterrupt: the runs are being stopped.
        Exception: answering the question alone has failed.
    """
    member = current.get()
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
    """Let the other runs continue until one of them makes a condition true."""
    member = current.get()
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
    """Work beside the other runs of a lockstep, which continue meanwhile.

    Only one run at a time is inside such a block. State that the block changes must belong to the
    run alone or be thread-safe. From its first such block on, a run is free: between blocks it
    continues as soon as no other run outside such a block is active, even while questions are
    being answered; its own questions are answered at once.

    Raises:
        KeyboardInterrupt: the runs are being stopped.
    """
    member = current.get()
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
    member = current.get()
    if member is not None:
        member.lockstep.check()


def seconds_here() -> float:
    """Read a clock for durations: in a lockstep, a run's own time and its share of the answers."""
    member = current.get()
    now = time.perf_counter()
    return now if member is None else member.seconds + now - member.since
