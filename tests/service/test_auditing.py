"""The audit log: every write and admin call is in it, with its outcome, and nothing that was sent."""

from __future__ import annotations

import gzip
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from indexing.building import Progress
from indexing.errors import StorageFull
from indexing.library import Library
from indexing.records import JSON
from indexing.store.audit import Entry
from service.keys import id_of
from tests.service.keyed import QUESTION, bearing, keyed, make_key
from tests.service.running import EMBEDDER, NDJSON, create, finished, lines, problem, running, trajectory
from tests.support.shell import answer, shell_on

ROOM = "/collections/{collection}"
SECRET = "an observation that nobody but the agent should read"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Library]]:
    with keyed(tmp_path_factory.mktemp("keyed")) as found:
        yield found


def told(entry: Entry) -> tuple[str, int, str | None, int | None]:
    return entry.action, entry.status, entry.collection, entry.records


def test_writes_and_admin_calls_are_kept_with_who_and_how_it_went(
    service: tuple[TestClient, Library],
) -> None:
    client, library = service
    token = make_key(library, "admin:rooms,write")
    headers = bearing(token)
    url = "/collections/rooms"
    step = {"observation": SECRET, "action": "go"}
    body = lines(trajectory("new", 7), {"instruction": "i", "steps": [step]}) + b"{]\n"
    begun = len(library.audit.list(1_000))

    assert client.post(f"{url}/trajectories", content=body, headers=headers | NDJSON).json()["accepted"] == 2
    assert client.delete(f"{url}/trajectories/new", headers=headers).status_code == 204
    assert client.put(url, json={"environment": SECRET}, headers=headers).status_code == 200
    job = client.post(f"{url}/reindex", headers=headers).json()["id"]
    client.post(f"/jobs/{job}/cancel", headers=headers)
    problem(client.delete("/collections/halls", headers=headers), "forbidden", 403)
    problem(client.delete(f"{url}/trajectories/gone", headers=headers), "not-found", 404)
    problem(client.post(f"{url}/documents", content=b"x", headers=headers), "unsupported-media-type", 415)

    found = library.audit.list(1_000)[: len(library.audit.list(1_000)) - begun][::-1]
    assert [told(one) for one in found if "cancel" not in one.action] == [
        (f"POST {ROOM}/trajectories", 200, "rooms", 2),
        (f"DELETE {ROOM}/trajectories/{{id}}", 204, "rooms", 1),
        (f"PUT {ROOM}", 200, "rooms", None),
        (f"POST {ROOM}/reindex", 202, "rooms", None),
        (f"DELETE {ROOM}", 403, "halls", None),
        (f"DELETE {ROOM}/trajectories/{{id}}", 404, "rooms", None),
        (f"POST {ROOM}/documents", 415, "rooms", 0),
    ]
    assert {one.subject for one in found if "reindex" in one.action or "cancel" in one.action} == {job}
    assert {one.key for one in found} == {id_of(token)}
    assert SECRET not in repr(found)
    assert token not in repr(found)


def test_reads_and_strangers_leave_no_entry(service: tuple[TestClient, Library]) -> None:
    client, library = service
    headers = bearing(make_key(library, "admin"))
    before = library.audit.list(1_000)
    assert client.post("/retrieve", json=QUESTION, headers=headers).status_code == 200
    assert client.post("/ui/rooms/ask", data={"instruction": "x"}, headers=headers).status_code == 200
    for path in ("/collections", "/collections/rooms", "/collections/rooms/trajectories", "/jobs", "/ui"):
        assert client.get(path, headers=headers).status_code == 200
    problem(client.delete("/collections/rooms"), "unauthenticated", 401)
    problem(client.delete("/nowhere", headers=headers), "no-such-address", 404)
    assert library.audit.list(1_000) == before


def test_what_was_kept_of_a_body_that_is_refused_is_counted(
    service: tuple[TestClient, Library], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, library = service
    monkeypatch.setattr("service.bulk.BATCH_RECORDS", 2)
    body = gzip.compress(lines(*(trajectory(f"part-{number}", number) for number in range(4))))
    headers = bearing(make_key(library, "write")) | NDJSON | {"content-encoding": "gzip"}
    url = "/collections/rooms/trajectories"
    problem(client.post(url, content=body[:-4], headers=headers), "malformed", 400)
    assert told(library.audit.list(1)[0]) == (f"POST {ROOM}/trajectories", 400, "rooms", 4)


def test_what_is_not_in_the_log_is_not_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with Library(tmp_path) as library, running(tmp_path, library) as client:
        create(client, "rooms", trajectory("a", 1))

        def full(_: Entry) -> None:
            raise StorageFull("no room for an entry")

        monkeypatch.setattr(library.audit, "append", full)
        url = "/collections/rooms/trajectories"
        problem(client.post(url, content=lines(trajectory("b", 2)), headers=NDJSON), "storage-full", 507)
        assert f"POST {ROOM}/trajectories" in caplog.text
        problem(client.delete("/collections/none"), "not-found", 404)  # that it failed is still told
        monkeypatch.undo()
        again = client.post(url, content=lines(trajectory("b", 2)), headers=NDJSON)
        assert again.json()["unchanged"] == 1


def test_a_job_whose_beginning_cannot_be_noted_is_called_off_and_can_be_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Library(tmp_path) as library, running(tmp_path, library) as client:
        create(client, "rooms", trajectory("a", 1))
        refused = threading.Event()

        def full(_: Entry) -> None:
            raise StorageFull("no room for an entry")

        def waiting(name: str, _: Mapping[str, JSON], progress: Progress) -> None:
            assert refused.wait(30)
            progress("embedding", 0, 1)
            raise AssertionError(f"{name} goes on after its request was refused")

        with monkeypatch.context() as patched:
            patched.setattr(library.audit, "append", full)
            patched.setattr(library, "reindex", waiting)
            problem(client.post("/collections/rooms/reindex"), "storage-full", 507)
            patched.undo()
            again = client.post("/collections/rooms/reindex").json()["id"]
            refused.set()
            assert finished(client, again)["state"] == "succeeded"
        states = {job["id"] == again: job["state"] for job in client.get("/jobs").json()["jobs"]}
        assert states == {True: "succeeded", False: "cancelled"}


def test_a_fault_of_ours_is_kept_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Library(tmp_path) as library, running(tmp_path, library) as client:
        create(client, "rooms", trajectory("a", 1))

        def broken(name: str) -> str:
            raise KeyError(name)

        monkeypatch.setattr(library, "rollback", broken)
        with pytest.raises(KeyError):
            client.post("/collections/rooms/rollback")
        assert told(library.audit.list(1)[0]) == (f"POST {ROOM}/rollback", 500, "rooms", None)


def test_the_command_shows_the_log_beside_a_service(service: tuple[TestClient, Library]) -> None:
    client, library = service
    shell = shell_on(library.folder)
    token = make_key(library, "write:rooms")
    url = "/collections/rooms/trajectories"
    sent = client.post(url, content=lines(trajectory("shown", 9)), headers=bearing(token) | NDJSON)
    assert sent.json()["accepted"] == 1
    id = id_of(token) or ""
    (found,) = answer(shell("audit", "--key", id, "--json"))["entries"]
    assert (found["action"], found["records"], found["key"]) == (f"POST {ROOM}/trajectories", 1, id)
    table = shell("audit", "--limit", "1", "--since", "1h").stdout.splitlines()
    assert table[1].split()[2:] == [id, "200", "POST", f"{ROOM}/trajectories", "rooms", "1", "-"]
    assert answer(shell("audit", "--key", token, "--json"))["entries"] == [found]
    assert "no key '0123456789ab'" in shell("audit", "--key", "0123456789ab", code=2).stderr
    assert "no collection 'none'" in shell("audit", "-c", "none", code=2).stderr
    made = answer(shell("keys", "create", "--json"))["id"]
    shell("keys", "revoke", made)
    newest = answer(shell("audit", "--limit", "2", "--json"))["entries"]
    assert [(one["action"], one["subject"]) for one in newest] == [
        ("precedent keys revoke", made),
        ("precedent keys create", made),
    ]


def test_what_a_client_chose_does_nothing_to_a_terminal(service: tuple[TestClient, Library]) -> None:
    client, library = service
    headers = bearing(make_key(library, "admin"))
    problem(client.put("/collections/%1B%5B2J%E2%80%AEx", headers=headers), "invalid-input", 422)
    shown = shell_on(library.folder)("audit", "--limit", "1").stdout
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "⟨U+001B⟩[2J⟨U+202E⟩x" in shown


def test_no_secret_and_no_text_is_in_the_table(service: tuple[TestClient, Library]) -> None:
    _, library = service
    with sqlite3.connect(library.folder / "precedent.db") as connection:
        rows = repr(connection.execute("SELECT * FROM audit").fetchall())
    connection.close()
    assert "POST" in rows
    assert SECRET not in rows
    assert "prec_" not in rows


def test_an_entry_of_a_rollback_says_what_is_served_since(service: tuple[TestClient, Library]) -> None:
    client, library = service
    library.create("twice", {"embedder": EMBEDDER})
    first, _ = library.reindex("twice"), library.reindex("twice")
    headers = bearing(make_key(library, "admin:twice"))
    answer = client.post("/collections/twice/rollback", headers=headers)
    assert answer.json() == {"generation": first.id}
    entry = library.audit.list(1)[0]
    assert (entry.action, entry.status, entry.subject) == (f"POST {ROOM}/rollback", 200, first.id)
    library.remove("twice")
