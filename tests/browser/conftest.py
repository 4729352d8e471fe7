"""A hall without a cluster: a real media pod's process, a small gateway, a real Chromium."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from browser.chromium import chromium
from browser.figures import record
from browser.ground import Arrive, Ground
from browser.visitor import Visitor

__all__ = ["record"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for the session, because one browser serves all tests."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def empty_ground(tmp_path: Path) -> AsyncIterator[Ground]:
    """A hall whose pod is not there yet."""
    ground = Ground(tmp_path)
    await ground.gateway.start()
    yield ground
    await ground.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def ground(empty_ground: Ground) -> Ground:
    """A hall with its pod."""
    await empty_ground.start_pod()
    return empty_ground


@pytest_asyncio.fixture(loop_scope="session")
async def arrive(browser: Browser) -> AsyncIterator[Arrive]:
    """Opens links, each in a browser context of its own; no page may complain meanwhile."""
    visitors: list[Visitor] = []

    async def open_link(link: str, name: str, **options: object) -> Visitor:
        visitor = await Visitor.arrive(browser, link, name, **options)
        visitors.append(visitor)
        return visitor

    yield open_link
    complaints = {visitor.name: visitor.complaints.all for visitor in visitors}
    for visitor in visitors:
        print(visitor.name, await visitor.history())
        await visitor.go()
    assert not any(complaints.values()), f"the page complained: {complaints}"
