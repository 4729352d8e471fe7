"""Key frames are asked for when somebody needs one, and once for all."""

from __future__ import annotations

import asyncio

from media.transport.conftest import Connect
from media.transport.rtp_client import KEYFRAME, packet, until
from media.transport.streams import stream_video
from relay_media.rtp import rtcp


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
