"""The seam of the query writers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from retrievers.situation import Query, Situation


@dataclass(frozen=True, slots=True)
class Written:
    """The queries, none where the situation has no words, and what the writer did without."""

    queries: tuple[Query, ...]
    degraded: tuple[str, ...] = ()


class QueryWriter(Protocol):
    """Writes the queries of one situation."""

    async def write(self, situation: Situation, deadline: float) -> Written:
        """The queries, before `deadline` (an instant of `time.monotonic`). Never raises.

        Whatever goes wrong shows as a code in `degraded`, `query_writer:` and a fixed word.
        """
        ...
