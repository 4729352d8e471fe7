"""An installed Relay: REST, objects, and the cluster it runs on, to be broken on purpose."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import httpx

from browser.waiting import until
from cluster import Cluster
from cluster.release import NAMESPACE, TENANT, api_key

HALL_LABEL = "relay.dev/hall"


@dataclass(frozen=True, kw_only=True)
class Hall:
    """A hall that is Ready: ``name`` is its object's, ``hall_id`` what REST calls it."""

    hall_id: str
    name: str


class Installed:
    """The release in one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.url = cluster.url
        # The address is this machine's own: no proxy of the environment stands in between.
        self._rest = httpx.AsyncClient(
            base_url=cluster.url,
            headers={"Authorization": f"Bearer {api_key(cluster)}"},
            timeout=30,
            trust_env=False,
        )

    async def close(self) -> None:
        await self._rest.aclose()

    # -- REST --------------------------------------------------------------------------------

    async def rest(self, method: str, path: str, body: object = None) -> httpx.Response:
        return await self._rest.request(method, path, json=body)

    async def create(self, name: str) -> tuple[Hall, str]:
        """A hall by REST; returns it with the host's join token."""
        answer = await self.rest("POST", "/v1/halls", {"name": name})
        assert answer.status_code == 201, answer.text
        made = answer.json()
        hall_id = str(made["hall_id"])
        return Hall(hall_id=hall_id, name=hall_id.replace("_", "-")), str(made["join_token"])

    async def token(self, hall: Hall, identity: str) -> str:
        body = {"identity": identity, "name": identity.title()}
        answer = await self.rest("POST", f"/v1/halls/{hall.hall_id}/tokens", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["join_token"])

    def link(self, hall: Hall, token: str, query: str = "") -> str:
        return f"{self.url}/join/{hall.hall_id}{query}#token={token}"

    async def hall(self, hall: Hall) -> dict[str, Any]:
        answer = await self.rest("GET", f"/v1/halls/{hall.hall_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def answers(self) -> bool:
        """Whether REST gives a list of halls now."""
        try:
            return (await self.rest("GET", "/v1/halls?limit=1")).status_code == 200
        except httpx.TransportError:
            return False

    # -- Kubernetes --------------------------------------------------------------------------

    async def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return await asyncio.to_thread(self.cluster.kubectl, *arguments, stdin=stdin)

    async def objects(self, kind: str, *arguments: str, namespace: str = TENANT) -> list[Any]:
        said = await self.kubectl("-n", namespace, "get", kind, *arguments, "-o", "json")
        found = json.loads(said)
        return list(found["items"]) if "items" in found else [found]

    async def apply_hall(self, name: str, display_name: str) -> Hall:
        """A hall by kubectl; its id is read over REST, where it must appear."""
        await self.apply_hall_object(name, display_name)

        async def listed() -> str:
            halls = (await self.rest("GET", "/v1/halls?status=active")).json()
            return next((str(h["hall_id"]) for h in halls if h["name"] == display_name), "")

        return Hall(hall_id=await until(listed, f"{name} is listed over REST"), name=name)

    async def apply_hall_object(self, name: str, display_name: str) -> None:
        manifest = {
            "apiVersion": "relay.dev/v1beta1",
            "kind": "Hall",
            "metadata": {"name": name, "namespace": TENANT},
            "spec": {"displayName": display_name},
        }
        await self.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))

    async def ready(self, name: str, *, seconds: float = 60) -> None:
        """Wait until the Hall object says that it is Ready."""

        async def is_ready() -> bool:
            (hall,) = await self.objects("hall", name)
            conditions = hall.get("status", {}).get("conditions", [])
            return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

        await until(is_ready, f"hall {name} is Ready", seconds=seconds, every=0.5)

    async def pods_of(self, hall: Hall) -> list[Any]:
        """The media pods of a hall that are not on their way out."""
        pods = await self.objects("pods", "-l", f"{HALL_LABEL}={hall.name}")
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    async def pod_of(self, hall: Hall) -> Any:
        (pod,) = await self.pods_of(hall)
        return pod

    async def column(self, hall: Hall, title: str) -> str:
        """What ``kubectl get halls`` shows a person, in one column."""
        table = await self.kubectl("-n", TENANT, "get", "halls", hall.name)
        head, row = table.splitlines()
        start = head.index(title)
        return row[start:].split(maxsplit=1)[0]

    async def scale(self, deployment: str, replicas: int) -> None:
        await self.kubectl(
            *("-n", NAMESPACE, "scale", f"deployment/{deployment}", f"--replicas={replicas}")
        )

    async def pods_of_part(self, part: str) -> list[Any]:
        """Pods of a part of Relay itself, such as ``relay-operator``."""
        label = f"app.kubernetes.io/name={part}"
        return await self.objects("pods", "-l", label, namespace=NAMESPACE)

    async def on_control_plane(self, *command: str) -> str:
        """Run a command on the node whose manifests are Kubernetes itself, which may be away."""
        node = f"{self.cluster.name}-control-plane"
        return await asyncio.to_thread(self.cluster.engine.docker, "exec", node, *command)

    async def nodes(self) -> list[Any]:
        return await asyncio.to_thread(self.cluster.nodes)
