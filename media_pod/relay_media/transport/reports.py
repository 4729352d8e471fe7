"""RTCP of one peer, both ways: what it reports is handed on, what it is owed is sent."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence

from relay_media.forward.published import PublishedStream
from relay_media.forward.subscribed import SubscribedStream
from relay_media.pump import Link
from relay_media.rtp.rtcp import (
    FullIntraRequest,
    MaximumBitrate,
    Nack,
    Packet,
    PictureLoss,
    ReceiverReport,
    SenderReport,
    SourceDescription,
)
from relay_media.rtp.rtcp_build import build_compound

_INTERVAL = 0.5
_AUDIO_ALLOWANCE = 128_000
_MAX_BLOCKS = 31
_MAX_COMPOUND = 1200


class Reports:
    """Receiver reports with REMB every 0.5 s, sender reports as they fall due."""

    def __init__(self, link: Link) -> None:
        self.ssrc = secrets.randbits(32) | 1
        """Ours, in everything that is sent to this peer about what it publishes."""
        self.remb_bps: int | None = None
        self._link = link
        self._cname = secrets.token_hex(8)
        self._due = 0.0

    def send(self, packet: Packet) -> None:
        """One feedback packet now, after the report that RFC 3550 §6.1 wants first."""
        self._link.send_rtcp(build_compound(ReceiverReport(ssrc=self.ssrc), packet))

    def tick(
        self,
        now: float,
        published: Iterable[PublishedStream],
        subscribed: Iterable[SubscribedStream],
    ) -> None:
        compound = b""
        for stream in subscribed:
            report = stream.sender_report(now)
            if report is None:
                continue
            part = build_compound(*report)
            if len(compound) + len(part) > _MAX_COMPOUND:
                self._link.send_rtcp(compound)
                compound = b""
            compound += part
        if compound:
            self._link.send_rtcp(compound)
        if now >= self._due:
            self._due = now + _INTERVAL
            self._receiver_report(now, list(published))

    def _receiver_report(self, now: float, published: Sequence[PublishedStream]) -> None:
        blocks = []
        videos = []
        allowance = 0
        for stream in published:
            block = stream.report(now)
            if block is None:
                continue
            blocks.append(block)
            allowed = stream.stats().estimate_bps
            if allowed is None:
                allowance += _AUDIO_ALLOWANCE
            else:
                allowance += allowed
                videos.append(block.ssrc)
        if not blocks:
            return
        packets: list[Packet] = [
            ReceiverReport(ssrc=self.ssrc, reports=tuple(blocks[:_MAX_BLOCKS])),
            SourceDescription(ssrc=self.ssrc, cname=self._cname),
        ]
        if videos:
            packets.append(
                MaximumBitrate(ssrc=self.ssrc, bitrate=allowance, media_ssrcs=tuple(videos))
            )
        self._link.send_rtcp(build_compound(*packets))

    def receive(
        self,
        packets: Sequence[Packet],
        now: float,
        published: Iterable[PublishedStream],
        subscribed: Mapping[int, SubscribedStream],
    ) -> None:
        """Hand each packet to the stream it speaks of; what speaks of none is ignored."""
        streams = list(published)
        for packet in packets:
            if isinstance(packet, SenderReport):
                for stream in streams:
                    if stream.source is not None and stream.source.rule.ssrc == packet.ssrc:
                        stream.on_sender_report(packet, now)
            if isinstance(packet, SenderReport | ReceiverReport):
                for block in packet.reports:
                    target = subscribed.get(block.ssrc)
                    if target is not None:
                        target.on_report(block, now)
            else:
                self._feedback(packet, now, subscribed)

    def _feedback(
        self, packet: Packet, now: float, subscribed: Mapping[int, SubscribedStream]
    ) -> None:
        if isinstance(packet, MaximumBitrate):
            self.remb_bps = packet.bitrate
        elif isinstance(packet, Nack):
            target = subscribed.get(packet.media_ssrc)
            if target is not None:
                target.on_nack(packet.lost, now)
        elif isinstance(packet, PictureLoss | FullIntraRequest):
            asked = (
                {packet.media_ssrc}
                if isinstance(packet, PictureLoss)
                else {ssrc for ssrc, _ in packet.entries}
            )
            for ssrc in asked & subscribed.keys():
                subscribed[ssrc].on_keyframe_request()
