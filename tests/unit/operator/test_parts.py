"""The operator's small parts: queue, expectations, patches, settings, keys, tokens, memory."""

from __future__ import annotations

import asyncio
import datetime
from pathlib import Path

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from relay_operator.control.answers import MalformedAnswerError, read_events, read_status
from relay_operator.errors import KeyFileError, SettingsError
from relay_operator.expectations import EXPIRY_SECONDS, Expectations
from relay_operator.keys import load_private_key, load_public_pem, public_pem
from relay_operator.memory import HallMemory
from relay_operator.patches import merge_patch
from relay_operator.plan import Loss, PodState, incarnation_of, pod_name
from relay_operator.settings import Settings
from relay_operator.tokens import ControlTokens
from relay_operator.workqueue import WorkQueue
from unit.operator.cases import NOW, ago


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> WorkQueue[str]:
    return WorkQueue(clock=clock)


async def test_a_key_added_thrice_is_worked_on_once(queue: WorkQueue[str]) -> None:
    for _ in range(3):
        queue.add("a")
    queue.add("b")
    assert [await queue.get(), await queue.get()] == ["a", "b"]
    assert queue.next_in() is None


async def test_a_key_added_while_it_is_worked_on_is_worked_on_again(queue: WorkQueue[str]) -> None:
    queue.add("a")
    key = await queue.get()
    queue.add("a")
    queue.add("a")
    assert queue.depth == 0
    queue.done(key)
    assert await queue.get() == "a"
    queue.done("a")
    assert queue.next_in() is None


async def test_one_key_is_never_with_two_workers(queue: WorkQueue[str]) -> None:
    queue.add("a")
    await queue.get()
    queue.add("a")
    waiting = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.done("a")
    assert await waiting == "a"


async def test_a_delayed_key_comes_when_it_is_due(queue: WorkQueue[str], clock: Clock) -> None:
    queue.add_after("a", 5)
    assert queue.next_in() == 5
    clock.seconds += 5
    assert await queue.get() == "a"


@pytest.mark.parametrize(("first", "second"), [(5, 2), (2, 5)])
async def test_of_two_delays_the_earlier_counts(
    queue: WorkQueue[str], clock: Clock, first: float, second: float
) -> None:
    queue.add_after("a", first)
    queue.add_after("a", second)
    clock.seconds += 2
    assert await queue.get() == "a"
    queue.done("a")
    clock.seconds += 10
    assert queue.next_in() is None


async def test_a_key_that_is_ready_drops_its_delay(queue: WorkQueue[str], clock: Clock) -> None:
    queue.add_after("a", 5)
    queue.add("a")
    queue.done(await queue.get())
    clock.seconds += 10
    assert queue.next_in() is None


async def test_failures_wait_longer_each_time_and_success_forgets_them(
    queue: WorkQueue[str],
) -> None:
    waits = [queue.add_failed("a") for _ in range(12)]
    assert waits[:4] == [0.2, 0.4, 0.8, 1.6]
    assert max(waits) == 60
    queue.succeeded("a")
    assert queue.add_failed("a") == 0.2
    assert queue.add_failed("b", at_least=7) == 7


async def test_a_waiting_worker_is_woken(queue: WorkQueue[str]) -> None:
    waiting = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    queue.add("a")
    assert await waiting == "a"


async def test_two_waiting_workers_get_two_keys(queue: WorkQueue[str]) -> None:
    waiting = [asyncio.ensure_future(queue.get()) for _ in range(2)]
    await asyncio.sleep(0)
    queue.add("a")
    queue.add("b")
    assert sorted(await asyncio.gather(*waiting)) == ["a", "b"]


async def test_the_queue_tells_how_long_somebody_waits(queue: WorkQueue[str], clock: Clock) -> None:
    assert (queue.oldest_busy(), queue.oldest_waiting()) == (0, 0)
    queue.add("a")
    clock.seconds += 3
    assert queue.oldest_waiting() == 3
    await queue.get()
    clock.seconds += 4
    assert (queue.oldest_busy(), queue.oldest_waiting()) == (4, 0)


def test_a_create_is_expected_until_it_is_seen_or_five_minutes_are_over(clock: Clock) -> None:
    found = Expectations(clock=clock)
    found.expect_create("hall", "a")
    found.expect_create("hall", "b")
    assert found.creates("hall") == {"a", "b"}
    found.created("hall", "a")
    assert found.creates("hall") == {"b"}
    clock.seconds += EXPIRY_SECONDS
    assert found.creates("hall") == frozenset()
    found.expire()
    assert found._creates == {}


def test_a_delete_is_remembered_by_its_uid_for_five_minutes(clock: Clock) -> None:
    found = Expectations(clock=clock)
    found.expect_delete("one")
    assert found.deletes(["one", "two"]) == {"one"}
    clock.seconds += EXPIRY_SECONDS
    assert found.deletes(["one"]) == frozenset()
    found.expire()
    assert found._deletes == {}


JSON = st.recursive(
    st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
OBJECTS = st.dictionaries(st.text(), JSON, max_size=5)


def _applied(target: dict[str, object], patch: dict[str, object]) -> dict[str, object]:
    """RFC 7396 §2, word for word."""
    result = dict(target)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            inner = result.get(name)
            result[name] = _applied(inner if isinstance(inner, dict) else {}, value)
        else:
            result[name] = value
    return result


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_turns_the_one_into_the_other(
    old: dict[str, object], new: dict[str, object]
) -> None:
    assert _applied(old, merge_patch(old, new)) == new


@given(OBJECTS)
def test_nothing_is_sent_where_nothing_differs(found: dict[str, object]) -> None:
    assert merge_patch(found, found) == {}


ENV = {"RELAY_CONTROL_KEY_FILE": "/k", "RELAY_GATEWAY_CERT_FILE": "/g"}


def test_settings_have_defaults_for_all_but_the_keys() -> None:
    found = Settings.from_env(ENV)
    assert found.namespaces == ()
    assert found.retention == datetime.timedelta(days=30)
    assert (found.health_port, found.control_port) == (8080, 7881)


def test_namespaces_are_a_list_with_commas() -> None:
    found = Settings.from_env(ENV | {"RELAY_NAMESPACES": " a, b ,,"})
    assert found.namespaces == ("a", "b")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RELAY_CONTROL_KEY_FILE", ""),
        ("RELAY_GATEWAY_CERT_FILE", ""),
        ("RELAY_RETENTION_SECONDS", "soon"),
        ("RELAY_RETENTION_SECONDS", "-1"),
        ("RELAY_HEALTH_PORT", "70000"),
        ("RELAY_LOG_LEVEL", "loud"),
        ("RELAY_WORKERS", "0"),
    ],
)
def test_a_bad_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_env(ENV | {name: value})


def _certificate(key: Ed25519PrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=1))
        .sign(key, None)
        .public_bytes(Encoding.PEM)
    )


def test_the_public_keys_of_a_file_of_certificates_are_all_read(tmp_path: Path) -> None:
    keys = [Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()]
    path = tmp_path / "tls.crt"
    path.write_bytes(b"".join(_certificate(key) for key in keys))
    assert load_public_pem(path) == "".join(public_pem(key) for key in keys)


def test_a_public_key_file_is_as_good_as_a_certificate(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    path = tmp_path / "key.pub"
    path.write_text(public_pem(key))
    assert load_public_pem(path) == public_pem(key)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nx", b"hello"])
def test_a_file_without_a_key_is_named_and_not_quoted(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tls.pem"
    path.write_bytes(content)
    for load in (load_private_key, load_public_pem):
        with pytest.raises(KeyFileError, match=r"tls\.pem") as caught:
            load(path)
        assert content.decode() not in str(caught.value) or not content


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ec.pem"
    key = generate_private_key(SECP256R1())
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(KeyFileError, match="not Ed25519"):
        load_private_key(path)


def test_a_control_token_is_for_one_hall_on_one_pod_for_a_minute() -> None:
    key = Ed25519PrivateKey.generate()
    token = ControlTokens(key, clock=lambda: 1000.9).issue(hall_uid="h", pod_uid="p")
    public = load_pem_public_key(public_pem(key).encode())
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "typ": "relay-control+jwt"}
    claims = jwt.decode(
        token, public, algorithms=["EdDSA"], audience="h", options={"verify_exp": False}
    )  # type: ignore[arg-type]
    assert claims.pop("jti")
    assert claims == {
        "iss": "relay-operator", "aud": "h", "pod": "p", "iat": 1000, "exp": 1060,
    }  # fmt: skip


def test_no_two_tokens_are_alike() -> None:
    tokens = ControlTokens(Ed25519PrivateKey.generate(), clock=lambda: 1.0)
    assert tokens.issue(hall_uid="h", pod_uid="p") != tokens.issue(hall_uid="h", pod_uid="p")


STATUS = b'{"pod_uid":"p","hall_uid":null,"state":"idle","participants":0,"empty_since":null}'


def test_a_pods_status_is_read() -> None:
    assert read_status(STATUS).state is PodState.IDLE


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b"{}",
        STATUS.replace(b"idle", b"dancing"),
        STATUS.replace(b'"participants":0', b'"participants":-1'),
        STATUS.replace(b'"participants":0', b'"participants":1e9'),
        STATUS.replace(b'"participants":0', b'"participants":true'),
        STATUS.replace(b'"empty_since":null', b'"empty_since":"never"'),
    ],
)
def test_a_status_that_no_pod_gives_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedAnswerError):
        read_status(data)


@given(st.binary(max_size=200) | JSON.map(lambda found: repr(found).encode()))
def test_whatever_a_pod_says_is_read_or_refused(data: bytes) -> None:
    for read in (read_status, read_events):
        try:
            read(data)
        except MalformedAnswerError:
            continue


@given(OBJECTS, st.integers(), JSON)
def test_whatever_events_a_pod_tells_are_read_or_refused(
    event: dict[str, object], sequence: int, gap: object
) -> None:
    import json  # noqa: PLC0415

    page = {"pod_uid": "p", "events": [event], "sequence": sequence, "gap": gap, "participants": 1}
    try:
        read_events(json.dumps(page).encode())
    except MalformedAnswerError:
        return


@given(st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True), st.integers(0, 10**9))
def test_a_pod_name_says_its_incarnation(hall: str, incarnation: int) -> None:
    assert incarnation_of(hall, pod_name(hall, incarnation)) == incarnation


@pytest.mark.parametrize("name", ["room-", "room-0", "room-01", "room-x", "rooms-1", "room-²"])
def test_a_name_that_relay_never_gives_has_no_incarnation(name: str) -> None:
    assert incarnation_of("room", name) is None


def _loss(name: str, *, quick: bool = True) -> Loss:
    return Loss(pod_name=name, incarnation=0, reason="Error", message="", at=NOW, quick=quick)


def test_a_loss_counts_once_however_often_it_is_recorded() -> None:
    memory = HallMemory()
    assert memory.record(_loss("a"))
    assert not memory.record(_loss("a"))
    assert memory.streak is not None
    assert memory.streak.count == 1
    memory.record(_loss("b"))
    assert memory.streak.count == 2
    memory.record(_loss("c", quick=False))
    assert memory.streak is None


def test_refusals_of_the_same_pod_are_counted_and_of_another_start_anew() -> None:
    memory = HallMemory()
    for _ in range(3):
        memory.reject(message="no", at=ago(1), hall_generation=1, class_version="7")
    assert memory.rejection is not None
    assert memory.rejection.attempts == 3
    memory.reject(message="no", at=ago(1), hall_generation=1, class_version="8")
    assert memory.rejection.attempts == 1
