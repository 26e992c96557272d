"""`/ui/-/sign-in`: a person shows a key once and gets a session for the pages."""

from __future__ import annotations

import re
import time
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from service.bodies import media_type, read_body
from service.caller import Forbidden, Unauthenticated
from service.pages.site import HEADERS, templates
from service.problems import Malformed
from service.sessions import COOKIE, LASTS_S, is_our_own
from service.state import ServiceHere

PATH = "/ui/-/sign-in"
OUT = "/ui/-/sign-out"
MAX_FORM_BYTES = 8192
LONGEST_NEXT = 2_000
NO_KEY = "That is no API key that opens this. Paste it whole, with prec_ and all."

_NEXT = re.compile(r"/(ui|docs)([/?][!-\[\]-~]*)?", re.ASCII)
"""Where one may be sent after signing in: our own pages."""

router = APIRouter(include_in_schema=False)


def page(root: str, told: str = "", status: int = 200, next: str = "") -> Response:
    """The page that asks for a key; `told` is why the one before wasn't taken, `next` where one goes on."""
    places = {"base": root, "root": f"{root}/ui", "signed_in": False}
    text = templates().get_template("sign_in.html").render(**places, told=told, into=PATH, next=next)
    return Response(text, status, HEADERS, "text/html")


def root_of(request: Request) -> str:
    """The path under which a proxy serves us."""
    root: str = request.scope.get("root_path", "")
    return root


@router.get(PATH)
async def ask(request: Request) -> Response:
    """The page."""
    return page(root_of(request))


@router.post(PATH)
async def sign_in(request: Request, service: ServiceHere) -> Response:
    """Begin a session with the key that was typed in."""
    typed = await _typed(request)
    next = allowed(typed.get("next", ""))
    root = root_of(request)
    try:
        caller = await service.authority.caller(typed.get("key", "").strip())
        caller.require("retrieve", None)
    except (Unauthenticated, Forbidden) as error:
        if isinstance(error, Unauthenticated):
            return page(root, NO_KEY, 401, next)
        return page(root, str(error), 403, next)
    answer = RedirectResponse(f"{root}{next}", 303, HEADERS)
    if caller.key:
        answer.set_cookie(
            COOKIE,
            service.sessions.begin(caller.key, time.time()),
            max_age=LASTS_S,
            path=root or "/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
    return answer


@router.post(OUT)
async def sign_out(request: Request) -> Response:
    """End the session on this browser."""
    if not is_our_own(request.headers):
        raise Malformed("only the service's own pages sign out")
    root = root_of(request)
    answer = RedirectResponse(f"{root}{PATH}", 303, HEADERS)
    answer.delete_cookie(COOKIE, path=root or "/", httponly=True, samesite="strict")
    return answer


def allowed(next: str) -> str:
    """The address within the service to go on to: one of its pages, else the first of them.

    >>> allowed("/ui/shop/ask?step=3"), allowed("//elsewhere.example"), allowed("/ui/../x\\\\y")
    ('/ui/shop/ask?step=3', '/ui', '/ui')
    """
    return next if len(next) <= LONGEST_NEXT and _NEXT.fullmatch(next) else "/ui"


async def _typed(request: Request) -> dict[str, str]:
    """The fields of the form; a form that a page of elsewhere sent is none of ours."""
    if not is_our_own(request.headers):
        raise Malformed("only the service's own page signs in")
    media_type(request, "application/x-www-form-urlencoded")
    body = await read_body(request, MAX_FORM_BYTES)
    try:
        return dict(parse_qsl(body.decode("ascii"), max_num_fields=4))
    except ValueError:
        raise Malformed("the body is not the form of this page") from None
