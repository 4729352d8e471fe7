"""What people in a hall see and hear, judged on decoded pictures and sound."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest
from playwright.async_api import expect

from browser.ground import Arrive, Ground, two_people
from browser.visitor import SILENCE, Visitor
from browser.waiting import stays, until
from relay_api.credentials.tokens import Role


async def video_codecs(visitor: Visitor) -> set[str]:
    """MIME types of the video that this page decodes."""
    read = """async () => {
      const stats = await relayRoom.peerConnections.subscribe.getStats();
      return [...stats.values()]
        .filter((report) => report.type === "inbound-rtp" && report.kind === "video")
        .map((report) => stats.get(report.codecId)?.mimeType ?? "");
    }"""
    return set(await visitor.page.evaluate(read))


async def test_two_people_see_and_hear_each_other(ground: Ground, arrive: Arrive) -> None:
    ada, ben = await two_people(ground, arrive)
    picture, _ = await asyncio.gather(ada.meets("ben"), ben.meets("ada"))
    assert picture["width"] / picture["height"] == pytest.approx(16 / 9, rel=0.02)

    before = {report["mid"]: report for report in await ada.inbound()}
    assert {report["kind"] for report in before.values()} == {"audio", "video"}

    async def grows() -> bool:
        now = {report["mid"]: report for report in await ada.inbound()}
        return all(
            (report["framesDecoded"] or 0) > (before[mid]["framesDecoded"] or 0) + 20
            if report["kind"] == "video"
            else report["totalAudioEnergy"] > before[mid]["totalAudioEnergy"]
            for mid, report in now.items()
        )

    await until(grows, "twenty more frames and more audio energy are decoded")
    assert ground.gateway.pod is not None
    assert await ground.gateway.pod.participants() == 2
    await ada.screenshot("two-people")


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_the_wished_codec_is_the_one_decoded(
    ground: Ground, arrive: Arrive, codec: str
) -> None:
    ada, ben = await two_people(ground, arrive, query=f"?codec={codec}")
    await asyncio.gather(ada.meets("ben"), ben.meets("ada"))
    assert await video_codecs(ada) == {f"video/{codec}"}


async def test_a_third_person_sees_both_and_both_see_the_third(
    ground: Ground, arrive: Arrive
) -> None:
    ada, ben = await two_people(ground, arrive)
    cleo = await arrive(ground.gateway.link("cleo"), "Cleo")
    await cleo.join()
    await asyncio.gather(cleo.meets("ada"), cleo.meets("ben"), ada.meets("cleo"), ben.meets("cleo"))
    await expect(ada.page.locator("#headcount")).to_have_text("3 people")
    await ben.page.locator("#leave").click()
    await ben.ended("left")
    await expect(ada.page.locator('.tile[data-identity="ben"]')).to_have_count(0)
    await expect(ada.page.locator("#announcer")).to_contain_text("Ben left")
    await ada.meets("cleo")


async def test_muting_silences_and_says_so(ground: Ground, arrive: Arrive) -> None:
    ada, ben = await two_people(ground, arrive)
    await ben.hears("ada")
    tile = ben.page.locator('.tile[data-identity="ada"]')
    await expect(tile.get_by_role("img", name="muted")).to_be_hidden()

    await ada.page.get_by_role("button", name="Mute", exact=True).click()
    await expect(tile.get_by_role("img", name="muted")).to_be_visible()

    async def level() -> float:
        return float(await ben.page.evaluate("relayProbes.listen('ada')"))

    async def silent() -> bool:
        return await level() < SILENCE

    await until(silent, "Ada is silent")
    await stays(silent, "Ada is silent", seconds=2)
    await ben.sees("ada")

    await ada.page.get_by_role("button", name="Unmute").click()
    await ben.hears("ada")
    await expect(tile.get_by_role("img", name="muted")).to_be_hidden()


async def test_a_camera_that_is_switched_off_is_released_and_comes_back(
    ground: Ground, arrive: Arrive
) -> None:
    ada, ben = await two_people(ground, arrive)
    await ben.sees("ada")
    tile = ben.page.locator('.tile[data-identity="ada"]')
    await ada.page.get_by_role("button", name="Stop video").click()
    await expect(tile.locator(".avatar")).to_be_visible()
    sending = "relayRoom.published.get('camera').track"
    assert await ada.page.evaluate(sending) is None
    await ada.page.get_by_role("button", name="Start video").click()
    await ben.sees("ada")


async def test_who_speaks_has_a_ring(ground: Ground, arrive: Arrive) -> None:
    ada, ben = await two_people(ground, arrive)
    await ben.page.get_by_role("button", name="Mute", exact=True).click()
    await expect(ben.page.locator('.tile[data-identity="ada"][data-speaking]')).to_be_visible()
    await expect(ada.page.locator(".tile[data-self][data-speaking]")).to_be_visible()
    await expect(ada.page.locator('.tile[data-identity="ben"][data-speaking]')).to_have_count(0)


async def test_someone_without_devices_joins_and_sees_the_others(
    ground: Ground, arrive: Arrive
) -> None:
    ada = await arrive(ground.gateway.link("ada"), "Ada")
    await ada.join()
    ben = await arrive(ground.gateway.link("ben"), "Ben")
    await ben.page.evaluate(
        """() => { navigator.mediaDevices.getUserMedia = () =>
             Promise.reject(new DOMException("denied", "NotAllowedError")); }"""
    )
    await ben.page.locator("#preview-camera").click()
    await ben.page.locator("#preview-microphone").click()
    if await ben.page.locator("#preview .screen[data-video]").count():
        await ben.page.locator("#preview-camera").click()
    await ben.press_join()
    await ben.is_live()
    await ben.meets("ada")
    await expect(ada.page.locator('.tile[data-identity="ben"] .avatar')).to_be_visible()


async def test_a_viewer_watches_without_sending(ground: Ground, arrive: Arrive) -> None:
    ada = await arrive(ground.gateway.link("ada"), "Ada")
    await ada.join()
    eve = await arrive(ground.gateway.link("eve", role=Role.VIEWER), "Eve")
    await expect(eve.page.locator("#preview")).to_be_hidden()
    await eve.press_join()
    await eve.is_live()
    await eve.meets("ada")
    await expect(eve.page.locator("#toggle-camera")).to_be_hidden()
    assert await eve.page.evaluate("relayRoom.published.size") == 0
    await expect(ada.page.locator("#headcount")).to_have_text("2 people")


async def test_many_people_use_one_invitation_under_their_own_names(
    ground: Ground, arrive: Arrive
) -> None:
    link = ground.gateway.link("guest", name="Guest", invite=True)
    ada = await arrive(link, "Ada Lovelace")
    ben = await arrive(link, "Ben")
    await asyncio.gather(ada.join(), ben.join())
    await expect(ben.page.locator(".tile:not([data-self]) .who")).to_have_text("Ada Lovelace")
    await asyncio.gather(
        ada.meets(await ben.identity()),
        ben.meets(await ada.identity()),
    )


async def test_the_page_says_that_the_hall_is_full(empty_ground: Ground, arrive: Arrive) -> None:
    pod = await empty_ground.start_pod()
    await pod.control("POST", "/assign", {**pod._assignment(), "max_participants": 1})
    ada = await arrive(empty_ground.gateway.link("ada"), "Ada")
    await ada.join()
    ben = await arrive(empty_ground.gateway.link("ben"), "Ben")
    await ben.press_join()
    await ben.ended("hall_full")
    await expect(ben.page.get_by_role("heading", name="The hall is full")).to_be_focused()
    await ada.page.locator("#leave").click()
    await ada.ended("left")
    await ben.page.get_by_role("button", name="Join again").click()
    await ben.join()


async def test_closing_a_hall_tells_everyone_within_a_second(
    ground: Ground, arrive: Arrive
) -> None:
    ada, ben = await two_people(ground, arrive)
    await ada.meets("ben")
    assert ground.gateway.pod is not None
    began = time.time()
    ground.gateway.closed = True
    await ground.gateway.pod.control("POST", "/close", {"reason": "Deleted"})
    ended = await asyncio.gather(ada.ended_at("hall_closed"), ben.ended_at("hall_closed"))
    assert max(ended) - began < 1
    assert await ada.state() == "closed"


async def test_the_newer_of_two_tabs_with_one_identity_stays(
    ground: Ground, arrive: Arrive
) -> None:
    first = await arrive(ground.gateway.link("ada"), "Ada")
    await first.join()
    second = await arrive(ground.gateway.link("ada"), "Ada")
    await second.join()
    await first.ended("duplicate_identity")

    async def one_is_live() -> bool:
        return await second.state() == "live" and await first.state() == "closed"

    await stays(one_is_live, "only the newer tab is in", seconds=2)


async def test_a_duplicated_tab_gets_a_session_of_its_own(ground: Ground, arrive: Arrive) -> None:
    link = ground.gateway.link("guest", name="Guest", invite=True)
    ada = await arrive(link, "Ada")
    await ada.join()
    kept = await ada.page.evaluate("Object.entries(sessionStorage)")
    copy = await ada.context.new_page()
    await copy.add_init_script(
        f"for (const [key, value] of {kept}) sessionStorage.setItem(key, value);"
    )
    await copy.goto(link)
    await copy.locator("#join").click()
    await expect(copy.locator('#call[data-state="live"]')).to_be_visible()
    await expect(ada.page.locator("#headcount")).to_have_text("2 people")
    assert await ada.state() == "live"


async def test_a_reload_takes_the_same_place(ground: Ground, arrive: Arrive) -> None:
    link = ground.gateway.link("guest", name="Guest", invite=True)
    ada = await arrive(link, "Ada")
    await ada.join()
    identity = await ada.identity()
    await ada.page.reload()
    await ada.join()
    assert await ada.identity() == identity
    assert ground.gateway.pod is not None
    assert await ground.gateway.pod.participants() == 1


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda link: link.split("#")[0], "token_missing"),
        (lambda link: link.split("#")[0] + "#token=abc", "token_invalid"),
    ],
    ids=["no token", "not a token"],
)
async def test_a_broken_link_is_explained_before_anything_is_asked(
    ground: Ground, arrive: Arrive, spoil: object, reason: str
) -> None:
    assert callable(spoil)
    ada = await arrive(spoil(ground.gateway.link("ada")), "Ada")
    await ada.ended(reason)
    assert await ada.page.evaluate("window.relayRoom === undefined")


async def test_an_expired_link_is_explained(ground: Ground, arrive: Arrive) -> None:
    link = ground.gateway.link("ada", lifetime=timedelta(seconds=-10))
    ada = await arrive(link, "Ada")
    await ada.ended("token_expired")


async def test_a_forged_token_is_refused_by_the_gateway(ground: Ground, arrive: Arrive) -> None:
    link = ground.gateway.link("ada")
    ada = await arrive(link[:-8] + "AAAAAAAA", "Ada")
    await ada.press_join()
    await ada.ended("token_invalid")
