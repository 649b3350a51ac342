"""How long something takes, in processor time: on a machine that does much else the clock on the wall says nothing."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager


def used_s() -> float:
    """Processor time of this process and of its children that have ended, in seconds."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


@contextmanager
def takes_less_than(seconds: float, what: object = "") -> Iterator[None]:
    """Fails when what is within takes as much processor time."""
    began = used_s()
    yield
    taken_s = used_s() - began
    assert taken_s < seconds, f"took {taken_s:.2f} s {what}"
