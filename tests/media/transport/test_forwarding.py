"""What is published reaches whoever subscribes, and nobody else."""

from __future__ import annotations

from itertools import pairwise

from media.transport.conftest import Connect
from media.transport.rtp_client import KEYFRAME, OPUS, VP8, packet, until
from media.transport.streams import assert_gap_free, stream_video
from relay_media.rtp import extensions, rtcp
from relay_media.rtp.arithmetic import timestamp_delta
from relay_media.transport import CodecSpec, MediaPort, PeerState


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
