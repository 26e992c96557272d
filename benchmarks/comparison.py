"""What a benchmark finds: a figure beside the one that it is held against, and the bar between them."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "bm25s", "faiss-cpu", "fastapi", "numpy", "pydantic", "rank-bm25", "sentence-transformers", "sqlalchemy",
    "tokenizers", "torch", "transformers", "uvicorn",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bar:
    """What must hold: `ours >= factor * theirs`, or `ours <= factor * theirs + plus`."""

    factor: float
    plus: float = 0.0
    at_least: bool = False

    def admits(self, ours: float, theirs: float) -> bool:
        """Whether the bar is met."""
        if self.at_least:
            return ours >= self.factor * theirs
        return ours <= self.factor * theirs + self.plus

    def __str__(self) -> str:
        plus = f" + {self.plus:g}" if self.plus else ""
        return f"{'>=' if self.at_least else '<='} {self.factor:g} x{plus}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure of ours and, where there is one, the figure that it is held against."""

    what: str
    unit: str
    ours: float
    theirs: float | None = None
    against: str = ""
    bar: Bar | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """Ours over theirs."""
        return self.ours / self.theirs if self.theirs else None

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None where there is none."""
        return None if self.bar is None or self.theirs is None else self.bar.admits(self.ours, self.theirs)

    def to_fields(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self) | {
            "bar": str(self.bar) if self.bar else None, "ratio": self.ratio, "met": self.met
        }  # fmt: skip

    def __str__(self) -> str:
        told = f"{self.what}: {self.ours:,.4g} {self.unit}"
        if self.theirs is not None:
            told += f" against {self.theirs:,.4g} ({self.against}), {self.ratio or 0:.3g} x"
        if self.bar is not None:
            told += f"; bar {self.bar}: {'met' if self.met else 'MISSED'}"
        if self.facts:
            told += "".join(f"\n    {name}: {_short(value)}" for name, value in self.facts.items())
        return told


def _short(value: Any) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True, slots=True)
class Round:
    """How much is measured, on what, and where there is room to work.

    `vectors` says how stored texts are embedded where only the search is timed: "real", or "stand-in"
    for hashed words of the same shape, which cost nothing to make and the same to search.
    """

    name: str
    work: Path
    data: Path | None
    vectors: str = "real"
    scale: float = 1.0
    say: Callable[[str], None] = lambda _: None

    def count(self, short: int, full: int) -> int:
        """How many of something this round takes."""
        return max(1, int((short if self.name == "short" else full) * self.scale))


Benchmark = Callable[[Round], Iterator[Comparison]]


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "machine": platform.machine(),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release()}",
        "python": sys.version.split()[0],
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def write(path: Path, benchmark: str, round_: Round, found: list[Comparison]) -> None:
    """Keep what a benchmark found, with the machine's facts."""
    fields = {
        "benchmark": benchmark,
        "round": round_.name,
        "scale": round_.scale,
        "vectors": round_.vectors,
        "machine": machine(),
        "results": [comparison.to_fields() for comparison in found],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(fields, indent=1, default=str) + "\n")
