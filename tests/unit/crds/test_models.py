"""What is true of every model, whatever it is read from."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_crds import Account, Hall, HallClass, HallStatus, MalformedObjectError, Plan
from relay_crds.fields import Fields
from unit.crds.objects import META, hall, json_values

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


def test_models_cannot_be_changed_in_place():
    with pytest.raises(dataclasses.FrozenInstanceError):
        hall().spec.max_participants = 3
