"""The operator with a service account that has the listed rights and no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from api.operator.conftest import Stage, eventually
from api.operator.proxy import ApiProxy
from relay_operator.cluster.access import Access
from relay_operator.cluster.api import KubeApi
from relay_operator.errors import GoneError, RejectedError, UnavailableError

RBAC = "/apis/rbac.authorization.k8s.io/v1"
RULES = [
    {
        "apiGroups": ["relay.dev"],
        "resources": ["halls"],
        "verbs": ["delete", "get", "list", "patch", "watch"],
    },
    {"apiGroups": ["relay.dev"], "resources": ["halls/status"], "verbs": ["patch"]},
    {"apiGroups": ["relay.dev"], "resources": ["halls/finalizers"], "verbs": ["update"]},
    {"apiGroups": ["relay.dev"], "resources": ["accounts"], "verbs": ["list", "watch"]},
    {
        "apiGroups": [""],
        "resources": ["pods"],
        "verbs": ["create", "delete", "get", "list", "watch"],
    },
    {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"]},
]
CLUSTER_RULES = [
    {"apiGroups": ["relay.dev"], "resources": ["hallclasses", "plans"], "verbs": ["list", "watch"]}
]


async def _account(stage: Stage) -> str:
    """Make the account with its rights; returns a token for it."""
    namespace = f"/api/v1/namespaces/{stage.namespace}"
    await stage.cluster.create(f"{namespace}/serviceaccounts", {"metadata": {"name": "op"}})
    subject = {"kind": "ServiceAccount", "name": "op", "namespace": stage.namespace}
    for path, kind, name, rules in (
        (f"{RBAC}/namespaces/{stage.namespace}/", "Role", "op", RULES),
        (f"{RBAC}/", "ClusterRole", stage.namespace, CLUSTER_RULES),
    ):
        role: dict[str, Any] = {"metadata": {"name": name}, "rules": rules}
        await stage.cluster.create(f"{path}{kind.lower()}s", role)
        binding = {
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
            "subjects": [subject],
        }
        await stage.cluster.create(f"{path}{kind.lower()}bindings", binding)
    answer = await stage.cluster.create(
        f"{namespace}/serviceaccounts/op/token",
        {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}},
    )
    return str(answer["status"]["token"])


async def test_the_listed_rights_suffice_and_nothing_else_is_asked_for(stage: Stage) -> None:
    token = await _account(stage)
    async with ApiProxy(stage.cluster, bearer=token) as proxy:
        stage.proxy = proxy
        stage.env["RELAY_RETENTION_SECONDS"] = "1"
        try:
            await stage.start()
            for name in ("closed", "deleted"):
                await stage.apply(name)
                await stage.until(name, "Assigned")
            await stage.kubelet.fail("deleted", reason="Error", code=1)
            await eventually(
                lambda: stage.hall("deleted"), lambda h: (h or {})["status"].get("podRestarts") == 1
            )
            await stage.until("deleted", "Assigned")
            await stage.cluster.patch(stage.path("closed"), {"spec": {"desiredState": "Closed"}})
            await stage.cluster.delete(stage.path("deleted"))
            for name in ("closed", "deleted"):
                await stage.until(name, None)
            await stage.stop()
            assert proxy.failures() == {}
        finally:
            for kind in ("clusterroles", "clusterrolebindings"):
                await stage.cluster.delete(f"{RBAC}/{kind}/{stage.namespace}")


def _mount(folder: Path, *, ca_file: str | None, token: str) -> None:
    """What the kubelet projects into a pod."""
    assert ca_file is not None
    (folder / "ca.crt").write_bytes(Path(ca_file).read_bytes())
    (folder / "token").write_text(f"{token}\n")


async def test_in_a_pod_the_service_account_is_used_and_its_token_stays_fresh(
    stage: Stage, tmp_path: Path
) -> None:
    token = await _account(stage)
    connection = stage.cluster.connection
    assert connection is not None
    server = urlsplit(connection.server)
    _mount(tmp_path, ca_file=connection.ca_file, token=token)
    env = {
        "KUBERNETES_SERVICE_HOST": str(server.hostname),
        "KUBERNETES_SERVICE_PORT": str(server.port),
    }
    api = KubeApi(Access(env, account=tmp_path))
    await api.open()
    try:
        listed = await api.list_all(
            "/apis/relay.dev/v1beta1", "halls", namespaces=[stage.namespace]
        )
        assert listed[0] == []
        with pytest.raises(RejectedError, match="cannot list resource"):
            await api.list_all("/api/v1", "secrets", namespaces=[stage.namespace])
    finally:
        await api.close()
        for kind in ("clusterroles", "clusterrolebindings"):
            await stage.cluster.delete(f"{RBAC}/{kind}/{stage.namespace}")
    (tmp_path / "token").write_text("expired")
    access = Access(env, account=tmp_path)
    api = KubeApi(access)
    await api.open()
    try:
        assert (await access.headers())["Authorization"] == "Bearer expired"
        with pytest.raises(UnavailableError, match="401"):
            await api.get_hall(stage.namespace, "none")
        (tmp_path / "token").write_text(token)
        with pytest.raises(GoneError):  # a 401 makes us read the rotated file: known again
            await api.get_hall(stage.namespace, "none")
    finally:
        await api.close()
