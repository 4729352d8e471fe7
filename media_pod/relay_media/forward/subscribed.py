"""A published stream, as one subscriber receives it."""

from __future__ import annotations

from collections.abc import Callable

from relay_media.forward.published import PublishedStream
from relay_media.forward.specs import CodecSpec, SendSpec, SendStats
from relay_media.pump import Link, Sink, SinkRule
from relay_media.rtp.arithmetic import middle_ntp
from relay_media.rtp.rtcp import Bye, Packet, ReportBlock, SenderReport, SourceDescription

_REPORT_INTERVAL = 1.0
_REMEMBERED_REPORTS = 16


class SubscribedStream:
    """One m-line of a subscriber; made by :meth:`Peer.send`."""

    def __init__(
        self,
        stream: PublishedStream,
        spec: SendSpec,
        *,
        link: Link,
        ready: bool,
        send: Callable[[Packet], None],
        on_close: Callable[[SubscribedStream], None],
    ) -> None:
        self.spec = spec
        self.closed = False
        self._stream = stream
        self._link = link
        self._ready = ready
        self._send = send
        self._on_close = on_close
        self._sink: Sink | None = None
        self._codec: CodecSpec | None = None
        self._codec_missing = False
        self._report_due = 0.0
        self._reports_sent: dict[int, float] = {}
        self._last_block: ReportBlock | None = None
        self._rtt: float | None = None
        self._nacks = 0
        self._keyframe_requests = 0
        stream.subscribers.append(self)
        self.attach()

    def stats(self) -> SendStats:
        block, sink = self._last_block, self._sink
        return SendStats(
            packets=sink.packets if sink else 0,
            bytes=sink.octets if sink else 0,
            nacks_received=self._nacks,
            retransmitted=sink.retransmitted if sink else 0,
            keyframe_requests_received=self._keyframe_requests,
            fraction_lost=block.fraction_lost / 256 if block else 0.0,
            lost=block.lost if block else 0,
            jitter_seconds=block.jitter / self._codec.clock_rate if block and self._codec else 0.0,
            rtt_seconds=self._rtt,
            codec_missing=self._codec_missing,
        )

    def close(self) -> None:
        """Stop sending, with an RTCP BYE. Idempotent."""
        if self.closed:
            return
        self.closed = True
        if self._sink is not None:
            self._sink.attach(None)
            self._send(Bye(ssrcs=(self.spec.ssrc,)))
        self._stream.subscribers.remove(self)
        self._on_close(self)

    # -- called by the peer and the stream ----------------------------------------------------

    def begin(self) -> None:
        """The peer can be sent to now."""
        self._ready = True
        self.attach()

    def attach(self) -> None:
        """Take the stream's present source, where there is one and the peer has the codec."""
        source, codec = self._stream.source, self._stream.codec
        if source is None or codec is None or not self._ready or self.closed:
            return
        name = codec.name.lower()
        own = next((c for c in self.spec.codecs if c.name.lower() == name), None)
        self._codec_missing = own is None
        if own is None:
            return
        self._codec = own
        if self._sink is None or self._sink.rule.payload_type != own.pt:
            rule = SinkRule(
                ssrc=self.spec.ssrc,
                payload_type=own.pt,
                rtx_ssrc=self.spec.rtx_ssrc,
                rtx_payload_type=own.rtx_pt,
                extensions=self.spec.extensions,
            )
            if self._sink is None:
                self._sink = self._link.open_sink(rule)
            else:
                self._sink.rule = rule
        self._sink.attach(source)
        self._report_due = 0.0
        self._stream.request_keyframe()

    def on_nack(self, lost: tuple[int, ...], now: float) -> None:
        self._nacks += len(lost)
        if self._sink is not None:
            self._sink.resend(lost, now)

    def on_keyframe_request(self) -> None:
        self._keyframe_requests += 1
        self._stream.request_keyframe()

    def on_report(self, block: ReportBlock, now: float) -> None:
        self._last_block = block
        sent_at = self._reports_sent.get(block.last_sr)
        if block.last_sr and sent_at is not None:
            self._rtt = max(0.0, now - sent_at - block.delay_since_last_sr / 65536)

    def sender_report(self, now: float) -> tuple[SenderReport, SourceDescription] | None:
        """The report that is due now, in the publisher's NTP time and our timestamps, or None.

        There is none before the publisher's own first one: a mapping that had to be corrected
        later would pull sound and picture apart.
        """
        sink, clock = self._sink, self._stream.clock
        if now < self._report_due or sink is None or clock is None or self._codec is None:
            return None
        if not sink.packets or sink.waiting:
            return None
        self._report_due = now + _REPORT_INTERVAL
        elapsed = now - clock.at
        ntp = clock.ntp + int(elapsed * (1 << 32)) & 0xFFFF_FFFF_FFFF_FFFF
        timestamp = clock.rtp_timestamp + int(elapsed * self._codec.clock_rate)
        if len(self._reports_sent) >= _REMEMBERED_REPORTS:
            self._reports_sent.pop(next(iter(self._reports_sent)))
        self._reports_sent[middle_ntp(ntp)] = now
        report = SenderReport(
            ssrc=self.spec.ssrc,
            ntp=ntp,
            rtp_timestamp=timestamp + sink.timestamp_shift & 0xFFFF_FFFF,
            packets=sink.packets & 0xFFFF_FFFF,
            octets=sink.octets & 0xFFFF_FFFF,
        )
        return report, SourceDescription(ssrc=self.spec.ssrc, cname=self.spec.cname)
