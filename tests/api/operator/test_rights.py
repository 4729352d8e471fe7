"""The operator with a service account that has the listed rights and no others."""

from __future__ import annotations

from typing import Any

from api.operator.conftest import Stage, eventually
from api.operator.proxy import ApiProxy

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
