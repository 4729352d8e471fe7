"""A hall of one test's own, and the people who come to it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path

from browser.gateway import Gateway
from browser.pod import Keys, MediaPod, TestHall
from browser.visitor import Visitor

Arrive = Callable[..., Awaitable[Visitor]]


class Ground:
    """The hall of one test: its gateway, and its pod while there is one."""

    def __init__(self, folder: Path) -> None:
        self.keys = Keys()
        self.hall = TestHall(hall_id=f"h_{secrets.token_hex(10)}")
        self.gateway = Gateway(keys=self.keys, hall=self.hall)
        self.pods: list[MediaPod] = []
        self._log = folder / "media-pod.log"

    async def start_pod(self, *, own_address: str = "127.0.0.1", advertised: str = "") -> MediaPod:
        """Start a pod for the hall and let the gateway know it."""
        pod = self.prepare_pod()
        await pod.start(own_address=own_address, advertised=advertised)
        self.gateway.pod = pod
        return pod

    def prepare_pod(self) -> MediaPod:
        pod = MediaPod(keys=self.keys, hall=self.hall, log=self._log)
        self.pods.append(pod)
        return pod

    async def stop(self) -> None:
        await self.gateway.stop()
        for pod in self.pods:
            await pod.kill()


async def two_people(ground: Ground, arrive: Arrive, query: str = "") -> tuple[Visitor, Visitor]:
    """Ada and Ben, both live with camera and microphone."""
    ada = await arrive(ground.gateway.link("ada", query=query), "Ada")
    ben = await arrive(ground.gateway.link("ben", query=query), "Ben")
    await asyncio.gather(ada.join(), ben.join())
    return ada, ben
