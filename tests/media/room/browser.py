"""A client whose peer connections are a real Chromium's, with its fake camera and microphone."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from playwright.async_api import Page, async_playwright

from media.room.client import Client, Message
from media.room.pod import Pod, until

_ARGUMENTS = (
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)

_SCRIPT = """
window.publishing = new RTCPeerConnection({bundlePolicy: 'max-bundle'});
window.subscribing = new RTCPeerConnection({bundlePolicy: 'max-bundle'});
// Sound that nobody plays is not decoded.
window.players = [];
subscribing.ontrack = ({track}) => {
  const player = new Audio();
  player.srcObject = new MediaStream([track]);
  players.push(player);
  player.play();
};
window.offerTrack = async (kind, codec) => {
  const media = await navigator.mediaDevices.getUserMedia(
    kind === 'audio' ? {audio: true} : {video: {width: 320, height: 240}});
  const transceiver = publishing.addTransceiver(
    media.getTracks()[0], {direction: 'sendonly', streams: [media]});
  if (codec) {
    const all = RTCRtpSender.getCapabilities(kind).codecs;
    const first = all.filter(c => c.mimeType.toLowerCase() === codec.toLowerCase());
    transceiver.setCodecPreferences([...first, ...all.filter(c => !first.includes(c))]);
  }
  return offer();
};
window.offer = async () => {
  await publishing.setLocalDescription();
  const sending = publishing.getTransceivers().filter(
    t => t.sender.track && t.direction === 'sendonly');
  return {sdp: publishing.localDescription.sdp,
          tracks: sending.map(t => ({mid: t.mid, muted: false,
            source: t.sender.track.kind === 'audio' ? 'microphone' : 'camera'}))};
};
window.stopTrack = async mid => {
  publishing.getTransceivers().find(t => t.mid === mid).direction = 'inactive';
  return offer();
};
window.answered = sdp => publishing.setRemoteDescription({type: 'answer', sdp});
window.answer = async sdp => {
  await subscribing.setRemoteDescription({type: 'offer', sdp});
  await subscribing.setLocalDescription();
  return subscribing.localDescription.sdp;
};
window.received = async mid => {
  // An m-line that is used again may still have the report of its earlier SSRC.
  const reports = [...(await subscribing.getStats()).values()]
    .filter(stats => stats.type === 'inbound-rtp' && stats.mid === mid)
    .sort((a, b) => (b.lastPacketReceivedTimestamp ?? 0) - (a.lastPacketReceivedTimestamp ?? 0));
  const {framesDecoded = 0, packetsReceived = 0, ssrc = 0, totalAudioEnergy = 0} = reports[0] ?? {};
  return {frames: framesDecoded, packets: packetsReceived, ssrc, energy: totalAudioEnergy};
};
"""


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Any]:
    """Debian's Chromium, driven by playwright."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=list(_ARGUMENTS)
        )
        try:
            yield browser
        finally:
            await browser.close()


class BrowserClient(Client):
    """Signalling in the test, media in a page: a browser's WebSocket cannot carry our token."""

    def __init__(self, pod: Pod, identity: str, page: Page) -> None:
        super().__init__(pod, identity)
        self.page = page
        self.handlers["offer"] = self._on_offer
        self.mids: dict[str, str] = {}
        self._offers = 0

    @classmethod
    async def open(cls, pod: Pod, identity: str, browser: Any) -> BrowserClient:
        page = await browser.new_page()
        page.set_default_timeout(120_000)
        url = f"http://127.0.0.1:{pod.control_port}/healthz"
        await page.goto(url)
        await page.evaluate(_SCRIPT)
        return cls(pod, identity, page)

    async def publish(self, kind: str, codec: str | None = None) -> Message:
        """Add one track; returns the answer once Chromium has taken it."""
        offer = await self.page.evaluate("([k, c]) => offerTrack(k, c)", [kind, codec])
        return await self._negotiate(offer)

    async def stop(self, mid: str) -> Message:
        return await self._negotiate(await self.page.evaluate("mid => stopTrack(mid)", mid))

    async def received(self, track: str) -> dict[str, float]:
        mid = self.mid_of(track)
        stats: dict[str, float] = await self.page.evaluate("mid => received(mid)", mid)
        return stats

    def mid_of(self, track: str) -> str | None:
        return next((mid for mid, id_ in self.mids.items() if id_ == track), None)

    async def until_mid(self, track: str) -> None:
        """Wait until an offer with this track was answered."""
        await until(lambda: self.mid_of(track) is not None, 60)

    async def until_mids(self, mids: dict[str, str]) -> None:
        await until(lambda: self.mids == mids, 60)

    async def close(self) -> None:
        await super().close()
        await self.page.close()

    async def _negotiate(self, offer: Message) -> Message:
        self._offers += 1
        await self.send(type="offer", pc="publish", id=self._offers, **offer)
        answer = await self.expect("answer", id=self._offers, seconds=60)
        await self.page.evaluate("sdp => answered(sdp)", answer["sdp"])
        return answer

    async def _on_offer(self, message: Message) -> None:
        sdp = await self.page.evaluate("sdp => answer(sdp)", message["sdp"])
        self.mids = {entry["mid"]: entry["track"] for entry in message["tracks"]}
        await self.send(type="answer", pc="subscribe", id=message["id"], sdp=sdp)
