from __future__ import annotations

import dataclasses
import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_crds import (
    Account,
    Condition,
    EventCursor,
    Hall,
    HallClass,
    HallStatus,
    MalformedObjectError,
    Plan,
    PodFailure,
    metadata_size,
)
from relay_crds.fields import Fields
from relay_crds.names import ConditionStatus, ConditionType, DesiredState, IdlePolicy, PullPolicy

META = {"name": "standup", "uid": "u-1", "creationTimestamp": "2026-11-23T19:00:00Z"}
NOON = datetime(2026, 11, 23, 12, 0, 0, 250_000, tzinfo=UTC)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
spec_names = st.sampled_from(
    ["displayName", "maxParticipants", "record", "metadata", "className", "desiredState",
     "idlePolicy", "idleTimeoutSeconds", "image", "resources", "tolerations", "codecs", "planName",
     "conditions", "eventCursor", "lastPodFailure", "closedAt", "podRestarts"]
)  # fmt: skip
meta_names = st.sampled_from([*META, "labels", "annotations", "finalizers", "generation"])
objects = st.builds(
    lambda meta, spec, status: {"metadata": {**META, **meta}, "spec": spec, "status": status},
    st.dictionaries(meta_names, json_values, max_size=3),
    st.dictionaries(spec_names, json_values, max_size=6),
    st.dictionaries(spec_names, json_values, max_size=6),
)


def hall(**parts):
    return Hall.from_object({"metadata": {**META, **parts.pop("metadata", {})}, **parts})


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


def test_fields_of_a_newer_release_are_ignored():
    read = hall(
        spec={"hologram": True}, status={"conditions": [], "outbox": [{"x": 1}]}, kind="Hall"
    )
    assert read.spec.max_participants == 50


def test_null_counts_as_absent():
    assert hall(spec={"maxParticipants": None, "metadata": None}, status=None).spec == hall().spec


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"maxParticipants": "ten"}, "spec.maxParticipants is not an integer"),
        ({"maxParticipants": True}, "spec.maxParticipants is not an integer"),
        ({"record": "yes"}, "spec.record is not a boolean"),
        ({"displayName": 3}, "spec.displayName is not a string"),
        ({"metadata": [1]}, "spec.metadata is not a JSON object"),
        ({"desiredState": "Ajar"}, "spec.desiredState is not Open or Closed"),
        ({"idlePolicy": "Nap"}, "spec.idlePolicy is not Hibernate, Keep or Close"),
    ],
)
def test_a_field_of_a_wrong_type_is_named(spec, says):
    with pytest.raises(MalformedObjectError, match=says):
        hall(spec=spec)


@pytest.mark.parametrize("missing", ["name", "uid", "creationTimestamp"])
def test_an_object_that_the_api_server_never_saw_is_refused(missing):
    meta = {key: value for key, value in META.items() if key != missing}
    with pytest.raises(MalformedObjectError, match=rf"metadata\.{missing} is missing"):
        Hall.from_object({"metadata": meta})


@given(objects)
def test_any_json_becomes_a_model_or_a_malformed_object_error(obj):
    for kind in (Hall, HallClass, Account, Plan):
        try:
            read = kind.from_object(obj)
        except MalformedObjectError:
            continue
        if isinstance(read, Hall):
            assert read.hall_id.startswith("h_")
            assert read.created_at.tzinfo is not None
            _ = read.closing, read.paused, read.close_requested_at, read.wake_requested_at
            assert HallStatus.from_fields(Fields(read.status.to_object(), "status")) is not None


status_texts = st.text(string.ascii_letters, min_size=1, max_size=12)
counts = st.none() | st.integers(0, 2**31 - 1)
times = st.none() | st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=UTC, microsecond=moment.microsecond // 1000 * 1000)
)
statuses = st.builds(
    HallStatus,
    observed_generation=counts,
    conditions=st.lists(
        st.builds(
            Condition,
            type=status_texts,
            status=st.sampled_from(ConditionStatus),
            reason=status_texts,
            message=st.text(),
            last_transition_time=times,
            observed_generation=st.integers(0, 99),
        ),
        max_size=5,
    ).map(tuple),
    max_participants=counts,
    participant_count=counts,
    pod_name=st.none() | status_texts,
    pod_incarnation=counts,
    node_name=st.none() | status_texts,
    endpoint=st.none() | status_texts,
    ready_at=times,
    closed_at=times,
    closed_reason=st.none() | status_texts,
    last_pod_failure=st.none()
    | st.builds(
        PodFailure,
        pod_name=status_texts,
        reason=status_texts,
        at=times,
        node_name=st.none() | status_texts,
        message=st.none() | status_texts,
    ),
    pod_restarts=counts,
    event_cursor=st.none()
    | st.builds(EventCursor, pod_uid=status_texts, sequence=st.integers(0, 2**53)),
)


@given(statuses)
def test_a_status_survives_being_written_and_read_again(status):
    assert HallStatus.from_fields(Fields(status.to_object(), "status")) == status


def test_an_empty_status_writes_nothing():
    assert HallStatus().to_object() == {}


def test_a_condition_is_found_by_its_type():
    ready = {"type": "Ready", "status": "True", "reason": "Assigned",
             "lastTransitionTime": "2026-11-23T12:00:00.250Z"}  # fmt: skip
    status = hall(status={"conditions": [ready, {"type": "New", "status": "Unknown"}]}).status
    found = status.condition(ConditionType.READY)
    assert found is not None
    assert found.status is ConditionStatus.TRUE
    assert found.last_transition_time == NOON
    assert status.condition(ConditionType.RECORDING) is None
    assert status.condition("New") is not None


def test_a_condition_with_an_impossible_status_is_named():
    with pytest.raises(MalformedObjectError, match=r"status\.conditions\[0\]\.status is not True"):
        hall(status={"conditions": [{"type": "Ready", "status": "Maybe"}]})


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


def test_models_cannot_be_changed_in_place():
    with pytest.raises(dataclasses.FrozenInstanceError):
        hall().spec.max_participants = 3


def test_a_hall_class_is_read_with_its_defaults():
    read = HallClass.from_object({"metadata": META, "spec": {"image": "relay-media:1"}})
    assert read.image == "relay-media:1"
    assert read.image_pull_policy is PullPolicy.IF_NOT_PRESENT
    assert read.codecs == ("opus", "VP8", "H264")
    assert read.termination_grace_period_seconds == 30


def test_every_field_of_a_hall_class_is_read():
    spec = {
        "image": "m:1", "imagePullPolicy": "Never", "codecs": ["opus"],
        "resources": {"requests": {"cpu": 1, "memory": "96Mi"}, "limits": {"memory": "512Mi"}},
        "nodeSelector": {"pool": "media"}, "tolerations": [{"key": "media", "operator": "Exists"}],
        "priorityClassName": "media", "advertisedAddresses": ["192.0.2.7:30000"],
        "terminationGracePeriodSeconds": 0,
    }  # fmt: skip
    read = HallClass.from_object({"metadata": META, "spec": spec})
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
