"""Alert rules and the dashboard ask for series that exist, and each alert says what to do."""

import json
import re
from typing import Any

import pytest
import yaml

from sla.assessment.policy_registry import Policies
from support import pages
from support.cluster import ROOT

MONITORING = ROOT / "deploy" / "monitoring"
# Given by Prometheus and the Blackbox exporter.
FOREIGN = {"up", "probe_success"}
WORDS = {
    *("and", "or", "unless", "by", "on", "offset", "sum", "max", "min", "rate", "increase", "time"),
    "histogram_quantile",
}
SERIES_OF_A_HISTOGRAM = ("_bucket", "_count", "_sum")


def rules() -> list[dict[str, Any]]:
    found = yaml.safe_load((MONITORING / "alerts.yaml").read_text(encoding="utf-8"))
    return [rule for group in found["groups"] for rule in group["rules"]]


def documented() -> dict[str, tuple[str, frozenset[str]]]:
    """Type and labels of every series in the reference, by name."""
    text = (ROOT / "docs/reference/metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \|", text, re.MULTILINE)
    return {name: (kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def series(expression: str) -> set[str]:
    """The names of the series that a PromQL expression asks for."""
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|\"[^\"]*\"|\bby \([^)]*\)", " ", expression)
    return set(re.findall(r"\b[a-z_][a-z_0-9]{2,}\b|\bup\b", bare)) - WORDS


def labels(expression: str) -> set[str]:
    """The labels that a PromQL expression selects and groups by."""
    selected = re.findall(r"[{,]\s*(\w+)\s*[!=]", expression)
    grouped = re.findall(r"\bby \(([^)]*)\)", expression)
    return {*selected, *(name.strip() for names in grouped for name in names.split(","))}


def check(expression: str) -> None:
    known, asked = documented(), series(expression)
    assert asked, expression
    allowed = {"job", "instance"}
    for name in asked - FOREIGN:
        base = name
        for ending in SERIES_OF_A_HISTOGRAM:
            if name.endswith(ending) and known.get(name.removesuffix(ending), ("",))[0]:
                base = name.removesuffix(ending)
        assert base in known, f"no such series: {name}"
        kind, own = known[base]
        assert (kind == "histogram") == (base != name), f"{name} of a {kind}"
        allowed |= own | ({"le"} if kind == "histogram" else set())
    assert labels(expression) <= allowed, expression


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_alert_asks_for_series_that_exist(rule: dict[str, Any]) -> None:
    check(rule["expr"])


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_alert_of_a_single_event_sees_the_first_one(rule: dict[str, Any]) -> None:
    """A counter with labels is not there before it, and grows from nothing."""
    found = re.search(r"increase\((\w+)(\{[^}]*\})?\[(\w+)\]\)\) > 0", rule["expr"])
    if found is not None:
        name, labels, span = found[1], found[2] or "", found[3]
        assert f"{name}{labels} unless {name}{labels} offset {span}" in " ".join(
            rule["expr"].split()
        )


def test_each_replica_is_watched_for_stale_pages() -> None:
    (stale,) = [rule["expr"] for rule in rules() if rule["alert"] == "PledgeStatusPageStale"]
    assert not re.search(r"\b(max|avg|sum)\b", stale)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_alert_leads_to_what_to_do(rule: dict[str, Any]) -> None:
    file, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert anchor == rule["alert"].lower()
    assert anchor in pages.anchors(ROOT / file)
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"]


def test_every_runbook_belongs_to_an_alert() -> None:
    found = {
        name for name in pages.anchors(ROOT / "docs/operations.md") if name.startswith("pledge")
    }
    assert found == {rule["alert"].lower() for rule in rules()}


def test_alerts_watch_each_guarantee() -> None:
    asked = {name for rule in rules() for name in series(rule["expr"])}
    assert asked >= {
        "pledge_consumer_lag_seconds",
        "pledge_outbox_oldest_seconds",
        "pledge_dead_letters_total",
        "sla_breaches_total",
        "sla_objective_burn_rate",
        "sla_objective_changes_total",
        "probe_success",
    }


def test_each_trouble_of_a_desk_has_one_alert() -> None:
    """A value that sla never gives would never fire; one that no alert names would be missed."""
    policies = Policies()
    policies.add_bad_file("northwind", "line 1: no promise")
    (given,) = [what for _, what, _ in policies.troubles()]
    text = (ROOT / "docs/reference/metrics.md").read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.startswith("| `sla_desks_in_trouble`"))
    said = re.findall(r"(\w+) \(", row.split("|")[4])
    selected = [
        what
        for rule in rules()
        for values in re.findall(r'sla_desks_in_trouble\{what=~?"([^"]*)"', rule["expr"])
        for what in values.split("|")
    ]
    assert given in said
    assert sorted(selected) == sorted(said) == ["file", "set_aside", "version"]


def test_panels_ask_for_series_that_exist() -> None:
    found = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
    expressions = [target["expr"] for panel in found["panels"] for target in panel["targets"]]
    assert len(expressions) >= len(found["panels"]) > 10
    for expression in expressions:
        check(expression.replace("$__rate_interval", "5m"))


def test_panels_do_not_overlap() -> None:
    found = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in found["panels"]]
    assert len(set(places)) == len(places)
