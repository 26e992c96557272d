"""Who calls and what they may do: found out before a call is handled, asked by every call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, cast

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer
from starlette.types import Scope

from indexing.errors import PrecedentError
from indexing.keys import Grants, KeyScope

NO_KEY = ""
"""The id of whoever calls a service that asks for no key."""

SCHEME = HTTPBearer(
    scheme_name="key",
    bearerFormat="prec_{id}_{secret}",
    description="An API key (`precedent keys create`); `security` names the scope that a call needs. A "
    "service that listens on its own machine only needs none as long as no key was ever made.",
    auto_error=False,
)
"""How OpenAPI tells of keys; who calls is found out by `service.authentication`, before any route is."""

_PLACE = "precedent.caller"
_NEED = "precedent.need"


class Unauthenticated(PrecedentError):
    """No key was shown, or none that opens anything. `shown`: there was one."""

    def __init__(self, message: str, shown: bool = False) -> None:
        super().__init__(message)
        self.shown = shown


class ForeignPage(PrecedentError):
    """A page of another site sent the request through somebody's browser, without a key."""


class Forbidden(PrecedentError):
    """The key doesn't open this; `scope` would."""

    def __init__(self, message: str, scope: KeyScope) -> None:
        super().__init__(message)
        self.scope = scope


@dataclass(frozen=True, slots=True)
class Caller:
    """A key that was shown, and what it opens. `admin` holds the other scopes for its collections."""

    key: str
    grants: Grants

    def names(self, scope: KeyScope | None) -> frozenset[str] | None:
        """Collections for which the caller has a scope (None: any scope at all); None: all there are."""
        held = [self.grants[one] for one in self.grants if scope in (None, one) or one == "admin"]
        named = [names for names in held if names is not None]
        return None if len(named) < len(held) else frozenset[str]().union(*named)

    def may(self, scope: KeyScope | None, collection: str) -> bool:
        """Whether the caller has a scope (None: any) for a collection, be there one of that name or not."""
        names = self.names(scope)
        return names is None or collection in names

    def require(self, scope: KeyScope | None, collection: str | None) -> None:
        """Raise Forbidden unless the caller has the scope, for the collection if one is named.

        It is never looked whether there is such a collection: the answer tells nothing of it.
        """
        names = self.names(scope)
        if names is None or (names and (collection is None or collection in names)):
            return
        wanted = scope or "retrieve"
        here = f" for collection {collection[:80]!r}" if collection is not None and names else ""
        raise Forbidden(f"this key has no scope {wanted!r}{here}; ask the operator for one that has", wanted)

    def require_everywhere(self, scope: KeyScope) -> None:
        """Raise Forbidden unless the caller has the scope for all collections there ever are."""
        if self.names(scope) is not None:
            raise Forbidden(f"this key has no scope {scope!r} that is bound to no collection", scope)


ANYONE = Caller(NO_KEY, {"admin": None})
"""Whoever calls a service that asks for no key."""


def enter(scope: Scope, caller: Caller) -> None:
    """Note who calls, for what comes after."""
    scope[_PLACE] = caller


def entered(scope: Scope) -> Caller | None:
    """Who calls; None at a call that is open to all, where nobody was asked."""
    return cast("Caller | None", scope.get(_PLACE))


def caller_of(request: Request) -> Caller:
    """Who calls; nothing that isn't open to all is reached without one."""
    return cast("Caller", request.scope[_PLACE])


@dataclass(frozen=True, slots=True)
class Need:
    """What a call asks of its caller: a scope, None for any; for the path's collection if it has one."""

    scope: KeyScope | None
    everywhere: bool = False

    async def check(self, request: Request, _: Annotated[Any, Security(SCHEME)]) -> None:
        """Raise Forbidden for a caller who may not; before anything of the body is read.

        Where nobody was asked who calls, nobody may: what is open to all has no need.
        """
        request.scope[_NEED] = self
        if (caller := entered(request.scope)) is None:
            raise Unauthenticated("this needs an API key, and is at an address that is open to all")
        if self.everywhere and self.scope:
            caller.require_everywhere(self.scope)
        caller.require(self.scope, request.path_params.get("collection"))


def need_of(scope: Scope) -> Need | None:
    """What the call asks of its caller; None where no route was found, or it asks nothing."""
    return cast("Need | None", scope.get(_NEED))


def needs(scope: KeyScope | None, *, everywhere: bool = False) -> Any:
    """A dependency: only for callers who have the scope."""
    return Security(Need(scope, everywhere).check, scopes=[scope] if scope else [])


async def names_seen(request: Request) -> frozenset[str] | None:
    """The collections that a page which is not of one collection may tell of; None: all."""
    return caller_of(request).names("retrieve")


async def _caller(request: Request) -> Caller:
    return caller_of(request)


CallerHere = Annotated[Caller, Depends(_caller)]
