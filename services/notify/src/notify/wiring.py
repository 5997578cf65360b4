"""The parts of a running notify, made from its settings."""

from collections.abc import Mapping
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from notify.channels import Channel
from notify.channels.ack_links import LateLinks
from notify.channels.smtp import SmtpChannel, SmtpServer
from notify.channels.voice import VoiceChannel
from notify.channels.webhook import WebhookChannel
from notify.delivery.dispatcher import LANE_SENDERS
from notify.desk_file.load import Surroundings, VoiceAccount, load_desks
from notify.domain.desk import Desk, Receiver, Voice
from notify.domain.retry import RetryPolicy
from notify.messages.compose import Composer
from notify.messages.page_messages import PageComposer
from notify.metrics import NotifyMetrics
from notify.settings import NotifySettings
from notify.unit_of_work import Office
from pledge.runtime.auth.key_derivation import derive_key
from pledge.runtime.clock import Clock

PROVIDER_URL: Final = "https://api.twilio.com"


def surroundings(settings: NotifySettings) -> Surroundings:
    """What the operator gives to the desks' files."""
    variables = dict(settings.variables)
    reachable = {host.lower() for host in settings.reachable_hosts}
    if settings.sink_public_url:
        # Whoever sets the sink's address wants webhooks to reach it.
        variables["SINK_URL"] = settings.sink_public_url
        reachable.add(urlsplit(settings.sink_public_url).hostname or "")
    return Surroundings(
        variables=variables,
        signing_secret=settings.key.get_secret_value(),
        reachable_hosts=frozenset(reachable),
        voice_account=partial(_voice_account, settings),
        has_public_url=settings.public_url("notify") is not None,
    )


def _voice_account(settings: NotifySettings, desk: str) -> VoiceAccount | None:
    """The desk's own account. The sink plays the provider, too, and takes any: each desk has one
    there that follows from our key."""
    own = settings.voice_accounts.get(desk)
    if own is not None:
        return own.account, own.token.get_secret_value()
    if settings.voice_url is not None or settings.sink_public_url is None:
        return None
    secret = settings.key.get_secret_value()
    account, token = (derive_key(secret, f"voice/{what}/{desk}").hex()[:32] for what in "at")
    return f"AC{account}", token


def link_key(settings: NotifySettings) -> bytes:
    """The key that signs acknowledgement links."""
    return derive_key(settings.key.get_secret_value(), "acknowledgement links")


def public_url(settings: NotifySettings) -> str:
    """Where responders' browsers, and the phone provider, reach this service."""
    return settings.public_url("notify") or f"http://{settings.http_host}:{settings.http_port}"


def make_office(settings: NotifySettings, metrics: NotifyMetrics, clock: Clock) -> Office:
    """The desks and what composes their messages. Raises DeskFilesWrong."""
    desks = load_desks(settings.desks, surroundings(settings))
    composer = Composer()
    paging = PageComposer(composer, public_url(settings))
    return Office(desks, composer, paging, metrics, clock)


def make_channels(
    settings: NotifySettings, desks: Mapping[str, Desk], clock: Clock
) -> dict[str, Channel]:
    """The ways out, by the name that deliveries call them by."""

    def receiver(desk: str, name: str) -> tuple[Receiver, frozenset[str]] | None:
        known = desks.get(desk)
        found = known.receivers.get(name) if known else None
        return (found, known.reachable_hosts) if known and found else None

    def voice(desk: str) -> tuple[Voice, frozenset[str]] | None:
        known = desks.get(desk)
        return (known.voice, known.reachable_hosts) if known and known.voice else None

    # A receiver has two lanes, pages and the rest.
    connections = 2 * LANE_SENDERS
    key = link_key(settings)
    return {
        "webhook": LateLinks(
            WebhookChannel(
                receiver, clock, timeout=settings.webhook_timeout, connections=connections
            ),
            key,
        ),
        "email": LateLinks(SmtpChannel(_smtp_server(settings)), key),
        "voice": VoiceChannel(
            voice, _voice_url(settings), clock,
            timeout=settings.webhook_timeout, connections=LANE_SENDERS,
        ),
    }  # fmt: skip


def _voice_url(settings: NotifySettings) -> str:
    return settings.voice_url or settings.sink_public_url or PROVIDER_URL


def retry_policy(settings: NotifySettings) -> RetryPolicy:
    """When failed deliveries are tried again."""
    return RetryPolicy(
        first_wait=settings.retry_first_wait,
        longest_wait=settings.retry_longest_wait,
        attempts=settings.retry_attempts,
        give_up_after=settings.retry_give_up_after,
    )


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
