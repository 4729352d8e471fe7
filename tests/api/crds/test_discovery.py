"""How the four kinds present themselves to somebody with kubectl."""

from __future__ import annotations

import subprocess

import pytest


def test_all_kinds_have_short_names_and_the_category(kubeconfig, kubectl_path):
    listed = subprocess.run(
        [kubectl_path, "api-resources", "--categories=relay", "--no-headers"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    rows = sorted(line.split() for line in listed.splitlines())
    assert rows == [
        ["accounts", "raccount", "relay.dev/v1beta1", "true", "Account"],
        ["hallclasses", "rclass", "relay.dev/v1beta1", "false", "HallClass"],
        ["halls", "rhall", "relay.dev/v1beta1", "true", "Hall"],
        ["plans", "rplan", "relay.dev/v1beta1", "false", "Plan"],
    ]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("hall", "A Hall is one managed video room."),
        ("hall.spec", "What you want this room to be. Relay never writes here."),
        ("hall.spec.desiredState", "Closed is final."),
        ("hall.status.conditions", "`Ready` is the summary"),
        ("hallclass.spec.advertisedAddresses", "offered to browsers"),
        ("account.spec.planName", "caps this namespace's halls"),
        ("plans.relay.dev.spec.maxParticipants", "How many people may be in one hall at once"),
    ],
)
def test_explain_reads_like_documentation(explain, path, says):
    assert says in " ".join(explain(path).split())
