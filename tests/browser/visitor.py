"""One person in front of the join page: what they do, and what they really see and hear."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, expect

from browser.chromium import Complaints, artifacts, new_context
from browser.waiting import PATIENCE, until

expect.set_options(timeout=PATIENCE * 1000)

_PROBES = Path(__file__).with_name("probes.js").read_text()
SILENCE = 0.003  # RMS; the fake microphone's beep is above 0.05
DARK = 4  # mean brightness 0..255; a black frame decodes to 0 or 1


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Milliseconds without a new decoded frame on the screen, since the watch began."""

    longest: float
    frames: int


class Visitor:
    """A page in a browser context of its own."""

    def __init__(self, page: Page, context: BrowserContext, name: str) -> None:
        self.page = page
        self.context = context
        self.name = name
        self.complaints = Complaints(page)

    @classmethod
    async def arrive(cls, browser: Browser, link: str, name: str, **options: object) -> Visitor:
        """Open the link; the lobby is on the screen, nothing is joined yet."""
        context = await new_context(browser, **options)
        await context.add_init_script(_PROBES)
        context.set_default_timeout(PATIENCE * 1000)
        page = await context.new_page()
        visitor = cls(page, context, name)
        await page.goto(link)
        return visitor

    async def press_join(self) -> None:
        field = self.page.locator("#name")
        if await field.is_editable():
            await field.fill(self.name)
        await self.page.locator("#join").click()

    async def join(self, *, seconds: float = PATIENCE) -> None:
        """Join with camera and microphone, and wait until the page says that it is live."""
        await expect(self.page.locator("#preview .screen[data-video]")).to_be_visible()
        await self.press_join()
        await self.is_live(seconds=seconds)

    async def is_live(self, *, seconds: float = PATIENCE) -> None:
        # Not expect(): that looks once a second in the end, and these times are measured.
        await self.page.wait_for_selector('#call[data-state="live"]', timeout=seconds * 1000)

    async def identity(self) -> str:
        return str(await self.page.evaluate("relayRoom.local.identity"))

    async def others(self) -> list[str]:
        return list(await self.page.evaluate("[...relayRoom.participants.keys()]"))

    async def generation(self) -> int:
        return int(await self.page.evaluate("relayRoom.generation"))

    async def state(self) -> str:
        return str(await self.page.evaluate("relayRoom.state"))

    async def history(self) -> str:
        """The connection's states so far, as the page tells them; shown with a failed test."""
        return str(await self.page.evaluate("JSON.stringify(window.relayRoom?.history ?? [])"))

    async def sees(self, identity: str, *, seconds: float = PATIENCE) -> dict[str, Any]:
        """Wait until that person's decoded picture moves and is not black; returns the last one."""
        sums: set[float] = set()

        async def moving() -> dict[str, Any] | None:
            picture = await self.page.evaluate("id => relayProbes.picture(id)", identity)
            if picture and picture["brightness"] > DARK:
                sums.add(picture["sum"])
            return dict(picture) if len(sums) >= 3 else None

        picture = await until(moving, f"{self.name} sees {identity} move", seconds=seconds)
        assert picture is not None
        return picture

    async def hears(self, identity: str, *, seconds: float = PATIENCE) -> float:
        """Wait until that person's decoded sound is louder than silence; returns its RMS level."""

        async def loud() -> float | None:
            level = await self.page.evaluate("id => relayProbes.listen(id)", identity)
            return float(level) if level is not None and level > SILENCE else None

        level = await until(loud, f"{self.name} hears {identity}", seconds=seconds, every=0.05)
        assert level is not None
        return level

    async def meets(self, identity: str, *, seconds: float = PATIENCE) -> dict[str, Any]:
        """Both of the above."""
        picture = await self.sees(identity, seconds=seconds)
        await self.hears(identity, seconds=seconds)
        return picture

    async def watch(self, identity: str) -> None:
        """Begin to measure how long that person's picture stands still."""
        await self.page.evaluate("id => relayProbes.watchGaps(id)", identity)

    async def gap(self, identity: str) -> Gap:
        read = await self.page.evaluate("id => relayProbes.readGaps(id)", identity)
        return Gap(longest=read["longest"], frames=read["frames"])

    async def inbound(self) -> list[dict[str, Any]]:
        return list(await self.page.evaluate("relayProbes.inbound()"))

    async def candidate_pairs(self) -> list[dict[str, Any]]:
        return list(await self.page.evaluate("relayProbes.candidatePairs()"))

    async def ended(self, reason: str, *, seconds: float = PATIENCE) -> None:
        """Wait until the page says that the call is over, and why."""
        view = f'#ended[data-reason="{reason}"]'
        await self.page.wait_for_selector(view, timeout=seconds * 1000)

    async def ended_at(self, reason: str) -> float:
        """When the page itself learnt that the call was over, in seconds since 1970."""
        await self.ended(reason)
        return float(await self.page.evaluate("relayRoom.history.at(-1).at")) / 1000

    async def screenshot(self, name: str) -> Path:
        path = artifacts() / f"{name}.png"
        await self.page.screenshot(path=path)
        return path

    async def go(self) -> None:
        await self.context.close()
