"""What doctor finds wrong."""

from __future__ import annotations

from collections.abc import Iterable

from service.doctor.findings import Finding


def faults(findings: Iterable[Finding]) -> list[Finding]:
    return [one for one in findings if one.level != "ok"]


def only_fault(findings: Iterable[Finding], level: str, what: str, do: str) -> None:
    found = faults(findings)
    assert len(found) == 1, found
    assert (found[0].level, what in found[0].what, do in found[0].do) == (level, True, True), found
