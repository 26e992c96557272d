"""What `/metrics` exposes, parsed as Prometheus' own client parses it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import httpx
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

PAGE = Path(__file__).resolve().parents[3] / "docs" / "operating.md"
ROW = re.compile(r"^\| `((?:precedent|process|python)_[a-z_]+)` \| (\w+) \| ([^|]*)\|", re.MULTILINE)


def families(client: TestClient | httpx.Client) -> dict[str, Metric]:
    """Every metric by its name."""
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.text
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def value(found: Mapping[str, Metric], sample: str, **labels: str) -> float | None:
    """The value of the one sample of that name and those labels."""
    values = [
        one.value
        for family in found.values()
        for one in family.samples
        if one.name == sample and labels.items() <= one.labels.items()
    ]
    assert len(values) <= 1, values
    return values[0] if values else None


def labels(found: Mapping[str, Metric], family: str, label: str) -> set[str]:
    """The values that a label has."""
    return {one.labels[label] for one in found[family].samples}


def told() -> dict[str, tuple[str, set[str]]]:
    """What docs/operating.md says of each metric: its type and its labels."""
    rows = ROW.findall(PAGE.read_text())
    return {name: (kind, set(re.findall(r"`(\w+)`", names))) for name, kind, names in rows}
