"""A machine on which LightGBM is installed and can't be loaded, as where libgomp is missing."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Unloadable:
    """Finds LightGBM first, and fails as the dynamic loader does."""

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if name == "lightgbm":
            raise OSError("libgomp.so.1: cannot open shared object file: No such file or directory")
        return None


@contextmanager
def without_lightgbm() -> Iterator[None]:
    """While this lasts, importing LightGBM raises OSError."""
    finder = _Unloadable()
    kept = {name: sys.modules.pop(name) for name in [*sys.modules] if name.split(".")[0] == "lightgbm"}
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        sys.modules.update(kept)
