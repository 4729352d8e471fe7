"""Offers of the page that the hall refuses."""

from __future__ import annotations

from browser.ground import Arrive, Ground, two_people
from browser.waiting import until

_SHOW = """async () => {
  window.refused = [];
  relayRoom.on("error", ({ code }) => refused.push(code));
  const canvas = document.createElement("canvas");
  canvas.getContext("2d");
  await relayRoom.publish({ source: "screen", track: canvas.captureStream(5).getVideoTracks()[0] });
}"""


async def test_an_offer_that_came_too_soon_is_made_again(ground: Ground, arrive: Arrive) -> None:
    """It was taken for a refusal: the page gave its new track up, and never showed it."""
    ada, ben = await two_people(ground, arrive)
    generation = await ada.generation()
    ground.gateway.offers_ahead = 30  # more than the hall takes at once
    await ada.page.evaluate(_SHOW)

    async def shown() -> bool:
        sources = "[...relayRoom.participants.get('ada').tracks.values()].map((t) => t.source)"
        return sorted(await ben.page.evaluate(sources)) == ["camera", "microphone", "screen"]

    await until(shown, "Ben is told of the screen")
    assert "rate_limited" in await ada.page.evaluate("refused")
    assert await ada.generation() == generation, "the call was not torn down over it"
