"""What the chart installs, and which values it refuses."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]


def test_helm_finds_nothing_to_complain_about(helm):
    done = helm("lint", "--strict", "--kube-version", "1.34.4", str(ROOT / "charts" / "relay"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_definitions_come_with_the_chart_and_stay_after_it(rendered, render):
    sources = [yaml.safe_load(path.read_text()) for path in sorted((ROOT / "crds").glob("*.yaml"))]
    found = sorted(
        rendered.all("CustomResourceDefinition"), key=lambda crd: crd["spec"]["names"]["singular"]
    )
    assert found == sources
    assert all(crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for crd in found)
    assert not render(values={"crds.install": False}).all("CustomResourceDefinition")


def test_the_class_the_plans_and_the_account_are_applied_after_the_rest(rendered):
    job = rendered.one("Job", "relay-objects")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "post-install,post-upgrade"
    caps = {
        obj["metadata"]["name"]: obj["spec"]["maxParticipants"]
        for obj in rendered.applied()
        if obj["kind"] == "Plan"
    }
    assert caps == {"free": 10, "starter": 50, "growth": 200, "enterprise": 1000}
    (hall_class,) = [obj for obj in rendered.applied() if obj["kind"] == "HallClass"]
    assert hall_class["metadata"]["name"] == "default"
    assert hall_class["spec"]["image"] == "localhost/relay-media:0.1.0"
    (account,) = [obj for obj in rendered.applied() if obj["kind"] == "Account"]
    assert account["spec"] == {"planName": "starter"}
    assert account["metadata"]["namespace"] == "relay-halls"


def kubectl(*arguments, stdin):
    command = [os.environ.get("KUBECTL", "kubectl"), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def test_a_restricted_namespace_accepts_everything_that_the_chart_makes(render, namespace):
    label = "pod-security.kubernetes.io/enforce=restricted"
    assert kubectl("label", "namespace", namespace, label, stdin="").returncode == 0
    found = render(
        "-n", namespace,
        values={
            "crds.install": False, "tenant.create": False, "tenant.namespace": namespace,
            "ingress.enabled": True, "ingress.host": "rooms.example.com",
            "hallClass.tolerations": [{"operator": "Exists"}],
            "hallClass.advertisedAddresses": ["203.0.113.7:30000"],
            "hallClass.imagePullSecrets": ["registry"],
        },
    )  # fmt: skip
    for obj in found.all("HallClass"):
        pytest.fail(f"{obj} would need its kind before the install")
    text = yaml.safe_dump_all([*found.objects, *found.applied()])
    # What an earlier release left, such as the kept HallClass, is no conflict worth telling of.
    forced = ("--server-side", "--force-conflicts", "--dry-run=server")
    done = kubectl("apply", *forced, "-f", "-", stdin=text)
    assert done.returncode == 0, done.stderr
    assert "would violate PodSecurity" not in done.stderr


def test_images_are_named_by_registry_and_tag(render):
    found = render(values={"image.registry": "registry.example.com/relay", "image.tag": "7"})
    images = {
        container["image"] for spec in found.pods().values() for container in spec["containers"]
    }
    images |= {o["spec"]["image"] for o in found.applied() if o["kind"] == "HallClass"}
    assert images == {
        f"registry.example.com/relay/relay-{part}:7"
        for part in ("operator", "api", "turn", "media")
    }


def test_services_open_the_node_ports_that_were_asked_for(render):
    values = {
        "service.type": "NodePort", "service.nodePort": 30080,
        "turn.service.type": "NodePort", "turn.service.nodePort": 30478,
    }  # fmt: skip
    found = render(values=values)
    api = found.one("Service", "relay-api")["spec"]
    assert [port["nodePort"] for port in api["ports"]] == [30080]
    # Else a lost replica keeps everybody behind its clients' address.
    assert api["sessionAffinity"] == "None"
    turn = found.one("Service", "relay-turn")["spec"]
    assert {(port["protocol"], port["nodePort"]) for port in turn["ports"]} == {
        ("UDP", 30478),
        ("TCP", 30478),
    }


@pytest.mark.parametrize("part", ["relay-api", "relay-turn"])
def test_replicas_stay_apart_also_where_nodes_have_no_zone(rendered, part):
    """Spread constraints over node and zone count no node without a zone: both met on one node."""
    terms = rendered.pods()[part]["affinity"]["podAntiAffinity"][
        "preferredDuringSchedulingIgnoredDuringExecution"
    ]
    apart = {term["podAffinityTerm"]["topologyKey"]: term["weight"] for term in terms}
    assert apart == {"kubernetes.io/hostname": 100, "topology.kubernetes.io/zone": 50}
    for term in terms:
        selected = term["podAffinityTerm"]["labelSelector"]["matchLabels"]
        assert selected["app.kubernetes.io/name"] == part


@pytest.mark.parametrize("part", ["relay-operator", "relay-api", "relay-turn"])
def test_a_lost_nodes_parts_begin_anew_soon(rendered, render, part):
    def given(found):
        keys = {t["key"]: t["tolerationSeconds"] for t in found.pods()[part]["tolerations"][:2]}
        return keys, found.pods()[part]["tolerations"][2:]

    soon = {"node.kubernetes.io/not-ready": 15, "node.kubernetes.io/unreachable": 15}
    assert given(rendered) == (soon, [])
    own = [{"key": "rooms", "operator": "Exists"}]
    values = {f"{part.removeprefix('relay-')}.tolerations": own}
    assert given(render(values=values)) == (soon, own)


def environment(found):
    (container,) = found.pods()["relay-api"]["containers"]
    return {env["name"]: env.get("value") for env in container["env"]}


def test_people_are_told_of_turn_unless_it_is_off(rendered, render):
    assert environment(rendered)["RELAY_TURN_URLS"] == "turn:relay-turn.relay-system.svc:3478"
    urls = ["turn:192.0.2.1:30478", "turn:192.0.2.1:30478?transport=tcp"]
    assert environment(render(values={"turn.urls": urls}))["RELAY_TURN_URLS"] == ",".join(urls)
    off = render(values={"turn.enabled": False})
    assert "relay-turn" not in off.pods()
    assert "relay-turn" not in {secret["metadata"]["name"] for secret in off.all("Secret")}
    assert not [name for name in environment(off) if name.startswith("RELAY_TURN")]


def test_participants_behind_an_ingress_do_not_all_count_as_one_address(rendered, render):
    assert environment(rendered)["RELAY_TRUSTED_PROXIES"] == ""
    ranges = ["10.244.0.0/16", "2001:db8:42::/56"]
    found = environment(render(values={"api.trustedProxies": ranges}))
    assert found["RELAY_TRUSTED_PROXIES"] == ",".join(ranges)


def test_media_pods_can_pull_from_a_registry_that_asks_for_a_password(rendered, render):
    def given(found):
        (hall_class,) = [obj for obj in found.applied() if obj["kind"] == "HallClass"]
        return hall_class["spec"].get("imagePullSecrets")

    assert given(rendered) is None
    assert given(render(values={"hallClass.imagePullSecrets": ["registry"]})) == ["registry"]


def test_one_replica_of_the_front_door_may_always_be_missing(rendered):
    assert rendered.one("Deployment", "relay-api")["spec"]["replicas"] == 2
    budget = rendered.one("PodDisruptionBudget", "relay-api")["spec"]
    assert budget["maxUnavailable"] == 1
    assert rendered.one("Deployment", "relay-operator")["spec"]["strategy"]["type"] == "Recreate"


REFUSED = [
    ("apiReplicas", 2, "additional properties 'apiReplicas' not allowed"),
    ("api.replicas", 0, "'/api/replicas'"),
    ("api.publicURL", "rooms.example.com", "'/api/publicURL'"),
    ("api.trustedProxies", ["ingress.example.com"], "'/api/trustedProxies/0'"),
    ("api.trustedProxies", ["*"], "'/api/trustedProxies/0'"),
    ("keys.create", "no", "'/keys/create'"),
    ("logLevel", "LOUD", "'/logLevel'"),
    ("image.registry", "", "'/image/registry'"),
    ("image.tag", "a tag", "'/image/tag'"),
    ("service.type", "Door", "'/service/type'"),
    ("service.nodePort", 80, "'/service/nodePort'"),
    ("ingress.enabled", True, "'/ingress/host'"),
    ("operator.namespaces", "one", "'/operator/namespaces'"),
    ("operator.retentionSeconds", -1, "'/operator/retentionSeconds'"),
    ("tenant.namespace", "Relay Halls", "'/tenant/namespace'"),
    ("hallClass.codecs", ["AV1"], "'/hallClass/codecs/0'"),
    ("hallClass.imagePullSecrets", ["My Secret"], "'/hallClass/imagePullSecrets/0'"),
    ("hallClass.advertisedAddresses", ["media.example.com"], "'/hallClass/advertisedAddresses/0'"),
    ("hallClass.resources.requests.cpu", "lots", "'/hallClass/resources/requests/cpu'"),
    ("hallClass.hostNetwork", True, "additional properties 'hostNetwork' not allowed"),
    ("plans.free", None, "missing property 'free'"),
    ("plans.free.maxParticipants", 0, "'/plans/free/maxParticipants'"),
    ("turn.urls", ["http://example.com"], "'/turn/urls/0'"),
    ("turn.relayPorts.min", 80, "'/turn/relayPorts/min'"),
    ("turn.deniedPeers", ["everybody"], "'/turn/deniedPeers/0'"),
    ("turn.deniedPeers", ["::-::1"], "'/turn/deniedPeers/0'"),
    ("networkPolicy.apiServer.cidrs", [], "'/networkPolicy/apiServer/cidrs'"),
]


@pytest.mark.parametrize(("name", "value", "says"), REFUSED, ids=[case[0] for case in REFUSED])
def test_a_wrong_value_is_refused_naming_where_it_is(template, name, value, says):
    done = template(values={name: value})
    assert done.returncode != 0
    assert says in done.stderr, done.stderr


def test_every_value_is_described_by_the_schema():
    chart = ROOT / "charts" / "relay"
    schema = json.loads((chart / "values.schema.json").read_text())

    def compare(value, described, path):
        if "$ref" in described or "properties" not in described:
            return
        assert described["additionalProperties"] is False, path
        for name, inner in value.items():
            assert name in described["properties"], f"{path}.{name}"
            compare(inner, described["properties"][name], f"{path}.{name}")

    compare(yaml.safe_load((chart / "values.yaml").read_text()), schema, "values")
