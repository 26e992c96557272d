"""The hook by which a strategy learns from a collection whenever a generation of it is built.

What it learns is opaque here: named bytes that are written, checksummed, served and forgotten with
the generation, and handed to the strategies with every snapshot of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

from indexing.snapshot import Snapshot

Learned: TypeAlias = Mapping[str, bytes]
"""By file name (`name.ending`)."""


class Learner(Protocol):
    """Learns from the trajectories of a generation that is being built."""

    def __call__(self, snapshot: Snapshot, progress: Callable[[int, int], None]) -> Learned:
        """What is to be kept; `progress` is told (done, total) and may raise to cancel."""
        ...


def nothing(snapshot: Snapshot, progress: Callable[[int, int], None]) -> Learned:  # noqa: ARG001
    """The learner that learns nothing."""
    return {}
