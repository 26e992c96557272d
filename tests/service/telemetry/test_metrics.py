from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest
from starlette.testclient import TestClient

from indexing.errors import Overloaded
from indexing.store.jobs import JobState, JobStore
from service.app import create_app
from service.telemetry.names import MOST, OTHER, Names
from tests.service.running import (
    EMBEDDER,
    create,
    document,
    lines,
    reindexed,
    running,
    settings_for,
    trajectory,
    upsert,
)
from tests.service.telemetry.exposed import families, labels, told, value

ASKED = {"collection": "rooms", "instruction": "Book room 1", "observation": "Room 1 is free on Monday"}


def test_the_page_tells_of_every_metric_and_of_no_other(client: TestClient) -> None:
    create(client, "rooms", trajectory("a", 1))
    reindexed(client)
    assert client.post("/retrieve", json=ASKED).status_code == 200
    found = families(client)
    exposed = {name + ("_total" if one.type == "counter" else ""): one for name, one in found.items()}
    page = told()
    assert {name: kind for name, (kind, _) in page.items()} == {n: one.type for n, one in exposed.items()}
    for name, family in exposed.items():
        for sample in family.samples:
            assert sample.labels.keys() - {"le"} == page[name][1]
    assert [name for name, one in found.items() if not one.documentation] == []


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "text/plain"),
        ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "application/openmetrics-text"),
        ("text/html", "text/plain"),
    ],
)
def test_it_speaks_the_format_that_is_asked_for(client: TestClient, accept: str, media_type: str) -> None:
    answer = client.get("/metrics", headers={"accept": accept})
    assert answer.headers["content-type"].split(";")[0] == media_type
    assert "charset=utf-8" in answer.headers["content-type"]
    assert answer.text.rstrip().endswith("# EOF") == (media_type != "text/plain")
    assert "_created" not in answer.text


def test_requests_are_counted_by_route_never_by_path(client: TestClient) -> None:
    for path in ("/jobs/job-one", "/jobs/job-two", "/nowhere", "/no/where", "/collections/secret-name"):
        assert client.get(path).status_code == 404
    client.request("BREW", "/nowhere")
    found = families(client)
    count = "precedent_http_requests_total"
    assert value(found, count, method="GET", route="/jobs/{id}", status="4xx") == 2
    assert value(found, count, method="GET", route="unmatched", status="4xx") == 2
    assert value(found, count, method="other", route="unmatched") == 1
    assert value(found, "precedent_http_request_seconds_count", method="GET", route="/jobs/{id}") == 2
    assert not {"job-one", "secret-name", "/nowhere", "BREW"} & set(re.findall(r"[\w/-]+", str(found)))


def test_a_retrieval_is_counted_by_what_it_found(client: TestClient) -> None:
    create(client, "rooms", *(trajectory(f"t{number}", number) for number in range(4)))
    answers = [client.post("/retrieve", json=ASKED | {"limits": {"total": total}}).json() for total in (1, 3)]
    found = families(client)
    shown = Counter(
        (one["channel"], one["match"]["kind"]) for answer in answers for one in answer["demonstrations"]
    )
    for (channel, kind), number in shown.items():
        for counter in ("precedent_demonstrations_total", "precedent_candidates_total"):
            assert value(found, counter, channel=channel, kind=kind) == number
    assert value(found, "precedent_retrievals_total", collection="rooms", strategy="agentic") == 2
    stages = labels(found, "precedent_retrieve_stage_seconds", "stage")
    assert stages == set(answers[0]["timings_ms"]) == {"queries", "wait", "search", "assemble", "total"}
    total = value(found, "precedent_retrieve_stage_seconds_sum", stage="total")
    assert total == pytest.approx(sum(answer["timings_ms"]["total"] for answer in answers) / 1e3)


def test_what_the_budget_left_out_was_a_candidate_all_the_same(client: TestClient) -> None:
    create(client, "rooms", trajectory("a", 1))
    asked = ASKED | {"strategy": "paper", "limits": {"tokens": 5}}
    assert client.post("/retrieve", json=asked).json()["demonstrations"] == []
    found = families(client)
    assert value(found, "precedent_candidates_total", kind="exact") == 1
    assert value(found, "precedent_demonstrations_total", kind="exact") is None
    assert value(found, "precedent_empty_answers_total", collection="rooms") == 1


def test_what_an_answer_did_without_is_counted(tmp_path: Path) -> None:
    with running(tmp_path, model_name="nobody", model_url="http://127.0.0.1:9/v1") as client:
        create(client, "rooms", trajectory("a", 1))
        (missing,) = client.post("/retrieve", json=ASKED).json()["degraded"]
        assert missing.startswith("query_writer:")
        assert value(families(client), "precedent_degraded_answers_total", missing=missing) == 1


def test_a_collection_that_does_not_exist_is_no_label(client: TestClient) -> None:
    assert client.post("/retrieve", json=ASKED | {"collection": "made-up"}).status_code == 404
    assert "made-up" not in client.get("/metrics").text


def test_collections_are_described_as_they_stand(client: TestClient) -> None:
    create(client, "rooms", trajectory("a"), trajectory("b", 1))
    upsert(client, "rooms", lines(document("d")), "documents")
    found = families(client)
    assert value(found, "precedent_records", collection="rooms", kind="trajectory") == 2
    assert value(found, "precedent_records", collection="rooms", kind="document") == 1
    assert value(found, "precedent_delta_records", collection="rooms") == 3
    assert value(found, "precedent_generation_age_seconds", collection="rooms") is None
    reindexed(client)
    found = families(client)
    assert value(found, "precedent_delta_records", collection="rooms") == 0
    assert 0 <= (value(found, "precedent_generation_age_seconds", collection="rooms") or -1) < 60
    assert value(found, "precedent_jobs", state="succeeded") == 1
    assert labels(found, "precedent_jobs", "state") == set(get_args(JobState))
    assert value(found, "precedent_embed_queries_total", embedder=EMBEDDER, result="embedded") >= 1  # type: ignore[operator]
    assert value(found, "precedent_embed_batch_texts_count", embedder=EMBEDDER) >= 1  # type: ignore[operator]
    client.delete("/collections/rooms")
    found = families(client)
    assert value(found, "precedent_collections") == 0
    assert found["precedent_records"].samples == []


def test_names_beyond_the_bound_share_a_label_and_come_back_when_others_go(tmp_path: Path) -> None:
    names = Names(2)
    assert [names.label(name) for name in ("a", "b", "c", "a", OTHER)] == ["a", "b", OTHER, "a", OTHER]
    assert names.keep({"b", "c"}) == {"a"}
    assert names.label("c") == "c"
    with running(tmp_path) as client:
        for number in range(MOST + 3):
            create(client, f"c{number:03}", *([trajectory("a")] if number > MOST else []))
        found = families(client)
        assert len(labels(found, "precedent_records", "collection")) == MOST + 1
        assert value(found, "precedent_records", collection=OTHER, kind="trajectory") == 2
        assert client.post("/retrieve", json=ASKED | {"collection": f"c{MOST + 2:03}"}).status_code == 200
        assert value(families(client), "precedent_retrievals_total", collection=OTHER) == 1


def test_what_was_counted_of_a_removed_collection_is_dropped(client: TestClient) -> None:
    create(client, "rooms", trajectory("a"))
    client.post("/retrieve", json=ASKED)
    assert value(families(client), "precedent_retrievals_total", collection="rooms") == 1
    client.delete("/collections/rooms")
    assert value(families(client), "precedent_retrievals_total", collection="rooms") is None


def test_two_apps_in_one_process_share_nothing(tmp_path: Path) -> None:
    with running(tmp_path / "one") as one, running(tmp_path / "two") as two:
        one.get("/collections")
        assert value(families(one), "precedent_http_requests_total", route="/collections") == 1
        assert value(families(two), "precedent_http_requests_total", route="/collections") is None


def test_a_database_that_cannot_be_read_leaves_the_other_metrics(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(_: JobStore) -> None:
        raise Overloaded("the database is busy")

    monkeypatch.setattr(JobStore, "counts", busy)
    found = families(client)
    assert value(found, "precedent_collect_failures_total") == 1
    assert "precedent_jobs" not in found
    assert value(found, "precedent_ready") == 1
    assert value(found, "process_open_fds")


def test_before_anything_is_opened_there_is_something_to_say(tmp_path: Path) -> None:
    app = create_app(settings_for(tmp_path))
    with TestClient(app) as client:
        assert value(families(client), "precedent_info", version="0.1.0") == 1
