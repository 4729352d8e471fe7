"""Offers of the page that the hall refuses."""

from __future__ import annotations

from browser.ground import Arrive, Ground, two_people
from browser.waiting import until

# Shown and taken back faster than the hall takes offers, until it says so.
_FLICKER = """async () => {
  const codes = [];
  relayRoom.on("error", ({ code }) => codes.push(code));
  const canvas = document.createElement("canvas");
  canvas.getContext("2d");
  const track = canvas.captureStream(5).getVideoTracks()[0];
  const answered = async () => {
    while (relayRoom.peerConnections.publish.signalingState !== "stable" && !codes.length) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  for (let time = 0; time < 40 && !codes.length; time += 1) {
    await relayRoom.publish({ source: "screen", track });
    await answered();
    await relayRoom.unpublish("screen");
    await answered();
  }
  await relayRoom.publish({ source: "screen", track });
  return codes;
}"""


async def test_an_offer_that_came_too_soon_is_made_again(ground: Ground, arrive: Arrive) -> None:
    """It was taken for a refusal: the page gave its new track up, and never showed it."""
    ada, ben = await two_people(ground, arrive)
    generation = await ada.generation()
    assert await ada.page.evaluate(_FLICKER) == ["rate_limited"]

    async def shown() -> bool:
        sources = "[...relayRoom.participants.get('ada').tracks.values()].map((t) => t.source)"
        return sorted(await ben.page.evaluate(sources)) == ["camera", "microphone", "screen"]

    await until(shown, "Ben is told of the screen")
    await ada.meets("ben")
    assert await ada.generation() == generation, "the call was not torn down over it"
