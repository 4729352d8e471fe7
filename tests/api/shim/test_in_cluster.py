"""How the shim proves itself to the API server from within a pod.

A release of the client library once sent no token at all, and another never read a rotated one:
what counts is whom the real API server takes us for.
"""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from api.shim.deployed import until
from conftest import kubectl
from relay_api.errors import RefusedByKubernetesError, SettingsError
from relay_api.kube.client import KubeClient
from relay_api.kube.config import connect, disconnect


def mount(folder: Path, namespace: str, account: str) -> None:
    token = kubectl("create", "token", account, "-n", namespace, "--duration=10m").strip()
    fresh = folder / ".token"
    fresh.write_text(token + "\n")
    fresh.replace(folder / "token")


async def whoever_asks(client: KubeClient) -> str:
    """The account may do nothing, and the refusal names it."""
    with pytest.raises(RefusedByKubernetesError) as told:
        await client.list_page("halls", limit=1, continue_token="")
    assert told.value.status == 403
    return str(told.value)


async def test_the_mounted_token_is_sent_and_a_rotated_one_takes_its_place(
    kubeconfig, namespace, tmp_path
):
    cluster = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]
    authority = base64.b64decode(cluster["certificate-authority-data"])
    (tmp_path / "ca.crt").write_bytes(authority)
    for account in ("first", "second"):
        kubectl("create", "serviceaccount", account, "-n", namespace)
    mount(tmp_path, namespace, "first")
    server = urlsplit(cluster["server"])
    environ = {
        "KUBERNETES_SERVICE_HOST": server.hostname or "",
        "KUBERNETES_SERVICE_PORT": str(server.port),
    }
    api = await connect(environ, service_account=tmp_path)
    try:
        client = KubeClient(api)
        assert f"system:serviceaccount:{namespace}:first" in await whoever_asks(client)
        mount(tmp_path, namespace, "second")

        async def rotated() -> bool:
            return f"system:serviceaccount:{namespace}:second" in await whoever_asks(client)

        await until(rotated, "the rotated token is sent", seconds=5)
    finally:
        await disconnect(api)


async def test_without_any_way_to_kubernetes_the_fix_is_named(tmp_path):
    with pytest.raises(SettingsError, match="set KUBECONFIG"):
        await connect({})
    with pytest.raises(SettingsError, match="no service account token"):
        await connect({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, service_account=tmp_path)
    with pytest.raises(SettingsError, match="cannot be used"):
        await connect({"KUBECONFIG": str(tmp_path / "nowhere")})
