"""`/docs`: the API reference as one page, made from the OpenAPI document; loads nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from indexing.records import JSON

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
STYLE = """
:root { color-scheme: light dark; --link: #0a5c66; }
:root { --line: color-mix(in srgb, currentColor 18%, transparent); }
body { background: Canvas; color: CanvasText; font: 16px/1.55 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.5rem; text-transform: capitalize; }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; padding: .5rem 1rem; }
summary { cursor: pointer; } summary b { display: inline-block; min-width: 4.5rem; }
code { font: .9em/1.4 ui-monospace, monospace; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; font-weight: 600; padding: .75rem 0 .25rem; }
td, th { border-top: 1px solid var(--line); padding: .3rem .6rem .3rem 0; }
td, th { text-align: left; vertical-align: top; }
td, th, code { overflow-wrap: anywhere; }
th { font-weight: 500; } .quiet { opacity: .8; }
a { color: var(--link); } :focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
@media (prefers-color-scheme: dark) { :root { --link: #6fc7cf; } }
"""

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def reference(request: Request) -> Response:
    """The reference page."""
    text = await to_thread.run_sync(page, request.app.openapi())
    return Response(text, media_type="text/html", headers={"Content-Security-Policy": POLICY})


def page(document: Mapping[str, JSON]) -> str:
    """The reference of an OpenAPI document as HTML."""
    info = document["info"]
    calls: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            calls.setdefault(call["tags"][0], []).append("".join(_call(method, path, call)))
    sections = "".join(f"<h2>{escape(tag)}</h2>{''.join(parts)}" for tag, parts in calls.items())
    schemas = "".join("".join(_schema(name, one)) for name, one in document["components"]["schemas"].items())
    title = escape(info["title"])
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}: API reference</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
        f"<main><h1>{title}</h1><p>{escape(info['summary'])}</p>"
        '<p class="quiet"><a href="ui">Pages to look at</a>. '
        'The same for programs: <a href="openapi.json">openapi.json</a>. '
        "Errors are RFC 9457 problem details.</p>"
        f"{sections}<h2>Schemas</h2>{schemas}</main></html>"
    )


def _call(method: str, path: str, call: Mapping[str, JSON]) -> Iterator[str]:
    about = escape(call.get("description", call.get("summary", ""))).replace("\n\n", "<br>")
    yield f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code></summary><p>{about}</p>"
    rows = [
        (one["name"], f"{one['in']}, {_type(one['schema'])}", one.get("description", ""))
        for one in call.get("parameters", ())
    ]
    yield _table("Parameters", rows)
    body = call.get("requestBody", {}).get("content", {})
    yield _table("Body", [(name, _type(one["schema"]), "") for name, one in body.items()])
    answers = [
        (
            status,
            ", ".join(_type(one["schema"]) for one in told.get("content", {}).values()),
            told["description"],
        )
        for status, told in call["responses"].items()
    ]
    yield _table("Answers", answers) + "</details>"


def _schema(name: str, schema: Mapping[str, JSON]) -> Iterator[str]:
    yield f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>'
    yield f"<p>{escape(schema.get('description', ''))}</p>"
    required = schema.get("required", ())
    rows = [
        (field, _type(one) + ("" if field in required else _default(one)), one.get("description", ""))
        for field, one in schema.get("properties", {}).items()
    ]
    yield _table("Fields", rows) + "</details>"


def _default(schema: Mapping[str, JSON]) -> str:
    value = schema.get("default")
    shown = isinstance(value, (int, float, str)) and not isinstance(value, bool)
    return f", optional ({escape(str(value))})" if shown else ", optional"


def _type(schema: Mapping[str, JSON]) -> str:
    """A schema in a few words, as HTML."""
    match schema:
        case {"$ref": str(ref)}:
            name = escape(ref.rsplit("/", 1)[-1])
            return f'<a href="#{name}">{name}</a>'
        case {"anyOf": list(choices)}:
            return " or ".join(_type(choice) for choice in choices)
        case {"enum": list(values)}:
            return " | ".join(f"<code>{escape(str(value))}</code>" for value in values)
        case {"type": "array", "items": dict(items)}:
            return f"list of {_type(items)}"
        case {"type": list(kinds)}:
            return escape(" or ".join(kinds))
    return escape(str(schema.get("type", "any JSON")))


def _table(caption: str, rows: list[tuple[str, Any, str]]) -> str:
    """Names, their types (HTML already) and what is said of them; nothing for no rows."""
    if not rows:
        return ""
    cells = "".join(
        f"<tr><th><code>{escape(name)}</code></th><td>{kind}</td><td>{escape(about)}</td></tr>"
        for name, kind, about in rows
    )
    return f"<table><caption>{caption}</caption>{cells}</table>"
