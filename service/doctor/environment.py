"""The settings: values that can't be, and names that nobody reads."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from typing import Any

from service.doctor.findings import Finding, ok, problem, warning
from service.settings import PREFIX, Settings, read_settings, variable

ABOUT = "settings"
ELSEWHERE = frozenset({PREFIX + "CI", PREFIX + "DATA"})
"""Read by the tests alone."""

CORRECT = "correct or unset it: docs/settings.md tells each; the checks below take its default instead"


def settings_found(**given: Any) -> tuple[Settings, list[Finding]]:
    """The settings, with the default of each that can't be, and what is to be said of them."""
    settings, faults = read_settings(**given)
    found = [
        *_unknown(),
        *(problem(ABOUT, f"{variable(name)}: {what}", CORRECT) for name, what in faults.items()),
    ]
    return settings, found or [ok(ABOUT, "every PRECEDENT_ variable is known and can be")]


def _unknown() -> Iterator[Finding]:
    known = {variable(name) for name in Settings.model_fields}
    for name in sorted(os.environ):
        if name.upper().startswith(PREFIX) and name.upper() not in known | ELSEWHERE:
            near = difflib.get_close_matches(name.upper(), known, 1)
            meant = f"did you mean {near[0]}? Else" if near else "correct it, or"
            yield warning(ABOUT, f"{name[:80]} is set and means nothing", f"{meant} unset it")
