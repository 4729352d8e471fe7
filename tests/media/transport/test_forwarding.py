from __future__ import annotations

import asyncio
from itertools import pairwise

from media.transport.conftest import Connect
from media.transport.rtp_client import (
    KEYFRAME,
    OPUS,
    VP8,
    VP8_PLAIN,
    Client,
    packet,
    until,
)
from relay_media.rtp import extensions, header, rtcp
from relay_media.rtp.arithmetic import timestamp_delta
from relay_media.rtp.rtcp_build import build_compound
from relay_media.transport import CodecSpec, MediaPort, PeerState


async def stream_video(client: Client, ssrc: int, first: int, count: int, **more: object) -> None:
    for n in range(first, first + count):
        await client.send(
            packet(ssrc, n, payload=KEYFRAME if n == first else b"\x10\x01abc", **more)
        )


def is_media(data: bytes, ssrc: int) -> bool:
    return data[0] >> 6 == 2 and int.from_bytes(data[8:12], "big") == ssrc


def assert_gap_free(numbers: list[int]) -> None:
    assert numbers == [(numbers[0] + n) & 0xFFFF for n in range(len(numbers))]


async def test_video_reaches_every_subscriber_with_its_own_ssrc_and_no_gap(
    connect: Connect,
) -> None:
    publisher, one, two = await connect(), await connect(), await connect()
    stream, ssrc = publisher.publish()
    _, ssrc_one, _ = one.subscribe(stream)
    _, ssrc_two, _ = two.subscribe(stream)
    await stream_video(publisher, ssrc, 65500, 200)
    await until(lambda: len(one.of(ssrc_one)) == 200 and len(two.of(ssrc_two)) == 200)
    assert stream.codec == VP8
    for client, own in ((one, ssrc_one), (two, ssrc_two)):
        assert_gap_free(client.numbers(own))
        times = [h.timestamp for h in client.of(own)]
        assert all(timestamp_delta(b, a) == 3000 for a, b in pairwise(times))
        assert {h.payload_type for h in client.of(own)} == {96}
    assert one.numbers(ssrc_one)[0] != two.numbers(ssrc_two)[0]


async def test_audio_passes_at_once_and_its_level_is_told(connect: Connect) -> None:
    publisher, listener = await connect(), await connect()
    levels: list[int] = []
    stream, ssrc = publisher.publish(OPUS, on_level=levels.append)
    _, own, _ = listener.subscribe(stream, CodecSpec(pt=109, name="OPUS", clock_rate=48000))
    for n in range(20):
        await publisher.send(packet(ssrc, n, codec=OPUS, payload=b"sound", level=n))
    await until(lambda: len(listener.of(own)) == 20)
    assert levels == list(range(20))
    parsed, data = listener.received[7]
    assert parsed.payload_type == 109
    assert extensions.find(data, parsed, 1) == bytes((0x80 | 7,))
    assert extensions.find(data, parsed, 2) != bytes(3)


async def test_a_publishers_mid_never_reaches_a_subscriber(connect: Connect) -> None:
    publisher, viewer = await connect(), await connect()
    stream, ssrc = publisher.publish(mid="video7")
    _, own, _ = viewer.subscribe(stream)
    await stream_video(publisher, ssrc, 1, 3, mid="video7")
    await until(lambda: len(viewer.of(own)) == 3)
    for parsed, data in viewer.received:
        assert b"video7" not in data
        assert {e.id for e in extensions.elements(data, parsed)} <= {1, 2}


async def test_two_lines_with_one_payload_type_are_told_apart_by_mid(connect: Connect) -> None:
    publisher, viewer = await connect(), await connect()
    camera, ssrc_camera = publisher.publish(mid="a")
    screen, ssrc_screen = publisher.publish(mid="b")
    _, own_camera, _ = viewer.subscribe(camera)
    _, own_screen, _ = viewer.subscribe(screen)
    await publisher.send(packet(ssrc_camera, 5, payload=KEYFRAME))
    await stream_video(publisher, ssrc_screen, 900, 4, mid="b")
    await stream_video(publisher, ssrc_camera, 10, 3, mid="a")
    await until(lambda: len(viewer.of(own_screen)) == 4 and len(viewer.of(own_camera)) == 3)


async def test_a_subscriber_begins_with_a_key_frame_that_was_asked_for(connect: Connect) -> None:
    publisher, viewer = await connect(), await connect()
    stream, ssrc = publisher.publish()
    await stream_video(publisher, ssrc, 1, 5)
    await until(lambda: stream.stats().packets == 5)
    asked_before = sum(isinstance(p, rtcp.PictureLoss) for p in publisher.reports)
    _, own, _ = viewer.subscribe(stream)
    await until(
        lambda: sum(isinstance(p, rtcp.PictureLoss) for p in publisher.reports) > asked_before
    )
    asked = next(p for p in publisher.reports if isinstance(p, rtcp.PictureLoss))
    assert asked.media_ssrc == ssrc
    for n in range(6, 10):
        await publisher.send(packet(ssrc, n))
    await stream_video(publisher, ssrc, 10, 5)
    await until(lambda: len(viewer.of(own)) == 5)
    assert viewer.received[0][1].endswith(KEYFRAME)


async def test_key_frame_requests_of_many_become_one_and_repeat_until_met(connect: Connect) -> None:
    publisher = await connect()
    viewers = [await connect() for _ in range(4)]
    stream, ssrc = publisher.publish()
    await publisher.send(packet(ssrc, 1))
    own = [viewer.subscribe(stream)[1] for viewer in viewers]
    started = asyncio.get_running_loop().time()

    def asked() -> int:
        return sum(isinstance(p, rtcp.PictureLoss) for p in publisher.reports)

    await until(lambda: asked() >= 3)
    assert asyncio.get_running_loop().time() - started >= 0.9
    await stream_video(publisher, ssrc, 2, 3)
    await until(lambda: all(len(v.of(s)) == 3 for v, s in zip(viewers, own, strict=True)))
    count = asked()
    await asyncio.sleep(0.7)
    assert asked() == count


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


async def test_mute_stops_the_packets_and_unmute_goes_on_without_a_gap(connect: Connect) -> None:
    publisher, viewer = await connect(), await connect()
    stream, ssrc = publisher.publish()
    _, own, _ = viewer.subscribe(stream)
    await stream_video(publisher, ssrc, 1, 5)
    await until(lambda: len(viewer.of(own)) == 5)
    stream.paused = True
    await stream_video(publisher, ssrc, 6, 50)
    await until(lambda: stream.stats().packets == 55)
    asked = sum(isinstance(p, rtcp.PictureLoss) for p in publisher.reports)
    stream.paused = False
    await until(lambda: sum(isinstance(p, rtcp.PictureLoss) for p in publisher.reports) > asked)
    await publisher.send(packet(ssrc, 56))
    await stream_video(publisher, ssrc, 57, 5)
    await until(lambda: len(viewer.of(own)) == 10)
    assert_gap_free(viewer.numbers(own))
    times = [h.timestamp for h in viewer.of(own)]
    assert timestamp_delta(times[5], times[4]) == 52 * 3000


async def test_a_publisher_that_begins_anew_causes_neither_gap_nor_backward_time(
    connect: Connect,
) -> None:
    publisher, viewer = await connect(), await connect()
    stream, ssrc = publisher.publish()
    _, own, _ = viewer.subscribe(stream)
    await stream_video(publisher, ssrc, 60000, 5)
    await until(lambda: len(viewer.of(own)) == 5)
    await stream_video(publisher, ssrc ^ 0xFF, 7, 5, mid="0")
    await until(lambda: len(viewer.of(own)) == 10)
    assert_gap_free(viewer.numbers(own))
    times = [h.timestamp for h in viewer.of(own)]
    assert all(timestamp_delta(b, a) > 0 for a, b in pairwise(times))


async def test_sender_reports_keep_the_publishers_clock(connect: Connect) -> None:
    publisher, viewer = await connect(), await connect()
    stream, ssrc = publisher.publish()
    subscription, own, _ = viewer.subscribe(stream)
    ntp = 0xE0000000_00000000
    await stream_video(publisher, ssrc, 10, 5)
    await publisher.dtls._send_rtp(
        build_compound(
            rtcp.SenderReport(ssrc=ssrc, ntp=ntp, rtp_timestamp=33000, packets=5, octets=500)
        )
    )

    def last() -> rtcp.SenderReport | None:
        return next((p for p in viewer.reports if isinstance(p, rtcp.SenderReport)), None)

    await until(lambda: last() is not None)
    report = last()
    assert report is not None
    assert report.ssrc == own
    shift = timestamp_delta(viewer.of(own)[0].timestamp, 30000)
    elapsed = (report.ntp - ntp) / 2**32
    assert 0 <= elapsed < 2
    expected = 33000 + int(elapsed * 90000) + shift
    assert abs(timestamp_delta(report.rtp_timestamp, expected & 0xFFFFFFFF)) <= 2
    described = next(p for p in viewer.reports if isinstance(p, rtcp.SourceDescription))
    assert described.cname == "someone"
    await viewer.report(
        rtcp.ReceiverReport(
            ssrc=1,
            reports=(
                rtcp.ReportBlock(
                    ssrc=own,
                    fraction_lost=64,
                    lost=3,
                    highest_sequence=14,
                    jitter=900,
                    last_sr=(report.ntp >> 16) & 0xFFFFFFFF,
                    delay_since_last_sr=0,
                ),
            ),
        )
    )
    await until(lambda: subscription.stats().rtt_seconds is not None)
    assert subscription.stats().fraction_lost == 0.25
    assert subscription.stats().jitter_seconds == 0.01


async def test_a_publisher_is_told_what_arrived_and_what_it_may_send(connect: Connect) -> None:
    publisher = await connect()
    _, ssrc = publisher.publish()
    await stream_video(publisher, ssrc, 1, 30)
    await until(lambda: any(isinstance(p, rtcp.MaximumBitrate) for p in publisher.reports))
    remb = next(p for p in publisher.reports if isinstance(p, rtcp.MaximumBitrate))
    assert remb.media_ssrcs == (ssrc,)
    assert remb.bitrate >= 1_000_000
    blocks = [
        p.reports[0] for p in publisher.reports if isinstance(p, rtcp.ReceiverReport) and p.reports
    ]
    assert blocks[0].ssrc == ssrc
    assert blocks[0].lost == 0


async def test_a_subscriber_without_the_codec_is_sent_nothing(connect: Connect) -> None:
    publisher, viewer = await connect(), await connect()
    stream, ssrc = publisher.publish()
    subscription, own, _ = viewer.subscribe(
        stream, CodecSpec(pt=102, name="H264", clock_rate=90000)
    )
    await stream_video(publisher, ssrc, 1, 5)
    await until(lambda: subscription.stats().codec_missing)
    assert viewer.of(own) == []


async def test_ending_a_subscription_says_bye_and_leaves_the_others_alone(connect: Connect) -> None:
    publisher, one, two = await connect(), await connect(), await connect()
    stream, ssrc = publisher.publish()
    first, own_one, _ = one.subscribe(stream)
    _, own_two, _ = two.subscribe(stream)
    await stream_video(publisher, ssrc, 1, 3)
    await until(lambda: len(one.of(own_one)) == 3)
    first.close()
    await until(lambda: rtcp.Bye(ssrcs=(own_one,)) in one.reports)
    await stream_video(publisher, ssrc, 4, 3)
    await until(lambda: len(two.of(own_two)) == 6)
    assert len(one.of(own_one)) == 3


async def test_a_peer_that_leaves_takes_its_streams_with_it(
    connect: Connect, port: MediaPort
) -> None:
    publisher, viewer = await connect(), await connect()
    stream, ssrc = publisher.publish()
    subscription, own, _ = viewer.subscribe(stream)
    await stream_video(publisher, ssrc, 1, 3)
    await until(lambda: len(viewer.of(own)) == 3)
    await publisher.dtls.stop()
    await until(lambda: publisher.states[-1] is PeerState.CLOSED)
    assert stream.closed
    assert subscription.closed
    await until(lambda: port.stats().peers == 1)
