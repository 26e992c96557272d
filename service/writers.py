"""Which query writer the settings ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from retrievers.query_writers import ModelWriter, QueryWriter, TemplateWriter
from service.settings import Settings


@asynccontextmanager
async def query_writer(settings: Settings) -> AsyncIterator[QueryWriter]:
    """The language model's writer where one is named, else the template's; belongs to one event loop."""
    wanted = settings.model()
    if wanted is None:
        yield TemplateWriter()
        return
    from retrievers.remote_model import language_model

    model = language_model(wanted)
    try:
        yield ModelWriter(model)
    finally:
        await model.aclose()
