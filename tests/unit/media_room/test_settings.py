"""Settings from the environment, and the log."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from relay_media.errors import SettingsError
from relay_media.log import set_up
from relay_media.settings import read_settings

PEM = "-----BEGIN PUBLIC KEY-----\nMCowBQ\n-----END PUBLIC KEY-----\n"
GOOD = {
    "RELAY_POD_NAME": "demo",
    "RELAY_POD_UID": "uid",
    "RELAY_POD_IP": "10.0.0.7",
    "RELAY_OPERATOR_PUBLIC_KEY": PEM,
    "RELAY_GATEWAY_PUBLIC_KEY": PEM,
}


def test_the_ports_have_their_defaults_and_the_pods_own_address_is_advertised() -> None:
    settings = read_settings(GOOD)
    ports = (settings.signalling_port, settings.control_port, settings.media_port)
    assert ports == (7880, 7881, 7882)
    assert settings.candidates == (("10.0.0.7", 7882),)
    assert "BEGIN" not in repr(settings)


def test_advertised_addresses_come_after_the_pods_own_once_each() -> None:
    value = "203.0.113.5, 203.0.113.5:30000 ,[2001:db8::1]:40000,2001:db8::2,10.0.0.7,"
    settings = read_settings({**GOOD, "RELAY_ADVERTISED_ADDRESSES": value, "RELAY_MEDIA_PORT": "9"})
    assert settings.candidates == (
        ("10.0.0.7", 9),
        ("203.0.113.5", 9),
        ("203.0.113.5", 30000),
        ("2001:db8::1", 40000),
        ("2001:db8::2", 9),
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "") for name in GOOD),
        ("RELAY_POD_IP", "host.example"),
        ("RELAY_GATEWAY_PUBLIC_KEY", "-----BEGIN CERTIFICATE-----"),
        ("RELAY_MEDIA_PORT", "-1"),
        ("RELAY_CONTROL_PORT", "65536"),
        ("RELAY_SIGNALLING_PORT", "٣"),
        ("RELAY_LOG_LEVEL", "loud"),
        ("RELAY_ADVERTISED_ADDRESSES", "host.example:1"),
        ("RELAY_ADVERTISED_ADDRESSES", "1.2.3.4:99999"),
        ("RELAY_ADVERTISED_ADDRESSES", "1.2.3.4:x"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings({**GOOD, name: value})


@pytest.fixture
def _log_restored() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], level = before
    root.setLevel(level)


@pytest.mark.usefixtures("_log_restored")
def test_log_lines_are_json_and_carry_the_hall_once_it_is_known() -> None:
    stream = io.StringIO()
    formatter = set_up("INFO", pod="demo", stream=stream)
    formatter.context["hall_id"] = "h_1"
    log = logging.getLogger("relay_media.test")
    log.debug("unseen")
    log.info("a %s", "thing", extra={"sid": "p_1"})
    try:
        int("why")
    except ValueError:
        log.exception("failed")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert first["message"] == "a thing"
    assert (first["pod"], first["hall_id"], first["sid"]) == ("demo", "h_1", "p_1")
    assert first["at"].endswith("Z")
    assert "ValueError: " in second["exception"]
