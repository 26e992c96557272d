"""The pure parts of bulk upsert, and the call itself."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from indexing.errors import InvalidInput
from service.bulk import BATCH_BYTES, BATCH_RECORDS, Batcher, Line, LineSplitter, decode_array
from service.problems import Malformed
from tests.service.running import JSON_BODY, NDJSON, create, document, lines, problem, trajectory, upsert

URL = "/collections/rooms/trajectories"


@given(st.lists(st.binary(max_size=40) | st.text("a \n", max_size=20).map(str.encode), max_size=8))
def test_lines_are_the_same_however_the_stream_is_cut(chunks: list[bytes]) -> None:
    splitter, found = LineSplitter(), list[Line]()
    for chunk in chunks:
        found += splitter.feed(chunk)
    found += splitter.close()
    expected = b"".join(chunks).removeprefix(b"\xef\xbb\xbf").split(b"\n")
    assert found == [(number, line) for number, line in enumerate(expected, 1) if line.strip()]


def test_a_line_that_is_too_long_is_not_kept() -> None:
    splitter = LineSplitter(longest=4)
    found = [*splitter.feed(b"abcd\nabc"), *splitter.feed(b"de"), *splitter.feed(b"f\nab"), *splitter.close()]
    assert found == [(1, b"abcd"), (2, None), (3, b"ab")]


def test_batches_are_bounded_by_number_and_by_size() -> None:
    batcher = Batcher()
    full = [number for number in range(2 * BATCH_RECORDS) if batcher.add((number, b"{}"))]
    assert full == [BATCH_RECORDS - 1, 2 * BATCH_RECORDS - 1]
    assert batcher.add((1, b"x" * BATCH_BYTES)) == [(1, b"x" * BATCH_BYTES)]
    assert batcher.take() == []


@pytest.mark.parametrize("body", [b"", b" \n", b"[]", b"\xef\xbb\xbf[]"])
def test_nothing_is_an_array_without_items(body: bytes) -> None:
    assert decode_array(body) == []


@pytest.mark.parametrize("body", [b"[1,", b"nonsense", b"[" * 100_000, b"[1]]"])
def test_what_is_not_json_is_no_array(body: bytes) -> None:
    with pytest.raises(Malformed):
        decode_array(body)


@pytest.mark.parametrize("body", [b"{}", b"1", b'"[]"', b"null"])
def test_an_object_is_no_array(body: bytes) -> None:
    with pytest.raises(InvalidInput, match="no array"):
        decode_array(body)


def test_counts_tell_new_changed_and_equal_records(client: TestClient) -> None:
    create(client)
    first, second = trajectory("a", 1), trajectory("b", 2)
    assert upsert(client, "rooms", lines(first, second)) == report(accepted=2)
    assert upsert(client, "rooms", lines(first, second)) == report(unchanged=2)
    assert upsert(client, "rooms", lines(first, trajectory("b", 3))) == report(unchanged=1, updated=1)
    assert upsert(client, "rooms", lines(trajectory("c", 1), trajectory("c", 2))) == report(
        accepted=1, updated=1
    )
    assert client.get(f"{URL}/c").json() == trajectory("c", 2)


def report(accepted: int = 0, updated: int = 0, unchanged: int = 0, *rejected: Any) -> dict[str, Any]:
    return {
        "accepted": accepted,
        "updated": updated,
        "unchanged": unchanged,
        "rejected": list(rejected),
        "rejected_total": len(rejected),
    }


def test_bad_lines_are_told_by_number_and_the_others_stand(client: TestClient) -> None:
    create(client)
    good = lines(trajectory("good"))
    body = b"\n".join(
        [
            good.strip() + b"\r",
            b"",
            b"nonsense",
            b"\xff\xfe",
            b'{"instruction": "\\ud800", "steps": [{"observation": "", "action": "a"}]}',
            json.dumps(trajectory("nul\x00")).encode(),
            b'{"instruction": "x", "steps": []}',
            json.dumps(trajectory("odd", surprise=1)).encode(),
            b'{"instruction": " ", "steps": [{"observation": "", "action": "a"}]}',
            json.dumps(trajectory("i" * 513)).encode(),
            b'{"a":' * 500,
            json.dumps(trajectory("nan", outcome={"reward": float("nan")})).encode(),
            json.dumps(trajectory("also good", metadata=None)).encode(),
        ]
    )
    answer = upsert(client, "rooms", body)
    assert (answer["accepted"], [one["line"] for one in answer["rejected"]]) == (2, [3, 4, *range(5, 13)])
    assert "steps: " in answer["rejected"][4]["error"]
    assert "surprise" in answer["rejected"][5]["error"]
    assert client.get("/collections/rooms").json()["counts"]["trajectories"] == 2


def test_an_array_is_told_by_item_even_with_what_is_no_text(client: TestClient) -> None:
    create(client)
    long = json.dumps(trajectory("long", metadata={"n": 1})).replace('"n": 1', f'"n": 1{"0" * 5_000}')
    bad = ('{"instruction": "\\ud800"}', "1", long)
    items = [json.dumps(trajectory("a")), *bad, json.dumps(trajectory("b"))]
    answer = client.post(URL, content=f"[{','.join(items)}]", headers=JSON_BODY)
    assert answer.status_code == 200
    assert (answer.json()["accepted"], [one["line"] for one in answer.json()["rejected"]]) == (2, [2, 3, 4])


def test_null_equals_absent_in_a_record(client: TestClient) -> None:
    create(client)
    nulls = dict.fromkeys(("final_observation", "source", "outcome", "metadata"))
    plain = trajectory("a")
    upsert(client, "rooms", lines(plain))
    assert upsert(client, "rooms", lines(plain | nulls)) == report(unchanged=1)
    anonymous = trajectory(None, 7)
    assert upsert(client, "rooms", lines(anonymous)) == report(accepted=1)
    assert upsert(client, "rooms", lines(anonymous | {"id": None})) == report(unchanged=1)


def test_an_empty_body_changes_nothing(client: TestClient) -> None:
    create(client)
    for headers in NDJSON, JSON_BODY:
        assert client.post(f"{URL}?wait=true", content=b"", headers=headers).json() == report()


def test_many_rejected_lines_are_counted_and_some_told(client: TestClient) -> None:
    create(client)
    answer = upsert(client, "rooms", b"x\n" * 10_050)
    assert (len(answer["rejected"]), answer["rejected_total"]) == (10_000, 10_050)


def test_gzip_is_read_in_several_members_and_refused_when_broken(client: TestClient) -> None:
    create(client)
    headers = NDJSON | {"content-encoding": "gzip"}
    body = gzip.compress(lines(trajectory("a"))) + gzip.compress(lines(trajectory("b")) + b"\n" * 1_000_000)
    assert client.post(URL, content=body, headers=headers).json() == report(accepted=2)
    problem(client.post(URL, content=body[:-20], headers=headers), "malformed", 400)
    problem(client.post(URL, content=b"plain", headers=headers), "malformed", 400)
    problem(
        client.post(URL, content=b"", headers=NDJSON | {"content-encoding": "br"}),
        "unsupported-media-type",
        415,
    )


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded", ""])
def test_other_media_types_are_refused_with_what_to_send(client: TestClient, kind: str) -> None:
    create(client)
    answer = client.post(URL, content=b"{}", headers={"content-type": kind} if kind else {})
    told = problem(answer, "unsupported-media-type", 415)
    assert "application/x-ndjson" in told["detail"]
    assert "application/x-ndjson" in answer.headers["accept"]


@pytest.mark.parametrize(
    "kind", ["Application/X-NDJSON; charset=UTF-8", "application/jsonl", "application/ndjson"]
)
def test_media_types_may_have_parameters_and_other_names(client: TestClient, kind: str) -> None:
    create(client)
    answer = client.post(URL, content=lines(trajectory("a")), headers={"content-type": kind})
    assert answer.json() == report(accepted=1)


def test_a_body_in_another_charset_is_refused(client: TestClient) -> None:
    create(client)
    headers = {"content-type": "application/json; charset=latin-1"}
    problem(client.post(URL, content=b"[]", headers=headers), "unsupported-media-type", 415)


def test_a_single_object_is_refused_with_what_to_send(client: TestClient) -> None:
    create(client)
    told = problem(client.post(URL, json=trajectory("a")), "invalid-input", 422)
    assert "application/x-ndjson" in told["detail"]
    problem(client.post(URL, content=b"[1,", headers=JSON_BODY), "malformed", 400)


def test_documents_are_records_too(client: TestClient) -> None:
    create(client)
    assert upsert(client, "rooms", lines(document("a/b"), {"text": ""}), "documents")["accepted"] == 1
    assert client.get("/collections/rooms/documents/a%2Fb").json() == document("a/b")
    assert client.get("/collections/rooms/documents").json()["documents"] == [document("a/b")]
    assert client.delete("/collections/rooms/documents/a%2Fb?wait=true").status_code == 204
    problem(client.get("/collections/rooms/documents/a%2Fb"), "not-found", 404)
    problem(client.post("/collections/none/documents", content=b"", headers=NDJSON), "not-found", 404)
