"""Every rule of Account and Plan, with what it lets through and what it says to the rest."""

from __future__ import annotations

import pytest

from relay_crds import Account, Plan


@pytest.mark.parametrize("spec", [None, {}], ids=["no spec", "an empty spec"])
def test_an_account_with_nothing_asked_for_is_on_the_free_plan(submit, spec):
    answer = submit("Account", spec, name="default")
    assert answer.accepted, answer.said
    assert answer.stored["spec"] == {"planName": "free"}
    assert Account.from_object(answer.stored).plan_name == "free"


def test_an_account_names_its_plan_and_tenant(submit):
    spec = {"planName": "growth.eu", "displayName": "Acme"}
    answer = submit("Account", spec, name="default")
    assert answer.accepted, answer.said
    assert answer.stored["spec"] == spec


def test_an_account_under_another_name_is_refused_and_told_which(submit):
    answer = submit("Account", name="acme")
    assert not answer.accepted
    assert "metadata.name must be default, because a namespace has one Account" in answer.said
    assert "rename this one, or put it into a namespace of its own" in answer.said


@pytest.mark.parametrize(
    ("spec", "field", "fix"),
    [
        ({"planName": ""}, "spec.planName", "at least 1 chars long"),
        ({"planName": "The Big One"}, "spec.planName", "must be the name of a Plan"),
        ({"planName": "x" * 254}, "spec.planName", "may not be more than 253"),
        ({"displayName": ""}, "spec.displayName", "at least 1 chars long"),
        ({"displayName": "x" * 201}, "spec.displayName", "may not be more than 200"),
        ({"storage": {}}, "spec.storage", "unknown field"),
    ],
)
def test_an_account_is_refused_naming_the_field_and_the_fix(submit, spec, field, fix):
    answer = submit("Account", spec, name="default")
    assert not answer.accepted
    assert field in answer.said
    assert fix in answer.said


@pytest.mark.parametrize("limit", [1, 10_000])
def test_a_plan_caps_participants_and_promises_nothing_else(submit, limit):
    answer = submit("Plan", {"maxParticipants": limit, "displayName": "Any"})
    assert answer.accepted, answer.said
    assert answer.stored["spec"] == {
        "maxParticipants": limit,
        "displayName": "Any",
        "recording": False,
        "moderation": False,
    }
    assert Plan.from_object(answer.stored).max_participants == limit


def test_a_plan_may_allow_recording_and_moderation(submit):
    spec = {"maxParticipants": 5, "recording": True, "moderation": True}
    answer = submit("Plan", spec)
    assert answer.accepted, answer.said
    assert answer.stored["spec"] == spec


@pytest.mark.parametrize(
    ("spec", "field", "fix"),
    [
        (None, "spec", "Required value"),
        ({}, "spec.maxParticipants", "Required value"),
        ({"maxParticipants": 0}, "spec.maxParticipants", "greater than or equal to 1"),
        ({"maxParticipants": 10_001}, "spec.maxParticipants", "less than or equal to 10000"),
        ({"maxParticipants": 5, "recording": "yes"}, "spec.recording", "of type boolean"),
        ({"maxParticipants": 5, "moderation": 1}, "spec.moderation", "of type boolean"),
        ({"maxParticipants": 5, "displayName": ""}, "spec.displayName", "at least 1 chars long"),
        ({"maxParticipants": 5, "displayName": "x" * 201}, "spec.displayName", "more than 200"),
        ({"maxParticipants": 5, "price": 3}, "spec.price", "unknown field"),
    ],
)
def test_a_plan_is_refused_naming_the_field_and_the_fix(submit, spec, field, fix):
    answer = submit("Plan", spec)
    assert not answer.accepted
    assert field in answer.said
    assert fix in answer.said
