"""The settings of the operator's environment."""

from __future__ import annotations

import datetime

import pytest

from relay_operator.errors import SettingsError
from relay_operator.settings import Settings

ENV = {"RELAY_CONTROL_KEY_FILE": "/k", "RELAY_GATEWAY_CERT_FILE": "/g"}


def test_settings_have_defaults_for_all_but_the_keys() -> None:
    found = Settings.from_env(ENV)
    assert found.namespaces == ()
    assert found.retention == datetime.timedelta(days=30)
    assert (found.health_port, found.control_port) == (8080, 7881)


def test_namespaces_are_a_list_with_commas() -> None:
    found = Settings.from_env(ENV | {"RELAY_NAMESPACES": " a, b ,,"})
    assert found.namespaces == ("a", "b")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RELAY_CONTROL_KEY_FILE", ""),
        ("RELAY_GATEWAY_CERT_FILE", ""),
        ("RELAY_RETENTION_SECONDS", "soon"),
        ("RELAY_RETENTION_SECONDS", "-1"),
        ("RELAY_HEALTH_PORT", "70000"),
        ("RELAY_LOG_LEVEL", "loud"),
        ("RELAY_WORKERS", "0"),
    ],
)
def test_a_bad_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_env(ENV | {name: value})
