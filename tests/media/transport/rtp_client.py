"""A far end for the transport: aiortc's own ICE and DTLS, with RTP made and read by the test."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from aiortc import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    RTCIceCandidate,
    RTCIceGatherer,
    RTCIceParameters,
    RTCIceTransport,
)

from relay_media.rtp import extensions, header, rtcp
from relay_media.rtp.rtcp_build import build_compound
from relay_media.transport import (
    CodecSpec,
    MediaPort,
    Peer,
    PeerState,
    PublishedStream,
    ReceiveSpec,
    SendSpec,
    SubscribedStream,
)

VP8 = CodecSpec(pt=96, name="VP8", clock_rate=90000, rtx_pt=97)
VP8_PLAIN = CodecSpec(pt=96, name="VP8", clock_rate=90000)
OPUS = CodecSpec(pt=111, name="opus", clock_rate=48000)
PUBLISHER_EXTENSIONS = {
    4: extensions.MID,
    5: extensions.ABS_SEND_TIME,
    6: extensions.AUDIO_LEVEL,
}
SUBSCRIBER_EXTENSIONS = {
    1: extensions.AUDIO_LEVEL,
    2: extensions.ABS_SEND_TIME,
    3: extensions.MID,
}
KEYFRAME = b"\x10\x00\x00\x00" + bytes(100)
DELTA = b"\x10\x01\x00\x00" + bytes(100)


async def until(condition: Callable[[], object], *, seconds: float = 10.0) -> None:
    """Wait for a condition, looking often, and fail with its source line if it never holds."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError("the condition did not come true in time")
        await asyncio.sleep(0.005)


class _Dtls(RTCDtlsTransport):
    client: Client

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        self.client.took_rtp(data)

    async def _handle_rtcp_data(self, data: bytes) -> None:
        self.client.took_rtcp(data)


@dataclass
class Client:
    """One connection to a :class:`MediaPort`, with the server's peer beside it."""

    peer: Peer
    ice: RTCIceTransport
    dtls: _Dtls
    states: list[PeerState]
    received: list[tuple[header.Header, bytes]] = field(default_factory=list)
    reports: list[rtcp.Packet] = field(default_factory=list)
    on_wire: Callable[[bytes], bool] | None = None
    """May lose a datagram, still encrypted, by returning False."""
    on_rtcp: Callable[[rtcp.Packet], None] | None = None

    @classmethod
    async def connect(
        cls,
        port: MediaPort,
        *,
        at: tuple[str, int] | None = None,
        fingerprint: str | None = None,
        wait: bool = True,
    ) -> Client:
        states: list[PeerState] = []
        peer = port.create_peer(on_state=states.append)
        gatherer = RTCIceGatherer(iceServers=[])
        await gatherer.gather()
        ice = RTCIceTransport(gatherer)
        gatherer._connection.ice_controlling = True
        dtls = _Dtls(ice, [RTCCertificate.generateCertificate()])
        dtls._set_role("client")
        client = cls(peer, ice, dtls, states)
        dtls.client = client
        arrive = ice._recv

        async def lossy() -> bytes:
            while True:
                data = await arrive()
                if client.on_wire is None or client.on_wire(data):
                    return data

        ice._recv = lossy
        local = gatherer.getLocalParameters()
        peer.start(
            remote_ufrag=local.usernameFragment,
            remote_pwd=local.password,
            remote_fingerprints=[fingerprint]
            if fingerprint
            else [f"{f.algorithm} {f.value}" for f in dtls.getLocalParameters().fingerprints],
            remote_setup="active",
        )
        candidate = port.candidates[0]
        host, number = at or (candidate.host, candidate.port)
        await ice.addRemoteCandidate(
            RTCIceCandidate(
                component=1,
                foundation=candidate.foundation,
                ip=host,
                port=number,
                priority=candidate.priority,
                protocol="udp",
                type="host",
            )
        )
        await ice.addRemoteCandidate(None)
        await ice.start(
            RTCIceParameters(usernameFragment=peer.ice_ufrag, password=peer.ice_pwd, iceLite=True)
        )
        algorithm, value = port.fingerprint.split()
        await dtls.start(
            RTCDtlsParameters(fingerprints=[RTCDtlsFingerprint(algorithm=algorithm, value=value)])
        )
        if wait:
            assert dtls.state == "connected"
            await until(lambda: peer.state is PeerState.CONNECTED)
        return client

    @property
    def local_address(self) -> tuple[str, int]:
        pair = self.ice._connection._nominated[1]
        return pair.protocol.transport.get_extra_info("sockname")

    def took_rtp(self, data: bytes) -> None:
        parsed = header.parse_header(data)
        self.received.append((parsed, data))

    def took_rtcp(self, data: bytes) -> None:
        for packet in rtcp.parse_compound(data):
            self.reports.append(packet)
            if self.on_rtcp is not None:
                self.on_rtcp(packet)

    def of(self, ssrc: int) -> list[header.Header]:
        return [parsed for parsed, _ in self.received if parsed.ssrc == ssrc]

    def numbers(self, ssrc: int) -> list[int]:
        return [parsed.sequence for parsed in self.of(ssrc)]

    async def send(self, data: bytes) -> None:
        await self.dtls._send_rtp(data)

    async def report(self, *packets: rtcp.Packet) -> None:
        await self.dtls._send_rtp(build_compound(rtcp.ReceiverReport(ssrc=1), *packets))

    def publish(
        self, codec: CodecSpec = VP8, *, mid: str = "0", **more: object
    ) -> tuple[PublishedStream, int]:
        ssrc = secrets.randbits(32)
        spec = ReceiveSpec(
            mid=mid,
            kind="audio" if codec.name == "opus" else "video",
            codecs=(codec,),
            extensions=PUBLISHER_EXTENSIONS,
        )
        return self.peer.receive(spec, **more), ssrc

    def subscribe(
        self, stream: PublishedStream, codec: CodecSpec = VP8
    ) -> tuple[SubscribedStream, int, int | None]:
        ssrc = secrets.randbits(32)
        rtx = secrets.randbits(32) if codec.rtx_pt is not None else None
        spec = SendSpec(
            mid="0",
            ssrc=ssrc,
            rtx_ssrc=rtx,
            codecs=(codec,),
            extensions=SUBSCRIBER_EXTENSIONS,
            cname="someone",
        )
        return self.peer.send(stream, spec), ssrc, rtx

    async def close(self) -> None:
        await self.dtls.stop()
        await self.ice.stop()
        await self.peer.close()


def packet(
    ssrc: int,
    sequence: int,
    *,
    codec: CodecSpec = VP8,
    payload: bytes = DELTA,
    mid: str | None = None,
    level: int | None = None,
    timestamp: int | None = None,
) -> bytes:
    """A packet as a publisher sends it, 3000 ticks after the one before."""
    items = [(5, bytes(3))]
    if mid is not None:
        items.append((4, mid.encode()))
    if level is not None:
        items.append((6, bytes((0x80 | level,))))
    return header.build(
        payload_type=codec.pt,
        sequence=sequence & 0xFFFF,
        timestamp=(sequence * 3000 if timestamp is None else timestamp) & 0xFFFFFFFF,
        ssrc=ssrc,
        payload=payload,
        marker=True,
        extension=extensions.build_block(items),
    )
