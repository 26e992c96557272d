"""Spans as an SDK's exporter sees them, and once as a collector gets them over the wire."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from starlette.testclient import TestClient

from indexing.errors import InvalidInput, MissingExtra
from indexing.library import Library
from service.app import create_app
from service.settings import load_settings
from service.telemetry.request_ids import HEADER
from service.telemetry.spans import SpanTraces
from service.telemetry.traces import NoTraces, open_traces
from tests.service.running import create, settings_for, trajectory, until

SECRET = "Your card ends in 4711"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ASKED = {"collection": "rooms", "instruction": SECRET, "observation": SECRET, "limits": {"total": 3}}


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def client(tmp_path: Path, exporter: InMemorySpanExporter) -> Iterator[TestClient]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with TestClient(create_app(settings_for(tmp_path), traces=SpanTraces(provider))) as client:
        until(lambda: client.get("/health/ready").status_code == 200)
        create(client, "rooms", *(trajectory(f"t{number}", number) for number in range(5)))
        exporter.clear()
        yield client


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    spans = exporter.get_finished_spans()
    found = {span.name: span for span in spans}
    assert len(found) == len(spans)
    return found


def attributes(span: ReadableSpan) -> Mapping[str, Any]:
    return span.attributes or {}


def test_a_retrieval_is_a_tree_of_spans(client: TestClient, exporter: InMemorySpanExporter) -> None:
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", HEADER: "mine"}
    answer = client.post("/retrieve", json=ASKED, headers=headers).json()
    spans = by_name(exporter)
    assert spans.keys() == {"POST /retrieve", "retrieval", "queries", "wait", "search", "assemble"}
    server, retrieval = spans["POST /retrieve"], spans["retrieval"]
    assert server.kind is SpanKind.SERVER
    assert server.parent is not None
    assert (f"{server.parent.trace_id:032x}", f"{server.parent.span_id:016x}") == (TRACE, PARENT)
    assert attributes(server) == {
        "http.request.method": "POST",
        "http.route": "/retrieve",
        "http.response.status_code": 200,
        "url.scheme": "http",
        "precedent.request_id": "mine",
    }
    assert retrieval.kind is SpanKind.INTERNAL
    assert retrieval.parent == server.context
    expected = {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.data_source.id": "rooms",
        "gen_ai.retrieval.top_k": 3,
        "precedent.strategy": "agentic",
        "precedent.generation": answer["generation"],
        "precedent.candidates": 3,
        "precedent.demonstrations": len(answer["demonstrations"]),
        "precedent.documents": 0,
        "precedent.tokens": answer["tokens"],
        "precedent.degraded": (),
        "precedent.query_writers": ("template",),
    }
    assert attributes(retrieval) == expected


def test_stages_follow_one_another_within_the_retrieval(
    client: TestClient, exporter: InMemorySpanExporter
) -> None:
    answer = client.post("/retrieve", json=ASKED).json()
    spans = by_name(exporter)
    at = spans["retrieval"].start_time
    assert at is not None
    for stage in ("queries", "wait", "search", "assemble"):
        span = spans[stage]
        assert span.parent == spans["retrieval"].context
        assert span.start_time is not None
        assert span.end_time is not None
        assert span.start_time >= at
        at = span.end_time
        assert (at - span.start_time) / 1e6 == pytest.approx(answer["timings_ms"][stage], abs=1e-3)


def test_nothing_that_was_sent_is_in_a_trace(client: TestClient, exporter: InMemorySpanExporter) -> None:
    client.post("/retrieve", json=ASKED | {"queries": [SECRET], "episode": SECRET, "exclude": [SECRET]})
    client.get(f"/collections/rooms/trajectories/{SECRET}", params={"q": SECRET})
    client.post("/retrieve", json=ASKED | {"collection": SECRET})
    client.request("BREW", f"/{SECRET}")
    told = "".join(span.to_json() for span in exporter.get_finished_spans())
    assert "4711" not in told
    assert "BREW" not in told


def test_a_refused_retrieval_ends_with_its_error(client: TestClient, exporter: InMemorySpanExporter) -> None:
    assert client.post("/retrieve", json=ASKED | {"collection": "none"}).status_code == 404
    spans = by_name(exporter)
    retrieval, server = spans["retrieval"], spans["POST /retrieve"]
    assert (retrieval.status.status_code, attributes(retrieval)["error.type"]) == (
        StatusCode.ERROR,
        "NotFound",
    )
    assert "gen_ai.data_source.id" not in attributes(retrieval)
    assert retrieval.events == ()
    assert server.status.status_code is StatusCode.UNSET  # the client's fault, by the conventions
    assert attributes(server)["http.response.status_code"] == 404


def test_a_fault_of_ours_is_an_error_of_the_server(
    client: TestClient, exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr("service.collections._list", fail)
    TestClient(client.app, raise_server_exceptions=False).get("/collections")
    (server,) = exporter.get_finished_spans()
    assert (server.name, server.status.status_code) == ("GET /collections", StatusCode.ERROR)
    assert attributes(server)["error.type"] == "500"
    assert "4711" not in server.to_json()


@pytest.mark.parametrize("sent", ["", "nonsense", f"00-{'0' * 32}-{PARENT}-01", f"ff-{TRACE}-{PARENT}-01"])
def test_a_parent_that_makes_no_sense_is_no_parent(
    client: TestClient, exporter: InMemorySpanExporter, sent: str
) -> None:
    client.get("/collections", headers={"traceparent": sent})
    assert by_name(exporter)["GET /collections"].parent is None


def test_who_asks_all_the_time_is_not_traced(client: TestClient, exporter: InMemorySpanExporter) -> None:
    for path in ("/health/live", "/health/ready", "/metrics"):
        assert client.get(path).status_code == 200
    client.get("/nowhere")
    assert by_name(exporter).keys() == {"GET"}


class Collector:
    """An OTLP/HTTP endpoint that keeps what it is sent."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.requests: list[ExportTraceServiceRequest] = []


@contextmanager
def collecting() -> Iterator[tuple[str, Collector]]:
    got = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.headers["content-type"] == "application/x-protobuf"
            got.paths.append(self.path)
            got.requests.append(ExportTraceServiceRequest.FromString(body))
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", got
        server.shutdown()
        thread.join()


def test_a_collector_gets_them_over_the_wire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    with collecting() as (url, got):
        with TestClient(create_app(settings_for(tmp_path, traces_url=url))) as client:
            create(client, "rooms", trajectory("a", 1))
            assert client.post("/retrieve", json=ASKED).status_code == 200
        # The service has ended: what it still held was sent first.
        assert set(got.paths) == {"/v1/traces"}
        batches = [batch for request in got.requests for batch in request.resource_spans]
        names = {span.name for batch in batches for scope in batch.scope_spans for span in scope.spans}
        assert {"POST /retrieve", "retrieval", "search", "PUT /collections/{collection}"} <= names
        resource = {one.key: one.value.string_value for one in batches[0].resource.attributes}
        assert resource["service.name"] == "precedent"
        assert resource["service.version"]
        assert resource["deployment.environment.name"] == "test"
        assert {scope.scope.name for batch in batches for scope in batch.scope_spans} == {"precedent"}


def test_the_name_may_be_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "memory-of-agents")
    with collecting() as (url, got):
        with TestClient(create_app(settings_for(tmp_path, traces_url=f"{url}/custom"))) as client:
            client.get("/collections")
        assert got.paths == ["/custom"]
        (batch,) = got.requests[0].resource_spans
        assert ("service.name", "memory-of-agents") in {
            (one.key, one.value.string_value) for one in batch.resource.attributes
        }


def test_a_collector_that_is_gone_hinders_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with TestClient(create_app(settings_for(tmp_path, traces_url="http://127.0.0.1:9"))) as client:
        assert client.get("/collections").status_code == 200


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "service.telemetry.spans")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)
    for name in [name for name in sys.modules if name.startswith("opentelemetry.sdk.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(MissingExtra, match=r"pip install 'precedent\[telemetry\]'"):
        open_traces("http://collector:4318")


@pytest.mark.parametrize("url", ["collector:4318", "ftp://collector", "http://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="traces_url"):
        load_settings(traces_url=url)


def test_off_it_is_not_even_imported(tmp_path: Path) -> None:
    assert isinstance(open_traces(None), NoTraces)
    code = (
        "import sys; from service.app import create_app; app = create_app(); "
        "assert 'RequestSpans' not in [one.cls.__name__ for one in app.user_middleware]; "
        "assert not [name for name in sys.modules if name.startswith('opentelemetry.sdk')]"
    )
    root = Path(__file__).resolve().parents[3]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)
    with Library(tmp_path) as library, TestClient(create_app(settings_for(tmp_path), library)) as client:
        assert client.get("/health/live").status_code == 200
