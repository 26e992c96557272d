"""`precedent keys`, and a service that runs beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from indexing.library import Library
from service.authority import Authority
from service.keys import id_of
from tests.service.keyed import bearing
from tests.service.running import create, running, trajectory, until
from tests.support.shell import Shell, answer, one_line, precedent, shell_on


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return shell_on(tmp_path / "data")


def test_a_key_is_shown_once_and_alone_on_standard_output(shell: Shell) -> None:
    made = shell("keys", "create", "the crawler", "-s", "write:rooms", "-s", "retrieve")
    (token,) = made.stdout.splitlines()
    id = id_of(token)
    assert id is not None
    assert "from now on the service asks everyone for one" in made.stderr
    assert token not in made.stderr
    listed = shell("keys", "list").stdout
    assert [id, "the", "crawler", "retrieve,write:rooms", "active"] == listed.splitlines()[1].split()[:5]
    assert token.rsplit("_", 1)[1] not in listed + shell("keys", "list", "--json").stdout


def test_keys_as_json(shell: Shell) -> None:
    made = answer(
        shell("keys", "create", "--scope", "retrieve,write:a", "-c", "b", "--expires", "2d", "--json")
    )
    token = made.pop("key")
    assert made["scopes"] == {"retrieve": ["b"], "write": ["a"]}
    assert made["expires_at"] - made["created_at"] == pytest.approx(2 * 86400)
    assert made["id"] == id_of(token)
    assert answer(shell("keys", "list", "--json")) == {"keys": [made]}
    assert answer(shell("keys", "revoke", made["id"], "--json"))["revoked"] is True
    (found,) = answer(shell("keys", "list", "--json"))["keys"]
    assert (found["state"], found["revoked_at"] is None) == ("revoked", False)


def test_the_last_key_forgotten_none_is_asked_for(shell: Shell) -> None:
    id = answer(shell("keys", "create", "--json"))["id"]
    assert "no key is left" not in shell("keys", "revoke", id).stderr
    assert "no key is left" in shell("keys", "revoke", id, "--forget").stderr
    assert "there are no keys" in shell("keys", "list").stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("create", "-s", "read"), "there are retrieve, write, admin"),
        (("create", "-c", "No"), "can't name a collection"),
        (("create", "--expires", "soon"), "write 30m, 12h, 90d or 52w"),
        (("create", "--expires", "0d"), "write 30m, 12h, 90d or 52w"),
        (("create", "a\u202eb"), "all of them visible"),
        (("create", "a" * 201), "at most 200 characters"),
    ],
)
def test_what_cannot_be_a_key_is_one_line(shell: Shell, arguments: tuple[str, ...], told: str) -> None:
    assert told in one_line(shell("keys", *arguments, code=2))


def test_a_key_that_is_not_there(shell: Shell) -> None:
    assert "no collections in" in one_line(shell("keys", "list", code=2))
    shell("keys", "create")
    assert "`precedent keys list` shows them" in one_line(shell("keys", "revoke", "nothing", code=2))
    assert one_line(shell("keys", "revoke", "0123456789ab", code=2)) == "no key '0123456789ab'"


def test_a_whole_key_is_known_by_its_id_and_never_shown_again(shell: Shell) -> None:
    token = shell("keys", "create").stdout.strip()
    id, secret = id_of(token) or "", token.rsplit("_", 1)[1]
    for words in (
        ("keys", "create", token),
        ("keys", "list", token),
        ("keys", "revoke", secret),
        ("audit", "--key", secret),
        (token,),
    ):
        assert secret[:8] not in one_line(shell(*words, code=2))
    assert shell("keys", "revoke", token[:30]).stdout == f"key {id} is revoked\n"
    assert shell("keys", "revoke", token, "--forget").stdout == f"key {id} is revoked and forgotten\n"
    assert secret[:8] not in one_line(shell("keys", "revoke", token, code=2))


def test_an_address_that_others_reach_needs_a_key(tmp_path: Path) -> None:
    refused = precedent(tmp_path, "serve", "--host", "0.0.0.0", "--port", "0")
    assert (refused.returncode, b"precedent keys create" in refused.stderr) == (2, True)


def test_a_service_that_runs_notices_what_the_command_does(tmp_path: Path) -> None:
    with Library(tmp_path) as library, running(tmp_path, library) as client:
        create(client, "rooms", trajectory("a", 1))
        made = precedent(tmp_path, "keys", "create", "--json")
        assert made.returncode == 0, made.stderr
        key = json.loads(made.stdout)
        headers = bearing(key["key"])
        until(lambda: client.get("/collections").status_code == 401)
        assert client.get("/collections", headers=headers).status_code == 200
        known: Authority = client.app.state.service.authority  # type: ignore[attr-defined]
        known.keep_uses()
        assert precedent(tmp_path, "keys", "revoke", key["id"]).returncode == 0
        until(lambda: client.get("/collections", headers=headers).status_code == 401)
        listed = precedent(tmp_path, "keys", "list", "--json")
        (found,) = json.loads(listed.stdout)["keys"]
        assert (found["state"], found["used_at"] is None) == ("revoked", False)
