"""Every channel: its sender, and who writes a page for it. Adding a channel registers it here."""

from collections.abc import Mapping
from typing import Final

from notify.channels import LANE_SENDERS, Channel, smtp, voice, webhook
from notify.channels.ack_links import LinkFiller
from notify.channels.smtp import SmtpChannel, SmtpServer
from notify.channels.voice import VoiceChannel
from notify.channels.webhook import WebhookChannel
from notify.domain.desk import Desk, Receiver, Voice
from notify.messages.page_messages import PageWriter
from notify.settings import NotifySettings
from pledge.runtime.auth.link_signer import LinkSigner
from pledge.runtime.clock import Clock

PROVIDER_URL: Final = "https://api.twilio.com"

PAGE_WRITERS: Mapping[str, PageWriter] = {
    "webhook": webhook.write_page,
    "email": smtp.write_page,
    "voice": voice.write_page,
}


def make_channels(
    settings: NotifySettings, desks: Mapping[str, Desk], signer: LinkSigner, clock: Clock
) -> dict[str, Channel]:
    """The senders, by channel. `signer` signs acknowledgement links."""

    def receiver(desk: str, name: str) -> tuple[Receiver, frozenset[str]] | None:
        known = desks.get(desk)
        found = known.receivers.get(name) if known else None
        return (found, known.reachable_hosts) if known and found else None

    def account(desk: str) -> tuple[Voice, frozenset[str]] | None:
        known = desks.get(desk)
        return (known.voice, known.reachable_hosts) if known and known.voice else None

    # A receiver has two lanes, pages and the rest.
    connections = 2 * LANE_SENDERS
    return {
        "webhook": LinkFiller(
            WebhookChannel(
                receiver, clock, timeout=settings.webhook_timeout, connections=connections
            ),
            signer,
        ),
        "email": LinkFiller(SmtpChannel(_smtp_server(settings)), signer),
        "voice": VoiceChannel(
            account, _voice_url(settings), clock,
            timeout=settings.webhook_timeout, connections=LANE_SENDERS,
        ),
    }  # fmt: skip


def _voice_url(settings: NotifySettings) -> str:
    return settings.voice_url or settings.sink_public_url or PROVIDER_URL


def _smtp_server(settings: NotifySettings) -> SmtpServer:
    password = settings.smtp_password
    return SmtpServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        username=settings.smtp_username,
        password=password.get_secret_value() if password else None,
        use_tls=settings.smtp_tls,
        local_name=settings.smtp_local_name,
    )
