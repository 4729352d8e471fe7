"""Objects put before a real API server, and what it says to them."""

from __future__ import annotations

import copy
import json
import os
import secrets
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """``stored`` is the object as the API server would keep it, or None where it refused."""

    stored: Json | None
    said: str

    @property
    def accepted(self) -> bool:
        return self.stored is not None


def run(*arguments: str, stdin: Json | None = None) -> Answer:
    command = [os.environ.get("KUBECTL", "kubectl"), *arguments, "-o", "json"]
    text = None if stdin is None else json.dumps(stdin)
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    stored = json.loads(done.stdout) if done.returncode == 0 else None
    return Answer(stored=stored, said=done.stderr.strip())


Submit = Callable[..., Answer]


@pytest.fixture(scope="module")
def namespace(kubeconfig: Path, kubectl_path: str) -> Iterator[str]:
    """One namespace for a module: most questions here are dry runs and leave nothing behind."""
    name = f"t-{secrets.token_hex(5)}"
    subprocess.run([kubectl_path, "create", "namespace", name], capture_output=True, check=True)
    yield name
    command = [kubectl_path, "delete", "namespace", name, "--wait=false"]
    subprocess.run(command, capture_output=True, check=True)


@pytest.fixture
def submit(namespace: str) -> Submit:
    """Ask the API server to create an object, without keeping it (``keep=True`` keeps it)."""

    def create(kind: str, spec: Any = None, *, name: str = "x", keep: bool = False) -> Answer:
        # Paused, because an operator may run on this cluster and is not what is asked here.
        meta = {"name": name, "annotations": {"relay.dev/paused": "true"}}
        obj: Json = {"apiVersion": "relay.dev/v1beta1", "kind": kind, "metadata": meta}
        if spec is not None:
            obj["spec"] = copy.deepcopy(spec)
        kept = [] if keep else ["--dry-run=server"]
        return run("create", "-n", namespace, "--validate=strict", *kept, "-f", "-", stdin=obj)

    return create


@pytest.fixture
def change(namespace: str) -> Submit:
    """Ask the API server to change a kept Hall, without keeping the change."""

    def patch(name: str, spec: Json) -> Answer:
        body = json.dumps({"spec": spec})
        dry = "--dry-run=server"
        return run("patch", "hall", name, "-n", namespace, dry, "--type=merge", "-p", body)

    return patch


@pytest.fixture
def explain(kubeconfig: Path) -> Callable[[str], str]:
    def ask(path: str) -> str:
        command = [os.environ.get("KUBECTL", "kubectl"), "explain", path]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    return ask


@pytest.fixture(scope="session")
def kubectl_path() -> str:
    return os.environ.get("KUBECTL", "kubectl")
