"""Sender reports, receiver reports, and what a publisher may send."""

from __future__ import annotations

from media.transport.conftest import Connect
from media.transport.rtp_client import until
from media.transport.streams import stream_video
from relay_media.rtp import rtcp
from relay_media.rtp.arithmetic import timestamp_delta
from relay_media.rtp.rtcp_build import build_compound


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
