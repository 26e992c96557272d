"""The library against a dict, whatever is done in whatever order: backups, too.

`tests/faults/test_machine.py` lets it run for longer.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from indexing.backup.restoring import Wish
from indexing.errors import Conflict
from indexing.records import JSON, Document, Trajectory
from tests.support.backups import brought_back, saved
from tests.support.collections import NAME, open_library, trajectories
from tests.support.library_machine import LibraryMachine

COPY = "copy"


@dataclass(frozen=True, slots=True)
class Saved:
    """A snapshot's bytes, and what it holds: records, documents, settings, and what is answered by them."""

    archive: bytes
    known: dict[str, Trajectory]
    told: dict[str, Document]
    settings: dict[str, JSON]
    answers: list[dict[str, JSON]]


class BackupMachine(LibraryMachine):
    """Takes snapshots and restores the last one, in place and beside."""

    def __init__(self) -> None:
        super().__init__()
        self.saved: Saved | None = None

    @rule()
    def snapshot(self) -> None:
        """As it stands, whether it was indexed by then or not."""
        archive = saved(self.library, NAME)
        self.settle()
        self.saved = Saved(
            archive,
            dict(self.known),
            dict(self.told),
            dict(self.library.collection(NAME).settings),
            self.answers(),
        )

    @precondition(lambda self: self.saved)
    @rule(elsewhere=st.booleans(), indexes=st.booleans())
    def restore_in_place(self, elsewhere: bool, indexes: bool) -> None:
        """What was written since is gone, as if it never was; all who have the library open see that."""
        assert self.saved is not None
        with pytest.raises(Conflict):
            brought_back(self.library, self.saved.archive)
        wish = Wish(replace=True, indexes=indexes)
        if elsewhere:
            with open_library(self.folder, self.embedders) as other:
                brought_back(other, self.saved.archive, wish)
        else:
            brought_back(self.library, self.saved.archive, wish)
        self.known, self.told = dict(self.saved.known), dict(self.saved.told)
        assert self.library.collection(NAME).settings == self.saved.settings
        self.what_is_searchable_is_what_is_stored()
        if indexes:
            assert self.answers() == self.saved.answers

    @precondition(lambda self: self.saved)
    @rule(record=trajectories())
    def restore_as_another(self, record: Trajectory) -> None:
        """It is as it was saved, goes on by itself, and leaves alone what was written to the first since."""
        assert self.saved is not None
        self.settle()
        before = self.answers()
        brought_back(self.library, self.saved.archive, Wish(name=COPY, replace=True))
        self.settle(COPY)
        assert self.found(COPY) == self.saved.known
        assert self.documents(COPY) == self.saved.told.keys()
        assert self.answers(COPY) == self.saved.answers
        self.library.upsert(COPY, "trajectory", [record])
        self.settle(COPY)
        assert self.found(COPY) == self.saved.known | {record.id: record}
        assert self.answers() == before


TestLibrary = pytest.mark.whole(BackupMachine.TestCase)
TestLibrary.settings = settings(
    max_examples=10, stateful_step_count=12, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
