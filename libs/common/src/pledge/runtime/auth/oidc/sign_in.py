"""The authorization code flow with PKCE, from the first redirection to the person's session."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from pledge.runtime.auth.oidc.claims import Unusable, claim, grants_of, subject_of
from pledge.runtime.auth.oidc.provider import CodeRefused, Provider, ProviderAway, Tokens
from pledge.runtime.auth.sealed_claims import SealedClaims
from pledge.runtime.auth.session import local_path
from pledge.runtime.auth.sessions import Sessions, TooManyDesks
from pledge.runtime.auth.verification import CannotCheck, Denied
from pledge.runtime.ids import Ids
from pledge.runtime.observability import logs

CALLBACK = "/sign-in/callback"
# A person looks for the second factor meanwhile.
ATTEMPT_LASTS = timedelta(minutes=15)
SECRET_BYTES = 32
# A cookie holds 4096 bytes, and the attempt has more to say than where to go on.
LONGEST_TARGET = 800
LONGEST_PARAMETER = 4096

log = logs.get(__name__)


class Failure(StrEnum):
    """Why nobody was signed in."""

    PROVIDER_AWAY = "provider_away"
    STATE_LOST = "state_lost"
    REFUSED = "refused"
    NOT_TRUSTED = "not_trusted"
    NO_ROLE = "no_role"


class SignInFailed(Exception):
    """Nobody was signed in; `detail` is for the person and holds no secret."""

    def __init__(self, failure: Failure, detail: str, target: str = "/") -> None:
        self.failure, self.detail, self.target = failure, detail, target
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class Claims:
    """Which claims count: who the person is, and what their groups are worth."""

    subject: str
    groups: str
    grants: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that began: where to send the browser, and what it is to keep meanwhile."""

    url: str
    state: str
    cookie: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A sign-in that went well: the session's cookie, and where to go on."""

    session: str
    lasts: timedelta
    id_token: str
    target: str


class OidcSignIn:
    """Signs people in at `provider`, who come back to `public_url`."""

    def __init__(
        self,
        provider: Provider,
        sessions: Sessions,
        attempts: SealedClaims,
        claims: Claims,
        *,
        public_url: str,
        scopes: str,
        ids: Ids,
    ) -> None:
        self._provider, self._sessions, self._attempts = provider, sessions, attempts
        self._claims, self._scopes, self._ids = claims, scopes, ids
        self.public_url = public_url
        self._redirect_uri = f"{public_url}{CALLBACK}"

    async def begin(self, target: str, *, as_another: bool = False) -> Attempt:
        """Begin; `as_another` asks for the credentials even where the provider knows the person.

        Raises SignInFailed.
        """
        state, nonce, verifier = (self._ids.token(SECRET_BYTES) for _ in range(3))
        path = local_path(target) if len(target.encode()) <= LONGEST_TARGET else "/"
        parameters = {
            "response_type": "code",
            "redirect_uri": self._redirect_uri,
            "scope": self._scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        if as_another:
            parameters["prompt"] = "login"
        try:
            url = await self._provider.authorization_url(parameters)
        except ProviderAway as error:
            raise _failed(Failure.PROVIDER_AWAY, error, path) from error
        kept = {"state": state, "nonce": nonce, "verifier": verifier, "target": path}
        return Attempt(url, state, self._attempts.seal(kept, lasts=ATTEMPT_LASTS))

    async def finish(self, answer: Mapping[str, str], cookie: str | None) -> SignedIn:
        """Open a session by what the provider's `answer` says to the attempt kept in `cookie`.

        Raises SignInFailed.
        """
        attempt = self._attempt(answer.get("state", ""), cookie)
        target = attempt["target"]
        try:
            code = await self._code(answer)
            tokens = await self._provider.exchange(
                code, verifier=attempt["verifier"], redirect_uri=self._redirect_uri
            )
            claims = await self._identity(tokens, attempt["nonce"])
            subject = subject_of(claims, self._claims.subject)
            return self._open(subject, claims, tokens, target)
        except (ProviderAway, CannotCheck) as error:
            raise _failed(Failure.PROVIDER_AWAY, error, target) from error
        except CodeRefused as error:
            raise _failed(Failure.REFUSED, error, target) from error
        except Denied as error:
            raise _failed(Failure.NOT_TRUSTED, error, target) from error
        except Unusable as error:
            raise _failed(Failure.NO_ROLE, error, target, str(error)) from error

    async def sign_out_url(self, back: str, id_token: str | None) -> str | None:
        """Where the browser is signed out of the provider, too; None where that can't be done."""
        try:
            return await self._provider.sign_out_url(f"{self.public_url}{back}", id_token)
        except ProviderAway as error:
            log.warning("provider_sign_out_unavailable", error=str(error))
            return None

    def _attempt(self, state: str, cookie: str | None) -> dict[str, Any]:
        try:
            attempt = self._attempts.open(cookie or "")
        except Denied as error:
            raise _failed(Failure.STATE_LOST, error) from error
        if not hmac.compare_digest(attempt["state"].encode(), state.encode()):
            raise _failed(Failure.STATE_LOST, ValueError("the state is another attempt's"))
        return attempt

    async def _code(self, answer: Mapping[str, str]) -> str:
        issuer = answer.get("iss")
        is_named = issuer == self._provider.issuer
        if not is_named and (issuer is not None or await self._provider.says_who_it_is()):
            raise Denied("the answer is from another provider")
        if error := answer.get("error"):
            raise CodeRefused(error[:80])
        code = answer.get("code", "")
        if not code or len(code) > LONGEST_PARAMETER:
            raise CodeRefused("there is no code in the answer")
        return code

    async def _identity(self, tokens: Tokens, nonce: str) -> dict[str, Any]:
        claims = await self._provider.claims(tokens)
        given = str(claims["nonce"]).encode("utf-8", "replace")
        if not hmac.compare_digest(given, nonce.encode()):
            raise Denied("the ID token is another attempt's")
        if not self._provider.is_ours(claims):
            raise Denied("the ID token was made for another client")
        wanted = (self._claims.subject, self._claims.groups)
        if all(claim(claims, name) is not None for name in wanted):
            return claims
        # Many providers tell there what they leave out of the ID token, which is to be small.
        return {**await self._provider.userinfo(tokens, claims["sub"]), **claims}

    def _open(
        self, subject: str, claims: Mapping[str, Any], tokens: Tokens, target: str
    ) -> SignedIn:
        grants = grants_of(claims, self._claims.groups, self._claims.grants)
        if not grants:
            raise Unusable(f"none of the groups of {subject} has a role here")
        try:
            session, session_id = self._sessions.issue(subject, grants)
        except TooManyDesks as error:
            raise Unusable(f"{subject} has roles on more desks than a session holds") from error
        log.info("signed_in", subject=subject, session_id=session_id, roles=sorted(grants))
        return SignedIn(session, self._sessions.lasts, tokens.id_token, target)


_DETAILS = {
    Failure.PROVIDER_AWAY: "The server that signs people in does not answer now",
    Failure.STATE_LOST: "This sign-in began in another browser, too long ago, or was used before",
    Failure.REFUSED: "The server that signs people in refused",
    Failure.NOT_TRUSTED: "What the server that signs people in says can't be trusted",
    Failure.NO_ROLE: "You have no role here",
}


def _failed(
    failure: Failure, error: Exception, target: str = "/", detail: str | None = None
) -> SignInFailed:
    log.warning("sign_in_failed", failure=failure.value, error=str(error)[:300])
    return SignInFailed(failure, detail or _DETAILS[failure], target)


def _challenge(verifier: str) -> str:
    """RFC 7636 §4.2, S256."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
