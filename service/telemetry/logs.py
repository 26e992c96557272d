"""The log: one line an event on standard error, as text or as JSON, each with the request it belongs to.

No line is long: whatever an error quotes, no observation is logged whole.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from pydantic_core import to_json

from service.telemetry.request_ids import request_id

LogFormat: TypeAlias = Literal["text", "json"]

OURS = ("service", "evaluation", "synthesis", "retrievers", "indexing", "uvicorn")
FIELDS = ("method", "route", "status", "ms")
"""What a line of the access log has besides its message."""

LONGEST_MESSAGE = 1_000
LONGEST_TRACEBACK = 8_000


def cut(text: str, longest: int) -> str:
    """The text, its middle left out where it is longer."""
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]} […] {text[-half:]}"


class TextLines(logging.Formatter):
    """For people: `2026-01-31 12:00:00,000 INFO service.access [4f1c…]: GET /jobs 200 1.2 ms`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s%(named)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        name = request_id()
        record.named = f" [{name}]" if name else ""
        record.message = cut(" ".join(record.message.splitlines()), LONGEST_MESSAGE)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return cut(super().formatException(ei), LONGEST_TRACEBACK)


class JsonLines(logging.Formatter):
    """For programs: one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": cut(record.getMessage(), LONGEST_MESSAGE),
        }
        if name := request_id():
            fields["request_id"] = name
        fields |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info:
            fields["exception"] = cut(self.formatException(record.exc_info), LONGEST_TRACEBACK)
        return to_json(fields, inf_nan_mode="null").decode()


FORMATTERS: dict[LogFormat, type[logging.Formatter]] = {"text": TextLines, "json": JsonLines}


def log_to_stderr(level: str, form: LogFormat = "text") -> None:
    """Log on standard error; of what others write, warnings only."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FORMATTERS[form]())
    logging.basicConfig(handlers=[handler])
    for name in OURS:
        logging.getLogger(name).setLevel(level.upper())
