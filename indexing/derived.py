"""What is computed once from an immutable value, when it is first asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

D = TypeVar("D")


class Derived:
    """Things computed once from an immutable value and kept with it."""

    def __init__(self) -> None:
        self._derived: dict[str, Any] = {}
        self._deriving = threading.Lock()

    def derived(self, name: str, make: Callable[[], D]) -> D:
        """What `make` gave at the first call with this name."""
        with self._deriving:
            if name not in self._derived:
                self._derived[name] = make()
            found: D = self._derived[name]
            return found
