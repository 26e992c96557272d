"""A collection's page and the page of jobs: what they tell, and the part of them that is asked for again."""

from __future__ import annotations

import re

from starlette.testclient import TestClient

from tests.service.running import create, document, finished, lines, reindexed, trajectory, upsert


def test_a_collection_is_told_with_its_generations_and_settings(client: TestClient) -> None:
    create(client, "rooms", trajectory("one"), trajectory("two", 2))
    upsert(client, "rooms", lines(document("d")), "documents")
    assert "everything is served from memory" in client.get("/ui/rooms").text
    reindexed(client)
    upsert(client, "rooms", lines(trajectory("three", 3)))
    page = client.get("/ui/rooms").text
    served = client.get("/collections/rooms").json()["generation"]
    row = re.search(r'<tr class="served">(.*?)</tr>', page, re.DOTALL)
    assert row is not None
    assert served in row[1]
    assert re.findall(r'<td class="n">(\w+)</td>', row[1]) == ["2", "1", "1"]
    assert re.search(r"<dt>Written since the generation</dt><dd>1</dd>", page)
    assert "<code>hashing-64</code></dd>" in page
    assert '<code>minilm</code> <span class="quiet">default</span>' in page


def test_a_job_is_told_with_how_it_ended(client: TestClient) -> None:
    create(client, "rooms", trajectory("one"))
    assert 'data-every="5000"' in client.get("/ui/rooms/live").text
    job = reindexed(client)
    for path in ("/ui/rooms", "/ui/rooms/live", "/ui/-/jobs", "/ui/-/jobs/live"):
        page = client.get(path).text
        assert f"<code>{job['id']}</code>" in page
        assert '<span class="state succeeded">succeeded</span>' in page
        assert 'data-summary="reindex of rooms: succeeded"' in page
        assert "<noscript>" not in page
    create(client, "other")
    assert job["id"] not in client.get("/ui/other").text


def test_a_dry_run_is_told_from_what_is_served_and_so_are_other_settings(client: TestClient) -> None:
    create(client, "rooms", trajectory("one"), trajectory("two", 2))
    reindexed(client)
    asked = {"dry_run": True, "observation_normalizer": "verbatim"}
    finished(client, client.post("/collections/rooms/reindex", json=asked).json()["id"])
    page = client.get("/ui/-/jobs").text
    assert "reindex, dry run <code>" in page
    assert "the same answers to 2 of 2 situations, the same first action in 100 %; thrown away again" in page
    assert "observation_normalizer=verbatim" not in client.get("/ui/rooms").text
    finished(client, client.post("/collections/rooms/reindex", json={**asked, "dry_run": False}).json()["id"])
    assert "<code>observation_normalizer=verbatim</code>" in client.get("/ui/rooms").text


def test_a_page_loads_itself_anew_while_a_job_runs_and_scripts_do_not(client: TestClient) -> None:
    create(client, "rooms", *(trajectory(f"t{number}", number) for number in range(300)))
    job = client.post("/collections/rooms/reindex").json()["id"]
    page = client.get("/ui/rooms").text
    if 'data-every="1000"' in page:  # it may have ended already
        assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page
    finished(client, job)
    assert "http-equiv" not in client.get("/ui/rooms").text


def test_the_live_part_is_part_of_the_page(client: TestClient) -> None:
    create(client, "rooms", trajectory("one"))
    for path in ("/ui/rooms", "/ui/-/jobs"):
        assert client.get(f"{path}/live").text.strip() in client.get(path).text
