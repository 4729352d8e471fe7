"""The client's pure parts, run where they will run: in the browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from browser.chromium import new_context
from browser.gateway import Gateway
from browser.pod import Keys, TestHall


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page of the join page's origin; these tests leave nothing behind in it."""
    gateway = Gateway(keys=Keys(), hall=TestHall(hall_id="h_0"))
    await gateway.start()
    context = await new_context(browser)
    opened = await context.new_page()
    await opened.goto(gateway.link("ada").split("#")[0])
    yield opened
    await context.close()
    await gateway.stop()


async def call(page: Page, module: str, function: str, *arguments: object) -> Any:
    return await page.evaluate(
        """async ([module, name, values]) => {
          const loaded = await import(new URL(`../static/${module}`, location.href).href);
          return loaded[name](...values);
        }""",
        [module, function, list(arguments)],
    )


@pytest.mark.parametrize(
    ("ending", "retry", "reason"),
    [
        ({"code": 1006, "error": None, "bye": None}, True, "signal_lost"),
        ({"code": 4010, "error": None, "bye": None}, True, "pod_lost"),
        ({"code": 4011, "error": None, "bye": None}, False, "duplicate_identity"),
        ({"code": 4012, "error": None, "bye": None}, False, "removed"),
        ({"code": 4005, "error": None, "bye": None}, False, "hall_closed"),
        (
            {"code": 4001, "error": {"code": "token_expired", "message": "x"}, "bye": None},
            False,
            "token_expired",
        ),
        (
            {"code": 4010, "error": None, "bye": {"reason": "server_shutdown", "reconnect": True}},
            True,
            "server_shutdown",
        ),
        (
            {"code": 4010, "error": None, "bye": {"reason": "hall_closed", "reconnect": False}},
            False,
            "hall_closed",
        ),
    ],
    ids=lambda value: str(value.get("code")) if isinstance(value, dict) else None,
)
async def test_an_ending_is_read_as_final_or_as_a_reason_to_return(
    page: Page, ending: dict[str, object], retry: bool, reason: str
) -> None:
    read = await call(page, "client/messages.js", "readEnding", ending)
    assert (read["retry"], read["reason"]) == (retry, reason)


@pytest.mark.parametrize("frame", ["", "{", "[]", "null", "7", '{"type":3}', '"welcome"'])
async def test_what_is_no_message_is_not_taken_for_one(page: Page, frame: str) -> None:
    assert await call(page, "client/messages.js", "parseMessage", frame) is None


async def test_delays_grow_to_a_bound_and_are_spread(page: Page) -> None:
    delays = [
        [await call(page, "client/backoff.js", "backoffDelay", attempt) for _ in range(8)]
        for attempt in range(8)
    ]
    assert max(delays[0]) <= 250
    assert all(max(row) <= 5000 for row in delays)
    assert min(delays[7]) >= 2500
    assert all(len(set(row)) > 1 for row in delays)


async def test_a_slow_network_is_given_more_time_with_each_try(page: Page) -> None:
    limits = [await call(page, "client/backoff.js", "openLimit", attempt) for attempt in range(8)]
    assert limits == [4000, 4000, 8000, 8000, 12000, 12000, 12000, 12000]


@pytest.mark.parametrize("size", [(340, 560), (1244, 660), (2500, 1300), (700, 200)])
async def test_tiles_stay_inside_the_stage_or_scroll(page: Page, size: tuple[int, int]) -> None:
    width, height = size
    for count in range(1, 26):
        stage = {"count": count, "width": width, "height": height, "gap": 10}
        layout = await call(page, "join/grid.js", "bestLayout", stage)
        columns = max(1, int((width + 10 + 1e-6) // (layout["tileWidth"] + 10)))
        rows = -(-count // columns)
        assert layout["tileWidth"] <= width + 1e-6, count
        if layout["overflow"]:
            assert layout["tileWidth"] >= 148, count
        else:
            assert rows * layout["tileHeight"] + (rows - 1) * 10 <= height + 1e-6, count


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Ada Lovelace", "AL"), ("ada", "A"), ("", "?"), ("李 小龍", "李小"), ("a b c", "AC")],
)
async def test_initials_stand_for_any_name(page: Page, name: str, letters: str) -> None:
    assert await call(page, "join/texts.js", "initials", name) == letters
