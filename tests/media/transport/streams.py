"""A publisher's video, and what a subscriber's numbers must be like."""

from __future__ import annotations

from media.transport.rtp_client import KEYFRAME, Client, packet


async def stream_video(client: Client, ssrc: int, first: int, count: int, **more: object) -> None:
    for n in range(first, first + count):
        await client.send(
            packet(ssrc, n, payload=KEYFRAME if n == first else b"\x10\x01abc", **more)
        )


def assert_gap_free(numbers: list[int]) -> None:
    assert numbers == [(numbers[0] + n) & 0xFFFF for n in range(len(numbers))]
