"""Fixtures that several layers share: a real API server and a namespace of one's own."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def kubectl(*arguments: str, stdin: str | None = None, check: bool = True) -> str:
    """Run kubectl against ``$KUBECONFIG`` and return what it printed.

    Raises:
        RuntimeError: kubectl failed and ``check`` is set; the message carries its standard error.
    """
    command = [os.environ.get("KUBECTL", "kubectl"), *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout if not done.returncode else done.stderr


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    """The test cluster's kubeconfig, with Relay's four CRDs installed."""
    path = os.environ.get("KUBECONFIG", "")
    if not path:
        pytest.fail("KUBECONFIG is not set: run this layer through make, or name a cluster")
    kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(ROOT / "crds"))
    return Path(path)


@pytest.fixture
def namespace(kubeconfig: Path) -> Iterator[str]:
    """A fresh namespace, removed afterwards without waiting for it."""
    name = f"t-{secrets.token_hex(5)}"
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    kubectl("create", "-f", "-", stdin=json.dumps(manifest))
    yield name
    kubectl("delete", "namespace", name, "--wait=false")
