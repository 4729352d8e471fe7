"""Many joins, much loss, and nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import random
import time
from itertools import pairwise
from pathlib import Path

import pytest

from media.transport.conftest import Connect
from media.transport.rtp_client import KEYFRAME, VP8, VP8_PLAIN, Client, packet, until
from relay_media.rtp import header, rtcp
from relay_media.transport import (
    CodecSpec,
    MediaPort,
    Peer,
    PeerState,
    ReceiveSpec,
    SendSpec,
    TransportError,
)
from relay_media.transport.turns import HandshakeTurns


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class Repairing:
    """A publisher that answers NACKs, with RTX where the codec has it."""

    def __init__(self, client: Client, codec: CodecSpec, ssrc: int) -> None:
        self.kept: dict[int, bytes] = {}
        self._client = client
        self._codec = codec
        self._ssrc = ssrc
        self._repairs = 0
        self._tasks: set[asyncio.Task[None]] = set()
        client.on_rtcp = self._answer

    def _answer(self, report: rtcp.Packet) -> None:
        if isinstance(report, rtcp.Nack):
            self._tasks.add(asyncio.create_task(self._repair(report.lost)))

    async def _repair(self, lost: tuple[int, ...]) -> None:
        for n in lost:
            original = self.kept[n]
            if self._codec.rtx_pt is None:
                await self._client.send(original)
                continue
            parsed = header.parse_header(original)
            self._repairs += 1
            again = header.build(
                payload_type=self._codec.rtx_pt,
                sequence=self._repairs,
                timestamp=parsed.timestamp,
                ssrc=self._ssrc ^ 1,
                payload=n.to_bytes(2, "big") + original[parsed.payload_offset :],
                marker=True,
            )
            await self._client.send(again)


class Asking:
    """A viewer that asks for what it lacks."""

    def __init__(self, client: Client, own: int, rtx: int | None) -> None:
        self._client = client
        self._own = own
        self._rtx = rtx

    def received(self) -> set[int]:
        found = set(self._client.numbers(self._own))
        for parsed, data in self._client.received:
            if parsed.ssrc == self._rtx:
                at = parsed.payload_offset
                found.add(int.from_bytes(data[at : at + 2], "big"))
        return found

    async def ask(self) -> None:
        have = self.received()
        lost = tuple(n for n in range(min(have), max(have)) if n not in have) if have else ()
        if lost:
            await self._client.report(rtcp.Nack(ssrc=1, media_ssrc=self._own, lost=lost))


@pytest.mark.parametrize("codec", [VP8, VP8_PLAIN], ids=["rtx", "plain"])
async def test_ten_percent_loss_on_both_ways_is_repaired_completely(
    connect: Connect, codec: CodecSpec
) -> None:
    publisher, viewer = await connect(), await connect()
    stream, ssrc = publisher.publish(codec)
    _, own, rtx = viewer.subscribe(stream, codec)
    chance = random.Random(3)
    sending, asking = Repairing(publisher, codec, ssrc), Asking(viewer, own, rtx)
    viewer.on_wire = lambda data: data[0] >> 6 != 2 or chance.random() > 0.1
    for n in range(300):
        payload = KEYFRAME if n == 0 else b"\x10\x01" + n.to_bytes(2, "big")
        sending.kept[n] = packet(ssrc, n, codec=codec, payload=payload)
        if n in {0, 299} or chance.random() > 0.1:
            await publisher.send(sending.kept[n])
        if n % 10 == 0:
            await asyncio.sleep(0.01)
            await asking.ask()
    deadline = time.monotonic() + 1.8
    while len(asking.received()) < 300 and time.monotonic() < deadline:
        await asyncio.sleep(0.03)
        await asking.ask()
    received = asking.received()
    # A first or last packet that was lost leaves no hole to ask about.
    assert len(received) >= 298
    assert max(received) - min(received) == len(received) - 1
    assert stream.stats().lost <= 0


async def test_forty_join_at_once_and_media_goes_on(connect: Connect, port: MediaPort) -> None:
    publisher, viewer = await connect(), await connect()
    stream, ssrc = publisher.publish()
    _, own, _ = viewer.subscribe(stream)
    joining = [asyncio.create_task(Client.connect(port)) for _ in range(40)]
    n = 0
    while not all(task.done() for task in joining):
        await publisher.send(packet(ssrc, n, payload=KEYFRAME if n == 0 else b"\x10\x01"))
        n += 1
        await asyncio.sleep(0.005)
    clients = await asyncio.gather(*joining)
    await until(lambda: len(viewer.of(own)) == n)
    assert all(client.peer.state is PeerState.CONNECTED for client in clients)
    await asyncio.gather(*(client.close() for client in clients))
    await until(lambda: port.stats().peers == 2)


async def test_handshakes_take_one_turn_of_the_loop_each() -> None:
    turns = HandshakeTurns()
    fed: list[bytes] = []
    for n in range(5):
        turns.add(fed.append, bytes((n,)))
    seen = []
    while len(fed) < 5:
        await asyncio.sleep(0)
        seen.append(len(fed))
    assert fed == [bytes((n,)) for n in range(5)]
    assert all(after - before <= 1 for before, after in pairwise([0, *seen]))


async def test_a_hole_too_large_to_repair_becomes_a_key_frame_request(connect: Connect) -> None:
    publisher, viewer = await connect(), await connect()
    stream, ssrc = publisher.publish()
    _, own, _ = viewer.subscribe(stream)
    await publisher.send(packet(ssrc, 1, payload=KEYFRAME))
    await until(lambda: viewer.of(own))
    asked = stream.stats().keyframe_requests_sent
    await publisher.send(packet(ssrc, 700))
    await until(lambda: stream.stats().keyframe_requests_sent > asked)
    assert stream.stats().nacks_sent == 0


async def test_coming_and_going_leaves_no_route_task_or_descriptor(port: MediaPort) -> None:
    async def visit() -> None:
        one, two = await Client.connect(port), await Client.connect(port)
        stream, ssrc = one.publish()
        _, own, _ = two.subscribe(stream)
        await one.send(packet(ssrc, 1, payload=KEYFRAME))
        await until(lambda: two.of(own))
        await one.close()
        await two.close()

    await visit()
    tasks, descriptors = len(asyncio.all_tasks()), open_descriptors()
    for _ in range(10):
        await visit()
    await until(lambda: len(asyncio.all_tasks()) <= tasks)
    assert open_descriptors() <= descriptors
    assert port._pump._routes == {}
    assert port.stats().peers == port.stats().handshakes == 0
    gc.collect()
    assert sum(isinstance(thing, Peer) for thing in gc.get_objects()) == 0


async def test_ipv6_peers_meet_on_one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: ["::1"])
    port = await MediaPort.open(bind="::1", port=0, advertised=[])
    publisher, viewer = await Client.connect(port), await Client.connect(port)
    stream, ssrc = publisher.publish()
    _, own, _ = viewer.subscribe(stream)
    await publisher.send(packet(ssrc, 1, payload=KEYFRAME))
    await until(lambda: viewer.of(own))
    await publisher.close()
    await viewer.close()
    await port.close()


async def test_advertised_addresses_become_candidates_in_their_order() -> None:
    advertised = [("10.1.2.3", 0), ("203.0.113.9", 40000)]
    port = await MediaPort.open(bind="127.0.0.1", port=0, advertised=advertised)
    first, second = port.candidates
    assert first.host == "10.1.2.3"
    assert first.port not in {0, 40000}
    assert (second.host, second.port) == ("203.0.113.9", 40000)
    assert first.priority > second.priority
    with pytest.raises(TransportError, match="cannot be bound"):
        await MediaPort.open(bind="127.0.0.1", port=first.port, advertised=[])
    await port.close()
    with pytest.raises(TransportError):
        port.create_peer(on_state=print)


async def test_misuse_is_refused_with_what_to_do(connect: Connect, port: MediaPort) -> None:
    client = await connect()
    stream, _ = client.publish(mid="0")
    with pytest.raises(TransportError, match="in use"):
        client.peer.receive(ReceiveSpec(mid="0", kind="video", codecs=(VP8,)))
    spec = SendSpec(mid="0", ssrc=5, rtx_ssrc=6, codecs=(VP8,), cname="x")
    client.peer.send(stream, spec).close()
    with pytest.raises(TransportError, match="never used before"):
        client.peer.send(stream, spec)
    fresh = port.create_peer(on_state=print)
    start = {"remote_ufrag": "u", "remote_pwd": "p", "remote_setup": "active"}
    with pytest.raises(TransportError, match="fingerprint"):
        fresh.start(remote_fingerprints=["md5 00"], **start)
    with pytest.raises(TransportError, match="passive"):
        fresh.start(remote_fingerprints=[port.fingerprint], **{**start, "remote_setup": "passive"})
    await fresh.close()
    await fresh.close()
    with pytest.raises(TransportError, match="closed"):
        fresh.receive(ReceiveSpec(mid="0", kind="video", codecs=(VP8,)))
