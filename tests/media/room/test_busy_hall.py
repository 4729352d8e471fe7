"""A hall where people come and go faster than anybody types."""

from __future__ import annotations

from pathlib import Path

import pytest

from media.room.client import Client
from media.room.peer import MediaClient, loopback
from media.room.pod import Pod

__all__ = ["loopback"]

_OFFERS = Path(__file__).parents[2] / "unit" / "media_room" / "offers"
_OFFER = (_OFFERS / "chromium-156-max-bundle.sdp").read_text()


@pytest.mark.usefixtures("loopback")
async def test_a_busy_hall_does_not_turn_away_the_answers_to_its_own_offers(pod: Pod) -> None:
    async with MediaClient(pod, "watcher") as watcher:
        await watcher.join()
        for number in range(30):
            async with Client(pod, f"guest-{number}") as guest:
                await guest.join()
                await guest.send(type="offer", pc="publish", id=1, sdp=_OFFER, tracks=[])
                answer = await guest.expect("answer")
                await watcher.track(answer["tracks"][0]["id"])
                await guest.send(type="leave")
                await guest.closed()
        assert watcher.answered >= 30
        assert not [message for message in watcher.messages if message["type"] == "error"]


async def test_a_bad_answer_given_again_and_again_is_limited(pod: Pod) -> None:
    async with Client(pod, "watcher") as watcher, Client(pod, "guest") as guest:
        await watcher.join()
        await guest.join()
        await guest.send(type="offer", pc="publish", id=1, sdp=_OFFER, tracks=[])
        offer = await watcher.expect("offer")
        for _ in range(30):
            await watcher.send(type="answer", pc="subscribe", id=offer["id"], sdp="v=1")
        refusal = await watcher.expect("error", code="rate_limited")
        assert (refusal["pc"], refusal["id"]) == ("subscribe", offer["id"])
