"""How the app describes itself: OpenAPI with the request bodies that it parses by itself, and problems."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from indexing.parsing import DocumentIn, TrajectoryIn
from service.problems import documented
from service.responses import Problem
from service.schemas import RetrieveIn, SettingsIn

REF = "#/components/schemas/{model}"
SUMMARY = "At every step of an agent's episode: who has stood here before, and what did they do next?"


def describe_api(app: FastAPI) -> None:
    """Have the app describe itself, request bodies and problems included."""

    def described() -> dict[str, Any]:
        if not app.openapi_schema:
            app.openapi_schema = describe(app)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document."""
    document = get_openapi(title=app.title, version=app.version, summary=SUMMARY, routes=app.routes)
    models = [(model, "validation") for model in (RetrieveIn, SettingsIn, TrajectoryIn, DocumentIn, Problem)]
    _, schemas = models_json_schema(models, ref_template=REF)  # type: ignore[arg-type]
    components = document.setdefault("components", {}).setdefault("schemas", {})
    components |= schemas["$defs"]
    components.pop("HTTPValidationError", None)
    components.pop("ValidationError", None)
    for path in document["paths"].values():
        for call in path.values():
            call["responses"] |= {str(code): told for code, told in documented("internal").items()}
    document["components"]["schemas"] = dict(sorted(components.items()))
    return document
