"""`pledge sla simulate`: promises of the tickets in a file of events."""

from __future__ import annotations

from itertools import permutations

from sla.cli.simulation import as_json, as_text, simulate
from support.sla_cases import desk, instant


def events(*texts: tuple[str, str, str]) -> list[dict[str, object]]:
    return [
        {
            "type": f"pledge.ticket.{verb}.v1",
            "ticket_id": ticket,
            "number": ticket.upper(),
            "occurred_at": at,
            "recorded_at": at,
            "severity": "p1",
        }
        for ticket, verb, at in texts
    ]


def test_simulation_keeps_tickets_apart_and_looks_no_further_than_asked() -> None:
    policy, until = desk("vircom"), instant("2026-03-02 10:00", "UTC")
    ticket_events = events(
        ("a", "opened", "2026-03-02T09:00:00Z"),
        ("b", "opened", "2026-03-02T09:45:00Z"),
        ("a", "agent_replied", "2026-03-02T09:10:00Z"),
        ("b", "agent_replied", "2026-03-02T10:05:00Z"),  # not known yet
        ("c", "opened", "2026-03-02T11:00:00Z"),
    )
    found = as_json(simulate(ticket_events, policy, until), policy, until)
    tickets = found["tickets"]
    assert isinstance(tickets, list)
    assert [ticket["ticket_id"] for ticket in tickets] == ["a", "b"]
    states = {
        (timer["ticket_id"], timer["metric"]): timer["state"]
        for ticket in tickets
        for timer in ticket["timers"]
    }
    assert states["a", "first_response"] == "met"
    assert states["b", "first_response"] == "running"
    assert as_text(simulate(ticket_events, policy, until)).startswith("A\n=\n")


def test_order_of_the_lines_does_not_matter_even_within_one_instant() -> None:
    policy, until = desk("vircom"), instant("2026-03-03 10:00", "UTC")
    ticket_events = events(
        ("a", "opened", "2026-03-02T09:00:00Z"),
        ("a", "triaged", "2026-03-02T09:00:00Z"),
        ("a", "customer_unavailable", "2026-03-02T10:00:00Z"),
        ("a", "requester_replied", "2026-03-02T10:00:00Z"),
        ("a", "resolved", "2026-03-02T11:00:00Z"),
        ("a", "closed", "2026-03-02T11:00:00Z"),
    )
    texts = {as_text(simulate(lines, policy, until)) for lines in permutations(ticket_events)}
    assert len(texts) == 1
    assert "Resolution: met" in texts.pop()


def test_simulation_takes_cloud_events_and_ignores_repeated_lines() -> None:
    policy, until = desk("vircom"), instant("2026-03-02 10:00", "UTC")
    ticket_events = [
        {"specversion": "1.0", "type": one["type"], "ce_sequence": str(number), "data": one}
        for number, one in enumerate(
            events(
                ("a", "opened", "2026-03-02T09:00:00Z"), ("a", "resolved", "2026-03-02T09:05:00Z")
            ),
            start=1,
        )
    ]
    ((about, explanation),) = simulate([*ticket_events, *ticket_events], policy, until)
    assert about["number"] == "A"
    assert {one.state.value for one in explanation.timers} == {"met"}


def test_simulation_loses_no_fact_where_numbers_contradict_each_other() -> None:
    policy, until = desk("vircom"), instant("2026-03-02 10:00", "UTC")
    ticket_events = events(
        ("b", "opened", "2026-03-02T09:30:00Z"),
        ("a", "resolved", "2026-03-02T09:05:00Z"),
        ("a", "opened", "2026-03-02T09:00:00Z"),
    )
    found = simulate([{"sequence": 5, "data": one} for one in ticket_events], policy, until)
    assert [about["number"] for about, _ in found] == ["A", "B"], "in order of opening"
    assert {one.state.value for one in found[0][1].timers} == {"met"}
