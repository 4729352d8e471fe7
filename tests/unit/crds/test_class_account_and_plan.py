"""A HallClass, an Account and a Plan as they are read."""

from __future__ import annotations

import pytest

from relay_crds import Account, HallClass, MalformedObjectError, Plan
from relay_crds.names import PullPolicy
from unit.crds.objects import META


def test_a_hall_class_is_read_with_its_defaults():
    read = HallClass.from_object({"metadata": META, "spec": {"image": "relay-media:1"}})
    assert read.image == "relay-media:1"
    assert read.image_pull_policy is PullPolicy.IF_NOT_PRESENT
    assert read.codecs == ("opus", "VP8", "H264")
    assert read.termination_grace_period_seconds == 30


def test_every_field_of_a_hall_class_is_read():
    spec = {
        "image": "m:1", "imagePullPolicy": "Never", "codecs": ["opus"],
        "imagePullSecrets": ["registry", "mirror"],
        "resources": {"requests": {"cpu": 1, "memory": "96Mi"}, "limits": {"memory": "512Mi"}},
        "nodeSelector": {"pool": "media"}, "tolerations": [{"key": "media", "operator": "Exists"}],
        "priorityClassName": "media", "advertisedAddresses": ["192.0.2.7:30000"],
        "terminationGracePeriodSeconds": 0,
    }  # fmt: skip
    read = HallClass.from_object({"metadata": META, "spec": spec})
    assert read.image_pull_secrets == ("registry", "mirror")
    assert read.requests == {"cpu": "1", "memory": "96Mi"}
    assert read.limits == {"memory": "512Mi"}
    assert read.node_selector == {"pool": "media"}
    assert read.tolerations == ({"key": "media", "operator": "Exists"},)
    assert read.priority_class_name == "media"
    assert read.advertised_addresses == ("192.0.2.7:30000",)
    assert read.codecs == ("opus",)
    assert read.image_pull_policy is PullPolicy.NEVER
    assert read.termination_grace_period_seconds == 0


def test_a_hall_class_without_an_image_is_refused():
    with pytest.raises(MalformedObjectError, match=r"spec\.image is missing"):
        HallClass.from_object({"metadata": META, "spec": {}})


def test_an_account_without_a_plan_is_on_the_free_one():
    assert Account.from_object({"metadata": META}).plan_name == "free"
    read = Account.from_object(
        {"metadata": META, "spec": {"planName": "growth", "displayName": "Acme"}}
    )
    assert (read.plan_name, read.display_name) == ("growth", "Acme")


def test_a_plan_is_read_and_must_cap_participants():
    read = Plan.from_object({"metadata": META, "spec": {"maxParticipants": 10, "recording": True}})
    assert (read.max_participants, read.recording, read.moderation) == (10, True, False)
    with pytest.raises(MalformedObjectError, match=r"spec\.maxParticipants is missing"):
        Plan.from_object({"metadata": META, "spec": {}})
