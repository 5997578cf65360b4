"""Real and spoiled mails, beside the trees that a careful parser gives of them.

Where ours differs, it says why in `EXPLAINED`; what is not explained there is the same.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from intake.mail.description import describe
from intake.mail.parse import Delivery, read_mail

CORPUS = Path(__file__).parents[5] / "shared" / "corpora" / "mime"
MAILS = sorted(CORPUS.rglob("*.eml"))
pytestmark = pytest.mark.skipif(not MAILS, reason="the mail corpora are not here")

NOT_CLOSED = "a part that no line ends holds words like any other; the tree makes it a file"
EMPTY = "a part without fields and content is no file"
LOST = "a line of an inner boundary still begins a part after an outer one; the tree drops it"
EXPLAINED: dict[tuple[str, str], str] = {
    ("malformed/001", "files"): EMPTY,
    ("malformed/002", "text"): "without any line of its boundary the content is the words",
    ("malformed/002", "files"): "without any line of its boundary the content is the words",
    **{(f"malformed/00{n}", what): NOT_CLOSED for n in (3, 4, 6, 8) for what in ("text", "files")},
    ("malformed/007", "files"): EMPTY,
    **{(f"malformed/{n}", what): LOST for n in ("009", "011") for what in ("text", "files")},
    ("malformed/012", "files"): LOST,
    ("malformed/016", "text"): NOT_CLOSED,
    ("malformed/016", "files"): NOT_CLOSED,
    ("malformed/019", "date"): "the first Date is none; the tree makes one up from its beginning",
    ("malformed/019", "text"): "the plain alternatives are empty, so the last HTML one is read",
    ("malformed/020", "text"): "fields end at the first line of the boundary declared in them",
    ("malformed/021", "text"): "fields end at the first line of the boundary declared in them",
    ("rfc/000", "text"): "a text part of an unknown subtype is words, as RFC 2046 §4.1.4 says",
    ("rfc/000", "files"): "a text part of an unknown subtype is words, as RFC 2046 §4.1.4 says",
    ("rfc/001", "files"): "a file's name is without its folders",
    ("thirdparty/002", "text"): "what stands behind the end of base64 is not decoded; what is no "
    "base64 stays as it is",
    ("thirdparty/002", "files"): "what is no base64 is still a text part",
    ("thirdparty/008", "text"): "a text part of an unknown subtype is words",
    ("thirdparty/008", "files"): "a text part of an unknown subtype is words",
    ("thirdparty/012", "text"): "a text part of an unknown subtype is words",
    ("thirdparty/012", "files"): "a text part of an unknown subtype is words",
    ("thirdparty/015", "files"): "three messages beside each other, each ended by the outer "
    "boundary within its fields; the tree puts each into the one before",
}


def differences(path: Path) -> Iterator[tuple[str, object, object]]:
    tree = json.loads(path.with_suffix(".json").read_text())
    raw = path.read_bytes()
    found = describe(raw, "m", Delivery())
    fields: dict[str, Any] = {}
    for field in tree["parts"][0]["headers"]:
        if isinstance(field["name"], str):
            fields.setdefault(field["name"], field["value"])
    for name in ("from", "to", "cc"):
        if isinstance(fields.get(name), dict):
            got = found[name] if isinstance(found[name], list) else [found[name]]
            yield name, _people(fields[name]["Address"]), [(a["name"], a["address"]) for a in got]
    if "subject" in fields:
        yield "subject", fields["subject"]["Text"], found["subject"]
    if "message_id" in fields:
        yield "id", f"<{fields['message_id']['Text']}>", found["message_id"]
    if isinstance(fields.get("date"), dict):
        yield (
            "date",
            _instant(fields["date"]["DateTime"]).isoformat(),
            found["date"]
            and (
                datetime.fromisoformat(found["date"])
                .astimezone(_instant(fields["date"]["DateTime"]).tzinfo)
                .isoformat()
            ),
        )
    yield from _bodies(tree, found["text"], found["html"] or "")
    yield "files", *_files(tree, raw)


def _bodies(tree: dict[str, Any], text: str, html: str) -> Iterator[tuple[str, object, object]]:
    parts = [tree["parts"][each]["body"] for each in tree["text_body"]]
    if not any("Html" in each for each in parts):  # text made of HTML is ours
        yield "text", _words("\n".join(each.get("Text", "") for each in parts)), _words(text)
    shown = [tree["parts"][each]["body"].get("Html", "") for each in tree["html_body"]]
    if any(shown):
        yield "html", _words("\n".join(shown)), _words(html)


def _files(tree: dict[str, Any], raw: bytes) -> tuple[list[object], list[object]]:
    """Those of the tree that are not ours, and ours that are not the tree's."""
    left = [(each.name, each.content) for each in read_mail(raw).attachments]
    missing: list[object] = []
    for number in tree["attachments"]:
        part = tree["parts"][number]
        ((kind, body),) = part["body"].items()
        content = (
            body.encode() if isinstance(body, str) else None if kind == "Message" else bytes(body)
        )
        as_sent = raw[part["offset_body"] : part["offset_end"]]
        name = _name(part)
        same = next(
            (
                each
                for each in left
                if name in (None, each[0])
                and (each[1] == content if content is not None else _is_as_sent(each[1], as_sent))
            ),
            None,
        )
        if same:
            left.remove(same)
        else:
            missing.append((name, len(as_sent)))
    return missing, [(name, len(content)) for name, content in left]


def _is_as_sent(content: bytes, as_sent: bytes) -> bool:
    if content == as_sent:
        return True
    try:
        return binascii.a2b_base64(as_sent) == content
    except binascii.Error:
        return False


def _people(value: dict[str, Any]) -> list[tuple[str | None, str | None]]:
    groups = value.get("Group") or [{"addresses": value.get("List", [])}]
    return [
        (each.get("name"), each["address"].lower() if each.get("address") else None)
        for group in groups
        for each in group["addresses"]
    ]


def _instant(value: dict[str, Any]) -> datetime:
    offset = timedelta(hours=value["tz_hour"], minutes=value["tz_minute"])
    zone = timezone(-offset if value["tz_before_gmt"] else offset)
    day = (value["year"], value["month"], value["day"])
    return datetime(*day, value["hour"], value["minute"], value["second"], tzinfo=zone)


def _name(part: dict[str, Any]) -> str | None:
    for field in part["headers"]:
        if field["name"] in {"content_disposition", "content_type"} and field["value"] != "Empty":
            for each in field["value"]["ContentType"].get("attributes") or ():
                if each["name"] in {"filename", "name"}:
                    return str(each["value"])
    return None


def _words(text: str) -> str:
    return " ".join(text.replace("\0", "\ufffd").split())


@pytest.mark.parametrize("path", MAILS, ids=lambda each: f"{each.parent.name}/{each.stem}")
def test_a_mail_is_read_as_its_tree_says_or_it_is_explained(path: Path) -> None:
    mail = f"{path.parent.name}/{path.stem}"
    told = {what for name, what in EXPLAINED if name == mail}
    for what, tree, ours in differences(path):
        is_same = not (tree or ours) if what == "files" else tree == ours
        assert is_same or what in told, (what, tree, ours)
        told -= set() if is_same else {what}
    assert not told, f"no longer different: {told}"
