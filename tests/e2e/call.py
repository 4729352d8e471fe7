"""A call of two in an installed Relay."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from browser.ground import Arrive
from browser.visitor import Visitor
from browser.waiting import PATIENCE, until
from e2e.installed import Hall, Installed


@dataclass(frozen=True, kw_only=True)
class Call:
    """Ada and Ben, who see and hear each other."""

    hall: Hall
    ada: Visitor
    ben: Visitor

    async def meet(self, *, seconds: float = PATIENCE) -> None:
        """Wait until both decode the other's moving picture and sound."""
        ada, ben = await asyncio.gather(self.ada.identity(), self.ben.identity())
        await asyncio.gather(
            self.ada.meets(ben, seconds=seconds), self.ben.meets(ada, seconds=seconds)
        )

    async def watch(self) -> None:
        """Begin to measure how long either picture stands still."""
        ada, ben = await asyncio.gather(self.ada.identity(), self.ben.identity())
        await asyncio.gather(self.ada.watch(ben), self.ben.watch(ada))

    async def longest_gap(self) -> float:
        """Milliseconds for which a picture stood still, the longer of the two."""
        ada, ben = await asyncio.gather(self.ada.identity(), self.ben.identity())
        gaps = await asyncio.gather(self.ada.gap(ben), self.ben.gap(ada))
        return max(gap.longest for gap in gaps)

    async def rebuilt(self, *, since: tuple[int, int], seconds: float) -> None:
        """Wait until both have built their media anew and decode each other again."""
        end = time.monotonic() + seconds

        async def both() -> bool:
            now = await self.generations()
            return now[0] > since[0] and now[1] > since[1]

        await until(both, "both pages have moved", seconds=seconds)
        await asyncio.gather(self.ada.is_live(seconds=seconds), self.ben.is_live(seconds=seconds))
        await self.meet(seconds=max(1, end - time.monotonic()))

    async def ended_at(self, reason: str) -> float:
        """When the later of the two learnt that the call was over, in seconds since 1970."""
        return max(await asyncio.gather(self.ada.ended_at(reason), self.ben.ended_at(reason)))

    async def generations(self) -> tuple[int, int]:
        return await self.ada.generation(), await self.ben.generation()

    async def pictures_move(self, *, seconds: float) -> None:
        """The pictures go on, all through this time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await self.meet()


async def begin(
    installed: Installed,
    arrive: Arrive,
    hall: Hall,
    *,
    host_token: str | None = None,
    query: str = "",
) -> Call:
    """Two people join the hall and meet; Ada uses the host's token if there is one."""
    tokens = [host_token or await installed.token(hall, "ada"), await installed.token(hall, "ben")]
    links = [installed.link(hall, token, query) for token in tokens]
    ada, ben = await asyncio.gather(arrive(links[0], "Ada"), arrive(links[1], "Ben"))
    await asyncio.gather(ada.join(seconds=60), ben.join(seconds=60))
    call = Call(hall=hall, ada=ada, ben=ben)
    await call.meet()
    return call
