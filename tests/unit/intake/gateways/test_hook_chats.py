"""What chat programs, texts and signed webhooks say, and to which conversation it belongs."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest

from intake.gateways.hooks.providers import PROVIDERS
from intake.gateways.hooks.request import HookContext, Taken, Unreadable
from pledge.events import (
    CallReceived,
    ChatEnded,
    ChatMessageReceived,
    VoicemailLeft,
)
from support.hooks import FORM, JSON, body_of, by_standard, form_of, slack_event
from unit.intake.gateways.builders import NOW, a_context, a_request, only

BOB = {"U0AGENT": "bob@vircom.example"}


def slack(fields: dict[str, Any], context: HookContext | None = None) -> Taken:
    request = a_request(body_of(fields), JSON)
    return PROVIDERS["slack"].read(request, context or a_context("slack", agents=BOB))


def message_of(taken: Taken) -> ChatMessageReceived:
    event = only(taken.events)
    assert isinstance(event, ChatMessageReceived)
    return event


def test_slack_asks_whether_the_address_is_ours() -> None:
    taken = slack({"token": "x", "challenge": "3eZbrw1a", "type": "url_verification"})
    assert (taken.answer.content, taken.events, taken.end) == ("3eZbrw1a", (), "handshake")


def test_a_message_in_slack_begins_a_conversation_and_its_thread_goes_on_with_it() -> None:
    first = message_of(slack(slack_event()))
    assert (first.desk, first.text, first.line) == ("vircom", "The printer is down", "C111")
    assert (first.sender.chat, first.sender_kind) == ("slack:T111:U222", "requester")
    assert first.has_contact_details
    assert first.authentication.result == "passed"
    assert first.conversation == "slack:T111:C111:1796083200.000200"
    reply = slack_event(ts="1796083260.000100", thread_ts="1796083200.000200")
    assert message_of(slack(reply)).conversation == first.conversation
    assert message_of(slack(reply)).delivery != first.delivery
    other = slack_event(channel="C222")
    assert message_of(slack(other)).conversation != first.conversation


def test_a_message_that_mentions_the_app_comes_as_two_events_and_is_one_delivery() -> None:
    first = message_of(slack(slack_event()))
    mention = message_of(slack(slack_event(type="app_mention", event_id="Ev112")))
    assert mention.delivery == first.delivery


def test_a_message_is_dated_by_slack_unless_that_can_not_be() -> None:
    early = f"{(NOW - timedelta(minutes=3)).timestamp():.6f}"
    assert message_of(slack(slack_event(ts=early))).occurred_at == NOW - timedelta(minutes=3)
    for impossible in ("0.1", "99999999999.0", "-1", "soon"):
        assert message_of(slack(slack_event(ts=impossible))).occurred_at == NOW


def test_agents_and_bots_are_known() -> None:
    agent = message_of(slack(slack_event(user="U0AGENT")))
    assert (agent.sender_kind, agent.sender.email) == ("agent", "bob@vircom.example")
    assert message_of(slack(slack_event(bot_id="B1"))).sender_kind == "bot"
    assert message_of(slack(slack_event(subtype="bot_message"))).sender_kind == "bot"


def test_an_edit_is_said_once_more_in_the_thread_and_a_preview_of_a_link_is_none() -> None:
    old = {"type": "message", "user": "U222", "text": "It is dwon", "ts": "1796083200.000200"}
    new = {**old, "text": "It is down since nine"}
    edit = {"subtype": "message_changed", "message": new, "previous_message": old, "text": None}
    edited = message_of(slack(slack_event(**edit, ts="1796083300.1", event_id="Ev2")))
    assert edited.text == "(Edited.)\nIt is down since nine"
    assert edited.conversation == message_of(slack(slack_event())).conversation
    assert (edited.delivery, edited.sender_kind) == ("hook:slack:Ev2", "requester")
    by_agent = {**edit, "message": {**new, "user": "U0AGENT"}}
    assert message_of(slack(slack_event(**by_agent))).sender_kind == "note"
    unchanged = {**edit, "message": {**old, "attachments": [{"title": "a preview"}]}}
    assert slack(slack_event(**unchanged)).end == "same_words"
    deleted = {"subtype": "message_deleted", "previous_message": old, "text": None}
    told = message_of(slack(slack_event(**deleted)))
    assert (told.text, told.sender_kind) == ("(Deleted in Slack.)\nIt is dwon", "note")


def test_slacks_markup_is_read_and_files_are_named() -> None:
    text = "<@U1|ann> see <https://a.example/x?a=1&amp;b=2|the page>, a &lt; b, <#C1|it> <!here>"
    files = [{"name": "log.txt", "permalink": "https://slack.example/log.txt"}, {"name": "b"}, 7]
    found = message_of(slack(slack_event(text=text, subtype="file_share", files=files))).text
    assert found == (
        "@ann see the page (https://a.example/x?a=1&b=2), a < b, #it @here\n"
        "File: log.txt https://slack.example/log.txt\nFile: b"
    )


@pytest.mark.parametrize(
    ("fields", "end"),
    [
        (slack_event(subtype="channel_join"), "other_event"),
        (slack_event(type="reaction_added"), "other_event"),
        (slack_event(channel="C999"), "other_channel"),
        (slack_event(text=""), "no_words"),
        ({"type": "app_rate_limited"}, "rate_limited"),
        ({"type": "something_new", "event": []}, "other_event"),
        ({}, "other_event"),
    ],
)
def test_what_has_no_words_for_the_desk_has_an_end_of_its_own(
    fields: dict[str, Any], end: str
) -> None:
    taken = slack(fields, a_context("slack", channels=frozenset({"C111"})))
    assert (taken.end, taken.events) == (end, ())


def test_a_command_of_slack_begins_a_conversation_and_is_answered_in_private() -> None:
    fields = {
        "team_id": "T1", "channel_id": "C1", "user_id": "U2", "user_name": "roadrunner",
        "command": "/support", "text": "No mail", "trigger_id": "398.47.803",
    }  # fmt: skip
    context = a_context("slack", answer="Thanks.")
    taken = PROVIDERS["slack"].read(a_request(form_of(fields), FORM), context)
    message = message_of(taken)
    assert (message.text, message.sender.name) == ("No mail", "roadrunner")
    assert message.delivery == "hook:slack:398.47.803"
    assert json.loads(taken.answer.content) == {"response_type": "ephemeral", "text": "Thanks."}
    empty = PROVIDERS["slack"].read(a_request(form_of({**fields, "text": ""}), FORM), context)
    assert (empty.end, "/support" in empty.answer.content) == ("no_words", True)


def test_mattermost_posts_are_messages_of_its_threads() -> None:
    fields = {
        "channel_id": "hawos4dq", "channel_name": "town-square", "post_id": "axdygg19",
        "text": "help: no mail", "timestamp": str(int(NOW.timestamp()) * 1000 - 5_000),
        "trigger_word": "help:", "user_id": "u1", "user_name": "ann",
    }  # fmt: skip
    context = a_context("mattermost", answer="Thanks.", agents={"u9": "bob@vircom.example"})
    read = PROVIDERS["mattermost"].read
    taken = read(a_request(form_of(fields), FORM), context)
    first = message_of(taken)
    assert (first.text, first.line, first.sender.name) == ("help: no mail", "town-square", "ann")
    assert (first.conversation, first.delivery) == (
        "mattermost:hawos4dq:axdygg19", "hook:mattermost:axdygg19",
    )  # fmt: skip
    assert first.occurred_at == NOW - timedelta(seconds=5)
    assert json.loads(taken.answer.content) == {"text": "Thanks.", "response_type": "comment"}
    reply = {**fields, "post_id": "other", "root_id": "axdygg19", "timestamp": 1_796_083_100}
    assert message_of(read(a_request(body_of(reply), JSON), context)).conversation == (
        first.conversation
    )
    agents = read(a_request(body_of({**fields, "user_id": "u9"}), JSON), context)
    assert (message_of(agents).sender_kind, agents.answer.content) == ("agent", "{}")


def test_teams_mentions_are_taken_off_and_answered() -> None:
    activity = {
        "type": "message", "id": "1485983408511", "timestamp": "2026-12-01T07:59:30.123Z",
        "from": {"id": "29:x", "name": "Ann", "aadObjectId": "a-1"},
        "conversation": {"isGroup": True, "id": "19:c@thread.tacv2;messageid=123"},
        "text": "<at>Support</at> printer&nbsp;down<br>since <b>nine</b> &lt;now&gt;",
        "textFormat": "html",
        "attachments": [
            {"contentType": "text/html", "content": "<div>…</div>"},
            {"contentType": "image/png", "name": "shot.png", "contentUrl": "https://t.example/s"},
        ],
        "channelData": {"channel": {"id": "19:c"}},
    }  # fmt: skip
    taken = PROVIDERS["teams"].read(a_request(body_of(activity), JSON), a_context("teams"))
    message = message_of(taken)
    assert message.text == "printer down\nsince nine <now>\nFile: shot.png https://t.example/s"
    assert message.conversation == "teams:19:c@thread.tacv2;messageid=123"
    assert (message.sender.name, message.sender.chat) == ("Ann", "teams:a-1")
    assert (NOW - message.occurred_at) == timedelta(seconds=29.877)
    assert json.loads(taken.answer.content)["type"] == "message"
    other = {**activity, "type": "conversationUpdate"}
    quiet = PROVIDERS["teams"].read(a_request(body_of(other), JSON), a_context("teams"))
    assert (quiet.end, quiet.events) == ("other_event", ())


def signed_webhook(fields: Any, own_id: str = "msg_1") -> Taken:
    body = body_of(fields)
    request = a_request(body, by_standard(body, NOW, own_id))
    return PROVIDERS["webhook"].read(request, a_context("webhook"))


def test_a_signed_webhook_brings_the_data_of_an_event_and_not_whose_it_is() -> None:
    fields = {
        "type": "pledge.chat.message_received.v1",
        "desk": "another", "delivery": "another", "authentication": {"result": "none"},
        "conversation": "chat-7", "text": "Hello\x00 there", "sender": {"name": "Ann"},
    }  # fmt: skip
    message = message_of(signed_webhook(fields))
    assert (message.desk, message.delivery) == ("vircom", "hook:webhook:msg_1")
    assert message.authentication.result == "passed"
    assert (message.conversation, message.text) == ("chat-7", "Hello\ufffd there")
    assert message.occurred_at == NOW
    wrapped = {
        "type": "pledge.phone.call_received.v1", "timestamp": "2026-12-01T07:58:00Z",
        "data": {"call_id": "7", "line": "+15550110", "caller": {"phone": "+15550199"}},
    }  # fmt: skip
    call = only(signed_webhook(wrapped).events)
    assert isinstance(call, CallReceived)
    assert (call.conversation, NOW - call.occurred_at) == ("msg_1", timedelta(minutes=2))


@pytest.mark.parametrize("fields", [{}, {"type": "pledge.ticket.opened.v1"}, [], 7, {"data": 7}])
def test_a_signed_webhook_that_is_no_event_is_unreadable(fields: Any) -> None:
    with pytest.raises(Unreadable):
        signed_webhook(fields)


SMS = {
    "MessageSid": "SM" + "0" * 32, "From": "+15550199", "To": "+15550110", "NumMedia": "0",
    "Body": "No mail since nine",
}  # fmt: skip


def text(**fields: str) -> Taken:
    request = a_request(form_of({**SMS, **fields}), FORM)
    return PROVIDERS["twilio_sms"].read(request, a_context("twilio_sms"))


def test_a_text_is_a_chat_with_the_number_that_it_came_from() -> None:
    taken = text()
    message = message_of(taken)
    assert (message.text, message.sender.phone, message.line) == (
        "No mail since nine", "+15550199", "+15550110",
    )  # fmt: skip
    assert (message.conversation, message.delivery) == (
        "sms:+15550110:+15550199", f"hook:twilio:{SMS['MessageSid']}",
    )  # fmt: skip
    root = ElementTree.fromstring(taken.answer.content)
    assert (root.tag, len(root), taken.answer.media_type) == ("Response", 0, "text/xml")
    pictures = {"MediaUrl0": "https://api.example/1", "MediaContentType0": "image/png"}
    assert message_of(text(Body="", **pictures)).text == "File (image/png): https://api.example/1"
    whatsapp = message_of(text(From="whatsapp:+15550199", ProfileName="Ann"))
    assert (whatsapp.sender.phone, whatsapp.sender.name) == ("+15550199", "Ann")


def test_stop_ends_the_conversation_unanswered_and_help_is_answered_and_taken() -> None:
    for word in (" stop ", "STOPALL", "Unsubscribe"):
        taken = text(Body=word)
        event = only(taken.events)
        assert isinstance(event, ChatEnded)
        assert not event.has_contact_details
        assert "Message" not in taken.answer.content
    help_wanted = text(Body="Help")
    assert message_of(help_wanted).text == "Help"
    assert "support@vircom.example" in help_wanted.answer.content
    assert text(Body="START").end == "opted_in"
    assert isinstance(only(text(Body="Arrêt", OptOutType="STOP").events), ChatEnded)
    assert message_of(text(Body="Stop it, the server is on fire")).text.startswith("Stop it")


def test_an_empty_text_has_an_end() -> None:
    assert text(Body="").end == "no_words"


def test_a_voicemail_by_a_signed_webhook_is_one() -> None:
    fields = {
        "type": "pledge.phone.voicemail_left.v1", "conversation": "7", "call_id": "7",
        "line": "+15550110", "caller": {}, "duration": "PT30S",
    }  # fmt: skip
    assert isinstance(only(signed_webhook(fields).events), VoicemailLeft)
