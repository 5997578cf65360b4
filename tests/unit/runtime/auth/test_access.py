from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from pledge.runtime.auth.access import Access, CannotCheck, Denied, Principal, Role
from pledge.runtime.auth.jwks import FileKeys
from pledge.runtime.auth.verification import LEEWAY
from pledge.runtime.testing import VirtualClock
from support.tokens import START, Signer, a_claim_set, write_jwks


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def denylist(tmp_path: Path) -> Path:
    path = tmp_path / "denylist.txt"
    path.write_text("")
    return path


@pytest.fixture
def access(tmp_path: Path, signer: Signer, clock: VirtualClock, denylist: Path) -> Access:
    jwks = write_jwks(tmp_path / "jwks.json", signer)
    return Access(str(jwks), clock=clock, denylist=denylist)


async def reason(access: Access, token: str) -> str:
    with pytest.raises(Denied) as denied:
        await access.authenticate(token)
    return denied.value.reason


def segment(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def test_good_token_names_its_principal(access: Access, signer: Signer) -> None:
    principal = await access.authenticate(signer.token())
    assert principal == Principal(
        "ann", frozenset({"demo"}), frozenset({"agent"}), START + timedelta(hours=1), "token-1"
    )


@pytest.mark.parametrize("algorithm", ["EdDSA", "RS256", "ES256"])
async def test_each_accepted_algorithm_works(
    tmp_path: Path, clock: VirtualClock, algorithm: str
) -> None:
    signer = Signer(algorithm=algorithm)
    access = Access(str(write_jwks(tmp_path / "k.json", signer)), clock=clock)
    assert (await access.authenticate(signer.token())).subject == "ann"


async def test_token_is_accepted_until_its_end_and_the_leeway(
    access: Access, signer: Signer, clock: VirtualClock
) -> None:
    token = signer.token()
    end = START + timedelta(hours=1)
    clock.advance_to(end + LEEWAY - timedelta(seconds=1))
    await access.authenticate(token)
    clock.advance_to(end + LEEWAY)
    assert await reason(access, token) == "the token has expired"


async def test_token_from_the_future_is_refused_beyond_the_leeway(
    access: Access, signer: Signer
) -> None:
    soon = int((START + LEEWAY).timestamp())
    await access.authenticate(signer.token(nbf=soon, iat=soon))
    assert await reason(access, signer.token(nbf=soon + 1)) == "the token is not valid yet"
    assert await reason(access, signer.token(iat=soon + 1)) == "the token is not valid yet"


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"aud": "other"}, "the token is for another audience"),
        ({"aud": []}, "the token has no aud"),
        ({"aud": [7]}, "the token is for another audience"),
        ({"exp": "soon"}, "the token's exp is not a time"),
        ({"exp": True}, "the token's exp is not a time"),
        ({"exp": float("nan")}, "the token's exp is not a time"),
        ({"exp": float("inf")}, "the token's exp is not a time"),
        ({"exp": 1e300}, "the token's exp is not a time"),
        ({"nbf": None}, "the token's nbf is not a time"),
        ({"iat": {}}, "the token's iat is not a time"),
        ({"sub": 7}, "the token is not valid"),
        ({"jti": 7}, "the token is not valid"),
        ({"roles": "admin"}, "the token has no list of roles"),
        ({"roles": []}, "the token has no role that is known here"),
        ({"roles": ["root"]}, "the token has no role that is known here"),
        ({"roles": [["admin"]]}, "the token has no list of roles"),
        ({"desks": "demo"}, 'the token\'s desks must be a list of desk ids, or "*"'),
        ({"desks": []}, 'the token\'s desks must be a list of desk ids, or "*"'),
        ({"desks": None}, 'the token\'s desks must be a list of desk ids, or "*"'),
        ({"desks": ["*"]}, 'the token\'s desks must be a list of desk ids, or "*"'),
        ({"desks": ["Demo"]}, 'the token\'s desks must be a list of desk ids, or "*"'),
        ({"desks": [1]}, 'the token\'s desks must be a list of desk ids, or "*"'),
        ({"desks": ["d"] * 201}, 'the token\'s desks must be a list of desk ids, or "*"'),
    ],
)
async def test_wrong_claims_are_refused_with_a_reason(
    access: Access, signer: Signer, claims: dict[str, Any], told: str
) -> None:
    assert await reason(access, signer.token(**claims)) == told


@pytest.mark.parametrize("claim", ["exp", "aud", "sub"])
async def test_missing_claim_is_named(access: Access, signer: Signer, claim: str) -> None:
    assert await reason(access, signer.token(without=(claim,))) == f"the token has no {claim}"


async def test_token_without_an_id_is_named_by_its_hash_and_can_be_denied(
    access: Access, signer: Signer, denylist: Path
) -> None:
    token = signer.token(without=("jti",))
    principal = await access.authenticate(token)
    signed = token.rpartition(".")[0]
    assert principal.token_id == "sha256:" + hashlib.sha256(signed.encode()).hexdigest()
    denylist.write_text(f"{principal.token_id}\n")
    assert await reason(access, token) == "the token was revoked"


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE"])
async def test_unsigned_token_is_refused(access: Access, algorithm: str) -> None:
    header = segment({"alg": algorithm, "typ": "JWT", "kid": "first"})
    for signature in ("", "AAAA"):
        token = f"{header}.{segment(a_claim_set())}.{signature}"
        assert await reason(access, token) == "the token's algorithm is not accepted"


async def test_public_key_used_as_a_shared_secret_is_refused(
    access: Access, signer: Signer
) -> None:
    """The classic confusion: HS256 with the public key's bytes as the secret."""
    signed = f"{segment({'alg': 'HS256', 'kid': 'first'})}.{segment(a_claim_set())}"
    secret = base64.urlsafe_b64decode(signer.jwk["x"] + "==")
    digest = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    token = f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
    assert await reason(access, token) == "the token's algorithm is not accepted"


async def test_another_algorithm_than_the_key_is_for_is_refused(
    access: Access, tmp_path: Path
) -> None:
    other = Signer(kid="first", algorithm="ES256")
    assert await reason(access, other.token()) == "the token is signed by a key that is not known"


async def test_signature_of_another_key_with_the_same_id_is_refused(access: Access) -> None:
    impostor = Signer(kid="first")
    assert await reason(access, impostor.token()) == "the token's signature is wrong"


async def test_changed_claims_are_refused(access: Access, signer: Signer) -> None:
    header, _, signature = signer.token().split(".")
    forged = segment(a_claim_set() | {"roles": ["admin"]})
    assert (
        await reason(access, f"{header}.{forged}.{signature}") == "the token's signature is wrong"
    )


@pytest.mark.parametrize("kid", ["unknown", "", "../first", "first\x00"])
async def test_unknown_key_id_is_refused(access: Access, signer: Signer, kid: str) -> None:
    token = signer.sign(a_claim_set(), {"kid": kid})
    assert await reason(access, token) == "the token is signed by a key that is not known"


async def test_critical_header_that_is_not_understood_is_refused(
    access: Access, signer: Signer
) -> None:
    header = segment({"alg": "EdDSA", "kid": "first", "crit": ["b64"], "b64": False})
    assert (await reason(access, f"{header}.{segment({})}.AAAA")).startswith("the token")


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "...", "a.b.c", "é.é.é", "\x00", "null", "eyJ", "A" * 3900, "A" * 100_000],
)
async def test_rubbish_is_refused(access: Access, token: str) -> None:
    assert (await reason(access, token)).startswith("the token is")


async def test_deeply_nested_claims_are_refused(access: Access, signer: Signer) -> None:
    token = f"{segment({'alg': 'EdDSA', 'kid': 'first'})}.{'W' * 3000}.AAAA"
    assert (await reason(access, token)).startswith("the token")


async def test_embedded_key_is_not_believed(access: Access) -> None:
    own = Signer(kid="mine")
    token = own.sign(a_claim_set(), {"jwk": own.jwk, "jku": "http://localhost/keys"})
    assert await reason(access, token) == "the token is signed by a key that is not known"


async def test_revoked_token_is_refused_from_the_next_request_on(
    access: Access, signer: Signer, denylist: Path
) -> None:
    token = signer.token()
    await access.authenticate(token)
    denylist.write_text("other\ntoken-1  # lost with a laptop\n")
    assert await reason(access, token) == "the token was revoked"
    assert (await access.authenticate(signer.token(jti="token-2"))).subject == "ann"


async def test_denylist_that_turns_unreadable_keeps_denying(
    access: Access, signer: Signer, denylist: Path
) -> None:
    denylist.write_text("token-1\n")
    assert await reason(access, signer.token()) == "the token was revoked"
    denylist.write_bytes(b"\xff\xfe")
    assert await reason(access, signer.token()) == "the token was revoked"
    denylist.unlink()
    assert await reason(access, signer.token()) == "the token was revoked"


async def test_missing_denylist_lets_nobody_in_and_is_no_crash(
    tmp_path: Path, signer: Signer, clock: VirtualClock
) -> None:
    jwks = write_jwks(tmp_path / "jwks.json", signer)
    access = Access(str(jwks), clock=clock, denylist=tmp_path / "missing.txt")
    assert "denylist" in (await access.ready() or "")
    with pytest.raises(CannotCheck):
        await access.authenticate(signer.token())


async def test_keys_rotate_without_a_restart(
    access: Access, signer: Signer, tmp_path: Path
) -> None:
    second = Signer(kid="second")
    assert "not known" in await reason(access, second.token())
    write_jwks(tmp_path / "jwks.json", signer, second)
    assert (await access.authenticate(second.token())).subject == "ann"
    assert (await access.authenticate(signer.token())).subject == "ann"
    write_jwks(tmp_path / "jwks.json", second)
    assert "not known" in await reason(access, signer.token())


async def test_key_file_that_turns_bad_keeps_the_keys_it_had(
    access: Access, signer: Signer, tmp_path: Path
) -> None:
    await access.authenticate(signer.token())
    (tmp_path / "jwks.json").write_text("{")
    assert (await access.authenticate(signer.token())).subject == "ann"


async def test_missing_key_file_denies_and_says_so_in_readiness(
    tmp_path: Path, signer: Signer, clock: VirtualClock
) -> None:
    access = Access(FileKeys(tmp_path / "none.json"), clock=clock)
    assert "none.json can't be read" in (await access.ready() or "")
    with pytest.raises(CannotCheck):
        await access.authenticate(signer.token())


@pytest.mark.parametrize(
    ("desks", "mine", "others"), [("*", True, True), (["demo", "vircom"], True, False)]
)
async def test_principal_sees_its_desks(
    access: Access, signer: Signer, desks: object, mine: bool, others: bool
) -> None:
    principal = await access.authenticate(signer.token(desks=desks))
    assert principal.may("demo") is mine
    assert principal.may("infocyte") is others
    expected = {"demo", "infocyte"} if others else {"demo"}
    assert principal.only(frozenset({"demo", "infocyte"})) == expected


@pytest.mark.parametrize(
    ("held", "asked", "allowed"),
    [
        ({Role.AGENT}, (Role.AGENT,), True),
        ({Role.AGENT}, (Role.READER,), True),
        ({Role.AGENT}, (Role.RESPONDER,), False),
        ({Role.AGENT}, (Role.RESPONDER, Role.AGENT), True),
        ({Role.ADMIN}, (Role.GATEWAY,), True),
        ({Role.READER}, (Role.ADMIN,), False),
        ({Role.READER}, (), True),
    ],
)
def test_roles_imply_as_documented(held: set[Role], asked: tuple[Role, ...], allowed: bool) -> None:
    principal = Principal("ann", None, frozenset(held), START, "t")
    assert principal.has(*asked) is allowed


def test_tokens_of_the_suite_are_what_other_libraries_read(signer: Signer) -> None:
    assert jwt.get_unverified_header(signer.token())["alg"] == "EdDSA"
