"""The part of STUN that an ICE-lite agent answers: Binding requests (RFC 8489, RFC 8445 §2.5).

Written for bytes from strangers: nothing is allocated for a request before its user is known, and
nothing is answered before its integrity is proven.
"""

from __future__ import annotations

import binascii
import hmac
import ipaddress
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from relay_media.rtp.errors import FormatError

_COOKIE = 0x2112A442
_HEADER = struct.Struct("!HHL12s")
_ATTRIBUTE = struct.Struct("!HH")
_BINDING_REQUEST = 0x0001
_BINDING_SUCCESS = 0x0101
_BINDING_ERROR = 0x0111
_USERNAME = 0x0006
_MESSAGE_INTEGRITY = 0x0008
_ERROR_CODE = 0x0009
_XOR_MAPPED_ADDRESS = 0x0020
_USE_CANDIDATE = 0x0025
_FINGERPRINT = 0x8028
_ICE_CONTROLLED = 0x8029


@dataclass(frozen=True, kw_only=True, slots=True)
class BindingRequest:
    """A parsed request, not yet authenticated."""

    transaction: bytes
    local_ufrag: str
    """The first half of USERNAME: whom it is for."""
    remote_ufrag: str
    use_candidate: bool
    controlled: bool
    """The sender claims the controlled role, which is ours: answered with 487."""
    signed: bytes
    """What MESSAGE-INTEGRITY covers, with the length already adjusted."""
    integrity: bytes

    def is_authentic(self, password: bytes) -> bool:
        """Whether MESSAGE-INTEGRITY was made with this password (RFC 8489 §14.5)."""
        return hmac.compare_digest(hmac.digest(password, self.signed, "sha1"), self.integrity)


def is_stun(first: int) -> bool:
    """By the first byte (RFC 7983 §7)."""
    return first < 4


def parse_request(data: bytes) -> BindingRequest | None:
    """Read a Binding request; None for well-formed STUN of another kind.

    Raises:
        FormatError: no STUN, a length that leaves the message, a wrong FINGERPRINT, or a request
            without USERNAME or MESSAGE-INTEGRITY.
    """
    if len(data) < _HEADER.size:
        raise FormatError("a STUN message is at least 20 bytes")
    kind, length, cookie, transaction = _HEADER.unpack_from(data)
    if cookie != _COOKIE or length % 4 or length != len(data) - _HEADER.size:
        raise FormatError("the STUN header does not match the message")
    if kind != _BINDING_REQUEST:
        return None
    found, signed = _covered(data)
    username, integrity = found.get(_USERNAME), found.get(_MESSAGE_INTEGRITY)
    if username is None or integrity is None:
        raise FormatError("a Binding request needs USERNAME and MESSAGE-INTEGRITY")
    try:
        local, _, remote = username.decode("ascii").partition(":")
    except UnicodeDecodeError:
        raise FormatError("an ICE user name is ASCII") from None
    return BindingRequest(
        transaction=transaction,
        local_ufrag=local,
        remote_ufrag=remote,
        use_candidate=_USE_CANDIDATE in found,
        controlled=_ICE_CONTROLLED in found,
        signed=signed,
        integrity=integrity,
    )


def _covered(data: bytes) -> tuple[dict[int, bytes], bytes]:
    """The attributes up to MESSAGE-INTEGRITY, and what that one signs."""
    found: dict[int, bytes] = {}
    signed = b""
    for attribute, start, value in _attributes(data):
        if attribute == _FINGERPRINT:
            if value != _fingerprint(data[:start]):
                raise FormatError("the STUN fingerprint does not match")
            break
        # What follows MESSAGE-INTEGRITY is not covered by it: as if it were not there (§14.5).
        if _MESSAGE_INTEGRITY not in found:
            found.setdefault(attribute, value)
            if attribute == _MESSAGE_INTEGRITY:
                signed = _with_length(data[:start], 24)
    return found, signed


def _attributes(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(type, offset of its header, value) of each attribute."""
    at = _HEADER.size
    while at < len(data):
        attribute, size = _ATTRIBUTE.unpack_from(data, at)
        start, at = at, at + 4 + size + -size % 4
        if at > len(data):
            raise FormatError("a STUN attribute leaves the message")
        yield attribute, start, data[start + 4 : start + 4 + size]


def success(request: BindingRequest, address: tuple[str, int], password: bytes) -> bytes:
    """The answer that says where the request came from (RFC 8489 §7.3.1)."""
    packed = ipaddress.ip_address(address[0].partition("%")[0]).packed
    mask = struct.pack("!L", _COOKIE) + request.transaction
    family = 1 if len(packed) == 4 else 2
    value = struct.pack("!BBH", 0, family, address[1] ^ _COOKIE >> 16)
    value += bytes(a ^ b for a, b in zip(packed, mask, strict=False))
    return _sealed(_BINDING_SUCCESS, request.transaction, _XOR_MAPPED_ADDRESS, value, password)


def role_conflict(request: BindingRequest, password: bytes) -> bytes:
    """487 (RFC 8445 §7.3.1.1): the sender must take the controlling role."""
    value = struct.pack("!HBB", 0, 4, 87) + b"Role Conflict"
    return _sealed(_BINDING_ERROR, request.transaction, _ERROR_CODE, value, password)


def _sealed(kind: int, transaction: bytes, attribute: int, value: bytes, password: bytes) -> bytes:
    body = _ATTRIBUTE.pack(attribute, len(value)) + value + bytes(-len(value) % 4)
    message = _HEADER.pack(kind, len(body), _COOKIE, transaction) + body
    digest = hmac.digest(password, _with_length(message, 24), "sha1")
    message += _ATTRIBUTE.pack(_MESSAGE_INTEGRITY, len(digest)) + digest
    message += _ATTRIBUTE.pack(_FINGERPRINT, 4) + _fingerprint(message)
    return _with_length(message, 0)


def _with_length(message: bytes, more: int) -> bytes:
    """The message as if ``more`` bytes of attributes still followed."""
    length = len(message) - _HEADER.size + more
    return message[:2] + length.to_bytes(2, "big") + message[4:]


def _fingerprint(message: bytes) -> bytes:
    crc = binascii.crc32(_with_length(message, 8)) ^ 0x5354554E
    return crc.to_bytes(4, "big")
