"""How the app describes itself: OpenAPI with the request bodies that it parses by itself, and problems."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from indexing.parsing import DocumentIn, TrajectoryIn
from service.authentication import OPEN
from service.problems import documented
from service.responses import Problem
from service.schemas import ReindexIn, RetrieveIn, SettingsIn

REF = "#/components/schemas/{model}"
SUMMARY = "At every step of an agent's episode: who has stood here before, and what did they do next?"

_OF_COLLECTION = (
    "describe_collection",
    "reindex_collection",
    "rollback_collection",
    "upsert_trajectories",
    "page_trajectories",
    "upsert_documents",
    "page_documents",
    "remove_collection",
)


def _link(operation: str, **parameters: str) -> dict[str, Any]:
    return {"operationId": operation, "parameters": parameters}


def _to_first(plural: str, one: str) -> dict[str, Any]:
    found = {"collection": "$request.path.collection", "id": f"$response.body#/{plural}/0/id"}
    return {name: _link(name, **found) for name in (f"read_{one}", f"delete_{one}")}


_OF_KEYS = ("unauthenticated", "forbidden", "rate-limited")

_WITHIN = {name: _link(name, collection="$request.path.collection") for name in _OF_COLLECTION}
_LINKS: dict[str, dict[str, Any]] = {
    "put_collection": {"200": _WITHIN, "201": _WITHIN},
    "upsert_trajectories": {
        "200": {name: _WITHIN[name] for name in ("page_trajectories", "reindex_collection")}
    },
    "upsert_documents": {"200": {name: _WITHIN[name] for name in ("page_documents", "reindex_collection")}},
    "page_trajectories": {"200": _to_first("trajectories", "trajectory")},
    "page_documents": {"200": _to_first("documents", "document")},
    "reindex_collection": {
        "202": {name: _link(name, id="$response.body#/id") for name in ("read_job", "cancel_job")}
    },
}
"""What can be called next, by operation and status, and where its parameters come from."""


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
    models = [
        (model, "validation")
        for model in (RetrieveIn, SettingsIn, ReindexIn, TrajectoryIn, DocumentIn, Problem)
    ]
    _, schemas = models_json_schema(models, ref_template=REF)  # type: ignore[arg-type]
    components = document.setdefault("components", {}).setdefault("schemas", {})
    components |= schemas["$defs"]
    components.pop("HTTPValidationError", None)
    components.pop("ValidationError", None)
    for path, calls in document["paths"].items():
        for call in calls.values():
            if "HTTPValidationError" in str(call["responses"].get("422")):
                del call["responses"]["422"]  # FastAPI's guess, where any text will do
            for status, links in _LINKS.get(call["operationId"], {}).items():
                call["responses"][status]["links"] = links
            _add_problems(call["responses"], "internal", *(() if path in OPEN else _OF_KEYS))
            if "security" in call:
                call["security"].append({})  # a service without any keys asks for none
    document["components"]["schemas"] = dict(sorted(components.items()))
    return document


def _add_problems(responses: dict[str, Any], *names: str) -> None:
    """Add problems to those that a call tells of itself."""
    for status, told in documented(*names).items():
        known = responses.setdefault(str(status), told)
        if known is not told:
            known["description"] += f" · {told['description']}"
