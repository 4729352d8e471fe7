"""The descriptions and the media as a real Chromium takes them."""

from __future__ import annotations

import pytest

from browser.waiting import until
from media.room.browser import BrowserClient, chromium
from media.room.pod import Pod


async def until_received(client: BrowserClient, track: str, *, kind: str = "video") -> int:
    """Wait until the page decodes the track; returns the SSRC it comes with."""
    field = "frames" if kind == "video" else "energy"
    await client.until_mid(track)

    async def decoded() -> dict[str, float] | None:
        received = await client.received(track)
        return received if received[field] > 0 else None

    received = await until(decoded, f"{client.identity} decodes {kind}", seconds=90)
    assert received is not None
    return int(received["ssrc"])


@pytest.mark.timeout(400)
async def test_chromium_publishes_and_receives_every_codec_and_reuses_m_lines(pod: Pod) -> None:
    async with (
        chromium() as browser,
        await BrowserClient.open(pod, "alice", browser) as alice,
        await BrowserClient.open(pod, "bob", browser) as bob,
    ):
        await alice.join()
        await bob.join()
        audio = (await alice.publish("audio"))["tracks"][0]["id"]
        await until_received(bob, audio, kind="audio")
        vp8 = (await alice.publish("video", "video/VP8"))["tracks"]
        assert len(vp8) == 2
        camera = vp8[1]
        ssrc = await until_received(bob, camera["id"])
        assert bob.mids == {"0": audio, "1": camera["id"]}
        # The ended track's m-line turns inactive, and carries the next one under a new SSRC.
        assert len((await alice.stop(camera["mid"]))["tracks"]) == 1
        await bob.expect("track_unpublished", track=camera["id"])
        await bob.until_mids({"0": audio})
        h264 = (await alice.publish("video", "video/H264"))["tracks"][1]["id"]
        assert await until_received(bob, h264) != ssrc
        assert bob.mids == {"0": audio, "1": h264}
        speakers = await bob.expect("speakers", seconds=30)
        assert speakers["speakers"][0]["sid"]
        back = (await bob.publish("video"))["tracks"][0]["id"]
        await until_received(alice, back)
        errors = [m for m in alice.messages + bob.messages if m["type"] == "error"]
        assert not errors
