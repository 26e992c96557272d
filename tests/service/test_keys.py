"""What a key looks like, and what a set of scopes opens."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.errors import InvalidInput
from indexing.keys import Grants
from service.caller import Caller, Forbidden
from service.keys import SCOPES, digest_of, id_of, new_key, parse_grants, scope_fields, written_grants

NAMES = st.frozensets(st.sampled_from(["a", "b", "rooms", "x-1"]), min_size=1)
GRANTS: st.SearchStrategy[Grants] = st.dictionaries(st.sampled_from(SCOPES), st.none() | NAMES, min_size=1)


def test_a_key_has_an_id_and_a_secret_of_256_bits() -> None:
    token, key = new_key("mine", {"retrieve": None}, 1.0, 2.0)
    assert re.fullmatch(r"prec_[0-9a-f]{12}_[0-9a-f]{64}", token)
    assert (id_of(token), key.digest) == (key.id, digest_of(token))
    assert token not in repr(key)
    assert len({new_key("", {}, 1.0)[0] for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "token", ["", "prec_", "prec_0123456789ab_", "sk-1", "prec_٠123456789ab_" + "0" * 64]
)
def test_what_is_no_key(token: str) -> None:
    assert id_of(token) is None
    assert id_of(new_key("", {}, 1.0)[0] + "\n") is None


@pytest.mark.parametrize(
    ("scopes", "collections", "grants"),
    [
        (["retrieve"], [], {"retrieve": None}),
        (["retrieve,write:a"], [], {"retrieve": None, "write": ["a"]}),
        (["write:a", "write:b"], [], {"write": ["a", "b"]}),
        (["retrieve", "write:a"], ["b", "c"], {"retrieve": ["b", "c"], "write": ["a"]}),
        (["write:a", "write"], [], {"write": None}),
        (["write", "write:a"], [], {"write": None}),
    ],
)
def test_scopes_as_they_are_written(
    scopes: list[str], collections: list[str], grants: dict[str, list[str] | None]
) -> None:
    assert scope_fields(parse_grants(scopes, collections)) == grants


@pytest.mark.parametrize(
    ("scopes", "told"),
    [
        (["read"], "there are retrieve, write, admin"),
        ([], "needs a scope"),
        ([""], "no scope ''"),
        (["write:"], "can't name a collection"),
        (["write:A"], "can't name a collection"),
        (["write:a/b"], "can't name a collection"),
        ([",".join(f"write:{number}" for number in range(1_001))], "leave the scope unbound"),
    ],
)
def test_scopes_that_are_none(scopes: list[str], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        parse_grants(scopes)


@given(GRANTS)
def test_written_and_read_again_they_are_the_same(grants: Grants) -> None:
    assert parse_grants([written_grants(grants)]) == grants


@given(GRANTS, st.sampled_from(SCOPES), st.sampled_from(["a", "b", "rooms", "other"]))
def test_a_scope_opens_what_it_or_admin_is_for(grants: Grants, scope: str, collection: str) -> None:
    def held(one: str) -> bool:
        return one in grants and ((names := grants[one]) is None or collection in names)  # type: ignore[index]

    caller = Caller("k", grants)
    assert caller.may(scope, collection) == (held(scope) or held("admin"))  # type: ignore[arg-type]
    assert caller.may(None, collection) == any(held(one) for one in SCOPES)
    if not caller.may(scope, collection):  # type: ignore[arg-type]
        with pytest.raises(Forbidden):
            caller.require(scope, collection)  # type: ignore[arg-type]
    else:
        caller.require(scope, collection)  # type: ignore[arg-type]


def test_what_is_for_all_collections_no_bound_scope_opens() -> None:
    Caller("k", {"admin": None}).require_everywhere("admin")
    for grants in ({"admin": frozenset({"a"})}, {"write": None}):
        with pytest.raises(Forbidden, match="bound to no collection"):
            Caller("k", grants).require_everywhere("admin")  # type: ignore[arg-type]
