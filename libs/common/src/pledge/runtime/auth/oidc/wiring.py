"""The sign-in of people that the settings describe, if they describe one."""

from __future__ import annotations

import httpx

from pledge.runtime.auth.oidc.provider import Client, Provider
from pledge.runtime.auth.oidc.sign_in import Claims, OidcSignIn
from pledge.runtime.auth.sealed_claims import SealedClaims
from pledge.runtime.auth.sessions import Sessions
from pledge.runtime.clock import Clock
from pledge.runtime.config.settings import ServiceSettings, SettingProblem, SettingsError
from pledge.runtime.ids import Ids


def oidc_sign_in(
    service: str,
    settings: ServiceSettings,
    *,
    clock: Clock,
    ids: Ids,
    transport: httpx.AsyncBaseTransport | None = None,
) -> tuple[OidcSignIn, Sessions] | None:
    """How people sign in to `service`, and their sessions; None where they paste a token.

    Raises SettingsError without a public address, or for a provider without TLS.
    """
    if settings.oidc_issuer is None:
        return None
    public_url = settings.public_url(service)
    if public_url is None:
        variable = f"PLEDGE_{service.upper()}_PUBLIC_URL"
        message = "is not set; the provider sends people back there"
        raise SettingsError([SettingProblem(variable, message)])
    assert settings.oidc_client_id is not None
    assert settings.session_key is not None
    secret = settings.oidc_client_secret
    client = Client(
        settings.oidc_issuer,
        settings.oidc_client_id,
        secret.get_secret_value() if secret else None,
    )
    try:
        provider = Provider(client, clock, transport=transport)
    except ValueError as error:
        raise SettingsError([SettingProblem("PLEDGE_OIDC_ISSUER", str(error))]) from error
    key = settings.session_key.get_secret_value()
    sessions = Sessions(key, lasts=settings.oidc_session, clock=clock, ids=ids)
    sign_in = OidcSignIn(
        provider,
        sessions,
        SealedClaims(key, "pledge sign-in", clock),
        Claims(settings.oidc_subject_claim, settings.oidc_groups_claim, settings.oidc_grants),
        public_url=public_url,
        scopes=settings.oidc_scopes,
        ids=ids,
    )
    return sign_in, sessions
