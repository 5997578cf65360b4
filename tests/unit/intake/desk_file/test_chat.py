"""When the chat widget offers a chat, and who in it can be answered."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from intake.desk_file.load import check_desk_file
from intake.desk_file.template import DESK_TEMPLATE
from intake.domain.admission.open_ticket import has_way_back
from intake.domain.chat_hours import ChatRules, Window, closes_at, opens_at
from pledge.events import Contact

WEEKDAYS = frozenset(range(5))
EUROPE = Window(ZoneInfo("Europe/Berlin"), WEEKDAYS, time(8), time(17))
AMERICA = Window(ZoneInfo("America/Los_Angeles"), WEEKDAYS, time(8), time(17))
BOTH = ChatRules((EUROPE, AMERICA), "https://help.example/case")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.promise("SIS-01", "SIS-04")
@pytest.mark.parametrize(
    ("now", "closes", "opens"),
    [
        ("2026-03-04 07:00", "2026-03-05 01:00", None),  # Berlin opens; Los Angeles takes over
        ("2026-03-05 00:59", "2026-03-05 01:00", None),
        ("2026-03-05 01:00", None, "2026-03-05 07:00"),
        ("2026-03-07 01:00", None, "2026-03-09 07:00"),  # Saturday there, over Los Angeles' change
        ("2026-03-12 00:30", None, "2026-03-12 07:00"),  # summer in Los Angeles alone
        ("2026-03-30 05:59", None, "2026-03-30 06:00"),  # and in Berlin, too
        ("2026-10-30 23:59", "2026-10-31 00:00", None),  # winter in Berlin alone
    ],
)
def test_chat_is_open_while_either_zone_is(now: str, closes: str | None, opens: str | None) -> None:
    at = utc(now)
    assert closes_at(BOTH, at) == (utc(closes) if closes else None)
    assert closes is not None or opens_at(BOTH, at) == utc(opens or "")


def test_a_closed_date_is_skipped_and_midnight_ends_a_day() -> None:
    late = Window(ZoneInfo("Europe/Berlin"), frozenset({4, 5}), time(20), time(0))
    rules = ChatRules((late,), "https://help.example", closed_on=frozenset({date(2026, 1, 2)}))
    assert opens_at(rules, utc("2026-01-01 00:00")) == utc("2026-01-03 19:00")
    assert closes_at(rules, utc("2026-01-03 20:00")) == utc("2026-01-03 23:00")
    never = ChatRules((), "https://help.example")
    assert (
        closes_at(never, utc("2026-01-01 00:00")),
        opens_at(never, utc("2026-01-01 00:00")),
    ) == (
        None,
        None,
    )


@pytest.mark.promise("SIS-04")
def test_a_visitors_session_is_no_way_back() -> None:
    assert not has_way_back(Contact(name="Ada", chat="session-1"), is_reachable=False)
    assert has_way_back(Contact(chat="slack:U1"), is_reachable=True)
    assert has_way_back(Contact(phone="+15550100"), is_reachable=False)


@pytest.mark.parametrize(
    ("window", "words"),
    [
        ('{zone: Europe/Berlin, days: mon-fri, from: "08:00", to: "17:00"}', None),
        ('{zone: Europe/Berlin, days: [mon, wed], from: "08:00", to: "00:00"}', None),
        ('{zone: Mars/Base, days: mon-fri, from: "08:00", to: "17:00"}', "no time zone"),
        ('{zone: UTC, days: mon-fry, from: "08:00", to: "17:00"}', "no weekday"),
        ('{zone: UTC, days: sat, from: "17:00", to: "08:00"}', "after `from`"),
    ],
)
def test_the_hours_in_a_desks_file_are_checked(
    tmp_path: Path, window: str, words: str | None
) -> None:
    path = tmp_path / "acme" / "intake.yaml"
    path.parent.mkdir()
    chat = f"chat:\n  case_form: https://help.example\n  hours:\n    - {window}\n"
    path.write_text(DESK_TEMPLATE.replace("{desk}", "acme") + chat, encoding="utf-8")
    problems = [str(each) for each in check_desk_file(path).problems]
    assert len(problems) == (0 if words is None else 1)
    assert words is None or words in problems[0]
