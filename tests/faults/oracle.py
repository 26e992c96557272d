"""What must be stored after a kill: a dict of what was acknowledged, and what is in doubt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import quote

from tests.faults.serving import Serving

Version: TypeAlias = dict[str, Any] | None
"""A record as it was sent; None: deleted, or never there."""


@dataclass(slots=True)
class Oracle:
    """One collection's records of one kind, as one client knows them that sends one request at a time."""

    collection: str
    plural: str = "trajectories"
    standing: dict[str, Version] = field(default_factory=dict)
    doubtful: dict[str, list[Version]] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"/collections/{self.collection}/{self.plural}"

    @property
    def present(self) -> dict[str, dict[str, Any]]:
        """The records that stand, when nothing is in doubt."""
        assert not self.doubtful
        return {id: version for id, version in self.standing.items() if version is not None}

    @property
    def deleted(self) -> list[str]:
        return [id for id, version in self.standing.items() if version is None]

    def sending(self, versions: Iterable[tuple[str, Version]]) -> None:
        """These are on their way: from now on each may stand."""
        for id, version in versions:
            self.doubtful.setdefault(id, []).append(version)

    def acknowledged(self) -> None:
        """The answer has come: what was sent last stands."""
        for id, versions in self.doubtful.items():
            self.standing[id] = versions[-1]
        self.doubtful.clear()

    def settle(self, found: Mapping[str, dict[str, Any]]) -> None:
        """Hold what is stored against what may be; from then on what was in doubt is known."""
        for id in {**self.standing, **self.doubtful, **found}:
            allowed = [self.standing.get(id), *self.doubtful.get(id, ())]
            version = found.get(id)
            if version not in allowed:
                raise AssertionError(f"{self.path}: {id}: {version!r} is stored, where {allowed!r} may be")
            self.standing[id] = version
        self.doubtful.clear()

    def check(self, serving: Serving, probe: Iterable[str] = ()) -> None:
        """Nothing acknowledged lost, nothing there that was never sent: by pages, by id and by count."""
        found = {record["id"]: record for record in pages(serving, self.path, self.plural)}
        self.settle(found)
        for id in probe:
            answer = serving.get(f"{self.path}/{quote(id, safe='')}")
            version = self.standing.get(id)
            assert answer.status_code == (404 if version is None else 200), (id, answer.text)
            assert version is None or answer.json() == version
        counts = serving.get(f"/collections/{self.collection}").json()["counts"]
        assert counts[self.plural] == len(self.present), counts


def pages(serving: Serving, path: str, plural: str, limit: int = 500) -> Iterator[dict[str, Any]]:
    """All records by paging, each once and in order."""
    cursor: str | None = None
    last = ""
    while True:
        answer = serving.get(path, limit=limit, **({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.text
        page = answer.json()
        for record in page[plural]:
            assert record["id"] > last, (last, record["id"])
            last = record["id"]
            yield record
        cursor = page["next_cursor"]
        if cursor is None:
            return
