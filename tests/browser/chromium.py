"""Debian's Chromium under Playwright, with its fake camera and microphone."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

EXECUTABLE = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)
# Chromium says these of its own accord when a test takes a server away.
_EXPECTED_WORDS = ("WebSocket connection to", "net::ERR_", "the server responded with a status of")


@asynccontextmanager
async def chromium(
    *, without: Iterable[str] = (), extra: Iterable[str] = ()
) -> AsyncIterator[Browser]:
    """A headless Chromium; ``without`` takes flags of ours away, ``extra`` adds some."""
    flags = [flag for flag in FLAGS if flag not in set(without)]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=EXECUTABLE, args=[*flags, *extra]
        )
        try:
            yield browser
        finally:
            await browser.close()


def artifacts() -> Path:
    """Where screenshots go: ``$RELAY_ARTIFACTS``, or a folder of the machine's temporary ones."""
    default = Path(tempfile.gettempdir()) / "relay-artifacts"
    folder = Path(os.environ.get("RELAY_ARTIFACTS", default))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Complaints:
    """What a page's console, scripts and content security policy complained of."""

    def __init__(self, page: Page) -> None:
        self.all: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.all.append(f"uncaught: {error}"))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        if not any(words in message.text for words in _EXPECTED_WORDS):
            self.all.append(f"{message.type}: {message.text}")


async def new_context(browser: Browser, **options: object) -> BrowserContext:
    """A context of its own: no storage, no permission and no connection shared with others."""
    settings: dict[str, object] = {"viewport": {"width": 960, "height": 600}, **options}
    return await browser.new_context(**settings)  # type: ignore[arg-type]
