"""Alert rules, scrape configuration and dashboard: they parse, and ask for nothing that isn't exposed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from promql_parser import parse_duration

from tests.deploy.expressions import OF_THE_SCRAPE, selected
from tests.service.telemetry.exposed import told

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "operating.md"
ALERTS = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())
RULES: list[dict[str, Any]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "precedent.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
OWN = {"up": set[str]()}
"""What Prometheus itself records of each scrape."""


def series() -> dict[str, set[str]]:
    """Every series that a scrape brings, with its labels: as the page tells them, which a test holds true."""
    found = dict(OWN)
    for name, (kind, labels) in told().items():
        if kind == "histogram":
            found |= {f"{name}_bucket": labels | {"le"}, f"{name}_sum": labels, f"{name}_count": labels}
        else:
            found[name] = labels
    return {name: labels | OF_THE_SCRAPE for name, labels in found.items()}


def check(expression: str) -> set[str]:
    """The labels that all of its series may have in common with the outside; fails for what doesn't exist."""
    known, labels = series(), set[str]()
    asked = selected(expression)
    assert asked, expression
    for one in asked:
        assert one.name in known, f"{one.name} is no metric: {expression}"
        assert one.labels <= known[one.name], (
            f"{one.name} has no {one.labels - known[one.name]}: {expression}"
        )
        labels |= known[one.name]
    return labels


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_what_there_is_and_says_what_to_do(rule: dict[str, Any]) -> None:
    assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    labels = check(rule["expr"])
    assert re.fullmatch(r"Precedent[A-Z]\w+", rule["alert"])
    assert parse_duration(rule.get("for", "1m"))
    assert rule["labels"] in ({"severity": "page"}, {"severity": "ticket"})
    assert rule["annotations"].keys() == {"summary", "description"}
    named = set(re.findall(r"\$labels\.(\w+)", "".join(rule["annotations"].values())))
    assert named <= labels
    by = re.findall(r"\bby \(([\w, ]+)\)", rule["expr"])
    if by:  # what a sum dropped can't be named
        assert named <= {name.strip() for name in ",".join(by).split(",")}


def test_the_page_says_what_to_do_at_each_alert() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names)
    assert re.findall(r"^\| `(Precedent\w+)` \|", PAGE.read_text(), re.MULTILINE) == names


def test_prometheus_scrapes_the_service_and_reads_the_rules() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    assert config.keys() == {"global", "rule_files", "scrape_configs"}
    assert [(DEPLOY / "prometheus" / name).is_file() for name in config["rule_files"]] == [True]
    (job,) = config["scrape_configs"]
    assert job["job_name"] == "precedent"
    assert job["static_configs"] == [{"targets": ["precedent:8000"]}]
    assert job.get("metrics_path", "/metrics") == "/metrics"
    assert {parse_duration(every).total_seconds() for every in config["global"].values()} == {15.0}


def targets() -> Iterator[tuple[str, str, str]]:
    """Title, expression and legend of everything that the dashboard draws."""
    for panel in PANELS:
        for target in panel["targets"]:
            yield panel["title"], target["expr"], target["legendFormat"]


@pytest.mark.parametrize(("title", "expression", "legend"), list(targets()))
def test_a_panel_draws_what_there_is(title: str, expression: str, legend: str) -> None:
    filled = (
        expression.replace("$__rate_interval", "1m").replace("$instance", ".*").replace("$collection", ".*")
    )
    assert "$" not in filled, title
    labels = check(filled)
    named = set(re.findall(r"\{\{(\w+)\}\}", legend))
    grouped = {name.strip() for by in re.findall(r"by \(([\w, ]+)\)", filled) for name in by.split(",")}
    assert named <= (grouped or labels)


def test_the_dashboard_is_one_that_grafana_can_place() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken = set[tuple[int, int]]()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    variables = {one["name"] for one in DASHBOARD["templating"]["list"]}
    assert variables == {"datasource", "instance", "collection"}
    for one in DASHBOARD["templating"]["list"][1:]:
        name, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", one["query"]).groups()  # type: ignore[union-attr]
        assert label in series()[name]


def test_the_dashboard_leaves_no_metric_of_ours_out() -> None:
    drawn = {one.name for _, text, _ in targets() for one in selected(re.sub(r"\$\w+", "1m", text))}
    drawn |= {one.name for rule in RULES for one in selected(rule["expr"])}
    missing = {
        name
        for name in told()
        if name.startswith("precedent_") and not any(one.startswith(name) for one in drawn)
    }
    assert missing == {"precedent_info", "precedent_collections", "precedent_embed_places"}


def test_grafana_finds_its_source_and_its_dashboard() -> None:
    provisioning = DEPLOY / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "precedent.yaml").read_text())["providers"]
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    mounted = dict(volume.split(":")[:2][::-1] for volume in compose["grafana"]["volumes"])
    assert (DEPLOY / mounted[provider["options"]["path"]] / "precedent.json").is_file()
    assert (DEPLOY / mounted["/etc/grafana/provisioning"]).resolve() == provisioning
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in compose
    default = DASHBOARD["templating"]["list"][0]["current"]
    assert (default["value"], DASHBOARD["uid"]) == (source["uid"], "precedent")
