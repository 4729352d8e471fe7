"""The one place that touches what aiortc keeps private: DTLS as a server, keys handed out.

aiortc's package imports PyAV, which costs tens of megabytes and is never used here. So its
submodules are imported beside the package, not through it; what they need of ``av`` is one name in
an annotation. Versions are pinned exactly; ``tests/unit/media_rtp`` fails if what is used changes.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from relay_media.transport.errors import TransportError

_log = logging.getLogger(__name__)

_MAX_QUEUED = 32
"""DTLS datagrams waiting for one handshake; a flight has at most a handful."""


def _import_without_av(name: str) -> ModuleType:
    """Import ``aiortc.<name>`` without running ``aiortc/__init__.py``."""
    if "aiortc" in sys.modules:
        return importlib.import_module(f"aiortc.{name}")
    spec = importlib.util.find_spec("aiortc")
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError("aiortc is not installed: install relay-halls[media]")
    package = ModuleType("aiortc")
    package.__path__ = list(spec.submodule_search_locations)
    av = ModuleType("av")
    av.AudioFrame = object  # type: ignore[attr-defined]
    stand_ins = {"aiortc": package}
    if "av" not in sys.modules:
        stand_ins["av"] = av
    sys.modules.update(stand_ins)
    try:
        return importlib.import_module(f"aiortc.{name}")
    finally:
        # Whoever needs the whole of aiortc, a test's client say, can still import it afterwards.
        for stand_in in stand_ins:
            del sys.modules[stand_in]


_dtls: Any = _import_without_av("rtcdtlstransport")


@dataclass(frozen=True, kw_only=True)
class SrtpKeys:
    """Master key and salt of both directions (RFC 5764 §4.2)."""

    profile: str
    """The name of RFC 5764 or RFC 7714, e.g. ``SRTP_AEAD_AES_256_GCM``."""
    libsrtp_profile: int
    inbound: bytes = field(repr=False)
    outbound: bytes = field(repr=False)


class Certificate:
    """The pod's certificate: made at start, held in memory, gone with the process."""

    def __init__(self) -> None:
        self._certificate: Any = _dtls.RTCCertificate.generateCertificate()

    @property
    def fingerprint(self) -> str:
        """``sha-256 AA:BB:...`` (RFC 8122 §5)."""
        found = {f.algorithm: f.value for f in self._certificate.getFingerprints()}
        return f"sha-256 {found['sha-256']}"


class _Wire:
    """What RTCDtlsTransport believes is its ICE transport."""

    role = "controlled"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._out = send
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(_MAX_QUEUED)

    def feed(self, data: bytes | None) -> None:
        if self._queue.full():
            if data is not None:
                return  # Like a full socket buffer: DTLS repeats itself.
            self._queue.get_nowait()
        self._queue.put_nowait(data)

    async def _recv(self) -> bytes:
        data = await self._queue.get()
        if data is None:
            raise ConnectionError("the peer was closed")
        return data

    async def _send(self, data: bytes) -> None:
        self._out(data)


class _ServerTransport(_dtls.RTCDtlsTransport):  # type: ignore[misc]
    """Keeps the keys instead of making SRTP sessions of its own."""

    keys: SrtpKeys | None = None

    def _setup_srtp(self) -> None:
        chosen = self._ssl.get_selected_srtp_profile()
        profile = next((p for p in self._srtp_profiles if p.openssl_profile == chosen), None)
        if profile is None:
            self._set_state(_dtls.State.FAILED)
            return
        size = 2 * (profile.key_length + profile.salt_length)
        material = self._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", size)
        self.keys = SrtpKeys(
            profile=chosen.decode(),
            libsrtp_profile=profile.libsrtp_profile,
            inbound=profile.get_key_and_salt(material, 0),
            outbound=profile.get_key_and_salt(material, 1),
        )


def usable_fingerprints(lines: Sequence[str]) -> list[tuple[str, str]]:
    """``(hash, value)`` of the ``a=fingerprint`` values whose hash is supported.

    Raises:
        TransportError: none is; without one the far end cannot be told from anybody else.
    """
    found = []
    for line in lines:
        algorithm, _, value = line.strip().partition(" ")
        if algorithm.lower() in _dtls.X509_DIGEST_ALGORITHMS and value:
            found.append((algorithm.lower(), value.strip().upper()))
    if not found:
        raise TransportError("the description has no fingerprint with sha-256, sha-384 or sha-512")
    return found


class DtlsServer:
    """One DTLS association, passive side, over datagrams that were let in already."""

    def __init__(
        self,
        *,
        certificate: Certificate,
        fingerprints: Sequence[tuple[str, str]],
        send: Callable[[bytes], None],
        on_closed: Callable[[], None],
    ) -> None:
        self._wire = _Wire(send)
        self._transport: Any = _ServerTransport(self._wire, [certificate._certificate])
        self._transport._set_role("server")
        self._remote = _dtls.RTCDtlsParameters(
            fingerprints=[
                _dtls.RTCDtlsFingerprint(algorithm=algorithm, value=value)
                for algorithm, value in fingerprints
            ]
        )
        self._on_closed = on_closed

    def feed(self, data: bytes) -> None:
        """A datagram from the peer's authenticated address."""
        self._wire.feed(data)

    async def handshake(self) -> SrtpKeys | None:
        """Run it to its end; None if it failed. The caller sets the time limit."""
        try:
            await self._transport.start(self._remote)
        except Exception as error:  # noqa: BLE001 - a certificate made to hurt ends its peer only
            _log.warning("a DTLS handshake ended with %s: %s", type(error).__name__, error)
            return None
        if self._transport.state != "connected":
            return None
        self._transport.on("statechange", self._changed)
        keys: SrtpKeys | None = self._transport.keys
        return keys

    def _changed(self) -> None:
        if self._transport.state in {"closed", "failed"}:
            self._on_closed()

    async def close(self) -> None:
        """Send close_notify where there is somebody to tell. Idempotent."""
        self._transport.remove_all_listeners()
        task = self._transport._task
        await self._transport.stop()
        self._wire.feed(None)
        if task is not None:
            await asyncio.gather(task, return_exceptions=True)
