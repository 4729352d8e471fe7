from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from relay_api.credentials.tokens import (
    JoinToken,
    Role,
    _hall_key,
    identity_for,
    issue,
    verify,
)
from relay_api.credentials.turn import turn_credential
from relay_api.credentials.vouch import read_private_key, vouch
from relay_api.errors import SettingsError, TokenError, TokenExpiredError

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SECRET, OTHER = b"s" * 32, b"o" * 32
TOKEN = JoinToken(
    hall_uid="uid-1",
    hall_id="h_" + "0" * 20,
    identity="ada",
    name="Ada",
    role=Role.PARTICIPANT,
    issued_at=NOW,
    expires_at=NOW + timedelta(hours=1),
)
CLAIMS = {
    "iss": "relay",
    "aud": "uid-1",
    "hall": TOKEN.hall_id,
    "sub": "ada",
    "name": "Ada",
    "role": "participant",
    "iat": int(NOW.timestamp()),
    "nbf": int(NOW.timestamp()),
    "exp": int(NOW.timestamp()) + 3600,
    "jti": "x",
}


def sign(claims, *, key=None, algorithm="HS256", headers=None):
    return jwt.encode(
        claims, key or _hall_key(SECRET, "uid-1"), algorithm=algorithm, headers=headers
    )


def test_the_header_is_exactly_alg_and_typ():
    header = issue(TOKEN, SECRET).split(".")[0]
    assert base64.urlsafe_b64decode(header + "==") == b'{"alg":"HS256","typ":"JWT"}'


@given(
    identity=st.text(min_size=1, max_size=128).filter(lambda s: s.encode("utf-8", "ignore")),
    role=st.sampled_from(Role),
    invite=st.booleans(),
    seconds=st.integers(10, 10**7),
)
def test_what_is_issued_reads_back(identity, role, invite, seconds):
    identity = identity.encode("utf-8", "ignore").decode() or "x"
    token = replace(
        TOKEN,
        identity=identity,
        role=role,
        invite=invite,
        expires_at=NOW + timedelta(seconds=seconds),
    )
    assert verify(issue(token, SECRET), [SECRET], now=NOW) == token


def test_a_token_of_the_previous_secret_still_counts():
    assert verify(issue(TOKEN, OTHER), [SECRET, OTHER], now=NOW) == TOKEN


def test_a_token_of_a_forgotten_secret_does_not():
    with pytest.raises(TokenError, match="not signed by this Relay"):
        verify(issue(TOKEN, OTHER), [SECRET], now=NOW)


def test_a_token_ends_at_its_time_give_or_take_the_leeway():
    text = issue(TOKEN, SECRET)
    verify(text, [SECRET], now=TOKEN.expires_at + timedelta(seconds=4))
    with pytest.raises(TokenExpiredError):
        verify(text, [SECRET], now=TOKEN.expires_at + timedelta(seconds=5))


def test_a_token_from_the_future_is_refused():
    with pytest.raises(TokenError, match="not valid yet"):
        verify(issue(TOKEN, SECRET), [SECRET], now=NOW - timedelta(seconds=6))


FORGED = {
    "another hall's key": lambda: sign({**CLAIMS, "aud": "uid-2"}),
    "no expiry": lambda: sign({k: v for k, v in CLAIMS.items() if k != "exp"}),
    "no audience": lambda: sign({k: v for k, v in CLAIMS.items() if k != "aud"}),
    "two audiences": lambda: sign({**CLAIMS, "aud": ["uid-1", "uid-2"]}),
    "no subject": lambda: sign({k: v for k, v in CLAIMS.items() if k != "sub"}),
    "another issuer": lambda: sign({**CLAIMS, "iss": "relay-gateway"}),
    "an unknown role": lambda: sign({**CLAIMS, "role": "admin"}),
    "a role that is no text": lambda: sign({**CLAIMS, "role": ["host"]}),
    "an expiry in words": lambda: sign({**CLAIMS, "exp": "9999999999"}),
    "an expiry beyond time": lambda: sign({**CLAIMS, "exp": 10**18}),
    "another algorithm": lambda: sign(CLAIMS, algorithm="HS512"),
    "no algorithm": lambda: jwt.encode(CLAIMS, None, algorithm="none"),
    "a header with kid": lambda: sign(CLAIMS, headers={"kid": "1"}),
    "a header with crit": lambda: sign(CLAIMS, headers={"crit": ["x"]}),
    "another type": lambda: sign(CLAIMS, headers={"typ": "relay-gateway+jwt"}),
    "an EdDSA assertion": lambda: vouch(
        Ed25519PrivateKey.generate(),
        hall_uid="uid-1",
        identity="ada",
        name="Ada",
        role=Role.HOST,
        now=NOW,
    ),
    "a cut tail": lambda: sign(CLAIMS)[:-2],
    "another payload": lambda: ".".join(
        [
            sign(CLAIMS).split(".")[0],
            base64.urlsafe_b64encode(json.dumps({**CLAIMS, "role": "host"}).encode())
            .decode()
            .rstrip("="),
            sign(CLAIMS).split(".")[2],
        ]
    ),
    "nothing": lambda: "",
    "a long text": lambda: "a" * 5000,
}


@pytest.mark.parametrize("make", FORGED.values(), ids=FORGED.keys())
@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
def test_what_is_not_exactly_a_join_token_is_refused(make):
    with pytest.raises(TokenError):
        verify(make(), [SECRET], now=NOW)


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda b: b.decode("latin-1")))
def test_no_text_does_more_than_being_refused(text):
    with pytest.raises(TokenError) as told:
        verify(text, [SECRET], now=NOW)
    if len(text) > 60:
        assert text not in str(told.value)


json_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.sampled_from(sorted(CLAIMS)), json_value)
def test_no_signed_claim_of_a_wrong_kind_does_more_than_being_refused(name, value):
    try:
        verify(sign({**CLAIMS, name: value}), [SECRET], now=NOW)
    except TokenError:
        pass
    except TypeError:
        assert name == "iss", "the library refuses to sign it"


def test_an_invitation_makes_a_person_of_each_session():
    invitation = replace(TOKEN, identity="guest", invite=True)
    one, two = identity_for(invitation, "0" * 32), identity_for(invitation, "1" * 32)
    assert one != two
    assert one == identity_for(invitation, "0" * 32)
    assert one.startswith("guest-")
    assert len(one) == len("guest-") + 8
    assert identity_for(TOKEN, "0" * 32) == "ada"


def test_an_assertion_is_for_one_hall_and_thirty_seconds():
    key = Ed25519PrivateKey.generate()
    text = vouch(key, hall_uid="uid-1", identity="ada", name="Ada", role=Role.HOST, now=NOW)
    assert jwt.get_unverified_header(text) == {"alg": "EdDSA", "typ": "relay-gateway+jwt"}
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    claims = jwt.decode(
        text,
        public,
        algorithms=["EdDSA"],
        audience="uid-1",
        issuer="relay-gateway",
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims["exp"] - claims["iat"] == 30
    assert (claims["sub"], claims["name"], claims["role"]) == ("ada", "Ada", "host")
    assert claims["jti"]


def test_a_gateway_key_of_another_kind_is_refused():
    pem = generate_private_key(SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    with pytest.raises(SettingsError, match="Ed25519"):
        read_private_key(pem)
    with pytest.raises(SettingsError, match="PEM"):
        read_private_key(b"-----BEGIN NONSENSE-----")


def test_turn_credentials_are_those_that_coturn_computes():
    """The vector was made with: printf 1769864400:ada | openssl dgst -sha1 -hmac secret -binary."""
    made = turn_credential(b"secret", identity="ada", now=NOW, lifetime=timedelta(hours=1))
    assert made.username == "1769864400:ada"
    assert made.credential == "JrT9WTDHPqWuGsHgFXY5LXOY5k8="
