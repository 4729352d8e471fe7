from __future__ import annotations

import contextlib

import aioice.stun
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_media.rtp.errors import FormatError
from relay_media.transport import stun

PASSWORD = b"0123456789abcdef0123456789abcdef"


def request(**attributes: object) -> bytes:
    """As another implementation writes it."""
    message = aioice.stun.Message(aioice.stun.Method.BINDING, aioice.stun.Class.REQUEST)
    message.attributes.update({"USERNAME": "ours:theirs", "PRIORITY": 7, **attributes})
    message.add_message_integrity(PASSWORD)
    return bytes(message)


@given(st.binary() | st.binary(max_size=80).map(lambda tail: request()[:20] + tail))
def test_any_bytes_are_a_request_or_nothing_or_a_format_error(data: bytes) -> None:
    with contextlib.suppress(FormatError):
        parsed = stun.parse_request(data)
        assert parsed is None or not parsed.is_authentic(PASSWORD)


@given(st.integers(0, 107), st.integers(1, 255))
def test_no_bit_of_a_request_can_change_unnoticed(at: int, flip: int) -> None:
    data = bytearray(request())
    data[at % len(data)] ^= flip
    with contextlib.suppress(FormatError):
        parsed = stun.parse_request(bytes(data))
        # Only FINGERPRINT's own header can turn into something that is passed over.
        assert parsed is None or at % len(data) in range(len(data) - 8, len(data) - 4)


def test_a_request_of_another_implementation_is_read_and_proven() -> None:
    parsed = stun.parse_request(request(**{"USE-CANDIDATE": None, "ICE-CONTROLLING": 5}))
    assert parsed is not None
    assert (parsed.local_ufrag, parsed.remote_ufrag) == ("ours", "theirs")
    assert parsed.use_candidate
    assert not parsed.controlled
    assert parsed.is_authentic(PASSWORD)
    assert not parsed.is_authentic(b"another")


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::7"])
def test_another_implementation_believes_our_answer(host: str) -> None:
    parsed = stun.parse_request(request())
    assert parsed is not None
    answer = aioice.stun.parse_message(stun.success(parsed, (host, 40000), PASSWORD))
    assert answer.message_class is aioice.stun.Class.RESPONSE
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == (host, 40000)
    assert answer.check_message_integrity(PASSWORD)
    assert answer.transaction_id == parsed.transaction


def test_a_far_end_that_wants_to_be_controlled_is_told_of_the_conflict() -> None:
    parsed = stun.parse_request(request(**{"ICE-CONTROLLED": 5}))
    assert parsed is not None
    assert parsed.controlled
    answer = aioice.stun.parse_message(stun.role_conflict(parsed, PASSWORD))
    assert answer.attributes["ERROR-CODE"] == (487, "Role Conflict")
    assert answer.check_message_integrity(PASSWORD)


def test_attributes_behind_the_integrity_are_not_believed() -> None:
    plain = request()
    # USE-CANDIDATE put between MESSAGE-INTEGRITY and where FINGERPRINT was.
    forged = bytearray(plain[:-8] + b"\x00\x25\x00\x00")
    forged[2:4] = (len(forged) - 20).to_bytes(2, "big")
    parsed = stun.parse_request(bytes(forged))
    assert parsed is not None
    assert not parsed.use_candidate
