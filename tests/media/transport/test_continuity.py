"""Numbers and times go on through a mute and through a new beginning."""

from __future__ import annotations

from itertools import pairwise

from media.transport.conftest import Connect
from media.transport.rtp_client import packet, until
from media.transport.streams import assert_gap_free, stream_video
from relay_media.rtp import rtcp
from relay_media.rtp.arithmetic import timestamp_delta


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
