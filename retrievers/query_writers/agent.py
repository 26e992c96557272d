"""The queries that the agent sent with its request."""

from __future__ import annotations

from collections.abc import Iterable

from retrievers.query_writers.base import Written
from retrievers.query_writers.template import from_template
from retrievers.situation import Query, Situation


class AgentWriter:
    """Passes on the agent's own queries, each once; the template's where all are blank."""

    def __init__(self, queries: Iterable[str]) -> None:
        texts = dict.fromkeys(query.strip() for query in queries)
        self._queries = tuple(Query(text, "agent") for text in texts if text)

    async def write(self, situation: Situation, deadline: float) -> Written:  # noqa: ARG002
        """The agent's queries as they came, less white space around them."""
        return Written(self._queries) if self._queries else from_template(situation)
