"""The settings: values that can't be, and names that nobody reads."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from typing import Any

from indexing.errors import InvalidInput
from service.doctor.findings import Finding, ok, problem, warning
from service.settings import Settings, load_settings

ABOUT = "settings"
PREFIX = "PRECEDENT_"
ELSEWHERE = frozenset({PREFIX + "CI", PREFIX + "DATA"})
"""Read by the tests alone."""


def settings_found(**given: Any) -> tuple[Settings | None, list[Finding]]:
    """The settings, None where they can't be, and what is to be said of them."""
    found = list(_unknown())
    try:
        settings = load_settings(**given)
    except InvalidInput as error:
        return None, [*found, problem(ABOUT, str(error), "correct the variable; docs/settings.md tells each")]
    return settings, found or [ok(ABOUT, "every PRECEDENT_ variable is known and can be")]


def _unknown() -> Iterator[Finding]:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in sorted(os.environ):
        if name.upper().startswith(PREFIX) and name.upper() not in known | ELSEWHERE:
            near = difflib.get_close_matches(name.upper(), known, 1)
            meant = f"did you mean {near[0]}? Else" if near else "correct it, or"
            yield warning(ABOUT, f"{name[:80]} is set and means nothing", f"{meant} unset it")
