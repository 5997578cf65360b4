"""The SMTP sessions themselves: TLS, commands in one go, postmaster, the empty sender."""

from __future__ import annotations

import asyncio
import shutil
import smtplib
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from intake.gateways.smtp_server import tls_of
from integration.intake.harness import Intake, a_mail
from pledge.runtime.config.environment import SettingsError
from pledge.runtime.config.settings import KafkaSettings
from support.databases import Databases

if shutil.which("openssl") is None:
    pytest.skip("openssl, which makes the certificates, is not here", allow_module_level=True)


def make_certificate(folder: Path, name: str = "smtp", *options: str) -> tuple[Path, Path]:
    """A new self-signed certificate and its key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1",
            "-out", str(certificate), "-keyout", str(key), *(options or ("-nodes",)),
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


@contextmanager
def client(intake: Intake) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP("127.0.0.1", intake.settings.smtp_port, timeout=20) as found:
        yield found


async def talk(intake: Intake, work: Callable[[smtplib.SMTP], Any]) -> Any:
    def run() -> Any:
        with client(intake) as found:
            return work(found)

    return await asyncio.to_thread(run)


def secure(session: smtplib.SMTP, certificate: Path) -> None:
    session.starttls(context=ssl.create_default_context(cafile=str(certificate)))


async def replies(intake: Intake, *writes: bytes, count: int) -> list[str]:
    """What the server says after its greeting to `writes`, each sent in one go: `count` replies."""
    reader, writer = await asyncio.open_connection("127.0.0.1", intake.settings.smtp_port)
    try:
        await reader.readline()
        found: list[str] = []
        for each in writes:
            writer.write(each)
        while len(found) < count:
            line = (await asyncio.wait_for(reader.readline(), 20)).decode()
            if line[3] == " ":
                found.append(line.strip())
        return found
    finally:
        writer.close()


async def test_mail_comes_by_tls_after_starttls_and_nobody_is_asked_to_sign_in(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> None:
    certificate, key = make_certificate(tmp_path)
    options = {"smtp_tls_certificate": certificate, "smtp_tls_key": key, "smtp_require_tls": True}
    async with Intake(kafka, database("intake"), tmp_path, **options) as intake:

        def work(session: smtplib.SMTP) -> None:
            session.ehlo()
            assert session.has_extn("starttls")
            assert session.docmd("MAIL", "FROM:<ann@contoso.example>")[0] == 530
            secure(session, certificate)
            session.ehlo()
            assert {"pipelining", "8bitmime", "smtputf8"} <= session.esmtp_features.keys()
            assert not {"auth", "starttls"} & session.esmtp_features.keys()
            assert session.docmd("STARTTLS")[0] == 503
            assert session.docmd("AUTH", "PLAIN")[0] == 502
            assert not session.sendmail(
                "ann@contoso.example", ["support@vircom.example"], a_mail().as_bytes()
            )

        await talk(intake, work)
        (ticket,) = await intake.tickets(1)
        assert ticket["requester"]["email"] == "ann@contoso.example"


async def test_a_renewed_certificate_is_used_and_a_broken_one_is_not(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> None:
    certificate, key = make_certificate(tmp_path)
    newer, newer_key = make_certificate(tmp_path, "newer")
    options = {"smtp_tls_certificate": certificate, "smtp_tls_key": key}
    async with Intake(kafka, database("intake"), tmp_path, **options) as intake:
        await talk(intake, lambda session: secure(session, certificate))
        # Half renewed: the pair does not fit, so the old one is shown.
        old = Path(shutil.copy(certificate, tmp_path / "old.pem"))
        newer.replace(certificate)
        await talk(intake, lambda session: secure(session, old))
        newer_key.replace(key)
        await talk(intake, lambda session: secure(session, certificate))
        key.write_text("no key")
        await talk(intake, lambda session: secure(session, certificate))


async def test_what_is_sent_in_clear_behind_starttls_is_not_obeyed(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> None:
    certificate, key = make_certificate(tmp_path)
    options = {"smtp_tls_certificate": certificate, "smtp_tls_key": key}
    async with Intake(kafka, database("intake"), tmp_path, **options) as intake:

        def work() -> list[bytes]:
            address = ("127.0.0.1", intake.settings.smtp_port)
            with socket.create_connection(address, timeout=20) as plain:
                plain.recv(4096)
                plain.sendall(b"STARTTLS\r\nNOOP\r\n")
                assert plain.recv(4096) == b"220 Ready to start TLS\r\n"
                context = ssl.create_default_context(cafile=str(certificate))
                with context.wrap_socket(plain, server_hostname="127.0.0.1") as secured:
                    secured.sendall(b"QUIT\r\n")
                    return secured.recv(4096).splitlines()

        assert await asyncio.to_thread(work) == [b"221 Bye"]


def test_tls_files_that_cannot_be_used_end_the_start_with_their_names(
    intake_settings: Callable[..., Any], tmp_path: Path
) -> None:
    certificate, key = make_certificate(tmp_path)
    locked, locked_key = make_certificate(tmp_path, "locked", "-passout", "pass:secret")
    other = make_certificate(tmp_path, "other")[1]
    missing = tmp_path / "missing.pem"
    for certificate_used, key_used, words in (
        (missing, key, "missing.pem"),
        (certificate, other, "KEY_VALUES_MISMATCH"),
        (locked, locked_key, "passphrase"),
        (None, key, "SMTP_TLS_KEY"),
    ):
        settings = intake_settings(smtp_tls_certificate=certificate_used, smtp_tls_key=key_used)
        with pytest.raises(SettingsError, match=words):
            tls_of(settings)
    with pytest.raises(SettingsError, match="SMTP_REQUIRE_TLS"):
        tls_of(intake_settings(smtp_require_tls=True))


async def test_commands_in_one_go_are_answered_one_by_one_in_their_order(intake: Intake) -> None:
    found = await replies(
        intake,
        b"EHLO client.example\r\n",
        b"MAIL FROM:<ann@contoso.example>\r\nRCPT TO:<nobody@vircom.example>\r\n"
        b"RCPT TO:<support@vircom.example>\r\nDATA\r\n",
        b"Subject: In one go\r\n\r\nNothing comes in.\r\n.\r\nNOOP\r\nMAIL FROM:<>\r\n"
        b"RCPT TO:<nobody@vircom.example>\r\nDATA\r\nRSET\r\nQUIT\r\n",
        count=12,
    )  # fmt: skip
    codes = [each[:3] for each in found]
    assert codes == [
        "250", "250", "550", "250", "354", "250", "250", "250", "550", "503", "250", "221",
    ]  # fmt: skip
    (ticket,) = await intake.tickets(1)
    assert ticket["subject"] == "In one go"


async def test_a_postmaster_is_found_at_each_domain_and_without_one(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> None:
    options = {"smtp_postmaster": "support@vircom.example"}
    async with Intake(kafka, database("intake"), tmp_path, **options) as intake:
        # smtplib can't write it: it knows addresses with a domain only.
        found = await replies(
            intake,
            b"EHLO client.example\r\nMAIL FROM:<ann@contoso.example>\r\nRCPT TO:<Postmaster>\r\n"
            b"RCPT TO:<postmaster@elsewhere.example>\r\nDATA\r\n",
            b"Subject: To whom it concerns\r\n\r\nYour relay is listed.\r\n.\r\n",
            count=6,
        )
        assert [each[:3] for each in found] == ["250", "250", "250", "550", "354", "250"]
        (ticket,) = await intake.tickets(1)
        assert (ticket["desk"], ticket["subject"]) == ("vircom", "To whom it concerns")
        await intake.mail(a_mail("At a domain"), "POSTMASTER@demo.example")
        assert {each["desk"] for each in await intake.tickets(2)} == {"vircom", "demo"}


async def test_mail_of_nobody_is_taken_for_a_machines(intake: Intake) -> None:
    await intake.mail(a_mail("Your mail could not be delivered"), sender="")
    await intake.mail(a_mail("A person's", message_id="<person@contoso.example>"))
    (ticket,) = await intake.tickets(1)
    assert ticket["subject"] == "A person's"
