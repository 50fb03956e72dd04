"""Interleave several runs, one at a time, and do work of the same kind for them together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

import torch

from .turns import Line, Member

Tell = Callable[[Sequence[int], Exception], None]


class Lockstep:
    """Runs that share this process; their questions are answered in the caller's thread.

    A run continues until it asks a question, waits or ends; then it is the next run's turn. When
    no run can continue, their questions are answered. So the same runs are always combined in the
    same way. A run that has begun to work `beside` the others is no longer combined with them.

    Args:
        most: total size up to which questions are answered together.
    """

    def __init__(self, most: float) -> None:
        self.floor, self.side = Line(), Line()
        self._most = most
        self._kept: dict[Hashable, Any] = {}
        self._apart = self._stopping = False
        self._members: list[Member] = []
        self._back = threading.Semaphore(0)
        self._changed = threading.Semaphore(0)

    def run(self, works: Iterable[Callable[[], None]], tell: Tell = lambda *_: None) -> None:
        """Run all works; return when each has ended or is free, see `beside`.

        By then, all works of an earlier call have ended.

        Args:
            works: one callable per run.
            tell: called with run numbers and the error if the questions of these runs could not
                be answered together; from then on every question is answered alone.

        Raises:
            BaseException: raised by a work or by Ctrl-C; all other runs are stopped, and the
                lockstep cannot be used again.
        """
        earlier = self._members
        self._tell, self._apart = tell, False
        members = [Member(number, self, work) for number, work in enumerate(works)]
        self._members = [*earlier, *members]
        self._go_on(
            lambda: (
                all(member.ended for member in earlier)
                and all(member.ended or member.is_free for member in members)
            )
        )

    def finish(self) -> None:
        """Wait until all runs have ended; raises the same exceptions as `run`."""
        self._go_on(lambda: all(member.ended for member in self._members))

    def _go_on(self, is_over: Callable[[], bool]) -> None:
        """Advance runs and answer their questions until `is_over` returns true."""
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

    def pass_on(self, member: Member) -> None:
        """Pass a member's turn to the next member, or back to the thread of `run`.

        Members pass it directly to each other, because on a busy machine every thread switch costs
        a wait.
        """
        place = self._members.index(member)
        following = [*self._members[place + 1 :], *self._members[:place]]
        can_go_on = (each for each in following if each.can_go_on)
        is_over = self._stopping or (member.ended and member.error is not None)
        after = None if is_over else next(can_go_on, None)
        (self._back if after is None else after.turn).release()

    def give_floor(self) -> None:
        """Let other free members continue, or those that take turns."""
        self.floor.move_on()
        self._changed.release()

    def check(self) -> None:
        """Raise KeyboardInterrupt if the runs are being stopped."""
        if self._stopping:
            raise KeyboardInterrupt

    def _advance(self) -> None:
        """Advance members until none of them can continue without an answer."""
        self.floor.wait(self.floor.ticket())
        while self._goes_on():
            pass
        self.floor.move_on()

    def _goes_on(self) -> bool:
        """Let members take turns until nobody has one; return False if no member can continue."""
        for member in self._members:
            if member.ended and member.error is not None:
                raise member.error
        first = next((each for each in self._members if each.can_go_on), None)
        if first is not None:
            first.turn.release()
            self._back.acquire()
        return first is not None

    @torch.inference_mode()
    def _answer(self, asking: Sequence[Member]) -> None:
        """Answer all questions, those of the same kind together."""
        kinds: dict[Hashable, list[Member]] = {}
        for member in asking:
            kind = None if self._apart else member.asked.kind
            kinds.setdefault(member if kind is None else kind, []).append(member)
        for alike in kinds.values():
            for portion in self._portions(alike):
                self._answer_alike(portion)

    def _portions(self, members: Sequence[Member]) -> list[list[Member]]:
        """Split members into groups whose questions fit `most`; one that is too large is alone."""
        portions: list[list[Member]] = []
        left = 0.0
        for member in members:
            size = member.asked.size
            if not portions or size > left:
                portions.append([])
                left = self._most
            portions[-1].append(member)
            left -= size
        return portions

    def _answer_alike(self, members: Sequence[Member]) -> None:
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

    def _answer_together(self, members: Sequence[Member]) -> None:
        questions = [member.asked for member in members]
        answers = questions[0].together(questions, self._kept)
        for member, answer in zip(members, answers, strict=True):
            member.answer, member.question = answer, None

    def _stop(self) -> None:
        """Wake all waiting members and wait until they end; no more questions are answered."""
        self._stopping = True
        self.floor.open()
        self.side.open()
        for member in self._members:
            member.turn.release()
        for member in self._members:
            if member.thread.ident is not None:
                member.thread.join()


def _answer_alone(member: Member) -> None:
    try:
        member.answer = member.asked.alone()
    except Exception as problem:  # fails this run only
        member.error = problem
    member.question = None
