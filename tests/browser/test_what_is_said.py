"""What the page tells people, and does not tell them."""

from __future__ import annotations

import asyncio

import pytest

from browser.ground import Arrive, Ground, two_people
from browser.waiting import stays


async def test_a_link_of_one_hall_with_the_token_of_another_is_not_followed(
    ground: Ground, arrive: Arrive
) -> None:
    """It let people into a hall that the link did not name."""
    link = ground.gateway.link("ada").replace(ground.gateway.hall.hall_id, "h_" + "0" * 20, 1)
    ada = await arrive(link, "Ada")
    await ada.ended("token_other_hall")


@pytest.mark.parametrize("who", ["the one who leaves", "everybody, for the hall is closed"])
async def test_those_who_stay_are_not_said_to_have_left(
    ground: Ground, arrive: Arrive, who: str
) -> None:
    ada, _ = await two_people(ground, arrive)
    if who == "the one who leaves":
        await ada.page.locator("#leave").click()
        await ada.ended("left")
    else:
        assert ground.gateway.pod is not None
        await ground.gateway.pod.control("POST", "/close", {"reason": "deleted"})
        await ada.ended("hall_closed")

    async def says_nothing_of_it() -> bool:
        return "left" not in (await ada.page.locator("#announcer").text_content() or "")

    await stays(says_nothing_of_it, "nobody is said to have left", seconds=1)


async def test_why_a_hall_cannot_start_is_shown_in_the_servers_words(
    ground: Ground, arrive: Arrive
) -> None:
    """The page said that the server could not be reached, though it had answered why."""
    ada = await arrive(ground.gateway.link("ada"), "Ada")
    read = """async (change) => {
      const { connectionText } = await import(new URL("../static/join/texts.js", location.href));
      return connectionText(change).banner;
    }"""
    change = {"state": "connecting", "reason": "hall_unavailable", "message": "No such class."}
    shown, unknown = await asyncio.gather(
        ada.page.evaluate(read, change), ada.page.evaluate(read, change | {"message": ""})
    )
    assert shown == "No such class. Trying again…"
    assert unknown == "The server cannot be reached. Trying again…"
