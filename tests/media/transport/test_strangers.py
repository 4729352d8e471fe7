"""Whoever has not passed an ICE check with the peer's own password changes nothing for anybody."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import struct
from collections.abc import AsyncIterator, Iterator

import pytest
from aioice import stun

from media.transport.conftest import Connect
from media.transport.rtp_client import KEYFRAME, Client, packet, until
from media.transport.udp_relay import UdpRelay
from relay_media.rtp import rtcp
from relay_media.transport import MediaPort, Peer, PeerState


def null_cipher_client_hello() -> bytes:
    """A DTLS 1.2 ClientHello that offers TLS_RSA_WITH_NULL_SHA alone: it ends a handshake."""
    body = b"\xfe\xfd" + os.urandom(32) + b"\x00\x00" + b"\x00\x02\x00\x02" + b"\x01\x00"
    handshake = b"\x01" + len(body).to_bytes(3, "big") + b"\x00\x00" + b"\x00\x00\x00"
    handshake += len(body).to_bytes(3, "big") + body
    return b"\x16\xfe\xfd" + bytes(8) + len(handshake).to_bytes(2, "big") + handshake


def binding_request(username: str, password: str | None, *, nominate: bool = False) -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes["USERNAME"] = username
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 1
    if nominate:
        message.attributes["USE-CANDIDATE"] = None
    if password is None:
        message.add_fingerprint()
    else:
        message.add_message_integrity(password.encode())
    return bytes(message)


@pytest.fixture
def stranger() -> Iterator[socket.socket]:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    yield sock
    sock.close()


@pytest.fixture
def server(port: MediaPort) -> tuple[str, int]:
    return port.candidates[0].host, port.candidates[0].port


class Call:
    """A publisher and a viewer, and the proof that media passes between them."""

    def __init__(self, publisher: Client, viewer: Client) -> None:
        self.publisher, self.viewer = publisher, viewer
        self.stream, self.ssrc = publisher.publish()
        _, self.own, _ = viewer.subscribe(self.stream)
        self._next = 100

    async def passes(self) -> None:
        before = len(self.viewer.of(self.own))
        for n in range(10):
            payload = KEYFRAME if n == 0 else b"\x10\x01x"
            await self.publisher.send(packet(self.ssrc, self._next + n, payload=payload))
        self._next += 10
        await until(lambda: len(self.viewer.of(self.own)) == before + 10)
        numbers = self.viewer.numbers(self.own)
        assert numbers == [(numbers[0] + n) & 0xFFFF for n in range(len(numbers))]


@pytest.fixture
async def call(connect: Connect) -> AsyncIterator[Call]:
    made = Call(await connect(), await connect())
    await made.passes()
    yield made
    await made.passes()
    assert made.publisher.states == [PeerState.CONNECTING, PeerState.CONNECTED]


def nothing_came_back(stranger: socket.socket) -> None:
    with pytest.raises(BlockingIOError):
        stranger.recv(2048)


async def test_datagrams_of_every_first_byte_and_size_from_a_stranger_are_counted_and_dropped(
    call: Call, port: MediaPort, stranger: socket.socket, server: tuple[str, int]
) -> None:
    chance = random.Random(7)
    before = port.stats()
    for first in range(256):
        size = chance.choice([0, 1, 11, 12, 20, 200, 1400, 1499])
        stranger.sendto(bytes((first,)) + chance.randbytes(size), server)
    stranger.sendto(b"", server)
    for size in (1501, 1502, 2048, 9000, 65000):
        stranger.sendto(b"\x80\x60" + bytes(size - 2), server)
        stranger.sendto(b"\x16\xfe\xfd" + bytes(size - 3), server)
    await until(lambda: port.stats().packets_in - before.packets_in >= 267)
    after = port.stats()
    assert after.strangers - before.strangers == 252
    assert after.malformed - before.malformed == 5
    assert after.oversize - before.oversize == 10
    nothing_came_back(stranger)


async def test_stun_is_answered_only_with_the_right_user_and_integrity(
    call: Call, port: MediaPort, stranger: socket.socket, server: tuple[str, int]
) -> None:
    peer = call.publisher.peer
    user = f"{peer.ice_ufrag}:remote"
    indication = stun.Message(stun.Method.BINDING, stun.Class.INDICATION)
    for data in (
        binding_request(user, None),
        binding_request(user, "wrong"),
        binding_request("nobody:else", peer.ice_pwd),
        binding_request(user, peer.ice_pwd),
        bytes(indication),
        bytes(stun.Message(stun.Method.BINDING, stun.Class.REQUEST)),
        struct.pack("!HHL12s", 1, 0xFFFC, 0x2112A442, bytes(12)),
    ):
        stranger.sendto(data, server)
    before = port.stats()
    await until(lambda: port.stats().packets_in >= before.packets_in + 7)
    await call.passes()
    nothing_came_back(stranger)


async def test_a_forged_hello_after_the_handshake_harms_nobody(
    call: Call, stranger: socket.socket, server: tuple[str, int]
) -> None:
    for _ in range(20):
        stranger.sendto(null_cipher_client_hello(), server)
    await call.passes()
    nothing_came_back(stranger)


async def test_a_forged_hello_before_and_during_the_handshake_harms_nobody(
    connect: Connect, port: MediaPort, stranger: socket.socket, server: tuple[str, int]
) -> None:
    stop = asyncio.Event()

    async def flood() -> None:
        while not stop.is_set():
            stranger.sendto(null_cipher_client_hello(), server)
            await asyncio.sleep(0.001)

    flooding = asyncio.create_task(flood())
    await until(lambda: port.stats().strangers > 5)
    clients = [await connect() for _ in range(3)]
    stop.set()
    await flooding
    assert all(client.states[-1] is PeerState.CONNECTED for client in clients)
    nothing_came_back(stranger)


async def test_a_hello_from_the_peers_own_address_after_the_handshake_is_ignored(
    connect: Connect, relay: UdpRelay
) -> None:
    call = Call(await connect(at=relay.address), await connect())
    await call.passes()
    for _ in range(5):
        relay.inject(null_cipher_client_hello())
        relay.inject(b"\x80\x60" + bytes(1499))
        relay.inject(b"\x16\xfe\xfd" + os.urandom(300))
        relay.inject(b"\x80" + os.urandom(100))
        relay.inject(b"\x80\xc8" + os.urandom(100))
    await call.passes()
    assert call.publisher.states[-1] is PeerState.CONNECTED


async def test_replayed_media_is_counted_and_not_forwarded(
    connect: Connect, relay: UdpRelay, port: MediaPort
) -> None:
    call = Call(await connect(at=relay.address), await connect())
    await call.passes()
    media = [data for data in relay.sent if data[0] >> 6 == 2 and data[1] & 0x7F == 96]
    assert len(media) == 10
    before = port.stats().unauthentic
    for data in media:
        relay.inject(data)
    await until(lambda: port.stats().unauthentic == before + 10)
    await call.passes()


async def test_a_peer_is_held_to_a_number_of_ssrcs(call: Call) -> None:
    refused = call.publisher.peer.stats().unauthentic
    for n in range(200):
        await call.publisher.send(packet(0x1000 + n, n, mid="9"))
    await until(lambda: call.publisher.peer.stats().unauthentic >= refused + 130)


async def test_rtcp_that_lies_changes_nothing_for_others(call: Call) -> None:
    viewer = call.viewer
    everything = tuple(range(0, 65536, 40))
    for _ in range(20):
        await viewer.report(
            rtcp.MaximumBitrate(ssrc=1, bitrate=2**80, media_ssrcs=(call.own,)),
            rtcp.MaximumBitrate(ssrc=1, bitrate=0, media_ssrcs=()),
        )
        nack = rtcp.Nack(ssrc=1, media_ssrc=call.own, lost=everything[:200])
        await viewer.report(nack, rtcp.FullIntraRequest(ssrc=1, entries=((call.own, 1),)))
        await viewer.dtls._send_rtp(b"\x81\xc9\x00\x01\x00\x00\x00\x01")
        await viewer.dtls._send_rtp(b"\x80\xce\xff\xff" + bytes(100))
    await call.passes()
    pictures_asked = sum(isinstance(p, rtcp.PictureLoss) for p in call.publisher.reports)
    assert pictures_asked <= 3


async def test_media_follows_a_peer_to_a_new_address_after_an_authentic_check(
    connect: Connect, relay: UdpRelay, server: tuple[str, int]
) -> None:
    call = Call(await connect(), await connect(at=relay.address))
    await call.passes()
    await relay.move()
    peer: Peer = call.viewer.peer
    remote = call.viewer.ice.iceGatherer.getLocalParameters().usernameFragment
    relay.inject(binding_request(f"{peer.ice_ufrag}:{remote}", peer.ice_pwd, nominate=True))
    await until(lambda: peer.stats().address == f"127.0.0.1:{relay.seen_as[1]}")
    await call.passes()


async def test_a_peer_that_falls_silent_is_lost_and_found_again(
    connect: Connect, relay: UdpRelay
) -> None:
    client = await connect(at=relay.address)
    client.publish()
    started = asyncio.get_running_loop().time()
    relay.cut = True
    await until(lambda: client.states[-1] is PeerState.LOST)
    assert 4.5 <= asyncio.get_running_loop().time() - started <= 6
    relay.cut = False
    await client.report()
    await until(lambda: client.states[-1] is PeerState.CONNECTED)


async def test_a_peer_with_the_wrong_certificate_fails(port: MediaPort, connect: Connect) -> None:
    wrong = await connect(fingerprint="sha-256 " + ":".join(["AB"] * 32), wait=False)
    await until(lambda: wrong.states[-1] is PeerState.FAILED)
    await until(lambda: port.stats().peers == 0)


async def test_a_peer_that_never_comes_fails_in_time(port: MediaPort) -> None:
    states: list[PeerState] = []
    peer = port.create_peer(on_state=states.append)
    peer.start(
        remote_ufrag="abcd",
        remote_pwd="x" * 22,
        remote_fingerprints=["sha-256 " + ":".join(["00"] * 32)],
        remote_setup="active",
    )
    started = asyncio.get_running_loop().time()
    await until(lambda: states and states[-1] is PeerState.FAILED, seconds=20)
    assert 14 <= asyncio.get_running_loop().time() - started <= 17
