"""The pod that is created, and how pods are read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_crds import MalformedObjectError
from relay_operator.plan import Pod
from relay_operator.pod_template import PodInputs, build_pod
from unit.operator.cases import HALL_CLASS, hall

GOLDEN = Path(__file__).with_name("pod.golden.json")
INPUTS = PodInputs(operator_public_key="OPERATOR KEY\n", gateway_public_key="GATEWAY KEY\n")


def _built(**changes: Any) -> dict[str, Any]:
    return build_pod(hall(), replace(HALL_CLASS, **changes), name="room-1", inputs=INPUTS)


def test_the_pod_is_the_one_that_was_agreed_on() -> None:
    """An operator upgrade must not change pods unnoticed: look at this file's diff."""
    built = _built(
        requests={"cpu": "100m", "memory": "128Mi"},
        limits={"memory": "512Mi"},
        image_pull_secrets=("registry", "registry.mirror"),
        node_selector={"pool": "media"},
        tolerations=({"key": "media", "operator": "Exists"},),
        priority_class_name="rooms",
        advertised_addresses=("203.0.113.7", "203.0.113.8:9000"),
        termination_grace_period_seconds=45,
    )
    assert built == json.loads(GOLDEN.read_text())


def test_a_bare_class_sets_nothing_that_it_does_not_say() -> None:
    spec = _built()["spec"]
    assert not {"imagePullSecrets", "nodeSelector", "priorityClassName"} & set(spec)
    assert "resources" not in spec["containers"][0]


def test_a_media_pod_is_given_what_opens_the_registry_of_its_image() -> None:
    spec = _built(image_pull_secrets=("registry",))["spec"]
    assert spec["imagePullSecrets"] == [{"name": "registry"}]


def test_a_lost_node_is_avoided_by_name_and_taken_where_there_is_no_other() -> None:
    built: dict[str, Any] = build_pod(
        hall(), HALL_CLASS, name="room-1", inputs=INPUTS, avoid_node="node-a"
    )
    (term,) = built["spec"]["affinity"]["nodeAffinity"][
        "preferredDuringSchedulingIgnoredDuringExecution"
    ]
    (field,) = term["preference"]["matchFields"]
    assert field == {"key": "metadata.name", "operator": "NotIn", "values": ["node-a"]}
    assert "affinity" not in _built()["spec"]


def test_the_pod_meets_pod_security_restricted() -> None:
    spec = _built()["spec"]
    container = spec["containers"][0]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC", "volumes"} & set(spec)
    assert all("hostPort" not in port for port in container["ports"])


def test_the_pod_cannot_reach_the_api_server() -> None:
    spec = _built()["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert "serviceAccountName" not in spec


def test_the_pod_is_the_halls_own() -> None:
    (owner,) = _built()["metadata"]["ownerReferences"]
    assert owner["uid"] == hall().meta.uid
    assert owner["controller"] is True


def test_two_operators_of_the_same_version_build_the_same_pod() -> None:
    assert json.dumps(_built()) == json.dumps(_built())


def _object(**status: Any) -> dict[str, Any]:
    meta = {"name": "room", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {"metadata": meta, "spec": {}, "status": status}


def _container(**state: Any) -> dict[str, Any]:
    return {"containerStatuses": [{"name": "media", "state": state}]}


def test_a_pod_built_here_is_read_back_as_ours() -> None:
    built = _built()
    built["metadata"] |= {"uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"}
    found = Pod.from_object(built)
    assert (found.hall_uid, found.owner_uid) == (hall().meta.uid, hall().meta.uid)
    assert (found.finished, found.terminating, found.scheduled) == (False, False, False)


@pytest.mark.parametrize(
    ("status", "reason", "message"),
    [
        (_container(terminated={"reason": "OOMKilled", "exitCode": 9}), "OOMKilled", "exit code 9"),
        (_container(terminated={"exitCode": 1, "message": "boom"}), "Error", "exit code 1: boom"),
        ({"phase": "Failed", "reason": "Evicted", "message": "disk"}, "Evicted", "disk"),
        ({"phase": "Failed", "reason": "NodeShutdown", "message": "bye"}, "NodeShutdown", "bye"),
        ({"phase": "Failed"}, "Error", ""),
        ({"phase": "Succeeded"}, "Error", ""),
    ],
)  # fmt: skip
def test_why_a_pod_ended_is_read(status: dict[str, Any], reason: str, message: str) -> None:
    ending = Pod.from_object(_object(**status)).ending()
    assert ending is not None
    assert (ending.reason, ending.message) == (reason, message)


@pytest.mark.parametrize(
    "status",
    [
        {"phase": "Running", "podIP": "10.0.0.1"} | _container(running={}),
        {"phase": "Pending"} | _container(waiting={"reason": "ContainerCreating"}),
        {"phase": "Unknown"},
        {},
    ],
)
def test_a_pod_that_lives_has_no_ending(status: dict[str, Any]) -> None:
    assert Pod.from_object(_object(**status)).ending() is None


LEAF = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
TREE = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([
        "phase", "conditions", "containerStatuses", "state", "terminated", "exitCode", "type",
        "status", "reason", "podIP",
    ]), inner, max_size=4), max_leaves=15,
)  # fmt: skip


@given(TREE)
def test_whatever_a_pods_status_holds_is_read_or_refused(status: Any) -> None:
    try:
        Pod.from_object(_object() | {"status": status})
    except MalformedObjectError:
        return
