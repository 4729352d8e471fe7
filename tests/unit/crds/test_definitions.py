from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from relay_crds import names
from relay_crds.hall import HallSpec
from relay_crds.tenancy import ALL_CODECS, DEFAULT_GRACE_SECONDS

ROOT = Path(__file__).resolve().parents[3]
KINDS = ("hall", "hallclass", "account", "plan")


def definition(kind):
    return yaml.safe_load((ROOT / "crds" / f"{kind}.yaml").read_text())


def schema(kind):
    return definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def spec_fields(kind):
    return schema(kind)["properties"]["spec"]["properties"]


def every_field(path, field):
    yield path, field
    for name, inner in field.get("properties", {}).items():
        yield from every_field(f"{path}.{name}", inner)
    if "items" in field:
        yield from every_field(f"{path}[]", field["items"])


def test_the_reference_and_the_charts_copies_are_what_the_definitions_say():
    script = ROOT / "docs" / "generate.py"
    done = subprocess.run(
        [sys.executable, script, "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_says_what_it_is_for(kind):
    for path, field in every_field(kind, schema(kind)):
        silent = path.endswith("[]") or ".metadata" in path.partition(".spec")[0]
        assert silent or len(field.get("description", "")) > 8, path


@pytest.mark.parametrize("kind", KINDS)
def test_every_text_list_and_map_has_a_bound(kind):
    for path, field in every_field(kind, schema(kind)):
        if not path.startswith((f"{kind}.spec", f"{kind}.status")):
            continue
        if field.get("type") == "string" and "enum" not in field and "format" not in field:
            assert "maxLength" in field, path
        if field.get("type") == "array":
            assert "maxItems" in field, path
        if "additionalProperties" in field:
            assert "maxProperties" in field, path


@pytest.mark.parametrize("kind", KINDS)
def test_a_definition_survives_an_uninstall_and_belongs_to_the_one_version(kind):
    read = definition(kind)
    assert read["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert read["spec"]["group"] == names.GROUP
    assert [version["name"] for version in read["spec"]["versions"]] == [names.VERSION]
    assert read["spec"]["names"]["categories"] == ["relay"]


def test_the_models_and_the_definitions_know_the_same_values():
    hall, hall_class = spec_fields("hall"), spec_fields("hallclass")
    assert hall["desiredState"]["enum"] == list(names.DesiredState)
    assert hall["idlePolicy"]["enum"] == list(names.IdlePolicy)
    assert hall_class["codecs"]["items"]["enum"] == list(names.Codec)
    assert hall_class["imagePullPolicy"]["enum"] == list(names.PullPolicy)
    described = schema("hall")["properties"]["status"]["properties"]["conditions"]["description"]
    for reason in names.ReadyReason:
        assert reason in described
    for kind in names.ConditionType:
        assert kind in described
    rule = schema("hall")["x-kubernetes-validations"][0]["rule"]
    assert str(names.HALL_NAME_MAX) in rule


def test_the_models_and_the_definitions_have_the_same_defaults():
    hall, model = spec_fields("hall"), HallSpec()
    assert hall["maxParticipants"]["default"] == model.max_participants
    assert hall["className"]["default"] == model.class_name
    assert hall["desiredState"]["default"] == model.desired_state
    assert hall["idlePolicy"]["default"] == model.idle_policy
    assert hall["idleTimeoutSeconds"]["default"] == model.idle_timeout_seconds
    assert spec_fields("account")["planName"]["default"] == names.DEFAULT_PLAN
    hall_class = spec_fields("hallclass")
    assert hall_class["codecs"]["default"] == list(ALL_CODECS)
    assert hall_class["terminationGracePeriodSeconds"]["default"] == DEFAULT_GRACE_SECONDS
