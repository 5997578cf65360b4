"""`pledge intake parse`: a JSON line a message."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from intake.cli.root import app
from intake.mail.description import describe
from intake.mail.parse import Delivery

KEYS = [
    "file", "from", "to", "cc", "reply_to", "subject", "message_id", "in_reply_to", "references",
    "date", "text", "visible_text", "quoted_text", "signature", "html", "attachments", "kind",
    "bounce", "authentication",
]  # fmt: skip
MAIL = (
    b"From: =?utf-8?q?J=C3=B6rg?= <jorg@x.example>\r\nTo: a@y.example, B <b@y.example>\r\n"
    b"Cc: undisclosed-recipients:;\r\nReply-To: team@x.example\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BCn?=\r\n"
    b"Date: Mon, 30 Nov 2026 10:00:00 +0100\r\nMessage-ID: <2@x>\r\nIn-Reply-To: <1@x>\r\n"
    b"References: <0@x> <1@x>\r\n"
    b"Authentication-Results: mx.y.example; dmarc=pass header.from=x.example\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n"
    b"<p>words</p>\r\n--b\r\nContent-Type: text/plain; name=a.txt\r\n\r\nfile\r\n--b--\r\n"
)


def lines(*arguments: str, exit_code: int = 0) -> list[dict[str, Any]]:
    result = CliRunner().invoke(app, ["parse", *arguments])
    assert result.exit_code == exit_code, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_mail_is_a_json_line_with_all_that_it_says(tmp_path: Path) -> None:
    path = tmp_path / "m.eml"
    path.write_bytes(MAIL)
    (found,) = lines(str(path), "--json", "--authserv-id", "mx.y.example")
    assert list(found) == KEYS
    assert found["from"] == {"name": "Jörg", "address": "jorg@x.example"}
    assert found["to"] == [
        {"name": None, "address": "a@y.example"},
        {"name": "B", "address": "b@y.example"},
    ]
    assert (found["cc"], found["reply_to"]) == ([], [{"name": None, "address": "team@x.example"}])
    assert (found["subject"], found["text"], found["html"]) == ("Grün", "words", "<p>words</p>")
    assert (found["message_id"], found["in_reply_to"]) == ("<2@x>", "<1@x>")
    assert (found["references"], found["date"]) == (["<0@x>", "<1@x>"], "2026-11-30T09:00:00+00:00")
    assert found["attachments"] == [
        {
            "filename": "a.txt",
            "content_type": "text/plain",
            "size": 4,
            "sha256": "3b9c358f36f0a31b6ad3e14f309c7cf198ac9246e8316f9ce543d5b19ac02b80",
        }
    ]
    assert (found["kind"], found["bounce"]) == ("human", None)
    assert found["authentication"]["result"] == "passed"


def test_a_folder_is_read_and_what_is_no_file_is_told(tmp_path: Path) -> None:
    for name in ("b.eml", "a.eml", "c.json"):
        (tmp_path / name).write_bytes(b"Subject: " + name.encode() + b"\r\n\r\nx")
    assert [each["subject"] for each in lines("--batch", str(tmp_path))] == ["a.eml", "b.eml"]
    result = CliRunner().invoke(app, ["parse", str(tmp_path / "no"), str(tmp_path / "a.eml")])
    assert result.exit_code != 0
    assert json.loads(result.stdout)["subject"] == "a.eml"
    assert CliRunner().invoke(app, ["parse"]).exit_code != 0


def test_addresses_that_are_none_are_shown_as_they_stand() -> None:
    raw = b"From: Moderator <moderator>\r\nTo: Whom it concerns\r\n\r\nx"
    found = describe(raw, "m", Delivery())
    assert found["from"] == {"name": "Moderator", "address": "moderator"}
    assert found["to"] == [{"name": "Whom it concerns", "address": None}]
    assert describe(b"\r\nx", "m", Delivery())["from"] is None
    spoof = describe(
        b"From: =?utf-8?q?a=40b.example=3A?= <eve@x.example>\r\n\r\nx", "m", Delivery()
    )
    assert spoof["from"] == {"name": "a@b.example:", "address": "eve@x.example"}
