"""A client with media: aiortc as the browser, small moving pictures and a tone."""

from __future__ import annotations

import array
import asyncio
import contextlib
import fractions
import logging
import math
from typing import Any

import aioice.ice
import av
import pytest
from aiortc import (
    AudioStreamTrack,
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpTransceiver,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.rtcrtpreceiver import RemoteStreamTrack

from media.room.client import Client, Message
from media.room.pod import Pod, until

logging.getLogger("aiortc").setLevel(logging.WARNING)


class Picture(VideoStreamTrack):
    """160 x 120, of one brightness (luma, 16 to 235)."""

    def __init__(self, brightness: int) -> None:
        super().__init__()
        self.brightness = brightness

    async def recv(self) -> av.VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = av.VideoFrame(160, 120, "yuv420p")
        for plane, value in zip(frame.planes, (self.brightness, 128, 128), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.pts, frame.time_base = pts, time_base
        return frame


class Tone(AudioStreamTrack):
    """440 Hz, mono, 48 kHz, 20 ms a frame."""

    async def recv(self) -> av.AudioFrame:
        silence = await super().recv()
        assert silence.pts is not None
        frame = av.AudioFrame(format="s16", layout="mono", samples=960)
        at = range(silence.pts * 6, silence.pts * 6 + 960)
        wave = (int(12_000 * math.sin(2 * math.pi * 440 * t / 48_000)) for t in at)
        frame.planes[0].update(array.array("h", wave).tobytes())
        frame.pts, frame.sample_rate = silence.pts * 6, 48_000
        frame.time_base = fractions.Fraction(1, 48_000)
        return frame


def connection() -> RTCPeerConnection:
    return RTCPeerConnection(
        RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
    )


class MediaClient(Client):
    """Answers every subscribe offer, and keeps what it received, by track id."""

    def __init__(self, pod: Pod, identity: str, role: str = "participant") -> None:
        super().__init__(pod, identity, role)
        self.publishing = connection()
        self.subscribing = connection()
        self.received: dict[str, MediaStreamTrack] = {}
        self.mids: dict[str, str] = {}
        self.answered = 0
        self._offers = 0
        self._published: list[tuple[MediaStreamTrack, str]] = []
        self.handlers["offer"] = self._on_offer

    async def publish(self, *tracks: tuple[MediaStreamTrack, str], muted: bool = False) -> Message:
        """Add tracks with their sources; returns the answer once it is applied."""
        for track, source in tracks:
            self.publishing.addTrack(track)
            self._published.append((track, source))
        return await self.negotiate(muted=muted)

    async def negotiate(self, *, muted: bool = False) -> Message:
        """Offer the publish connection as it stands."""
        offer = await self.publishing.createOffer()
        await self.publishing.setLocalDescription(offer)
        self._offers += 1
        sources = {id(track): source for track, source in self._published}
        entries = [
            {"mid": t.mid, "source": sources[id(t.sender.track)], "muted": muted}
            for t in self.publishing.getTransceivers()
            if t.sender.track is not None
        ]
        local = self.publishing.localDescription
        await self.send(type="offer", pc="publish", id=self._offers, sdp=local.sdp, tracks=entries)
        answer = await self.expect("answer", id=self._offers, seconds=30)
        await self.publishing.setRemoteDescription(
            RTCSessionDescription(sdp=answer["sdp"], type="answer")
        )
        return answer

    async def track(self, track_id: str, seconds: float = 30) -> MediaStreamTrack:
        await until(lambda: track_id in self.received, seconds)
        return self.received[track_id]

    async def frame(self, track_id: str, seconds: float = 30) -> Any:
        """The next decoded frame of a track."""
        track = await self.track(track_id)
        async with asyncio.timeout(seconds):
            return await track.recv()

    async def brightness(self, track_id: str, expected: int, seconds: float = 30) -> None:
        """Wait until the decoded picture has this mean brightness."""
        track = await self.track(track_id)
        async with asyncio.timeout(seconds):
            while True:
                frame = await track.recv()
                assert isinstance(frame, av.VideoFrame)
                luma = frame.planes[0]
                middle = bytes(luma)[luma.line_size * 60 + 80]
                if abs(middle - expected) < 12:
                    return

    async def close(self) -> None:
        # The socket first: no offer comes in any more while the connections close.
        await super().close()
        await self.publishing.close()
        await self.subscribing.close()

    async def _on_offer(self, message: Message) -> None:
        before, self.mids = (
            self.mids,
            {entry["mid"]: entry["track"] for entry in message["tracks"]},
        )
        for transceiver in self.subscribing.getTransceivers():
            track_id = self.mids.get(transceiver.mid)
            if track_id is not None and before.get(transceiver.mid) != track_id:
                await _renew(transceiver)
        await self.subscribing.setRemoteDescription(
            RTCSessionDescription(sdp=message["sdp"], type="offer")
        )
        answer = await self.subscribing.createAnswer()
        await self.subscribing.setLocalDescription(answer)
        local = self.subscribing.localDescription
        for transceiver in self.subscribing.getTransceivers():
            track_id = self.mids.get(transceiver.mid)
            if track_id is not None and transceiver.receiver.track is not None:
                self.received[track_id] = transceiver.receiver.track
        # An answer that the lost socket takes along is asked for again after the resume.
        with contextlib.suppress(ConnectionError):
            await self.send(type="answer", pc="subscribe", id=message["id"], sdp=local.sdp)
        self.answered = message["id"]


async def _renew(transceiver: RTCRtpTransceiver) -> None:
    """A fresh receiver for an m-line that is used again: aiortc's ends for ever with RTCP BYE."""
    old = transceiver.receiver
    await old.stop()
    new = RTCRtpReceiver(transceiver.kind, old.transport)
    new._set_rtcp_ssrc(transceiver.sender._ssrc)
    new._track = RemoteStreamTrack(kind=transceiver.kind)
    transceiver._RTCRtpTransceiver__receiver = new


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let aiortc offer 127.0.0.1, which it leaves out by itself."""
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda **_: ["127.0.0.1"])
