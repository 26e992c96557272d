"""The compose file: by the Compose Specification's own schema, and by what we promise of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft201909Validator

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SCHEMA = json.loads((Path(__file__).parent / "compose-spec.json").read_text())
"""The Compose Specification's schema, of its repository compose-spec/compose-spec, Apache License 2.0."""

COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
OLDER = {key: value for key, value in COMPOSE.items() if key != "name"}
"""Without what the specification has taken up since this copy of its schema."""

SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def faults(value: Any) -> list[str]:
    return [error.message for error in Draft201909Validator(SCHEMA).iter_errors(value)]


def test_it_is_a_compose_file() -> None:
    Draft201909Validator.check_schema(SCHEMA)
    assert COMPOSE["name"] == "precedent"
    assert faults(OLDER) == []
    assert faults(OLDER | {"services": {"precedent": {"imagee": "precedent"}}}) != []
    assert faults(OLDER | {"services": {"precedent": {"ports": "8000"}}}) != []


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_held_tight(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["image"].count("/") <= 1  # no registry's host


def test_everything_that_is_named_is_there() -> None:
    for service in SERVICES.values():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
        assert {*service.get("secrets", ())} <= COMPOSE["secrets"].keys()
        assert {*service.get("depends_on", ())} <= SERVICES.keys()
    build = SERVICES["precedent"]["build"]
    assert (DEPLOY / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).is_file()


def test_the_service_needs_keys_and_prometheus_has_one() -> None:
    service = SERVICES["precedent"]
    assert "INSECURE" not in (DEPLOY / "compose.yaml").read_text().upper()
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert service["volumes"] == ["data:/data"]
    scrape = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"][0]
    secret = Path(scrape["authorization"]["credentials_file"])
    assert secret.parent == Path("/run/secrets")
    assert secret.name in SERVICES["prometheus"]["secrets"]
    assert "deploy/secrets" in (ROOT / ".gitignore").read_text()
    first_step = (DEPLOY / "compose.yaml").read_text().split("name:")[0]
    assert (
        f"keys create prometheus --scope admin > {COMPOSE['secrets'][secret.name]['file'][2:]}" in first_step
    )


def test_it_waits_until_the_service_is_ready() -> None:
    assert SERVICES["prometheus"]["depends_on"] == {"precedent": {"condition": "service_healthy"}}
    assert "HEALTHCHECK" in (DEPLOY / "Containerfile").read_text()
