from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import pytest

from relay_api.credentials.keys import make_key
from relay_api.errors import SettingsError
from relay_api.log import JsonFormatter, redact, request_id
from relay_api.problems import TYPES
from relay_api.settings import Settings
from relay_api.web.openapi import document

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def environ(tmp_path):
    for name in ("keys", "signing", "gateway"):
        (tmp_path / name).mkdir()
    return {
        "RELAY_API_KEYS_DIR": str(tmp_path / "keys"),
        "RELAY_SIGNING_SECRET_FILE": str(tmp_path / "signing"),
        "RELAY_GATEWAY_KEY_FILE": str(tmp_path / "gateway"),
    }


def test_defaults_are_those_of_the_chart(environ):
    settings = Settings.from_environ(environ)
    assert (settings.port, settings.health_port) == (8080, 8081)
    assert settings.pod_signalling_port == 7880
    assert settings.turn_ttl.total_seconds() == 21600
    assert settings.public_url == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RELAY_API_KEYS_DIR", ""),
        ("RELAY_API_KEYS_DIR", "/nowhere/at/all"),
        ("RELAY_PORT", "eighty"),
        ("RELAY_PORT", "70000"),
        ("RELAY_DRAIN_SECONDS", "-1"),
        ("RELAY_DRAIN_SECONDS", "nan"),
        ("RELAY_PUBLIC_URL", "video.example.com"),
        ("RELAY_LOG_LEVEL", "LOUD"),
        ("RELAY_TURN_URLS", "http://turn"),
        ("RELAY_TURN_URLS", "turn:a:3478"),
        ("RELAY_TRUSTED_PROXIES", "10.244.0.1/16"),
        ("RELAY_TRUSTED_PROXIES", "ingress"),
    ],
)
def test_a_wrong_variable_is_named(environ, name, value):
    with pytest.raises(SettingsError, match=name):
        Settings.from_environ({**environ, name: value})


@pytest.mark.parametrize(
    "secret",
    [
        make_key(b"s" * 32),
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl",
        "aSecretThatIsNoJwt",
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        '10.0.0.1:5 - "WebSocket /v1/rtc?token={}&session=1" [accepted]',
        "Authorization: Bearer {}",
        "/v1/rtc?session=1&token={}",
    ],
)
def test_no_log_line_carries_a_token_or_a_key(text, secret):
    assert secret not in redact(text.format(secret))
    record = logging.makeLogRecord({"msg": text.format(secret), "path": text.format(secret)})
    assert secret not in JsonFormatter().format(record)


def test_a_log_line_is_one_json_object_with_the_request_id():
    record = logging.makeLogRecord({"msg": "two\nlines %s", "args": ("x",), "status": 200})
    token = request_id.set("req_1")
    try:
        (line,) = JsonFormatter().format(record).splitlines()
    finally:
        request_id.reset(token)
    entry = json.loads(line)
    assert entry["message"] == "two\nlines x"
    assert (entry["request_id"], entry["status"]) == ("req_1", 200)


def test_the_documentation_lists_every_error_code_with_its_status_and_no_other():
    text = (ROOT / "docs" / "rest.md").read_text()
    listed = re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \|", text, re.MULTILINE)
    assert {code: int(status) for code, status in listed} == {
        code.value: status for code, (status, _) in TYPES.items()
    }


def test_the_documentation_lists_every_variable():
    source = (ROOT / "api_shim" / "relay_api" / "settings.py").read_text()
    text = (ROOT / "docs" / "rest.md").read_text()
    missing = [name for name in set(re.findall(r"RELAY_[A-Z_]+", source)) if name not in text]
    assert missing == []


def test_every_reference_of_the_openapi_document_leads_somewhere(environ):
    described = json.loads(document(Settings.from_environ(environ)))
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(described)):
        found = described
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
    assert described["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"
