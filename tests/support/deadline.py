"""Waiting for conditions. Nothing in the tests sleeps and hopes."""

from __future__ import annotations

import os
import threading
import time
from typing import Callable, TypeVar

T = TypeVar("T")

SLOW = max(1.0, float(os.environ.get("ARALEZ_TEST_SLOW", "1")))
"""Factor on every deadline: 1 on an idle machine, more for sanitizer builds and loaded ones."""

_pause = threading.Event()  # never set: its wait is the pause between two looks


def seconds(n: float) -> float:
    """A deadline of n seconds on this machine."""
    return n * SLOW


class Deadline:
    """A point in time that several waits share."""

    def __init__(self, n: float = 10.0):
        self._end = time.monotonic() + seconds(n)

    def left(self) -> float:
        return max(0.0, self._end - time.monotonic())

    def over(self) -> bool:
        return self.left() == 0.0


def wait_until(condition: Callable[[], T], what: str, deadline: float = 10.0, pause: float = 0.01) -> T:
    """Looks at `condition` until it is true and gives its value; fails by name when the deadline is over."""
    end = Deadline(deadline)
    while True:
        value = condition()
        if value:
            return value
        if end.over():
            raise AssertionError(f"not within {seconds(deadline):.1f} s: {what}")
        _pause.wait(pause)


def stays(condition: Callable[[], bool], what: str, during: float = 0.3) -> None:
    """Fails when `condition` becomes false while looked at; for things that must not happen."""
    end = time.monotonic() + during
    while time.monotonic() < end:
        if not condition():
            raise AssertionError(f"did not stay: {what}")
        _pause.wait(0.01)


def stalled(counter: Callable[[], int]) -> bool:
    """True when the number has stopped growing."""
    last = -1
    while (now := counter()) != last:
        last = now
        _pause.wait(0.2)
    return True
