"""A hall and a stand-in for its pod, for those who come through the gateway."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from api.shim.deployed import Shim, set_status
from api.shim.participant import Participant
from api.shim.pod import StandIn
from conftest import kubectl
from relay_api.credentials.tokens import JoinToken, Role, issue

_addresses = itertools.count(2)


@dataclass
class Room:
    """One hall, and a stand-in for its pod on an address of its own."""

    shim: Shim
    namespace: str
    hall_id: str
    token: str
    pod: StandIn
    participants: list[Participant] = field(default_factory=list)

    @property
    def name(self) -> str:
        return "h-" + self.hall_id[2:]

    def ready(self, **status: object) -> None:
        set_status(
            self.namespace,
            self.name,
            {
                "endpoint": self.pod.address,
                "podName": self.name,
                **condition("Assigned", "True"),
                **status,
            },
        )

    def join_token(self, **over: object) -> str:
        now = datetime.now(UTC)
        token = JoinToken(
            hall_uid=self.pod.hall_uid,
            hall_id=self.hall_id,
            identity="ada",
            name="Ada",
            role=Role.PARTICIPANT,
            issued_at=now,
            expires_at=now + timedelta(hours=1),
        )
        return issue(replace(token, **over), self.shim.install.signing)

    async def join(self, token: str | None = None, **query: str) -> Participant:
        token = self.token if token is None else token
        self.participants.append(await Participant.connect(self.shim, token, **query))
        return self.participants[-1]

    async def clear(self) -> None:
        """End what the test has left open."""
        await self.pod.stop()
        for participant in self.participants:
            await participant.abort()

    async def inside(self, token: str | None = None, **query: str) -> Participant:
        participant = await self.join(token, **query)
        await participant.expect("welcome")
        return participant


def condition(reason: str, status: str = "False") -> dict[str, object]:
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "conditions": [
            {
                "type": "Ready",
                "status": status,
                "reason": reason,
                "message": "",
                "lastTransitionTime": moment,
            }
        ]
    }


async def make_room(shim: Shim, namespace: str) -> Room:
    response = await shim.client.post("/v1/halls", json={"name": "Standup"})
    made = response.json()
    name = "h-" + made["hall_id"][2:]
    uid = kubectl("get", "halls", name, "-n", namespace, "-o", "jsonpath={.metadata.uid}")
    pod = StandIn(
        install=shim.install,
        hall_uid=uid,
        address=f"127.0.1.{next(_addresses)}",
        port=int(shim.environ["RELAY_POD_SIGNALLING_PORT"]),
    )
    return Room(shim, namespace, made["hall_id"], made["join_token"], pod)
