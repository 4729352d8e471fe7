"""The chart as Helm renders it, with or without asking the cluster."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

CHART = Path(__file__).resolve().parents[3] / "charts" / "relay"

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Rendered:
    objects: tuple[Json, ...] = field(default=())

    def all(self, kind: str) -> list[Json]:
        return [found for found in self.objects if found["kind"] == kind]

    def one(self, kind: str, name: str) -> Json:
        (found,) = [obj for obj in self.all(kind) if obj["metadata"]["name"] == name]
        return found

    def pods(self) -> dict[str, Json]:
        """Pod specs by the name of what makes them."""
        specs = {found["metadata"]["name"]: found["spec"] for found in self.all("Pod")}
        for kind in ("Deployment", "Job"):
            for found in self.all(kind):
                specs[found["metadata"]["name"]] = found["spec"]["template"]["spec"]
        return specs

    def applied(self) -> list[Json]:
        """The objects of Relay's own kinds, which a Job applies."""
        (container,) = self.pods()["relay-objects"]["containers"]
        (value,) = [env["value"] for env in container["env"] if env["name"] == "RELAY_OBJECTS"]
        return json.loads(value)


Helm = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def helm() -> Helm:
    path = os.environ.get("HELM") or shutil.which("helm")
    if not path:
        pytest.fail("helm is not here: put it on PATH or name it in HELM")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([path, *arguments], capture_output=True, text=True, check=False)

    return run


def sets(values: Json) -> list[str]:
    return [
        argument
        for name, value in values.items()
        for argument in ("--set-json", f"{name}={json.dumps(value)}")
    ]


@pytest.fixture(scope="session")
def template(helm: Helm) -> Callable[..., subprocess.CompletedProcess[str]]:
    """``helm template`` with values by their dotted names; more arguments come first."""

    def run(*arguments: str, values: Json | None = None) -> subprocess.CompletedProcess[str]:
        command = ["template", "relay", str(CHART), "--kube-version", "1.34.4"]
        return helm(*command, *sets(values or {}), *(arguments or ("-n", "relay-system")))

    return run


@pytest.fixture(scope="session")
def render(template: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., Rendered]:
    def run(*arguments: str, values: Json | None = None) -> Rendered:
        done = template(*arguments, values=values)
        assert done.returncode == 0, done.stderr
        return Rendered(objects=tuple(obj for obj in yaml.safe_load_all(done.stdout) if obj))

    return run


@pytest.fixture(scope="session")
def rendered(render: Callable[..., Rendered]) -> Rendered:
    """The chart with its own values."""
    return render()
