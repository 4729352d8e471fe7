"""SRTP on libsrtp's own calls, in place, with buffers that are made once.

pylibsrtp's methods copy every packet twice and are three times as slow; its binding is used
directly, and is pinned with it.
"""

from __future__ import annotations

from typing import Any

from pylibsrtp import Policy, Session
from pylibsrtp._binding import ffi, lib

TRAILER = 160
"""Bytes that protection may add: tag, MKI and the SRTCP index."""

_WINDOW = 4096
"""Packets behind the newest that are still taken (replay protection), or may be repeated."""


def _session(profile: int, key: bytes, direction: int) -> Any:
    policy = Policy(key=key, ssrc_type=direction, srtp_profile=profile)
    policy.window_size = _WINDOW
    # A repeat carries the very bytes that were sent before, so no keystream is used twice.
    policy.allow_repeat_tx = direction == Policy.SSRC_ANY_OUTBOUND
    return Session(policy)


class Buffer:
    """Memory that both Python and libsrtp see."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.pointer: Any = ffi.new("char[]", size)
        self.view: memoryview = memoryview(ffi.buffer(self.pointer))
        self.length: Any = ffi.new("int *")


class Inbound:
    """Decrypts what one peer sends."""

    def __init__(self, profile: int, key: bytes) -> None:
        self._session = _session(profile, key, Policy.SSRC_ANY_INBOUND)
        self._srtp: Any = self._session._srtp[0]

    def rtp(self, buffer: Buffer, size: int) -> int:
        """Decrypt the first ``size`` bytes in place; the new size, or -1 if refused."""
        buffer.length[0] = size
        if lib.srtp_unprotect(self._srtp, buffer.pointer, buffer.length):
            return -1
        return int(buffer.length[0])

    def rtcp(self, buffer: Buffer, size: int) -> int:
        """As :meth:`rtp`, for SRTCP."""
        buffer.length[0] = size
        if lib.srtp_unprotect_rtcp(self._srtp, buffer.pointer, buffer.length):
            return -1
        return int(buffer.length[0])


class Outbound:
    """Encrypts what one peer is sent."""

    protect: Any = staticmethod(lib.srtp_protect)
    """``protect(handle, pointer, length)``: 0 if done; for the one loop that must be fast."""

    def __init__(self, profile: int, key: bytes) -> None:
        self._session = _session(profile, key, Policy.SSRC_ANY_OUTBOUND)
        self.handle: Any = self._session._srtp[0]

    def rtcp(self, buffer: Buffer, size: int) -> int:
        """Encrypt in place; the new size, or -1 if refused."""
        buffer.length[0] = size
        if lib.srtp_protect_rtcp(self.handle, buffer.pointer, buffer.length):
            return -1
        return int(buffer.length[0])
