"""What the chart promises: restricted pods, listed rights, closed networks."""

from __future__ import annotations

import pytest

EVERYTHING = {
    "service.type": "NodePort",
    "turn.service.type": "NodePort",
    "ingress.enabled": True,
    "ingress.host": "rooms.example.com",
    "networkPolicy.monitoringNamespace": "monitoring",
    "operator.namespaces": ["one", "two"],
    "test.apiKeySecret": "key",
}
PARTS = {"relay-operator", "relay-api", "relay-turn", "relay-objects", "relay-test"}


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["as it is", "with everything on"])
def test_every_pod_is_restricted_and_more(render, values):
    pods = render(values=values).pods()
    assert set(pods) == PARTS
    for name, spec in pods.items():
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] == 65532, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for forbidden in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"):
            assert forbidden not in spec, name
        volumes = {next(kind for kind in volume if kind != "name") for volume in
                   spec.get("volumes", [])}  # fmt: skip
        assert volumes <= {"secret", "emptyDir"}, name
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name
            assert "memory" in container["resources"]["limits"], name
            assert "hostPort" not in str(container.get("ports")), name


def test_only_what_talks_to_the_api_server_holds_a_token(rendered):
    holding = {
        name for name, spec in rendered.pods().items() if spec["automountServiceAccountToken"]
    }
    assert holding == {"relay-operator", "relay-api", "relay-objects"}
    for account in rendered.all("ServiceAccount"):
        assert account["automountServiceAccountToken"] is False


def test_every_lasting_part_has_probes(rendered):
    for deployment in rendered.all("Deployment"):
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)


def granted(role):
    return sorted(
        (f"{group or 'core'}/{resource}", verb, tuple(rule.get("resourceNames", ())))
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    )


def rights(text, names=()):
    return sorted(
        (resource, verb, names)
        for line in text.strip().splitlines()
        for resource, _, verbs in [line.strip().partition(" ")]
        for verb in verbs.split()
    )


OPERATOR_IN_NAMESPACES = """
    core/pods create delete get list watch
    events.k8s.io/events create
    relay.dev/accounts list watch
    relay.dev/halls delete get list patch watch
    relay.dev/halls/finalizers update
    relay.dev/halls/status patch
"""
OPERATOR_IN_CLUSTER = """
    relay.dev/hallclasses list watch
    relay.dev/plans list watch
"""
API = """
    relay.dev/accounts get list watch
    relay.dev/hallclasses get list watch
    relay.dev/halls create get list patch watch
    relay.dev/plans get list watch
"""


def test_the_rights_of_every_part_are_exactly_these(rendered):
    roles = {role["metadata"]["name"]: granted(role) for role in rendered.all("ClusterRole")}
    plans = ("enterprise", "free", "growth", "starter")
    assert roles == {
        "relay-operator:relay-system": rights(OPERATOR_IN_NAMESPACES + OPERATOR_IN_CLUSTER),
        "relay-api:relay-system": rights(API),
        "relay-objects:relay-system": sorted(
            rights("relay.dev/hallclasses create\nrelay.dev/plans create")
            + rights("relay.dev/hallclasses patch", ("default",))
            + rights("relay.dev/plans patch", plans)
        ),
    }
    (role,) = rendered.all("Role")
    assert role["metadata"]["namespace"] == "relay-halls"
    assert granted(role) == sorted(
        rights("relay.dev/accounts create") + rights("relay.dev/accounts patch", ("default",))
    )


def test_an_operator_for_named_namespaces_has_rights_in_those_only(render):
    found = render(values={"operator.namespaces": ["one", "two"]})
    cluster = found.one("ClusterRole", "relay-operator:relay-system")
    assert granted(cluster) == rights(OPERATOR_IN_CLUSTER)
    roles = {
        role["metadata"]["namespace"]: granted(role)
        for role in found.all("Role")
        if role["metadata"]["name"] == "relay-operator"
    }
    assert roles == dict.fromkeys(("one", "two"), rights(OPERATOR_IN_NAMESPACES))
    (container,) = found.pods()["relay-operator"]["containers"]
    assert {"name": "RELAY_NAMESPACES", "value": "one,two"} in container["env"]


def ports(rules):
    return sorted(
        f"{port['protocol']}/{port['port']}" for rule in rules for port in rule.get("ports", [])
    )


def test_every_policy_denies_both_ways_what_it_does_not_name(rendered):
    policies = {found["metadata"]["name"]: found for found in rendered.all("NetworkPolicy")}
    assert set(policies) == {
        "relay-operator", "relay-api", "relay-turn", "relay-objects", "relay-media"
    }  # fmt: skip
    for name, policy in policies.items():
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"], name
        labels = policy["spec"]["podSelector"]["matchLabels"]
        assert labels["app.kubernetes.io/name"] == name
    base = ["TCP/443", "TCP/53", "TCP/6443", "UDP/53"]
    opened = {
        name: (ports(policy["spec"]["ingress"]), ports(policy["spec"]["egress"]))
        for name, policy in policies.items()
    }
    assert opened == {
        "relay-operator": (["TCP/8080"], sorted([*base, "TCP/7881"])),
        "relay-api": (["TCP/8080"], sorted([*base, "TCP/7880", "TCP/7881"])),
        "relay-turn": (["TCP/3478", "UDP/3478"], ["UDP/7882"]),
        "relay-objects": ([], base),
        "relay-media": (["TCP/7880", "TCP/7881", "UDP/7882"], []),
    }


def peers(policy, port):
    (rule,) = [
        rule for rule in policy["spec"]["ingress"] if rule["ports"][0]["port"] == port
    ]  # fmt: skip
    return [
        (
            peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"],
            peer.get("podSelector", {}).get("matchLabels", {}).get("app.kubernetes.io/name"),
        )
        for peer in rule["from"]
    ]


def test_media_pods_are_reached_by_the_parts_that_need_each_port(render):
    found = render(values={"networkPolicy.monitoringNamespace": "monitoring"})
    media = found.one("NetworkPolicy", "relay-media")
    assert media["metadata"]["namespace"] == "relay-halls"
    assert media["spec"]["ingress"][0] == {"ports": [{"protocol": "UDP", "port": 7882}]}
    assert peers(media, 7880) == [("relay-system", "relay-api")]
    assert peers(media, 7881) == [
        ("relay-system", "relay-operator"),
        ("relay-system", "relay-api"),
        ("monitoring", None),
    ]


def test_media_pods_beyond_the_first_tenants_namespace_are_not_left_open_to_all(render):
    values = {"operator.namespaces": ["one", "relay-halls", "two"]}
    found = [
        policy
        for policy in render(values=values).all("NetworkPolicy")
        if policy["metadata"]["name"] == "relay-media"
    ]
    # Each once: Helm refuses a release that holds the same object twice.
    assert [policy["metadata"]["namespace"] for policy in found] == ["relay-halls", "one", "two"]
    first, *others = [policy["spec"] for policy in found]
    assert others == [first, first]
    off = values | {"networkPolicy.enabled": False}
    assert not render(values=off).all("NetworkPolicy")


def test_the_media_policy_can_be_printed_for_a_namespace_that_the_chart_does_not_know(render):
    """The command of docs/operations.md, "More tenants"."""
    only = ("--show-only", "templates/mediapolicies.yaml")
    found = render("-n", "relay-system", *only, values={"tenant.namespace": "team-b"})
    (policy,) = found.objects
    assert (policy["kind"], policy["metadata"]["namespace"]) == ("NetworkPolicy", "team-b")
    assert peers(policy, 7880) == [("relay-system", "relay-api")]
    assert policy["spec"]["egress"] == []


def test_every_namespace_that_the_chart_makes_is_restricted(rendered):
    (namespace,) = rendered.all("Namespace")
    labels = namespace["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_turn_denies_this_host_metadata_and_multicast_and_can_be_narrowed(rendered, render):
    (container,) = rendered.pods()["relay-turn"]["containers"]
    denied = {a.partition("=")[2] for a in container["args"] if a.startswith("--denied-peer-ip=")}
    assert {
        "127.0.0.0-127.255.255.255",
        "169.254.0.0-169.254.255.255",
        "224.0.0.0-255.255.255.255",
    } <= denied
    # Found on a real coturn: an IPv6 range among them, "::-::1", refused every IPv4 peer.
    assert not any(peers.startswith("::") for peers in denied)
    for flag in ("--use-auth-secret", "--no-cli", "--no-tls", "--no-dtls", "--no-tcp-relay"):
        assert flag in container["args"]
    assert not any("secret=" in argument for argument in container["args"])

    narrowed = render(values={"turn.allowedPeers": ["10.244.0.0-10.244.255.255"]})
    (container,) = narrowed.pods()["relay-turn"]["containers"]
    assert "--allowed-peer-ip=10.244.0.0-10.244.255.255" in container["args"]
    assert "--denied-peer-ip=0.0.0.0-255.255.255.255" in container["args"]
