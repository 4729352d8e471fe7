"""A stream that a peer publishes: repaired, reported on and throttled, for all subscribers once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from relay_media.forward.bitrate import BitrateEstimate
from relay_media.forward.keyframes import KeyframeRequests
from relay_media.forward.specs import CodecSpec, ReceiveSpec, ReceiveStats
from relay_media.pump import Link, Source, SourceRule
from relay_media.rtp.arithmetic import middle_ntp
from relay_media.rtp.rtcp import Nack, Packet, PictureLoss, ReportBlock, SenderReport

if TYPE_CHECKING:
    from relay_media.forward.subscribed import SubscribedStream

_NACK_BATCH = 200


class ClockMapping(NamedTuple):
    """A publisher's sender report: this NTP time is this RTP timestamp, heard at ``at``."""

    ntp: int
    rtp_timestamp: int
    at: float


class PublishedStream:
    """One m-line of a publisher; made by :meth:`Peer.receive`."""

    def __init__(
        self,
        spec: ReceiveSpec,
        *,
        link: Link,
        local_ssrc: int,
        max_video_bps: int,
        send: Callable[[Packet], None],
        on_level: Callable[[int], None] | None,
        on_close: Callable[[PublishedStream], None],
    ) -> None:
        self.spec = spec
        self.source: Source | None = None
        self.clock: ClockMapping | None = None
        self.closed = False
        self.subscribers: list[SubscribedStream] = []
        self._link = link
        self._local_ssrc = local_ssrc
        self._send = send
        self._on_level = on_level
        self._on_close = on_close
        self._codec: CodecSpec | None = None
        self._paused = False
        self._retired: set[int] = set()
        self._requests = KeyframeRequests()
        self._estimate = BitrateEstimate(maximum=max_video_bps) if self.is_video else None
        self._nacks_sent = 0
        self._bitrate = 0
        self._measured_octets = 0
        self._measured_at = 0.0

    @property
    def is_video(self) -> bool:
        return self.spec.kind == "video"

    @property
    def codec(self) -> CodecSpec | None:
        """The codec in use, in the publisher's own payload types; None before the first packet."""
        return self._codec

    @property
    def paused(self) -> bool:
        """True while muted: nothing is forwarded and no level reported."""
        return self._paused

    @paused.setter
    def paused(self, value: bool) -> None:
        if value == self._paused:
            return
        self._paused = value
        if self.source is not None:
            self.source.paused = value
        if not value:
            self.request_keyframe()

    def request_keyframe(self) -> None:
        """Ask the publisher for a key frame, at most every 500 ms and until one comes."""
        if self.is_video and not self.closed:
            self._requests.want()

    def stats(self) -> ReceiveStats:
        source = self.source
        reception = source.reception if source else None
        repaired = source.repaired if source else 0
        return ReceiveStats(
            packets=reception.packets + repaired if reception else 0,
            bytes=reception.octets if reception else 0,
            lost=reception.lost - repaired if reception else 0,
            jitter_seconds=reception.jitter_seconds if reception else 0.0,
            bitrate_bps=self._bitrate,
            nacks_sent=self._nacks_sent,
            packets_repaired=repaired,
            keyframe_requests_sent=self._requests.sent,
            keyframes=source.keyframes if source else 0,
            estimate_bps=self._estimate.bps if self._estimate else None,
        )

    def close(self) -> None:
        """Stop receiving and end every subscription to it. Idempotent."""
        if self.closed:
            return
        self.closed = True
        for subscriber in list(self.subscribers):
            subscriber.close()
        if self.source is not None:
            self._link.close_source(self.source)
        self._on_close(self)

    # -- called by the peer -------------------------------------------------------------------

    def open_source(self, ssrc: int, codec: CodecSpec) -> bool:
        """Packets of this SSRC are this stream's from now on; False if it had its time."""
        if ssrc in self._retired or self.closed:
            return False
        if self.source is not None:
            self._retired.add(self.source.rule.ssrc)
            self._link.close_source(self.source)
        self._codec = codec
        self.clock = None
        rule = SourceRule(
            ssrc=ssrc,
            codec=codec.name,
            payload_type=codec.pt,
            clock_rate=codec.clock_rate,
            is_video=self.is_video,
            extensions=self.spec.extensions,
        )
        self.source = self._link.open_source(rule, self)
        self.source.paused = self._paused
        rtx_ssrc = self.spec.rtx_ssrcs.get(ssrc)
        if rtx_ssrc is not None:
            self.open_repair(rtx_ssrc)
        for subscriber in self.subscribers:
            subscriber.attach()
        return True

    def open_repair(self, rtx_ssrc: int) -> bool:
        """This SSRC carries the stream's retransmissions; False if there is nothing to repair."""
        if self.source is None:
            return False
        payload_types = {c.rtx_pt: c.pt for c in self.spec.codecs if c.rtx_pt is not None}
        self._link.repair(rtx_ssrc, self.source, payload_types)
        return True

    def on_sender_report(self, report: SenderReport, now: float) -> None:
        self.clock = ClockMapping(report.ntp, report.rtp_timestamp, now)

    def tick(self, now: float) -> None:
        """Ask again for what is still missing."""
        source = self.source
        if source is None or self._paused:
            return
        if len(source.gaps):
            self._ask_again(source, now)
        if self.is_video and any(sink.waiting for sink in source.sinks):
            self._requests.want()
        if self._requests.due(now):
            self._send(PictureLoss(ssrc=self._local_ssrc, media_ssrc=source.rule.ssrc))

    def report(self, now: float) -> ReportBlock | None:
        """The block for the next receiver report; measures rate and loss since the last."""
        source = self.source
        if source is None or not source.reception.packets:
            return None
        reception = source.reception
        fraction = reception.fraction_lost()
        elapsed = now - self._measured_at
        if self._measured_at:
            self._bitrate = int((reception.octets - self._measured_octets) * 8 / elapsed)
        if self._estimate is not None and self._measured_at and not self._paused:
            self._estimate.update(received_bps=self._bitrate, fraction_lost=fraction / 256)
        self._measured_octets, self._measured_at = reception.octets, now
        last_sr = delay = 0
        if self.clock is not None:
            last_sr = middle_ntp(self.clock.ntp)
            delay = min(0xFFFF_FFFF, int((now - self.clock.at) * 65536))
        return ReportBlock(
            ssrc=source.rule.ssrc,
            fraction_lost=fraction,
            lost=reception.lost,
            highest_sequence=reception.highest & 0xFFFF_FFFF,
            jitter=reception.jitter,
            last_sr=last_sr,
            delay_since_last_sr=delay,
        )

    # -- called by the pump -------------------------------------------------------------------

    def on_gap(self, now: float) -> None:
        source = self.source
        if source is None:
            return
        if source.gaps.hopeless:
            source.gaps.hopeless = False
            self.request_keyframe()
        self._ask_again(source, now)

    def on_keyframe(self, now: float) -> None:  # noqa: ARG002 - the event's shape
        self._requests.arrived()

    def on_level(self, level: int) -> None:
        if self._on_level is not None:
            self._on_level(level)

    def _ask_again(self, source: Source, now: float) -> None:
        missing = source.gaps.due(now)
        self._nacks_sent += len(missing)
        for start in range(0, len(missing), _NACK_BATCH):
            lost = tuple(s & 0xFFFF for s in missing[start : start + _NACK_BATCH])
            self._send(Nack(ssrc=self._local_ssrc, media_ssrc=source.rule.ssrc, lost=lost))
