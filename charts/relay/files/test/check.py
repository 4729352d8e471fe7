"""What ``helm test`` asks: is everything up, and does it behave? Prints one line for each answer."""

import json
import os
import secrets
import socket
import sys
import time
import urllib.error
import urllib.request

DEADLINE = time.monotonic() + 60


def request(method, url, *, key=None, body=None):
    """Status, headers and parsed body of the answer, whatever the status."""
    call = urllib.request.Request(url, method=method)  # noqa: S310
    if key:
        call.add_header("Authorization", f"Bearer {key}")
    if body is not None:
        call.data = json.dumps(body).encode()
        call.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(call, timeout=5) as answer:  # noqa: S310
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def operator_is_ready():
    status, _, _ = request("GET", os.environ["RELAY_OPERATOR"] + "/readyz")
    assert status == 200, f"the operator's /readyz answered {status}"


def front_door_asks_for_a_key():
    status, headers, body = request("GET", os.environ["RELAY_API"] + "/v1/halls")
    assert status == 401, f"GET /v1/halls without a key answered {status}, not 401"
    assert headers["Content-Type"] == "application/problem+json", headers["Content-Type"]
    assert json.loads(body)["status"] == 401


def turn_answers():
    """A STUN binding request (RFC 8489, section 5) is answered with its own transaction id."""
    if not os.environ["RELAY_TURN"]:
        return
    transaction = secrets.token_bytes(12)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(2)
        probe.sendto(b"\x00\x01\x00\x00\x21\x12\xa4\x42" + transaction, (os.environ["RELAY_TURN"], 3478))
        answer = probe.recv(1500)
    assert answer[:2] == b"\x01\x01", answer[:2].hex()
    assert answer[8:20] == transaction


def hall_comes_and_goes():
    key, halls = os.environ.get("RELAY_API_KEY"), os.environ["RELAY_API"] + "/v1/halls"
    if not key:
        return
    status, _, body = request("POST", halls, key=key, body={"name": "helm test"})
    assert status == 201, f"POST /v1/halls answered {status}: {body[:300]!r}"
    hall = f"{halls}/{json.loads(body)['hall_id']}"
    try:
        status, _, body = request("GET", hall, key=key)
        assert status == 200, f"GET of the new hall answered {status}"
        assert json.loads(body)["status"] == "active"
    finally:
        status, _, _ = request("DELETE", hall, key=key)
    assert status == 204, f"DELETE of the hall answered {status}"


def main():
    """Ask everything; each question may be asked again until a minute is over."""
    failed = False
    for check in (operator_is_ready, front_door_asks_for_a_key, turn_answers, hall_comes_and_goes):
        while True:
            try:
                check()
                print(f"ok      {check.__name__}", flush=True)
                break
            except (AssertionError, OSError, ValueError, KeyError) as error:
                if time.monotonic() > DEADLINE:
                    print(f"FAILED  {check.__name__}: {error or type(error).__name__}", flush=True)
                    failed = True
                    break
                time.sleep(1)
    sys.exit(failed)


main()
