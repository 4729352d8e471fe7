"""Relay in a cluster, by its Helm chart; a demo hall, and the link that opens it."""

from __future__ import annotations

import json
import secrets
import string
import sys
import urllib.error
import urllib.request
import zlib
from typing import Any

from cluster import commands, owned, places, records
from cluster.clusters import Cluster
from cluster.errors import GroundError
from cluster.images import Images
from cluster.progress import say, step

NAME = owned.NAME
NAMESPACE = owned.NAMESPACE
TENANT = "relay-halls"
_NODE_PORT = 30080
_TURN_PORT = 30478
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_INVITE_SECONDS = 7 * 24 * 3600


def install(cluster: Cluster, images: Images) -> None:
    """Install or upgrade the chart; returns when every part is ready.

    Raises:
        GroundError: helm gave up; names what is not ready. Or somebody else's release is there.
    """
    with owned.installing(cluster):
        _install(cluster, images)


def _install(cluster: Cluster, images: Images) -> None:
    manifest = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": NAMESPACE,
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
        },
    }
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
    address = next(node.address for node in reversed(cluster.nodes()))
    turn = [f"turn:{address}:{_TURN_PORT}?transport={way}" for way in ("udp", "tcp")]
    values = {
        "image": {"registry": images.registry, "tag": images.tag},
        "service": {"type": "NodePort", "nodePort": _NODE_PORT},
        "turn": {"urls": turn, "service": {"type": "NodePort", "nodePort": _TURN_PORT}},
        "bootstrap": {"apiKey": api_key(cluster)},
    }
    path = records.secret(cluster.name, "values")
    path.write_text(json.dumps(values))
    title = f"helm install {NAME}"
    with step(title):
        try:
            commands.logged(
                title,
                [
                    *(str(cluster.tools.helm), "upgrade", "--install", NAME),
                    *(str(places.REPOSITORY / "charts" / "relay"), "--namespace", NAMESPACE),
                    # The layer that tests the objects alone applies their definitions by kubectl.
                    *("--create-namespace", "--take-ownership", "--values", str(path)),
                    *("--wait", "--timeout", "240s"),
                ],
                log=f"helm-{cluster.name}",
                env=cluster.env,
            )
        except GroundError as error:
            pods = cluster.kubectl("-n", NAMESPACE, "get", "pods", "-o", "wide")
            raise GroundError(f"{error.why}\n{pods}", step=title, log=error.log) from error


def uninstall(cluster: Cluster) -> None:
    """Remove the release, if there is one, so that no operator but a test's own is at work.

    Raises:
        GroundError: somebody else's release is there.
    """
    owned.refuse_foreign(cluster)
    helm = [str(cluster.tools.helm), "--namespace", NAMESPACE]
    if commands.works([*helm, "status", NAME], env=cluster.env):
        with step(f"helm uninstall {NAME}"):
            commands.output([*helm, "uninstall", NAME, "--wait"], env=cluster.env, timeout=300)
    owned.forget(cluster)


def take_away(cluster: Cluster) -> None:
    """From a cluster that is not ours, remove what this ground installed; says what stays."""
    if not owned.ours(cluster):
        say(f"the current context holds no release {NAME} that this ground installed: untouched")
        return
    with step(f"delete the halls in {TENANT}"):
        try:
            # Before the operator goes: nobody else takes their pods away.
            delete = ("delete", "halls", "--all", "--timeout=120s")
            cluster.kubectl("-n", TENANT, *delete, timeout=150)
        except GroundError as error:
            say(f"halls stay: {error.why}")
    uninstall(cluster)
    say(
        f"the kinds, their objects and the namespaces {NAMESPACE} and {TENANT} stay; where nobody "
        f"needs them: kubectl delete namespace {NAMESPACE} {TENANT}; "
        "kubectl delete crd -l app.kubernetes.io/part-of=relay"
    )


def api_key(cluster: Cluster) -> str:
    """The bootstrap API key of this cluster, made on first use and kept for its owner alone."""
    path = records.secret(cluster.name, "api-key")
    if not path.read_text():
        key = "relay_live_" + "".join(secrets.choice(_ALPHABET) for _ in range(30))
        checksum, tail = zlib.crc32(key.encode()), ""
        for _ in range(6):
            checksum, digit = divmod(checksum, 62)
            tail = _ALPHABET[digit] + tail
        path.write_text(key + tail)
    return path.read_text()


def show_demo(cluster: Cluster) -> None:
    """Apply the demo hall, wait until it is ready, and print how to see it."""
    with step("open the demo hall"):
        hall = _demo_hall(cluster)
        hall_id = _hall_id(hall)
        invite = {"invite": True, "name": "Guest", "ttl_seconds": _INVITE_SECONDS}
        token = request(cluster, "POST", f"/v1/halls/{hall_id}/tokens", invite)["join_token"]
    key = api_key(cluster)
    print(
        f"""
Relay is up. Open this in two tabs, or on two screens of this machine:

  {cluster.url}/join/{hall_id}#token={token}

API key (kept in {records.secret(cluster.name, "api-key")}):

  {key}

Over REST:

  curl -s {cluster.url}/v1/halls -H 'Authorization: Bearer {key}'

With kubectl:

  KUBECONFIG={cluster.kubeconfig} {cluster.tools.kubectl} get halls -n {TENANT}

`make down` removes it all.""",
        file=sys.stdout,
    )


def request(cluster: Cluster, method: str, path: str, body: object = None) -> dict[str, Any]:
    """One REST request with the bootstrap key.

    Raises:
        GroundError: refused or unreachable; carries the problem's own words.
    """
    call = urllib.request.Request(
        cluster.url + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {api_key(cluster)}",
            "Content-Type": "application/json",
        },
    )
    # The address is this machine's own: no proxy of the environment stands in between.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(call, timeout=30) as answer:
            decoded: dict[str, Any] = json.load(answer)
            return decoded
    except urllib.error.HTTPError as error:
        raise GroundError(
            f"{error.code}: {error.read().decode()}", step=f"{method} {path}"
        ) from None
    except OSError as error:
        raise GroundError(f"{cluster.url}: {error}", step=f"{method} {path}") from None


def _demo_hall(cluster: Cluster) -> dict[str, Any]:
    manifest = str(places.HERE / "demo.yaml")
    cluster.kubectl("apply", "-f", manifest)
    get = ("-n", TENANT, "get", "hall", "demo", "-o", "json")
    hall: dict[str, Any] = json.loads(cluster.kubectl(*get))
    if hall.get("status", {}).get("closedAt"):
        # Closed is final: somebody closed it since the last time, so there is a new one.
        cluster.kubectl("delete", "-f", manifest)
        cluster.kubectl("apply", "-f", manifest)
    wait = ("wait", "--for=condition=Ready", "hall/demo", "--timeout=120s")
    try:
        cluster.kubectl("-n", TENANT, *wait, timeout=150)
    except GroundError as error:
        said = cluster.kubectl("-n", TENANT, "describe", "hall", "demo")
        raise GroundError(f"{error.why}\n{said}", step="open the demo hall") from None
    found: dict[str, Any] = json.loads(cluster.kubectl(*get))
    return found


def _hall_id(hall: dict[str, Any]) -> str:
    # Pure and standard library only, like this package: it may be asked for an id anywhere.
    sys.path.insert(0, str(places.REPOSITORY / "crds"))
    from relay_crds.ids import hall_id_of  # noqa: PLC0415

    about = hall["metadata"]
    return hall_id_of(about["name"], about["uid"], about["creationTimestamp"])
