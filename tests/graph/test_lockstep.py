"""Runs side by side: when they meet, what becomes of those that fail, and whose time it is."""

import threading
import time
from dataclasses import dataclass, field
from functools import partial

import pytest

from spacetime_video.graph.lockstep import Lockstep
from spacetime_video.graph.turns import ask, beside, check_stopped, seconds_here, wait_until


@dataclass(eq=False)
class Sum:
    """A number to add 100 to; those that are negative fail, together or alone."""

    number: int
    kind: object = "sum"
    size: int = 1
    stage: int = 0
    log: list = field(default_factory=list)

    def alone(self):
        self.log.append([self.number])
        if self.number < 0:
            raise ValueError(f"negative: {self.number}")
        return self.number + 100

    def together(self, questions, kept):
        numbers = [each.number for each in questions]
        self.log.append(numbers)
        kept["times"] = kept.get("times", 0) + 1
        if min(numbers) < 0:
            raise ValueError("one is negative")
        return [number + 100 for number in numbers]


def asking(numbers, made, **options):
    """Works that ask for each of their numbers in turn."""

    def work(own):
        for number in own:
            made.append(ask(Sum(number, **options)))

    return [lambda own=own: work(own) for own in numbers]


def test_outside_of_a_lockstep_questions_are_answered_at_once():
    assert ask(Sum(1)) == 101
    wait_until(lambda: False)
    check_stopped()


def test_runs_meet_where_they_ask():
    log, made = [], []
    Lockstep(10).run(asking([(1, 2, 3), (4, 5), (6, 7, 8)], made, log=log))
    assert log == [[1, 4, 6], [2, 5, 7], [3, 8]]
    assert made == [101, 104, 106, 102, 105, 107, 103, 108]


def test_only_questions_of_one_kind_and_no_more_than_fit_are_answered_together():
    log, made = [], []
    kinds = ["a", "b", "a", None, None, "a"]
    works = [
        lambda number=number, kind=kind: made.append(ask(Sum(number, kind, 2, log=log)))
        for number, kind in enumerate(kinds)
    ]
    Lockstep(5).run(works)
    assert log == [[0, 2], [5], [1], [3], [4]]
    log.clear()
    Lockstep(1).run(works)
    assert sorted(log) == [[0], [1], [2], [3], [4], [5]]


def test_one_that_fails_leaves_the_others_whole():
    log, made, told, failed = [], [], [], []

    def bad():
        try:
            ask(Sum(-1, log=log))
        except ValueError as problem:
            failed.append(str(problem))

    works = [*asking([(1, 2), (3, 4)], made, log=log), bad]
    Lockstep(10).run(works, lambda *given: told.append(given))
    assert failed == ["negative: -1"]
    assert sorted(made) == [101, 102, 103, 104]
    ((numbers, problem),) = told
    assert (numbers, str(problem)) == ([0, 1, 2], "one is negative")
    assert log == [[1, 3, -1], [1], [3], [-1], [2], [4]], "alone from then on"


def test_what_a_run_raises_stops_the_others():
    made, after = [], []

    def stop():
        ask(Sum(1))
        raise KeyboardInterrupt

    def caught():
        try:
            ask(Sum(2))
            ask(Sum(3))
        except Exception:
            after.append("went on")

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        Lockstep(10).run([caught, *asking([(5, 6, 7)], made), stop])
    assert (made, after) == ([105], [])
    assert threading.active_count() == before


def test_one_run_at_a_time_waits_for_another():
    order, done = [], []

    def first():
        order.append("first")
        ask(Sum(1))
        done.append(True)

    def second():
        order.append("second")
        wait_until(lambda: bool(done))
        order.append("second again")

    Lockstep(10).run([first, second])
    assert order == ["first", "second", "second again"]


def test_a_run_has_its_own_time_and_a_share_of_answers():
    taken = {}

    class Slow(Sum):
        def together(self, questions, kept):
            time.sleep(0.2)
            return [each.number for each in questions]

    def work(name, pause):
        began = seconds_here()
        time.sleep(pause)
        ask(Slow(1))
        taken[name] = seconds_here() - began

    began = time.perf_counter()
    Lockstep(10).run([lambda: work("short", 0.0), lambda: work("long", 0.3)])
    whole = time.perf_counter() - began
    assert 0.1 <= taken["short"] < taken["long"] - 0.25
    assert sum(taken.values()) == pytest.approx(whole, rel=0.2)


def test_who_works_beside_the_others_holds_nobody_up():
    order, done = [], threading.Event()

    def save():
        ask(Sum(1))
        with beside():
            order.append("saves")
            assert done.wait(10), "the next runs could not go on"
            order.append(f"asks {ask(Sum(2))} at once")
        order.append("has saved")

    def late():
        ask(Sum(5))
        order.append("late")

    def sample():
        for number in (3, 4):
            order.append(ask(Sum(number)))
        done.set()

    lockstep = Lockstep(10)
    lockstep.run([save, late])
    assert sorted(order) == ["late", "saves"]
    lockstep.run([sample])
    assert order[2:4] == [103, 104]
    assert order[-2:] == ["asks 102 at once", "has saved"], "whoever began before has ended"
    lockstep.finish()


def test_who_is_free_ends_while_others_wait_for_an_answer():
    ended, seen = threading.Event(), []

    class Long(Sum):
        def alone(self):
            seen.append(ended.wait(10))

    def save():
        for _ in range(2):
            with beside():
                pass
        ended.set()

    lockstep = Lockstep(1)
    lockstep.run([save, lambda: ask(Long(1))])
    assert seen == [True]
    lockstep.finish()


def test_one_at_a_time_works_beside_the_others_and_takes_its_time_alone():
    inside, most, taken, order = [], [], [], []

    def work(number):
        began = seconds_here()
        with beside():
            order.append(number)
            inside.append(True)
            most.append(len(inside))
            time.sleep(0.1)
            inside.pop()
        taken.append(seconds_here() - began)

    lockstep = Lockstep(1)
    lockstep.run([partial(work, number) for number in range(3)])
    lockstep.finish()
    assert (order, most) == ([0, 1, 2], [1, 1, 1])
    assert max(taken) < 0.2


def test_what_fails_beside_the_others_stops_them_or_is_caught_by_its_run():
    caught, stopped = [], []

    def fails():
        try:
            with beside():
                raise ValueError("no room")
        except ValueError as problem:
            caught.append(str(problem))

    def stops():
        with beside():
            raise KeyboardInterrupt

    def long():
        try:
            with beside():
                while True:
                    check_stopped()
                    time.sleep(0.001)
        except KeyboardInterrupt:
            stopped.append("long")
            raise

    def run_to_the_end(*works):
        lockstep = Lockstep(1)
        lockstep.run(works)
        lockstep.finish()

    before, lockstep = threading.active_count(), Lockstep(1)
    run_to_the_end(fails)
    assert caught == ["no room"]
    with pytest.raises(KeyboardInterrupt):
        run_to_the_end(stops)
    lockstep.run([long])
    with pytest.raises(ZeroDivisionError):
        lockstep.run([lambda: ask(Sum(1)) / 0])
    assert stopped == ["long"]
    assert threading.active_count() == before


def test_runs_that_come_and_go_end_whatever_the_moment():
    made, lockstep = [], Lockstep(10)

    def work(number):
        for each in range(3):
            made.append(ask(Sum(number + each)))
        for _ in range(3):
            with beside():
                time.sleep(number % 7 * 1e-4)

    for start in range(0, 300, 3):
        lockstep.run([partial(work, start + each) for each in range(3)])
    lockstep.finish()
    assert len(made) == 900
