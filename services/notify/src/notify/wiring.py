"""The parts of a running notify, made from its settings."""

from functools import partial
from urllib.parse import urlsplit

from notify.application.context import NotifyContext
from notify.channels.registry import PAGE_WRITERS
from notify.desk_file.load import OperatorGrants, VoiceAccount, load_desks
from notify.messages.page_messages import PageComposer
from notify.metrics import NotifyMetrics
from notify.settings import NotifySettings
from pledge.runtime.auth.key_derivation import derive_key
from pledge.runtime.auth.link_signer import LinkSigner
from pledge.runtime.backoff import RetryPolicy
from pledge.runtime.clock import Clock


def operator_grants(settings: NotifySettings) -> OperatorGrants:
    """The operator's settings for desks' files."""
    variables = dict(settings.variables)
    reachable = {host.lower() for host in settings.reachable_hosts}
    if settings.sink_public_url:
        # Whoever sets the sink's address wants webhooks to reach it.
        variables["SINK_URL"] = settings.sink_public_url
        reachable.add(urlsplit(settings.sink_public_url).hostname or "")
    return OperatorGrants(
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


def link_signer(settings: NotifySettings) -> LinkSigner:
    """What signs acknowledgement links, and reads those of retired keys."""
    retired = settings.retired_keys.get_secret_value().split() if settings.retired_keys else []
    secrets = [each.encode() for each in (settings.key.get_secret_value(), *retired)]
    return LinkSigner.derived(secrets, "acknowledgement links")


def public_url(settings: NotifySettings) -> str:
    """Where responders' browsers, and the phone provider, reach this service."""
    return settings.public_url("notify") or f"http://{settings.http_host}:{settings.http_port}"


def make_context(settings: NotifySettings, metrics: NotifyMetrics, clock: Clock) -> NotifyContext:
    """The desks and what composes their messages. Raises DeskFileError."""
    desks = load_desks(settings.desks, operator_grants(settings))
    pages = PageComposer(PAGE_WRITERS, public_url(settings))
    return NotifyContext(desks, pages, metrics, clock)


def retry_policy(settings: NotifySettings) -> RetryPolicy:
    """When failed deliveries are tried again."""
    return RetryPolicy(
        first_wait=settings.retry_first_wait,
        longest_wait=settings.retry_longest_wait,
        attempts=settings.retry_attempts,
        give_up_after=settings.retry_give_up_after,
    )
