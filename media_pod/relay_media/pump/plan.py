"""Header extensions on their way from a publisher's ids to a subscriber's."""

from __future__ import annotations

import time
from collections.abc import Mapping

from relay_media.pump.interface import Arrival
from relay_media.rtp import extensions
from relay_media.rtp.arithmetic import absolute_send_time

_PER_HOP = frozenset(
    {
        extensions.MID,
        extensions.RID,
        extensions.REPAIRED_RID,
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    }
)
"""They speak of the publisher's own connection; a subscriber would route by them wrongly."""


class ExtensionPlan:
    """Which elements pass, under which id. Equal plans make equal bytes, so sinks share them."""

    def __init__(self, incoming: Mapping[int, str], outgoing: Mapping[int, str]) -> None:
        wanted = {uri: identity for identity, uri in outgoing.items()}
        self.ids = {
            identity: wanted[uri]
            for identity, uri in incoming.items()
            if uri in wanted and uri not in _PER_HOP
        }
        self._send_time = next(
            (i for i in self.ids.values() if outgoing[i] == extensions.ABS_SEND_TIME), None
        )
        self.key = (tuple(sorted(self.ids.items())), self._send_time)
        self._nothing = all(a == b for a, b in self.ids.items()) and self.ids.keys() == set(
            incoming
        )
        # Monotonic time has no meaning outside; abs-send-time only needs a steady rate.
        self._origin = time.time() - time.monotonic()

    def apply(self, arrival: Arrival, sent_at: float | None = None) -> bytes | bytearray:
        """The packet with this plan's ids.

        Without ``sent_at`` the time of arrival stands for that of sending: a packet is forwarded
        in the wake-up that brought it, and repeating it must make the same bytes again (the same
        SRTP nonce).
        """
        header = arrival.header
        if not header.extension_length or (self._nothing and self._send_time is None):
            return arrival.data
        packet = bytearray(arrival.data)
        extensions.remap(packet, header, self.ids)
        if self._send_time is not None:
            moment = self._origin + (arrival.at if sent_at is None else sent_at)
            for element in extensions.elements(packet, header):
                if element.id == self._send_time and element.length == 3:
                    packet[element.start : element.start + 3] = absolute_send_time(moment).to_bytes(
                        3, "big"
                    )
        return packet
