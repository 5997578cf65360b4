"""Settings from the environment."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr

from pledge.runtime.config.settings import JSON_TEXT, Seconds, ServiceSettings


class IntakeSettings(ServiceSettings):
    """Variables are named `PLEDGE_INTAKE_…` after the fields; the rest is `ServiceSettings`."""

    env_prefix = "PLEDGE_INTAKE_"

    key: SecretStr = Field(
        min_length=32,
        description="the secret that signs reply addresses, the same for all replicas",
        examples=["(32 random bytes as text; openssl rand -base64 32)"],
    )
    # Answers to mails sent before a change of the key still find their ticket.
    retired_keys: SecretStr | None = Field(
        None, description="earlier secrets, separated by white space"
    )
    # Reachable from this machine only, by default.
    smtp_host: str = "127.0.0.1"
    smtp_port: int = Field(8025, ge=0, le=65535)
    # The name in the greeting and in `Received`; a mail exchanger's name in the DNS.
    smtp_hostname: str = Field("pledge.localhost", pattern=r"^[A-Za-z0-9.-]{1,253}$")
    # Both are read again when they change, so a renewed certificate needs no restart.
    smtp_tls_certificate: Path | None = Field(
        None, description="the certificate chain (PEM) with which STARTTLS is offered"
    )
    smtp_tls_key: Path | None = Field(
        None, description="its key (PEM, no passphrase), unless it is in the same file"
    )
    # A public mail exchanger must not set it (RFC 3207 §4); behind a relay of one's own it is fine.
    smtp_require_tls: bool = Field(
        default=False, description="refuse mail that comes without STARTTLS"
    )
    smtp_postmaster: str | None = Field(
        None,
        description="a desk's address that gets mail to <postmaster> without a domain; by default "
        "the reply address of the first desk",
        examples=["support@pledge.example"],
    )
    # What large providers take; attachments beyond belong elsewhere.
    smtp_max_bytes: int = Field(25 * 1024 * 1024, ge=64 * 1024, le=200 * 1024 * 1024)
    smtp_max_recipients: int = Field(100, ge=1, le=1_000)
    smtp_max_connections: int = Field(200, ge=1, le=10_000)
    # One host must not take all of them; large providers open some twenty at a time from each.
    # Behind a proxy that hides the sender's address, set it to `smtp_max_connections`.
    smtp_max_connections_per_host: int = Field(50, ge=1, le=10_000)
    # Mails beyond a few kB are read in processes of their own: two keep up with a mail exchanger,
    # and one that is busy with a hostile mail leaves the other.
    mail_readers: int = Field(2, ge=1, le=64, description="processes that read mails")
    # The largest mail takes about a second; one that takes longer is kept unread.
    mail_read_timeout: Seconds = Field(
        timedelta(seconds=10), ge=timedelta(seconds=1), le=timedelta(minutes=2)
    )
    # A sender waits ten minutes for the answer to its data (RFC 5321 §4.5.3.2.6).
    mail_wait_timeout: Seconds = Field(
        timedelta(seconds=60), ge=timedelta(seconds=1), le=timedelta(minutes=8)
    )
    # Of one token, or of one visitor with a desk's public form key: far more than a portal sends,
    # far less than would hold up the other senders. The same bound holds for links to sign in.
    cases_per_minute: int = Field(
        6_000, ge=1, le=1_000_000, description="the most cases that one sender may send in a minute"
    )
    # Each desk's own, so that no desk's file can name another's.
    hook_secrets: Annotated[dict[str, dict[str, SecretStr]], JSON_TEXT] = Field(
        default_factory=dict,
        repr=False,
        description="a JSON object: a desk's name -> the secrets of its webhooks by their names",
        examples=['{"mine": {"slack": "…", "twilio": "…"}}'],
    )
    # Chat programs send a few kilobytes; Slack's longest message takes some 200 with its blocks.
    hook_max_bytes: int = Field(
        512 * 1024, ge=16 * 1024, le=1024 * 1024, description="the largest body of a webhook"
    )
    webhook_secrets: Path | None = Field(
        None,
        description="a JSON file: a desk's name -> the secrets of the webhooks that its events are "
        "sent to, by their names; read again when it changes",
        examples=["/run/secrets/webhooks.json"],
    )
    # Private hosts that webhooks of every desk may reach. Others are refused, so that a desk's file
    # can't make intake call into the internal network.
    reachable_hosts: Annotated[list[str], JSON_TEXT] = Field(
        default_factory=list, examples=['["crm.internal"]']
    )
    # The least that a sender should grant (Standard Webhooks 1.0); less than half of the lease.
    webhook_timeout: Seconds = Field(
        timedelta(seconds=15), ge=timedelta(seconds=1), le=timedelta(seconds=25)
    )
    # A receiver that is away over a day and a night gets everything.
    webhook_give_up_after: Seconds = Field(
        timedelta(hours=36), ge=timedelta(seconds=1), le=timedelta(days=7)
    )
    webhook_log_days: int = Field(
        30, ge=8, le=3_650, description="days for which it is known what became of an event"
    )
    # A field Authentication-Results counts only under one of these names: anybody can write others.
    authserv_ids: str = Field(
        "",
        description="the names (authserv-id) under which our own mail border writes what it found "
        "out about senders, separated by white space",
        examples=["mx.pledge.example"],
    )
    # Browsers that are told of changes of the queue as they come; the pages of others say when they
    # are from. Each costs a connection and some kilobytes.
    live_pages: int = Field(500, ge=0, le=10_000)
    # What became of each delivery, a row each: long enough to look into what a customer asks about.
    delivery_ledger_days: int = Field(
        90, ge=1, le=3_650, description="days for which the delivery ledger keeps an entry"
    )
    # A relay that repeats a mail does so within hours; a job says the same again the next night.
    same_words_for: Seconds = Field(
        timedelta(hours=6),
        ge=timedelta(0),
        le=timedelta(days=7),
        description="how long equal mails without a Message-ID count as one",
    )
    # A sender waits minutes for the answer to its data (RFC 5321 §4.5.3.2.6), a person does not.
    publish_timeout: Seconds = Field(
        timedelta(seconds=10), ge=timedelta(milliseconds=100), le=timedelta(minutes=5)
    )

    # Replicas share it: with more than one, a bucket or a folder that all of them mount.
    blobs: str = Field(
        ".pledge/blobs",
        min_length=1,
        max_length=1_000,
        description="where messages and files are kept: a folder's path, or s3://bucket/prefix",
        examples=["/var/lib/pledge/blobs", "s3://pledge-files/intake"],
    )
    # What a browser or a gateway uploads in one request, all its files together; as for mail.
    upload_max_bytes: int = Field(25 * 1024 * 1024, ge=64 * 1024, le=200 * 1024 * 1024)
    upload_max_files: int = Field(20, ge=1, le=200)
    # Mails name an agent's files by links; whoever has one needs no sign-in.
    file_links_last: Seconds = Field(
        timedelta(days=30), ge=timedelta(minutes=1), le=timedelta(days=366)
    )
    clamd: str | None = Field(
        None,
        pattern=r"^(tcp://[^/\s:]+:[0-9]{1,5}|unix:/\S+)$",
        description="a virus scanner that speaks clamd's protocol; files are shown once it has "
        "seen them",
        examples=["tcp://clamd:3310", "unix:/run/clamav/clamd.ctl"],
    )

    def border_names(self) -> tuple[str, ...]:
        """The names of our own mail border."""
        return tuple(self.authserv_ids.split())

    def reply_keys(self) -> list[bytes]:
        """The keys of reply addresses, the signing one first."""
        retired = self.retired_keys.get_secret_value().split() if self.retired_keys else []
        return [each.encode() for each in (self.key.get_secret_value(), *retired)]
