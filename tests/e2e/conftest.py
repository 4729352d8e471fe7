"""The installed chart, a real Chromium, and halls made by REST and by kubectl."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from browser.chromium import chromium
from browser.figures import record
from browser.ground import Arrive
from browser.visitor import Visitor
from cluster import get, up
from e2e.installed import Installed

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


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def installed() -> AsyncIterator[Installed]:
    """Relay as installed in the cluster that ``$RELAY_CLUSTER`` names.

    Pods' addresses are made reachable, so that a browser goes the direct way unless told not to.
    """
    name = os.environ.get("RELAY_CLUSTER", "relay")
    found = up(name) if os.environ.get("CLUSTER") == "current" else get(name)
    if found is None:
        pytest.fail(f"cluster {name} is not up: run this layer through make")
    found.routes("add")
    ready = Installed(found)
    yield ready
    await ready.close()


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
