"""A generation that was built beside the served one and isn't served yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from indexing.generations import Manifest
from indexing.live import LiveCollection


@dataclass(frozen=True, slots=True)
class Prepared:
    """A checked generation with all changes up to now, to be asked, and served or let go."""

    manifest: Manifest
    live: LiveCollection
    serve: Callable[[], None]
    """Swap it in at once, with the settings that it was built for."""
