"""Every rule of HallClass, with what it lets through and what it says to the rest."""

from __future__ import annotations

import pytest

from relay_crds import HallClass
from relay_crds.tenancy import ALL_CODECS

IMAGE = "localhost/relay-media:1"
TOLERATIONS = [{"key": "media", "operator": "Equal", "value": "yes", "effect": "NoSchedule"}]

ACCEPTED = {
    "an_image_by_digest": {"image": "localhost/relay-media@sha256:" + "0" * 64},
    "images_always_pulled": {"imagePullPolicy": "Always"},
    "images_never_pulled": {"imagePullPolicy": "Never"},
    "secrets_to_pull_the_image_with": {"imagePullSecrets": ["registry", "registry.mirror-2"]},
    "resources_as_numbers_and_texts": {
        "resources": {"requests": {"cpu": 1, "memory": "96Mi"}, "limits": {"cpu": "1500m"}}},
    "requests_that_equal_the_limits": {
        "resources": {"requests": {"memory": "1Gi"}, "limits": {"memory": "1024Mi"}}},
    "a_node_selector": {"nodeSelector": {"pool": "media"}},
    "a_toleration_of_one_taint": {"tolerations": TOLERATIONS},
    "a_toleration_of_everything": {"tolerations": [{"operator": "Exists"}]},
    "a_toleration_for_a_while": {
        "tolerations": [{"key": "k", "operator": "Exists", "effect": "NoExecute",
                         "tolerationSeconds": 60}]},
    "a_priority_class": {"priorityClassName": "media"},
    "addresses_of_either_family_with_and_without_ports": {
        "advertisedAddresses": ["203.0.113.7", "203.0.113.7:30000", "2001:db8::7",
                                "[2001:db8::7]:65535"]},
    "voice_only": {"codecs": ["opus"]},
    "the_shortest_grace": {"terminationGracePeriodSeconds": 1},
    "the_longest_grace": {"terminationGracePeriodSeconds": 3600},
}  # fmt: skip

ADDRESS = "must be an IP address, or one with a port of 1 to 65535"
QUANTITY = "must be a quantity of 0 or more, such as 250m, 1 or 512Mi"

REFUSED = {
    "an_empty_image": ({"image": ""}, "spec.image", "at least 1 chars long"),
    "an_image_with_a_space": ({"image": "relay media"}, "spec.image", "must not contain spaces"),
    "an_image_that_is_too_long": ({"image": "x" * 513}, "spec.image", "may not be more than 512"),
    "an_unknown_pull_policy": (
        {"imagePullPolicy": "Sometimes"}, "spec.imagePullPolicy", '"Always", "IfNotPresent"'),
    "a_pull_secret_that_is_no_name": (
        {"imagePullSecrets": ["My Secret"]},
        "spec.imagePullSecrets", "must be the name of a Secret"),
    "a_pull_secret_twice": (
        {"imagePullSecrets": ["registry"] * 2}, "spec.imagePullSecrets[1]", "Duplicate"),
    "nine_pull_secrets": (
        {"imagePullSecrets": [f"s{n}" for n in range(9)]}, "spec.imagePullSecrets", "at most 8"),
    "a_request_that_is_no_quantity": (
        {"resources": {"requests": {"cpu": "lots"}}}, "spec.resources.requests", QUANTITY),
    "a_limit_that_is_no_quantity": (
        {"resources": {"limits": {"memory": "1 GB"}}}, "spec.resources.limits", QUANTITY),
    "a_negative_request": (
        {"resources": {"requests": {"cpu": -1}}}, "spec.resources.requests", QUANTITY),
    "a_request_above_the_limit": (
        {"resources": {"requests": {"cpu": 2}, "limits": {"cpu": "1500m"}}},
        "spec.resources", "lower the request or raise the limit"),
    "nine_requests": (
        {"resources": {"requests": {f"r{n}": 1 for n in range(9)}}},
        "spec.resources.requests", "must have at most 8"),
    "a_node_label_that_is_a_number": (
        {"nodeSelector": {"pool": 1}}, "spec.nodeSelector.pool", "of type string"),
    "a_toleration_with_a_value_for_exists": (
        {"tolerations": [{"key": "k", "operator": "Exists", "value": "v"}]},
        "spec.tolerations", "remove the value or use operator: Equal"),
    "a_toleration_of_nothing": (
        {"tolerations": [{"effect": "NoSchedule"}]},
        "spec.tolerations", "say so with operator: Exists"),
    "a_toleration_time_without_its_effect": (
        {"tolerations": [{"key": "k", "tolerationSeconds": 5}]},
        "spec.tolerations", "set that effect or remove tolerationSeconds"),
    "an_unknown_toleration_operator": (
        {"tolerations": [{"key": "k", "operator": "Like"}]},
        "spec.tolerations[0].operator", '"Exists", "Equal"'),
    "an_unknown_taint_effect": (
        {"tolerations": [{"key": "k", "effect": "No"}]},
        "spec.tolerations[0].effect", '"NoSchedule"'),
    "seventeen_tolerations": (
        {"tolerations": [{"key": f"k{n}"} for n in range(17)]}, "spec.tolerations", "at most 16"),
    "an_empty_priority_class": ({"priorityClassName": ""}, "spec.priorityClassName", "at least 1"),
    "a_host_name_for_an_address": (
        {"advertisedAddresses": ["media.example.com"]}, "spec.advertisedAddresses", ADDRESS),
    "an_address_with_port_0": (
        {"advertisedAddresses": ["203.0.113.7:0"]}, "spec.advertisedAddresses", ADDRESS),
    "an_address_with_port_65536": (
        {"advertisedAddresses": ["203.0.113.7:65536"]}, "spec.advertisedAddresses", ADDRESS),
    "an_address_out_of_range": (
        {"advertisedAddresses": ["203.0.113.700:80"]}, "spec.advertisedAddresses", ADDRESS),
    "a_bracketed_address_without_a_port": (
        {"advertisedAddresses": ["[2001:db8::7]"]}, "spec.advertisedAddresses", ADDRESS),
    "an_address_twice": (
        {"advertisedAddresses": ["203.0.113.7"] * 2}, "spec.advertisedAddresses[1]", "Duplicate"),
    "nine_addresses": (
        {"advertisedAddresses": [f"203.0.113.{n}" for n in range(9)]},
        "spec.advertisedAddresses", "at most 8"),
    "no_codec": ({"codecs": []}, "spec.codecs", "at least 1 items"),
    "an_unknown_codec": ({"codecs": ["opus", "AV1"]}, "spec.codecs[1]", '"opus", "VP8", "H264"'),
    "a_codec_twice": ({"codecs": ["opus", "opus"]}, "spec.codecs[1]", "Duplicate"),
    "no_time_to_say_goodbye": (
        {"terminationGracePeriodSeconds": 0}, "spec.terminationGracePeriodSeconds", "equal to 1"),
    "a_grace_of_more_than_an_hour": (
        {"terminationGracePeriodSeconds": 3601},
        "spec.terminationGracePeriodSeconds", "equal to 3600"),
    "an_unknown_field": ({"hostNetwork": True}, "spec.hostNetwork", "unknown field"),
}  # fmt: skip


@pytest.mark.parametrize("spec", ACCEPTED.values(), ids=ACCEPTED)
def test_a_class_is_accepted_with(submit, spec):
    answer = submit("HallClass", {"image": IMAGE, **spec})
    assert answer.accepted, answer.said
    assert {key: answer.stored["spec"][key] for key in spec} == spec
    HallClass.from_object(answer.stored)


@pytest.mark.parametrize(("spec", "field", "fix"), REFUSED.values(), ids=REFUSED)
def test_a_class_is_refused_naming_the_field_and_the_fix_with(submit, spec, field, fix):
    answer = submit("HallClass", {"image": IMAGE, **spec})
    assert not answer.accepted
    assert field in answer.said
    assert fix in answer.said


def test_a_class_with_only_an_image_gets_the_defaults_of_the_model(submit):
    answer = submit("HallClass", {"image": IMAGE})
    assert answer.accepted, answer.said
    assert answer.stored["spec"] == {
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "codecs": list(ALL_CODECS),
        "terminationGracePeriodSeconds": 30,
    }


@pytest.mark.parametrize(("spec", "field"), [(None, "spec"), ({}, "spec.image")])
def test_a_class_without_an_image_is_refused(submit, spec, field):
    answer = submit("HallClass", spec)
    assert not answer.accepted
    assert f"{field}: Required value" in answer.said
