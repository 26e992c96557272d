"""Names of collections and embedders as labels: a bounded number of them, whatever clients create."""

from __future__ import annotations

import threading
from collections.abc import Collection

MOST = 50
"""Names that get a label of their own; those that come later share one."""

OTHER = "other"


class Names:
    """Gives the first `most` names a label each; frees the labels of names that are gone."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def label(self, name: str) -> str:
        """The label of a name that exists: itself while there is room, else `other`."""
        with self._lock:
            if name != OTHER and (name in self._known or len(self._known) < self._most):
                self._known.add(name)
                return name
        return OTHER

    def keep(self, existing: Collection[str]) -> set[str]:
        """Free the labels of names that don't exist any more; returns those."""
        with self._lock:
            gone = self._known - set(existing)
            self._known -= gone
        return gone
