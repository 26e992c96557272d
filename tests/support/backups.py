"""Libraries with something in them to save, and what they answer."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from indexing.backup.archive import unpacked
from indexing.backup.restoring import Outcome, Wish, restore
from indexing.backup.taking import take
from indexing.library import Library
from indexing.records import Document
from retrievers.requests import Request
from retrievers.retrieval import retrieve
from retrievers.situation import Query, Situation
from tests.support.collections import NAME, SETTINGS, trajectory

STRATEGIES = ("agentic", "paper", "observation", "model", "instruction", "documents", "random")


def fill(library: Library, name: str = NAME, count: int = 12, **settings: Any) -> None:
    """A generation, and in the delta something new, something changed, something deleted."""
    library.create(name, SETTINGS | settings)
    records = [
        trajectory(
            f"t{n}", f"Find red {n % 3}", [("OK.", f"click {n}"), (f"page {n}", "stop")], metadata={"n": n}
        )
        for n in range(count)
    ]
    library.upsert(name, "trajectory", records)
    library.upsert(name, "document", [Document("d", "Shapes", "red square"), Document("t1", "", "a circle")])
    library.delete(name, "trajectory", "t0")
    library.reindex(name)
    library.upsert(name, "trajectory", [trajectory("new/é", "Find blue"), trajectory("t3", "Find green")])
    library.delete(name, "trajectory", "t4")
    library.delete(name, "document", "t1")
    library.wait(name, library.collection(name).sequence)


def answers(library: Library, name: str = NAME) -> list[bytes]:
    """What it answers, the generation's id among it."""
    live = library.live(name)
    found = []
    for strategy in STRATEGIES:
        for observation in ("OK.", "page 5", "nothing like it"):
            situation = Situation("Find red 1", (), observation)
            request = Request(situation, strategy, (Query("find red", "agent"),), render=True)
            fields = retrieve(live.snapshot, live.builder.lane, request).to_fields()
            del fields["timings_ms"]
            found.append(to_json(fields))
    return found


def contents(library: Library, name: str = NAME) -> list[Any]:
    """Everything that is stored of a collection."""
    row = library.collection(name)
    changes = library.records.changes(row.id, 0, 10_000)
    return [row.settings, row.sequence, row.created_at, changes.upserts, changes.deletions]


def saved(library: Library, *names: str) -> bytes:
    stream = io.BytesIO()
    take(library, names or None, stream)
    return stream.getvalue()


def brought_back(
    library: Library, archive: bytes, wish: Wish | None = None, check_only: bool = False
) -> Outcome:
    with unpacked(io.BufferedReader(io.BytesIO(archive))) as source:
        return restore(library, source, wish or Wish(), check_only=check_only)


def everything(folder: Path) -> set[str]:
    """The files and folders of a library's indexes."""
    return {
        str(path.relative_to(folder)) for path in folder.glob("collections/**/*") if path.suffix != ".lock"
    }
