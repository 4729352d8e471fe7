"""Keys that the chart makes, and keeps."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import secrets
import string
import subprocess
import zlib
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

CHART = Path(__file__).resolve().parents[3] / "charts" / "relay"
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
NAMES = {
    "relay-control-key", "relay-gateway-key", "relay-gateway-public", "relay-signing",
    "relay-api-keys", "relay-turn",
}  # fmt: skip


def with_checksum(body):
    """The key form of the REST reference, by Python's own CRC-32."""
    value, tail = zlib.crc32(body.encode()), ""
    for _ in range(6):
        value, digit = divmod(value, 62)
        tail = ALPHABET[digit] + tail
    return body + tail


def new_key():
    return with_checksum("relay_live_" + "".join(secrets.choice(ALPHABET) for _ in range(30)))


def data_of(rendered):
    return {
        secret["metadata"]["name"]: {
            key: base64.b64decode(value) for key, value in secret["data"].items()
        }
        for secret in rendered.all("Secret")
    }


def kubectl(*arguments, stdin=None):
    command = [os.environ.get("KUBECTL", "kubectl"), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout


def test_the_keys_are_ed25519_and_only_the_public_half_goes_to_the_other_part(rendered):
    data = data_of(rendered)
    assert set(data) == NAMES
    for name in ("relay-control-key", "relay-gateway-key"):
        key = load_pem_private_key(data[name]["tls.key"], password=None)
        certificate = x509.load_pem_x509_certificate(data[name]["tls.crt"])
        assert isinstance(key, Ed25519PrivateKey)
        assert certificate.public_key() == key.public_key()
    assert data["relay-gateway-public"] == {"tls.crt": data["relay-gateway-key"]["tls.crt"]}
    assert len(data["relay-signing"]["current"]) >= 32
    turn = data["relay-turn"]
    assert turn["turnserver.conf"] == b"static-auth-secret=%s\n" % turn["secret"]
    assert len(turn["secret"]) >= 32


def test_each_part_mounts_only_the_secrets_that_are_its_own(rendered):
    mounted = {
        name: {v["secret"]["secretName"] for v in spec.get("volumes", ()) if "secret" in v}
        for name, spec in rendered.pods().items()
    }
    assert mounted == {
        "relay-operator": {"relay-control-key", "relay-gateway-public"},
        "relay-api": {"relay-gateway-key", "relay-signing", "relay-api-keys", "relay-turn"},
        "relay-turn": {"relay-turn"},
        "relay-objects": set(),
        "relay-test": set(),
    }


@pytest.mark.parametrize("_", range(8))
def test_the_template_and_zlib_agree_on_the_checksum_of_a_key(render, _):
    key = new_key()
    stored = data_of(render(values={"bootstrap.apiKey": key}))["relay-api-keys"]
    (entry,) = stored.items()
    assert entry[0] == key[11:19]
    assert json.loads(entry[1]) == {
        "sha256": hashlib.sha256(key.encode()).hexdigest(),
        "namespace": "relay-halls",
        "name": "bootstrap",
    }


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda key: key[:-1] + ("a" if key[-1] != "a" else "b"), "has a typing error"),
        (lambda key: key[:20] + ("a" if key[20] != "a" else "b") + key[21:], "has a typing error"),
        (lambda key: key[:-1], "is not an API key"),
        (lambda key: key.replace("live", "text"), "is not an API key"),
    ],
)
def test_a_mistyped_key_is_refused_and_not_repeated(template, spoil, says):
    key = spoil(new_key())
    done = template(values={"bootstrap.apiKey": key})
    assert done.returncode != 0
    assert f"bootstrap.apiKey {says}" in done.stderr
    assert key not in done.stderr


@pytest.fixture
def install(helm, namespace):
    """What ``helm install`` would do in a namespace of one's own, asking the cluster."""

    def run(*more):
        done = helm(
            "install", "relay", str(CHART), "-n", namespace, "--dry-run=server", "--take-ownership",
            "--set", f"crds.install=false,tenant.create=false,tenant.namespace={namespace}", *more,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        manifest, _, notes = done.stdout.partition("\nNOTES:\n")
        objects = yaml.safe_load_all(manifest.partition("\nMANIFEST:\n")[2])
        found = [obj for obj in objects if obj]
        restarts = {
            o["metadata"]["name"]: o["spec"]["template"]["metadata"].get("annotations")
            for o in found
            if o["kind"] == "Deployment"
        }
        made = {o["metadata"]["name"]: o for o in found if o["kind"] == "Secret"}
        return made, notes, restarts

    return run


def test_a_first_install_shows_its_key_and_a_later_one_keeps_every_secret(install):
    first, notes, restarts = install()
    (key,) = re.findall(r"relay_live_\w{36}", notes)
    assert with_checksum(key[:41]) == key
    (entry,) = first["relay-api-keys"]["data"].values()
    assert json.loads(base64.b64decode(entry))["sha256"] == hashlib.sha256(key.encode()).hexdigest()
    assert key not in json.dumps(first)

    kubectl("create", "-f", "-", stdin=yaml.safe_dump_all(first.values()))
    again, notes, restarts_again = install()
    assert {name: secret["data"] for name, secret in again.items()} == {
        name: secret["data"] for name, secret in first.items()
    }
    assert "relay_live_" not in notes
    assert restarts_again == restarts, "an upgrade that changes no key restarts nothing for it"
    assert restarts["relay-operator"]
    assert restarts["relay-turn"]

    given = new_key()
    more, notes, _ = install("--set", f"bootstrap.apiKey={given}")
    kept = first["relay-api-keys"]["data"]
    assert more["relay-api-keys"]["data"].keys() == {*kept, given[11:19]}
    assert kept.items() <= more["relay-api-keys"]["data"].items()
    assert given not in notes
