"""Keys that somebody else makes (``keys.create: false``), by the commands that the docs give."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from relay_api.credentials.bundle import Credentials
from relay_api.settings import Settings
from relay_operator.keys import load_private_key, load_public_pem, public_pem

ROOT = Path(__file__).resolve().parents[3]
CHART = ROOT / "charts" / "relay"
OPERATIONS = ROOT / "docs" / "operations.md"
OWN = {"keys.create": False}
NAMES = {
    "relay-control-key", "relay-gateway-key", "relay-gateway-public", "relay-signing",
    "relay-api-keys", "relay-turn",
}  # fmt: skip


def kubectl(*arguments, stdin=None):
    command = [os.environ.get("KUBECTL", "kubectl"), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout


def commands(heading):
    """The shell commands that docs/operations.md gives under this heading."""
    (text,) = re.findall(
        rf"^### {heading}$.*?^```bash\n(.*?)^```$", OPERATIONS.read_text(), re.MULTILINE | re.DOTALL
    )
    return text


@pytest.fixture
def run_docs(namespace, tmp_path, monkeypatch):
    """Runs the commands under a heading of the docs, word for word, in a namespace of one's own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "kubectl").symlink_to(shutil.which(os.environ.get("KUBECTL", "kubectl")))

    def run(heading):
        text = commands(heading).replace("relay-system", namespace)
        env = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stderr

    return run


@pytest.fixture
def install(helm, namespace):
    """What ``helm install`` would do in that namespace, asking the cluster."""

    def run(*more):
        return helm(
            "install", "relay", str(CHART), "-n", namespace, "--dry-run=server", "--take-ownership",
            "--set", f"crds.install=false,tenant.create=false,tenant.namespace={namespace}",
            "--set", "keys.create=false", *more,
        )  # fmt: skip

    return run


def restarts(done):
    assert done.returncode == 0, done.stderr
    manifest = done.stdout.partition("\nNOTES:\n")[0].partition("\nMANIFEST:\n")[2]
    found = [obj for obj in yaml.safe_load_all(manifest) if obj]
    assert not [obj for obj in found if obj["kind"] == "Secret"]
    return {
        obj["metadata"]["name"]: obj["spec"]["template"]["metadata"]["annotations"][
            "relay.dev/keys"
        ]
        for obj in found
        if obj["kind"] == "Deployment" and obj["metadata"]["name"] != "relay-api"
    }


def mounted(name, namespace, folder):
    """A Secret's data keys as files, as a pod sees them."""
    (folder / name).mkdir()
    template = '{{range $key, $value := .data}}{{$key}} {{$value | base64decode}}{{"\\000"}}{{end}}'
    told = kubectl("get", "secret", name, "-n", namespace, "-o", f"go-template={template}")
    for entry in told.split("\0")[:-1]:
        key, _, value = entry.partition(" ")
        (folder / name / key).write_text(value)
    return folder / name


def test_a_chart_rendered_anew_does_not_bring_new_keys(render):
    first, again = render(values=OWN), render(values=OWN)
    assert not first.all("Secret")
    assert first == again
    mounts = {
        volume["secret"]["secretName"]
        for spec in first.pods().values()
        for volume in spec.get("volumes", ())
        if "secret" in volume
    }
    assert mounts == NAMES, "named as the chart's own are"


def test_a_bootstrap_key_that_would_be_stored_nowhere_is_refused(template):
    done = template(values=OWN | {"bootstrap.apiKey": "relay_live_x"})
    assert done.returncode != 0
    assert "bootstrap.apiKey goes with keys.create: true" in done.stderr
    assert "relay_live_x" not in done.stderr


def test_what_the_documented_commands_make_is_what_every_part_takes(
    run_docs, install, namespace, tmp_path
):
    run_docs("Keys of your own")
    (key,) = re.findall(r"relay_live_\w{36}", run_docs("API keys"))
    done = install()
    before = restarts(done)
    assert set(before) == {"relay-operator", "relay-turn"}
    assert "The keys are your own Secrets" in done.stdout

    files = {name: mounted(name, namespace, tmp_path) for name in NAMES}
    load_private_key(files["relay-control-key"] / "tls.key")
    gateway = load_private_key(files["relay-gateway-key"] / "tls.key")
    assert load_public_pem(files["relay-gateway-public"] / "tls.crt") == public_pem(gateway)
    settings = Settings.from_environ({
        "RELAY_GATEWAY_KEY_FILE": str(files["relay-gateway-key"] / "tls.key"),
        "RELAY_SIGNING_SECRET_FILE": str(files["relay-signing"]),
        "RELAY_API_KEYS_DIR": str(files["relay-api-keys"]),
        "RELAY_TURN_SECRET_FILE": str(files["relay-turn"] / "secret"),
    })  # fmt: skip
    opened = Credentials.from_settings(settings, on_error=lambda error: pytest.fail(str(error)))
    assert opened.keyring.caller_of(key).namespace == "relay-halls"
    assert opened.turn is not None
    line = b"static-auth-secret=%s\n" % opened.turn.get()
    assert (files["relay-turn"] / "turnserver.conf").read_bytes() == line

    # An upgrade that sees a key changed restarts who read the old one, and nobody else.
    kubectl("delete", "secret", "relay-control-key", "-n", namespace)
    text = '{"stringData": {"tls.key": "another"}, "metadata": {"name": "relay-control-key"}, '
    text += '"apiVersion": "v1", "kind": "Secret"}'
    kubectl("create", "-n", namespace, "-f", "-", stdin=text)
    after = restarts(install())
    assert after["relay-operator"] != before["relay-operator"]
    assert after["relay-turn"] == before["relay-turn"]


def test_keys_that_are_missing_or_do_not_fit_are_named_before_anything_is_installed(
    run_docs, install, namespace
):
    done = install()
    assert done.returncode != 0
    for name in NAMES:
        assert f"Secret {name} is missing" in done.stderr
    assert 'docs/operations.md tells under "Keys of your own"' in done.stderr
    assert "relay-turn" not in install("--set", "turn.enabled=false").stderr

    run_docs("Keys of your own")
    patch = ("patch", "secret", "-n", namespace, "--type=merge", "-p")
    kubectl(*patch, '{"data": {"current": null}}', "relay-signing")
    kubectl(*patch, '{"stringData": {"secret": "another"}}', "relay-turn")
    said = install().stderr
    assert "Secret relay-signing lacks the data key current" in said
    assert "another secret in turnserver.conf than in secret" in said
    assert "relay-control-key" not in said


def test_keys_that_the_chart_made_are_not_deleted_by_turning_to_ones_own(
    run_docs, install, namespace
):
    run_docs("Keys of your own")
    of_the_release = ("annotate", "secret", "--all", "-n", namespace)
    kubectl(*of_the_release, "meta.helm.sh/release-name=relay")
    done = install()
    assert done.returncode != 0
    for name in NAMES:
        remedy = f"kubectl annotate secret {name} -n {namespace} helm.sh/resource-policy=keep"
        assert remedy in done.stderr
    kubectl(*of_the_release, "helm.sh/resource-policy=keep")
    assert set(restarts(install())) == {"relay-operator", "relay-turn"}
