"""What runs of a lockstep do: they take turns, ask, wait for each other and work beside others."""

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


_A_MOMENT = 0.01
"""Seconds after which a free run looks again at what it waits for."""


class Line:
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
class Member:
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
    """Have a question answered: in a lockstep with those of the other runs, else at once.

    Raises:
        KeyboardInterrupt: the runs are being stopped.
        Exception: what answering it raises, alone if not together.
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
    """Let the other runs go on until a condition holds that one of them brings about."""
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
    """Work beside the other runs of a lockstep, which go on meanwhile: a block for one at a time.

    What the block changes has to be the run's own, or be made for several threads. From its first
    such block on, a run is free: between these blocks it goes on as soon as no other run does that
    is in none of them, also while questions are answered; its own are answered at once.

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
    """A clock for spans of time: in a lockstep of the run's own time and its share of answers."""
    member = current.get()
    now = time.perf_counter()
    return now if member is None else member.seconds + now - member.since
