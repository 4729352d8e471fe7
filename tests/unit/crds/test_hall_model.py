"""A Hall as it is read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_crds import metadata_size
from relay_crds.names import DesiredState, IdlePolicy
from unit.crds.objects import NOON, hall, json_values


def test_a_hall_with_no_spec_has_the_defaults():
    spec = hall().spec
    assert spec.max_participants == 50
    assert (spec.record, spec.moderation) == (False, False)
    assert spec.class_name == "default"
    assert spec.desired_state is DesiredState.OPEN
    assert spec.idle_policy is IdlePolicy.HIBERNATE
    assert spec.idle_timeout_seconds == 300
    assert spec.max_duration_seconds is None
    assert spec.display_name is None
    assert spec.metadata == {}


def test_every_field_of_a_hall_is_read():
    read = hall(
        metadata={"namespace": "tenant", "generation": 3, "resourceVersion": "77",
                  "deletionTimestamp": "2026-11-23T19:05:00Z", "labels": {"a": "b"},
                  "annotations": {"c": "d"}, "finalizers": ["relay.dev/close"]},
        spec={"displayName": "Stand-up", "maxParticipants": 12, "record": True, "moderation": True,
              "metadata": {"team": {"id": 7}}, "className": "big", "desiredState": "Closed",
              "idlePolicy": "Keep", "idleTimeoutSeconds": 60, "maxDurationSeconds": 3600},
    )  # fmt: skip
    assert read.meta.namespace == "tenant"
    assert read.meta.generation == 3
    assert read.meta.resource_version == "77"
    assert read.meta.deletion_timestamp == datetime(2026, 11, 23, 19, 5, tzinfo=UTC)
    assert read.meta.labels == {"a": "b"}
    assert read.meta.finalizers == ("relay.dev/close",)
    assert read.spec.display_name == "Stand-up"
    assert read.spec.max_participants == 12
    assert read.spec.record
    assert read.spec.moderation
    assert read.spec.metadata == {"team": {"id": 7}}
    assert read.spec.class_name == "big"
    assert read.spec.desired_state is DesiredState.CLOSED
    assert read.spec.idle_policy is IdlePolicy.KEEP
    assert read.spec.idle_timeout_seconds == 60
    assert read.spec.max_duration_seconds == 3600
    assert read.hall_id.startswith("h_")
    assert read.closing
    assert not read.closed


@pytest.mark.parametrize(
    "part",
    [
        {"spec": {"desiredState": "Closed"}},
        {"metadata": {"deletionTimestamp": "2026-11-23T19:05:00Z"}},
        {"status": {"closedAt": "2026-11-23T19:05:00Z"}},
    ],
)
def test_a_hall_is_closing_from_the_first_sign_of_its_end(part):
    assert not hall().closing
    assert hall(**part).closing


def test_annotations_are_read_and_nonsense_in_them_stops_nothing():
    said = hall(
        metadata={"annotations": {"relay.dev/close-requested-at": "2026-11-23T12:00:00.250Z",
                                  "relay.dev/wake-requested-at": "soon",
                                  "relay.dev/paused": "true"}}
    )  # fmt: skip
    assert said.close_requested_at == NOON
    assert said.wake_requested_at is None
    assert said.paused
    assert not hall().paused


def test_the_size_of_metadata_is_that_of_compact_json_in_utf_8():
    assert metadata_size({}) == 2
    assert metadata_size({"a": [1, "é"]}) == len('{"a":[1,"é"]}'.encode())
    assert not hall(spec={"metadata": {"a": "x" * (16 * 1024 - 8)}}).spec.metadata_too_large
    assert hall(spec={"metadata": {"a": "x" * (16 * 1024 - 7)}}).spec.metadata_too_large


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_every_json_object_has_a_size(metadata):
    assert metadata_size(metadata) >= 2
