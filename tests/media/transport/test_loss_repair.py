"""Lost packets are sent again, to subscribers and by publishers."""

from __future__ import annotations

import asyncio

from media.transport.conftest import Connect
from media.transport.rtp_client import KEYFRAME, VP8_PLAIN, packet, until
from media.transport.streams import assert_gap_free, stream_video
from relay_media.rtp import extensions, header, rtcp


def is_media(data: bytes, ssrc: int) -> bool:
    return data[0] >> 6 == 2 and int.from_bytes(data[8:12], "big") == ssrc


async def test_a_subscribers_loss_is_repaired_by_rtx_from_the_cache(connect: Connect) -> None:
    publisher, viewer = await connect(), await connect()
    stream, ssrc = publisher.publish()
    subscription, own, rtx = viewer.subscribe(stream)
    seen = 0

    def lose_every_tenth(data: bytes) -> bool:
        nonlocal seen
        seen += is_media(data, own)
        return not is_media(data, own) or seen % 10 != 5

    viewer.on_wire = lose_every_tenth
    await stream_video(publisher, ssrc, 100, 100)
    await until(lambda: len(viewer.of(own)) == 90)
    have = set(viewer.numbers(own))
    missing = tuple(n for n in range(min(have), max(have)) if n not in have)
    assert len(missing) == 10
    await viewer.report(rtcp.Nack(ssrc=1, media_ssrc=own, lost=missing))
    await until(lambda: len(viewer.of(rtx)) == len(missing))
    for parsed, data in viewer.received:
        if parsed.ssrc == rtx:
            assert parsed.payload_type == 97
            have.add(int.from_bytes(data[parsed.payload_offset : parsed.payload_offset + 2], "big"))
    assert_gap_free(sorted(have))
    assert_gap_free(viewer.numbers(rtx))
    assert subscription.stats().retransmitted == len(missing)
    assert not any(isinstance(p, rtcp.Nack) for p in publisher.reports)


async def test_without_rtx_the_very_same_packet_is_sent_again(connect: Connect) -> None:
    publisher, viewer = await connect(), await connect()
    stream, ssrc = publisher.publish()
    _, own, _ = viewer.subscribe(stream, VP8_PLAIN)
    lost: list[bytes] = []
    again: list[bytes] = []

    def lose_the_fourth(data: bytes) -> bool:
        if is_media(data, own) and len(viewer.received) == 3 and not lost:
            lost.append(data)
            return False
        if lost and data[:12] == lost[0][:12]:
            again.append(data)
        return True

    viewer.on_wire = lose_the_fourth
    await stream_video(publisher, ssrc, 100, 10)
    await until(lambda: len(viewer.of(own)) == 9)
    missing = int.from_bytes(lost[0][2:4], "big")
    await viewer.report(rtcp.Nack(ssrc=1, media_ssrc=own, lost=(missing,)))
    await until(lambda: len(viewer.received) == 10)
    assert again == lost
    assert_gap_free(sorted(viewer.numbers(own)))


async def test_a_publishers_loss_is_asked_for_again_until_it_comes(connect: Connect) -> None:
    publisher, viewer = await connect(), await connect()
    stream, ssrc = publisher.publish()
    _, own, _ = viewer.subscribe(stream)
    held = {104, 105, 109}
    asked: dict[int, int] = {}

    def nacked(report: rtcp.Packet) -> None:
        if isinstance(report, rtcp.Nack):
            for n in report.lost:
                asked[n] = asked.get(n, 0) + 1

    publisher.on_rtcp = nacked
    for n in range(100, 120):
        if n not in held:
            await publisher.send(packet(ssrc, n, payload=KEYFRAME if n == 100 else b"\x10\x01x"))
    await until(lambda: all(asked.get(n, 0) >= 2 for n in held))
    rtx_ssrc = ssrc ^ 1
    for index, n in enumerate(sorted(held)):
        await publisher.send(
            header.build(
                payload_type=97,
                sequence=500 + index,
                timestamp=n * 3000,
                ssrc=rtx_ssrc,
                payload=n.to_bytes(2, "big") + b"\x10\x01x",
                marker=True,
                extension=extensions.build_block([(4, b"0")]),
            )
        )
    await until(lambda: len(viewer.of(own)) == 20)
    assert_gap_free(sorted(viewer.numbers(own)))
    assert stream.stats().packets_repaired == 3
    assert stream.stats().lost == 0
    before = dict(asked)
    await asyncio.sleep(0.4)
    assert asked == before
