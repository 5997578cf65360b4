"""What signs in to the portal, and what its visitors see."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.domain.history import entry
from intake.portal.tokens import PortalKeys
from pledge.events import TicketEvent

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
KEYS = PortalKeys([b"n" * 32, b"o" * 32])
SIGN_IN = UUID(int=42)


def test_a_session_names_its_sign_in_at_its_desk_alone() -> None:
    session = KEYS.session("infocyte", SIGN_IN)
    assert KEYS.read_session("infocyte", session) == SIGN_IN
    assert KEYS.read_session("sightcall", session) is None
    assert KEYS.read_session("infocyte", None) is None


def test_a_link_is_no_session_and_a_session_no_link() -> None:
    link = KEYS.link("infocyte", SIGN_IN)
    assert KEYS.read_link("infocyte", link) == SIGN_IN
    assert KEYS.read_link("sightcall", link) is None
    assert KEYS.read_session("infocyte", link) is None
    assert KEYS.read_link("infocyte", KEYS.session("infocyte", SIGN_IN)) is None


def test_tokens_of_a_retired_secret_are_read_until_it_is_dropped() -> None:
    old = PortalKeys([b"o" * 32]).session("infocyte", SIGN_IN)
    assert KEYS.read_session("infocyte", old) == SIGN_IN
    assert PortalKeys([b"n" * 32]).read_session("infocyte", old) is None


@given(place=st.integers(0, 63), letter=st.sampled_from("Aa0-_=+/ ä\0"))
def test_a_changed_token_is_none_of_ours(place: int, letter: str) -> None:
    session = KEYS.session("infocyte", SIGN_IN)
    changed = session[:place] + letter + session[place + 1 :]
    # Another spelling of the same token: base64 has two alphabets.
    is_same = changed.replace("+", "-").replace("/", "_") == session
    assert KEYS.read_session("infocyte", changed) == (SIGN_IN if is_same else None)


@given(st.text(max_size=700))
def test_any_text_is_read_without_a_fault(text: str) -> None:
    assert KEYS.read_session("infocyte", text) is None
    assert KEYS.read_link("infocyte", text) is None


def kinds(parent: type[TicketEvent]) -> set[str]:
    found = {str(each.model_fields["type"].default) for each in parent.__subclasses__()}
    return found.union(*(kinds(each) for each in parent.__subclasses__()), set())


SHOWN = {
    "opened", "requester_replied", "agent_replied", "assigned", "triaged", "information_requested",
    "information_completed", "waiting_on_customer", "waiting_on_provider", "workaround_provided",
    "resolved", "reopened", "closing_announced", "closed",
    "merged", "absorbed", "split_off", "followed_up", "feedback_received", "feedback_acknowledged",
    "complaint_filed", "review_opened", "review_updated", "review_concluded",
    "arbitration_requested", "meeting_proposed", "meeting_agreed", "meeting_held",
    "meeting_cancelled", "milestone_reached", "due_revised",
    "services_offered", "services_confirmed", "services_withdrawn",
}  # fmt: skip


def test_only_what_is_meant_for_requesters_is_shown() -> None:
    secret = {"text": "between us", "note": "between us", "why": "between us", "by": {"id": "tom"}}
    for kind in kinds(TicketEvent):
        shown = entry(kind, NOW, secret, "between us")
        name = kind.removeprefix("pledge.ticket.").removesuffix(".v1")
        assert (shown is not None) == (name in SHOWN), name


@pytest.mark.parametrize("kind", sorted(SHOWN))
def test_reasons_that_agents_give_one_another_are_not_shown(kind: str) -> None:
    shown = entry(f"pledge.ticket.{kind}.v1", NOW, {"why": "a bad customer", "note": "x"}, None)
    assert shown is not None
    assert "bad" not in f"{shown.what} {shown.who} {shown.text}"


def test_tokens_of_earlier_versions_still_work() -> None:
    keys, sign_in = PortalKeys([b"k" * 32]), UUID(int=12345)
    link = "AAAAAAAAAAAAAAAAAAAwOXcYES4UXlppM0d36VpphTvY6e4ItzJFDgddXfFAoDwt"
    session = "AAAAAAAAAAAAAAAAAAAwOeqModSTlXs9L2XDNnN_rJ7-7TH-tRnD-mR5nOzQq3eG"
    assert keys.link("vircom", sign_in) == link
    assert keys.session("vircom", sign_in) == session
    assert keys.read_link("vircom", link) == sign_in == keys.read_session("vircom", session)
