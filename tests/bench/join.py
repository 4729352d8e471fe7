"""Chromium: join → first decoded frame, direct and through TURN."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import Browser, Page

from bench.errors import BenchError
from bench.machine import describe
from bench.place import Place, read_place
from bench.progress import say
from bench.report import Outcome, Table
from bench.summary import percentile
from browser.chromium import chromium

_SCRIPT = Path(__file__).with_name("join.js").read_text(encoding="utf-8")
_POLICIES = ("all", "relay")


@dataclass(frozen=True, kw_only=True)
class Options:
    """``joins`` of each kind, after ``warm`` ones that are not counted."""

    joins: int = 15
    warm: int = 2


def run(options: Options) -> Outcome:
    """Measure and tabulate.

    Raises:
        BenchError: no installed Relay is named, or a join brings no frame.
    """
    place = read_place(routed=True)
    samples = asyncio.run(_measure(options, place))
    return Outcome(
        table=tabulate(samples),
        raw={
            "benchmark": "join",
            "machine": describe().as_dict(),
            "options": asdict(options),
            "joins": samples,
        },
    )


async def _measure(options: Options, place: Place) -> dict[str, list[dict[str, Any]]]:
    """One publisher stays in the hall; the joiner, in a browser of its own, comes and goes."""
    samples: dict[str, list[dict[str, Any]]] = {policy: [] for policy in _POLICIES}
    async with aiohttp.ClientSession(place.url, headers=place.headers) as session:
        hall_id = (await _post(session, "/v1/halls", {"name": "bench join"}))["hall_id"]
        try:
            async with chromium() as first, chromium() as second:
                await _publisher(first, session, place, hall_id)
                for index in range(options.warm + options.joins):
                    for policy in _POLICIES:
                        sample = await _join(second, session, place, hall_id, policy)
                        say(f"{policy}: frame after {sample['frame_ms']:.0f} ms ({sample['pair']})")
                        if index >= options.warm:
                            samples[policy].append(sample)
        finally:
            await session.delete(f"/v1/halls/{hall_id}")
    return samples


async def _publisher(
    browser: Browser, session: aiohttp.ClientSession, place: Place, hall_id: str
) -> None:
    page = await _page(browser, place, hall_id)
    token = await _token(session, hall_id, "publisher")
    await page.evaluate(
        "settings => relayBench.join(settings)", {"token": token, "policy": "all", "waits": False}
    )


async def _join(
    browser: Browser, session: aiohttp.ClientSession, place: Place, hall_id: str, policy: str
) -> dict[str, Any]:
    page = await _page(browser, place, hall_id)
    token = await _token(session, hall_id, "joiner")
    settings = {"token": token, "policy": policy, "waits": True}
    sample: dict[str, Any] = await page.evaluate("settings => relayBench.join(settings)", settings)
    await page.evaluate("relayBench.leave()")
    await page.context.close()
    return sample


async def _page(browser: Browser, place: Place, hall_id: str) -> Page:
    """A page of Relay's own origin with the client loaded and the fake camera running."""
    context = await browser.new_context(permissions=["camera", "microphone"])
    page = await context.new_page()
    await page.goto(f"{place.url}/join/{hall_id}")
    await page.evaluate(_SCRIPT)
    await page.evaluate("relayBench.prepare()")
    return page


async def _token(session: aiohttp.ClientSession, hall_id: str, identity: str) -> str:
    body = {"identity": identity, "name": identity}
    made = await _post(session, f"/v1/halls/{hall_id}/tokens", body)
    return str(made["join_token"])


async def _post(session: aiohttp.ClientSession, address: str, body: dict[str, Any]) -> Any:
    async with session.post(address, json=body) as response:
        if response.status != 201:
            raise BenchError(f"POST {address}: {response.status} {await response.text()}")
        return await response.json()


def tabulate(
    samples: dict[str, Sequence[dict[str, Any]]] | dict[str, list[dict[str, Any]]],
) -> Table:
    """Percentiles in milliseconds, with the ICE path that was really taken. Pure."""
    rows = []
    for policy, name in (("all", "direct"), ("relay", "forced through TURN")):
        frames = [float(sample["frame_ms"]) for sample in samples[policy]]
        live = [float(sample["live_ms"]) for sample in samples[policy]]
        pairs = Counter(str(sample["pair"]) for sample in samples[policy])
        rows.append(
            (
                name,
                str(len(frames)),
                f"{percentile(live, 50):.0f} ms",
                f"**{percentile(frames, 50):.0f} ms**",
                f"{percentile(frames, 95):.0f} ms",
                f"{max(frames):.0f} ms",
                ", ".join(f"{pair} ×{count}" for pair, count in pairs.most_common()),
            )
        )
    note = (
        "From `Room.connect()` in a page that is already open, camera running, to "
        "`requestVideoFrameCallback` of the first remote frame; the hall has one publisher "
        "(640×360 fake camera, VP8), the joiner publishes too. Each join is a new page with a new "
        "session, on a running pod; the browsers share the machine with the whole cluster."
    )
    columns = ("path", "n", "welcome p50", "first frame p50", "p95", "longest", "ICE pair")
    return Table(columns=columns, rows=tuple(rows), notes=(note,))
