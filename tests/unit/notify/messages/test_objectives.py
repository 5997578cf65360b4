"""What is said of an objective over many tickets."""

from __future__ import annotations

from datetime import UTC, datetime

from notify.desk_file.events import ROUTABLE_EVENTS
from notify.messages import render
from notify.messages.default_templates import BUILT_IN
from notify.messages.mails_and_chat import notice_values
from notify.routing import event_reader
from pledge.events import ObjectiveAtRisk, ObjectiveLost

NOW = datetime(2026, 4, 1, 0, 10, tzinfo=UTC)
COUNTED = {
    "desk": "vircom",
    "occurred_at": NOW,
    "recorded_at": NOW,
    "objective": "p2_answers",
    "title": "P2 answered in time",
    "metric": "first_response",
    "period": "2026-03",
    "period_starts_at": datetime(2026, 3, 1, tzinfo=UTC),
    "period_ends_at": datetime(2026, 4, 1, tzinfo=UTC),
    "share": 0.9995,
    "kept": 94,
    "missed": 6,
    "left": -5,
    "policy_version": "1",
}


def test_an_objective_can_be_routed_by_its_name_and_metric() -> None:
    event = ObjectiveLost.model_validate(COUNTED)
    (name,) = event_reader.route_names(event)
    assert {name, "objective.at_risk", "objective.loss_retracted"} <= ROUTABLE_EVENTS
    notice = event_reader.notice(event, None)
    assert (notice.event, notice.metric, notice.number) == (name, "first_response", None)
    assert notice.about == "vircom/p2_answers/2026-03"


def test_its_message_says_how_many_were_kept_and_what_is_owed() -> None:
    lost = ObjectiveLost.model_validate({**COUNTED, "owes": 0.05})
    values = notice_values(event_reader.notice(lost, None)) | {"desk": {"title": "Vircom"}}
    words = render.render(BUILT_IN["objective"]["en"], values, "UTC")
    assert words.subject == "objective lost: P2 answered in time, 2026-03"
    text = " ".join(words.text.split())
    assert "P2 answered in time, 2026-03: 94 of 100 were kept, 99.95 % are to be." in text
    assert "That is 5 too many missed" in text
    assert "a credit of 5.0 %, which waits for a person" in text


def test_what_is_at_risk_owes_nothing() -> None:
    event = ObjectiveAtRisk.model_validate(COUNTED)
    values = notice_values(event_reader.notice(event, None)) | {"desk": {"title": "Vircom"}}
    words = render.render(BUILT_IN["objective"]["en"], values, "UTC")
    assert words.subject == "objective at risk: P2 answered in time, 2026-03"
    assert "credit" not in words.text
