"""Which generations of a collection stay on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from indexing.store.catalog import Generation

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Retention:
    """How many generations are kept, the served one among them, and for how long.

    The served one and the one that a rollback would serve stay whatever their number and age.
    """

    count: int = 3
    days: float | None = None

    def superfluous(self, history: Sequence[Generation], served: str | None, now: float) -> list[Generation]:
        """Those of a collection's generations, newest first, that may go."""
        places = [place for place, one in enumerate(history) if one.id == served]
        if not places:
            return []
        targets = [one for one in history[places[0] + 1 :] if is_target(one)]
        kept = {served, *(one.id for one in targets[:1])}
        others = [one for one in history if one.id != served and not is_target(one)]
        for one in [*targets[1:], *others]:  # what is damaged or withdrawn, as long as there is room
            if len(kept) < self.count and (self.days is None or now - one.created_at <= self.days * DAY_S):
                kept.add(one.id)
        return [one for one in history if one.id not in kept]


def is_target(generation: Generation) -> bool:
    """Whether a rollback may serve it: not one that is damaged, nor one that was rolled back from."""
    return generation.state not in ("failed", "withdrawn")
