"""A person on the pages: a key once, then a session that no other site can use."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from indexing.library import Library
from service.authentication import FOR_PEOPLE
from service.keys import id_of
from service.sessions import COOKIE, LASTS_S, Sessions
from service.sign_in import OUT, PATH
from tests.service.keyed import bearing, keyed, make_key
from tests.service.running import problem, running, until

OURS = {"origin": "http://testserver"}
BROWSER = {"accept": "text/html,*/*"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Library]]:
    with keyed(tmp_path_factory.mktemp("keyed")) as found:
        yield found


@pytest.fixture(autouse=True)
def signed_out(service: tuple[TestClient, Library]) -> Iterator[None]:
    yield
    service[0].cookies.clear()


def signed_in(service: tuple[TestClient, Library], scope: str = "retrieve") -> tuple[TestClient, str]:
    client, library = service
    token = make_key(library, scope)
    answer = client.post(PATH, data={"key": f" {token} "}, headers=OURS, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui"), answer.text
    return client, token


@pytest.mark.parametrize("path", [*FOR_PEOPLE, "/ui/rooms"])
def test_a_browser_is_asked_for_a_key_at_every_page(service: tuple[TestClient, Library], path: str) -> None:
    answer = service[0].get(path, headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert '<label for="key">' in answer.text
    assert "script" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    problem(service[0].get("/collections", headers=BROWSER), "unauthenticated", 401)


def test_a_session_shows_the_pages_and_opens_nothing_else(service: tuple[TestClient, Library]) -> None:
    client, _ = signed_in(service)
    for path in (*FOR_PEOPLE, "/ui/rooms"):
        assert client.get(path).status_code == 200
    for method, path in (("GET", "/collections"), ("POST", "/retrieve"), ("PUT", "/collections/rooms")):
        problem(client.request(method, path, headers=OURS), "unauthenticated", 401)
    asked = {"instruction": "Book room 1", "tokens": "500"}
    assert client.post("/ui/rooms/ask", data=asked, headers=OURS).status_code == 200


@pytest.mark.parametrize(
    ("asked", "sent_to"),
    [
        ("/ui/rooms/ask?step=3&k=2", "/ui/rooms/ask?step=3&k=2"),
        ("/docs", "/docs"),
        ("/uix", "/ui"),
        ("https://elsewhere.example/ui", "/ui"),
        ("//elsewhere.example", "/ui"),
        ("/ui/\\\\elsewhere", "/ui"),
        ("/ui/\r\nx: y", "/ui"),
        ("/ui?" + "x" * 3000, "/ui"),
    ],
)
def test_who_signs_in_goes_on_to_where_he_was_but_never_elsewhere(
    service: tuple[TestClient, Library], asked: str, sent_to: str
) -> None:
    client, library = service
    typed = {"key": make_key(library, "retrieve"), "next": asked}
    answer = client.post(PATH, data=typed, headers=OURS, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, sent_to)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
        {"origin": "http://[testserver"},
        {"origin": "http://testserver", "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_page_of_elsewhere_cannot_use_a_session(
    service: tuple[TestClient, Library], headers: dict[str, str]
) -> None:
    client, token = signed_in(service)
    problem(client.post("/ui/rooms/ask", data={"instruction": "x"}, headers=headers), "unauthenticated", 401)
    problem(client.post(PATH, data={"key": token}, headers=headers), "malformed", 400)
    problem(client.post(OUT, headers=headers), "malformed", 400)
    assert client.get("/ui").status_code == 200


def test_the_cookie_is_out_of_reach_and_holds_no_key(service: tuple[TestClient, Library]) -> None:
    client, library = service
    token = make_key(library, "retrieve")
    for base, secure in (("http://testserver", False), ("https://testserver", True)):
        sent = client.post(
            f"{base}{PATH}", data={"key": token}, headers={"origin": base}, follow_redirects=False
        )
        cookie = sent.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=strict", "Path=/", f"Max-Age={LASTS_S}"} <= set(cookie.split("; "))
        assert ("Secure" in cookie) == secure
        assert token.rsplit("_", 1)[1] not in cookie
        assert sent.headers["cache-control"] == "no-store"


def test_a_session_ends_with_its_key(service: tuple[TestClient, Library]) -> None:
    client, token = signed_in(service)
    service[1].keys.revoke(id_of(token) or "", time.time())
    until(lambda: client.get("/ui", headers=BROWSER).status_code == 401)


def test_signing_out(service: tuple[TestClient, Library]) -> None:
    client, _ = signed_in(service)
    answer = client.post(OUT, headers=OURS, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, PATH)
    assert COOKIE not in client.cookies
    assert client.get("/ui").status_code == 401


def test_keys_that_do_not_sign_in_are_told_and_shown_to_nobody(service: tuple[TestClient, Library]) -> None:
    client, library = service
    for typed, status, told in (
        ("", 401, "no API key"),
        ("<script>alert(1)</script>", 401, "no API key"),
        (make_key(library, "retrieve")[:-1] + "x", 401, "no API key"),
        (make_key(library, "write"), 403, "no scope &#39;retrieve&#39;"),
    ):
        answer = client.post(PATH, data={"key": typed}, headers=OURS)
        assert (answer.status_code, told in answer.text) == (status, True), answer.text
        assert typed == "" or typed not in answer.text
        assert "set-cookie" not in answer.headers


def test_a_form_too_long_or_no_form_is_refused(service: tuple[TestClient, Library]) -> None:
    client, _ = service
    problem(client.post(PATH, data={"key": "x" * 10_000}, headers=OURS), "too-large", 413)
    problem(client.post(PATH, json={"key": "x"}, headers=OURS), "unsupported-media-type", 415)
    fields = {str(number): "x" for number in range(9)}
    problem(client.post(PATH, data=fields, headers=OURS), "malformed", 400)


def test_a_session_is_ours_for_its_time_and_its_key() -> None:
    sessions = Sessions()
    cookie = sessions.begin("0123456789ab", 100.0)
    assert sessions.key(cookie, 100.0) == "0123456789ab"
    assert sessions.key(cookie, 100.0 + LASTS_S) is None
    assert Sessions().key(cookie, 100.0) is None  # another process's
    for other in (cookie.replace("0123", "0124"), cookie[:-1] + "g", cookie + "\n", "", "…"):
        assert sessions.key(other, 100.0) is None
    later = cookie.replace(f".{100 + LASTS_S}.", f".{200 + LASTS_S}.")
    assert sessions.key(later, 100.0) is None


def test_without_keys_there_is_nothing_to_sign_in_to(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running(tmp_path_factory.mktemp("open")) as client:
        answer = client.post(PATH, data={"key": ""}, headers=OURS, follow_redirects=False)
        assert (answer.status_code, "set-cookie" in answer.headers) == (303, False)
        assert client.get("/ui").status_code == 200
        assert client.get("/ui", headers=bearing("x")).status_code == 200


def test_the_pages_own_files_need_no_key(service: tuple[TestClient, Library]) -> None:
    client, _ = service
    page = signed_in(service)[0].get("/ui").text
    client.cookies.clear()
    (style,) = re.findall(r'<link rel="stylesheet" href="([^"]+)"', page)
    answer = client.get(style)
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/css")
