"""The media pod of a Hall as the object to create: pure, and for Pod Security ``restricted``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from relay_crds import Hall, HallClass
from relay_crds.names import (
    API_VERSION,
    CONTROL_PORT,
    MEDIA_POD_MANAGER,
    MEDIA_POD_NAME,
    MEDIA_PORT,
    SIGNALLING_PORT,
    Label,
)

_USER: Final = 65532
_LOST_NODE_SECONDS: Final = 5
_LABEL_MAX: Final = 63


@dataclass(frozen=True, kw_only=True)
class PodInputs:
    """What every media pod of this operator is given. Keys: PEM, public ones only."""

    operator_public_key: str
    gateway_public_key: str
    media_port: int = MEDIA_PORT
    signalling_port: int = SIGNALLING_PORT
    control_port: int = CONTROL_PORT
    log_level: str = "INFO"


def build_pod(
    hall: Hall,
    hall_class: HallClass,
    *,
    name: str,
    inputs: PodInputs,
    avoid_node: str | None = None,
) -> dict[str, object]:
    """The pod, idle: it learns on its control port which hall it is.

    ``restartPolicy: Never``: a media server that ended has lost its room, and is replaced. Without
    the two short tolerations a pod on a lost node would stay for Kubernetes' five minutes.
    ``avoid_node`` is taken where there is no other.
    """
    spec: dict[str, object] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": hall_class.termination_grace_period_seconds,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "tolerations": [*(dict(entry) for entry in hall_class.tolerations), *_lost_node()],
        "containers": [_container(hall_class, inputs)],
    }
    if hall_class.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in hall_class.image_pull_secrets]
    if hall_class.node_selector:
        spec["nodeSelector"] = dict(hall_class.node_selector)
    if avoid_node is not None:
        spec["affinity"] = _elsewhere(avoid_node)
    if hall_class.priority_class_name:
        spec["priorityClassName"] = hall_class.priority_class_name
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": hall.meta.namespace,
            "labels": {
                Label.HALL_UID.value: hall.meta.uid,
                Label.HALL.value: hall.meta.name[:_LABEL_MAX],
                Label.NAME.value: MEDIA_POD_NAME,
                Label.MANAGED_BY.value: MEDIA_POD_MANAGER,
            },
            "annotations": {
                # A room is not moved by a scale-down; the cluster autoscaler reads this.
                "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
            },
            "ownerReferences": [
                {
                    "apiVersion": API_VERSION,
                    "kind": "Hall",
                    "name": hall.meta.name,
                    "uid": hall.meta.uid,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": spec,
    }


def _container(hall_class: HallClass, inputs: PodInputs) -> dict[str, object]:
    container: dict[str, object] = {
        "name": "media",
        "image": hall_class.image,
        "imagePullPolicy": hall_class.image_pull_policy.value,
        "ports": [
            {"name": "media", "containerPort": inputs.media_port, "protocol": "UDP"},
            {"name": "signalling", "containerPort": inputs.signalling_port, "protocol": "TCP"},
            {"name": "control", "containerPort": inputs.control_port, "protocol": "TCP"},
        ],
        "env": _environment(hall_class, inputs),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "readinessProbe": _probe("/readyz", period=1, failures=3),
        # A start takes a second or two; only a loop that has stood still for long is killed.
        "livenessProbe": _probe("/healthz", period=10, failures=6) | {"initialDelaySeconds": 10},
    }
    resources = {
        kind: dict(amounts)
        for kind, amounts in (("requests", hall_class.requests), ("limits", hall_class.limits))
        if amounts
    }
    if resources:
        container["resources"] = resources
    return container


def _environment(hall_class: HallClass, inputs: PodInputs) -> list[dict[str, object]]:
    fields = {
        "RELAY_POD_NAME": "metadata.name",
        "RELAY_POD_UID": "metadata.uid",
        "RELAY_POD_IP": "status.podIP",
    }
    values = {
        "RELAY_OPERATOR_PUBLIC_KEY": inputs.operator_public_key,
        "RELAY_GATEWAY_PUBLIC_KEY": inputs.gateway_public_key,
        "RELAY_ADVERTISED_ADDRESSES": ",".join(hall_class.advertised_addresses),
        "RELAY_MEDIA_PORT": str(inputs.media_port),
        "RELAY_SIGNALLING_PORT": str(inputs.signalling_port),
        "RELAY_CONTROL_PORT": str(inputs.control_port),
        "RELAY_LOG_LEVEL": inputs.log_level,
    }
    referred: list[dict[str, object]] = [
        {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
        for name, path in fields.items()
    ]
    given: list[dict[str, object]] = [
        {"name": name, "value": value} for name, value in values.items()
    ]
    return referred + given


def _probe(path: str, *, period: int, failures: int) -> dict[str, object]:
    return {
        "httpGet": {"path": path, "port": "control"},
        "periodSeconds": period,
        "timeoutSeconds": 2 if period > 1 else 1,
        "failureThreshold": failures,
    }


def _elsewhere(node: str) -> dict[str, object]:
    # By name: the label kubernetes.io/hostname is not the node's name everywhere.
    field = {"key": "metadata.name", "operator": "NotIn", "values": [node]}
    preferred = {"weight": 100, "preference": {"matchFields": [field]}}
    return {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [preferred]}}


def _lost_node() -> list[dict[str, object]]:
    return [
        {
            "key": f"node.kubernetes.io/{taint}",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": _LOST_NODE_SECONDS,
        }
        for taint in ("not-ready", "unreachable")
    ]
