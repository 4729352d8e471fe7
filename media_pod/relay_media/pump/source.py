"""One incoming SSRC: order, loss, cache, and the batch that goes out with this wake-up."""

from __future__ import annotations

from collections.abc import Callable

from relay_media.pump.cache import PACKETS, PacketCache
from relay_media.pump.gaps import Gaps
from relay_media.pump.interface import Arrival, SourceEvents, SourceRule
from relay_media.pump.plan import ExtensionPlan
from relay_media.pump.reception import Reception
from relay_media.pump.sink import Sink
from relay_media.rtp import extensions, keyframe
from relay_media.rtp.arithmetic import extend_sequence
from relay_media.rtp.header import Header, parse_header

_MAX_JUMP = 1000
"""A larger step forward is a sender that began anew, not loss."""
_AUDIO_PACKETS = 256


class Source:
    """Made by :meth:`Link.open_source`."""

    def __init__(
        self, rule: SourceRule, events: SourceEvents, touch: Callable[[Source], None]
    ) -> None:
        self.rule = rule
        self.reception = Reception(rule.clock_rate)
        self.gaps = Gaps()
        self.cache = PacketCache(PACKETS if rule.is_video else _AUDIO_PACKETS)
        self.sinks: list[Sink] = []
        self.repaired = 0
        self.duplicates = 0
        self.stale = 0
        self.keyframes = 0
        self.highest: int | None = None
        self._events = events
        self._touch = touch
        self._detect = keyframe.detector(rule.codec) if rule.is_video else None
        self._level_id = next(
            (i for i, uri in rule.extensions.items() if uri == extensions.AUDIO_LEVEL), None
        )
        self._batch: list[Arrival] = []
        self._new_gap = False
        self._new_keyframe = False
        self._paused = False

    @property
    def paused(self) -> bool:
        return self._paused

    @paused.setter
    def paused(self, value: bool) -> None:
        if value == self._paused:
            return
        self._paused = value
        # Nothing recorded while muted may be asked for afterwards.
        self.cache.clear()
        self.gaps.clear()
        self._batch.clear()
        for sink in self.sinks:
            sink.restart()

    def receive(self, data: bytes, now: float, *, repaired: bool = False) -> None:
        """Take one decrypted packet; it is sent on by :meth:`flush`.

        Raises:
            FormatError: it is no RTP packet.
        """
        header = parse_header(data)
        if header.payload_type != self.rule.payload_type:
            return
        highest = self.highest
        if highest is None:
            # 2^16 ahead, so that packets overtaken by the very first keep positive numbers.
            highest = header.sequence + 0xFFFF
        sequence = extend_sequence(header.sequence, highest)
        if not self._place(sequence, highest, now):
            return
        if repaired:
            self.repaired += 1
        else:
            self.reception.update(sequence, header.timestamp, len(data), now)
        starts = self._starts_keyframe(data, header)
        if self._paused:
            return
        if self._level_id is not None:
            level = extensions.find(data, header, self._level_id)
            if level:
                self._events.on_level(extensions.audio_level(level))
        arrival = Arrival(sequence, header.timestamp, data[1] & 0x80, starts, now, header, data)
        self.cache.put(arrival)
        if not self._batch:
            self._touch(self)
        self._batch.append(arrival)

    def _starts_keyframe(self, data: bytes, header: Header) -> bool:
        if self._detect is None:
            return False
        if not self._detect(data, header.payload_offset, len(data) - header.padding):
            return False
        self.keyframes += 1
        self._new_keyframe = True
        return True

    def _place(self, sequence: int, highest: int, now: float) -> bool:
        """Keep the account of order and loss; False if the packet is not wanted."""
        step = sequence - highest
        if step > _MAX_JUMP:
            if self.highest is not None:
                self.reception.restart(sequence)
                self.gaps.clear()
                self.cache.clear()
                for sink in self.sinks:
                    sink.restart()
            self.highest = sequence
        elif step > 0:
            if step > 1 and self.rule.is_video and not self._paused:
                self._new_gap = True
                self.gaps.add(highest + 1, sequence, now)
            self.highest = sequence
        elif -step >= _MAX_JUMP:
            self.stale += 1
            return False
        elif self.cache.has(sequence):
            self.duplicates += 1
            return False
        else:
            self.gaps.fill(sequence, now)
        return True

    def flush(self, now: float) -> None:
        """Send the batch to every sink, then tell what it brought."""
        batch, self._batch = self._batch, []
        written: dict[object, list[bytes | bytearray]] = {}
        for sink in self.sinks:
            plan: ExtensionPlan = sink.plan
            packets = written.get(plan.key)
            if packets is None:
                packets = written[plan.key] = [plan.apply(arrival) for arrival in batch]
            sink.forward(batch, packets, now)
        if self._new_gap:
            self._new_gap = False
            self._events.on_gap(now)
        if self._new_keyframe:
            self._new_keyframe = False
            self._events.on_keyframe(now)
