"""Every rule of Hall, with what it lets through and what it says to the rest."""

from __future__ import annotations

import json
import subprocess

import pytest

from relay_crds import Hall
from relay_crds.hall import HallSpec

ACCEPTED = {
    "a_display_name_of_one_character": {"displayName": "x"},
    "a_display_name_with_spaces_and_quotes": {"displayName": ' Ada\'s "hall" \\x00 '},
    "a_display_name_of_two_hundred_characters_that_are_not_ascii": {"displayName": "é" * 200},
    "one_participant": {"maxParticipants": 1},
    "ten_thousand_participants": {"maxParticipants": 10_000},
    "record_true_because_the_condition_explains_it": {"record": True},
    "moderation_true_because_the_condition_explains_it": {"moderation": True},
    "metadata_of_any_depth": {"metadata": {"a": {"b": [1, 2.5, None, {"c": "d"}]}, "e": False}},
    "metadata_of_sixty_four_keys": {"metadata": {str(n): n for n in range(64)}},
    "empty_metadata": {"metadata": {}},
    "another_class": {"className": "big.rooms-2"},
    "a_hall_that_is_closed_from_the_start": {"desiredState": "Closed"},
    "a_hall_that_keeps_its_pod": {"idlePolicy": "Keep"},
    "a_hall_that_closes_when_idle": {"idlePolicy": "Close"},
    "the_shortest_idle_timeout": {"idleTimeoutSeconds": 10},
    "the_longest_idle_timeout": {"idleTimeoutSeconds": 86_400},
    "the_shortest_duration": {"maxDurationSeconds": 60},
    "the_longest_duration": {"maxDurationSeconds": 604_800},
}

REFUSED = {
    "an_empty_display_name": ({"displayName": ""}, "spec.displayName", "at least 1 chars long"),
    "a_blank_display_name": ({"displayName": "  "}, "spec.displayName", "must not be blank"),
    "a_display_name_of_two_lines": (
        {"displayName": "a\nb"}, "spec.displayName", "control characters"),
    "a_display_name_with_a_null": (
        {"displayName": "a\x00b"}, "spec.displayName", "control characters"),
    "a_display_name_of_201_characters": (
        {"displayName": "x" * 201}, "spec.displayName", "may not be more than 200"),
    "a_display_name_of_10000_characters": (
        {"displayName": "x" * 10_000}, "spec.displayName", "may not be more than 200"),
    "a_display_name_that_is_a_number": ({"displayName": 7}, "spec.displayName", "of type string"),
    "no_participants": (
        {"maxParticipants": 0}, "spec.maxParticipants", "greater than or equal to 1"),
    "a_negative_number_of_participants": (
        {"maxParticipants": -3}, "spec.maxParticipants", "greater than or equal to 1"),
    "too_many_participants": (
        {"maxParticipants": 10_001}, "spec.maxParticipants", "less than or equal to 10000"),
    "a_thousand_million_participants": (
        {"maxParticipants": 10**9}, "spec.maxParticipants", "less than or equal to 10000"),
    "participants_in_words": (
        {"maxParticipants": "ten"}, "spec.maxParticipants", "of type integer"),
    "half_a_participant": ({"maxParticipants": 1.5}, "spec.maxParticipants", "of type integer"),
    "record_in_words": ({"record": "yes"}, "spec.record", "of type boolean"),
    "moderation_in_words": ({"moderation": "yes"}, "spec.moderation", "of type boolean"),
    "metadata_that_is_a_list": ({"metadata": [1]}, "spec.metadata", "of type object"),
    "metadata_that_is_a_text": ({"metadata": "a"}, "spec.metadata", "of type object"),
    "metadata_of_65_keys": (
        {"metadata": {str(n): n for n in range(65)}}, "spec.metadata", "must have at most 64"),
    "a_class_without_a_name": ({"className": ""}, "spec.className", "at least 1 chars long"),
    "a_class_that_cannot_exist": (
        {"className": "Big Rooms"}, "spec.className", "must be the name of a HallClass"),
    "a_class_name_that_is_too_long": (
        {"className": "x" * 254}, "spec.className", "may not be more than 253"),
    "an_unknown_state": ({"desiredState": "Ajar"}, "spec.desiredState", '"Open", "Closed"'),
    "an_unknown_idle_policy": (
        {"idlePolicy": "Nap"}, "spec.idlePolicy", '"Hibernate", "Keep", "Close"'),
    "an_idle_timeout_that_is_too_short": (
        {"idleTimeoutSeconds": 9}, "spec.idleTimeoutSeconds", "greater than or equal to 10"),
    "an_idle_timeout_that_is_too_long": (
        {"idleTimeoutSeconds": 86_401}, "spec.idleTimeoutSeconds", "less than or equal to 86400"),
    "a_duration_that_is_too_short": (
        {"maxDurationSeconds": 59}, "spec.maxDurationSeconds", "greater than or equal to 60"),
    "a_duration_that_is_too_long": (
        {"maxDurationSeconds": 604_801}, "spec.maxDurationSeconds", "less than or equal to 604800"),
    "an_unknown_field": ({"hologram": True}, "spec.hologram", "unknown field"),
    "a_spec_that_is_a_list": ([], "spec", "of type object"),
}  # fmt: skip


@pytest.mark.parametrize("spec", ACCEPTED.values(), ids=ACCEPTED)
def test_a_hall_is_accepted_with(submit, spec):
    answer = submit("Hall", spec)
    assert answer.accepted, answer.said
    assert {key: answer.stored["spec"][key] for key in spec} == spec


@pytest.mark.parametrize(("spec", "field", "fix"), REFUSED.values(), ids=REFUSED)
def test_a_hall_is_refused_naming_the_field_and_the_fix_with(submit, spec, field, fix):
    answer = submit("Hall", spec)
    assert not answer.accepted
    assert field in answer.said
    assert fix in answer.said


@pytest.mark.parametrize("spec", [None, {}], ids=["no spec", "an empty spec"])
def test_a_hall_with_nothing_asked_for_gets_the_defaults_of_the_model(submit, spec):
    answer = submit("Hall", spec)
    assert answer.accepted, answer.said
    assert answer.stored["spec"] == {
        "maxParticipants": 50,
        "record": False,
        "moderation": False,
        "className": "default",
        "desiredState": "Open",
        "idlePolicy": "Hibernate",
        "idleTimeoutSeconds": 300,
    }
    assert Hall.from_object(answer.stored).spec == HallSpec()


def test_a_name_of_52_characters_is_accepted_and_one_more_is_refused(submit):
    assert submit("Hall", name="a" * 52).accepted
    answer = submit("Hall", name="a" * 53)
    assert not answer.accepted
    assert "metadata.name may have at most 52 characters" in answer.said
    assert "put the long one into spec.displayName" in answer.said


IMMUTABLE = {"record": True, "moderation": True, "className": "other"}
MUTABLE = {
    "displayName": "New name", "maxParticipants": 7, "metadata": {"a": 1}, "idlePolicy": "Keep",
    "idleTimeoutSeconds": 99, "maxDurationSeconds": 99, "desiredState": "Closed",
}  # fmt: skip


def test_what_media_depends_on_cannot_change_and_the_rest_can(submit, change):
    assert submit("Hall", name="changing", keep=True).accepted
    for field, value in IMMUTABLE.items():
        answer = change("changing", {field: value})
        assert not answer.accepted, field
        assert f"spec.{field} cannot change once the hall is made" in answer.said
        assert "close this hall and make another" in answer.said
        removed = change("changing", {field: None})
        assert removed.accepted, "removing a field brings back the default it had"
    for field, value in MUTABLE.items():
        answer = change("changing", {field: value})
        assert answer.accepted, answer.said
        assert answer.stored["spec"][field] == value


def test_closed_is_final(submit, change):
    assert submit("Hall", {"desiredState": "Closed"}, name="ended", keep=True).accepted
    for state in ("Open", None):
        answer = change("ended", {"desiredState": state})
        assert not answer.accepted
        assert "spec.desiredState cannot go back from Closed, which is final" in answer.said
        assert "make a new hall" in answer.said
    assert change("ended", {"displayName": "Was nice"}).accepted


STATUS = {
    "observedGeneration": 1,
    "conditions": [
        {"type": "Ready", "status": "True", "reason": "Assigned", "message": "",
         "lastTransitionTime": "2026-11-23T12:00:00.250Z", "observedGeneration": 1}
    ],
    "maxParticipants": 10, "participantCount": 2, "podName": "lively", "podIncarnation": 0,
    "nodeName": "node-1", "endpoint": "10.0.0.7", "readyAt": "2026-11-23T12:00:00.250Z",
    "closedAt": "2026-11-23T13:00:00.000Z", "closedReason": "Deleted",
    "lastPodFailure": {"podName": "lively", "nodeName": "node-1", "reason": "OOMKilled",
                       "message": "too much", "at": "2026-11-23T12:30:00.000Z"},
    "podRestarts": 1, "eventCursor": {"podUID": "u-1", "sequence": 9_007_199_254_740_991},
}  # fmt: skip


def patch_status(namespace, name, status, kubectl="kubectl"):
    body = json.dumps({"status": status})
    return subprocess.run(
        [kubectl, "patch", "hall", name, "-n", namespace, "--subresource=status",
         "--type=merge", "-p", body, "-o", "json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_full_status_is_kept_shown_in_columns_and_read_by_the_model(
    submit, namespace, kubectl_path
):
    assert submit("Hall", {"displayName": "Lively room"}, name="lively", keep=True).accepted
    done = patch_status(namespace, "lively", STATUS, kubectl_path)
    assert done.returncode == 0, done.stderr
    stored = json.loads(done.stdout)
    assert stored["status"] == STATUS
    assert stored["metadata"]["generation"] == 1, "status is a subresource"
    assert Hall.from_object(stored).status.to_object() == STATUS

    def table(*arguments):
        command = [kubectl_path, "get", "rhall", "-n", namespace, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    narrow = table("lively").splitlines()
    assert narrow[0].split() == ["NAME", "READY", "REASON", "PARTICIPANTS", "MAX", "POD", "AGE"]
    assert narrow[1].split()[:6] == ["lively", "True", "Assigned", "2", "10", "lively"]
    wide = table("lively", "-o", "wide")
    for shown in ("DISPLAY NAME", "Lively room", "NODE", "node-1", "ENDPOINT", "10.0.0.7"):
        assert shown in wide
    assert "lively" in table("--field-selector", "spec.desiredState=Open,status.nodeName=node-1")
    assert table("--field-selector", "spec.className=other") == ""


def test_a_change_of_spec_through_the_status_subresource_is_dropped(
    submit, namespace, kubectl_path
):
    assert submit("Hall", name="split", keep=True).accepted
    body = json.dumps({"spec": {"maxParticipants": 3}, "status": {"podRestarts": 1}})
    done = subprocess.run(
        [kubectl_path, "patch", "hall", "split", "-n", namespace, "--subresource=status",
         "--type=merge", "-p", body, "-o", "json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["spec"]["maxParticipants"] == 50


BAD_STATUS = {
    "a_condition_without_a_reason": (
        {"conditions": [{k: v for k, v in STATUS["conditions"][0].items() if k != "reason"}]},
        "status.conditions[0].reason"),
    "a_condition_with_a_sentence_for_a_reason": (
        {"conditions": [{**STATUS["conditions"][0], "reason": "Not a word"}]},
        "status.conditions[0].reason"),
    "two_conditions_of_one_type": (
        {"conditions": [STATUS["conditions"][0]] * 2}, "status.conditions[1]"),
    "a_condition_that_is_maybe": (
        {"conditions": [{**STATUS["conditions"][0], "status": "Maybe"}]},
        "status.conditions[0].status"),
    "a_count_below_zero": ({"participantCount": -1}, "status.participantCount"),
    "a_time_that_is_none": ({"closedAt": "yesterday"}, "status.closedAt"),
    "a_cursor_without_a_pod": ({"eventCursor": {"sequence": 1}}, "status.eventCursor.podUID"),
    "a_failure_without_a_reason": (
        {"lastPodFailure": {"podName": "p"}}, "status.lastPodFailure.reason"),
}  # fmt: skip


def test_a_status_that_breaks_the_schema_is_refused_naming_the_field(
    submit, namespace, kubectl_path
):
    assert submit("Hall", name="strict", keep=True).accepted
    for case, (status, field) in BAD_STATUS.items():
        done = patch_status(namespace, "strict", status, kubectl_path)
        assert done.returncode != 0, case
        assert field in done.stderr, case
