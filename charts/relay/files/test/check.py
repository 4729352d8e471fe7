"""What ``helm test`` asks: is everything up, and does it behave? One line for each answer."""

import json
import os
import secrets
import socket
import sys
import time
import urllib.error
import urllib.request

DEADLINE = time.monotonic() + float(os.environ.get("RELAY_PATIENCE", "60"))


class UnexpectedError(Exception):
    """A part answered, but not as it should."""


def expect(found, wanted, what):
    """Compare, and say what was asked.

    Raises:
        UnexpectedError: they differ.
    """
    if found != wanted:
        raise UnexpectedError(f"{what}: {found!r}, not {wanted!r}")


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
    expect(status, 200, "the operator's /readyz")


def front_door_asks_for_a_key():
    status, headers, body = request("GET", os.environ["RELAY_API"] + "/v1/halls")
    expect(status, 401, "GET /v1/halls without a key")
    expect(headers["Content-Type"], "application/problem+json", "the form of that refusal")
    expect(json.loads(body)["status"], 401, "the status in that refusal")


def turn_answers():
    """A STUN binding request (RFC 8489, section 5) is answered with its own transaction id."""
    if not os.environ["RELAY_TURN"]:
        return
    transaction = secrets.token_bytes(12)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(2)
        probe.sendto(
            b"\x00\x01\x00\x00\x21\x12\xa4\x42" + transaction, (os.environ["RELAY_TURN"], 3478)
        )
        answer = probe.recv(1500)
    expect(answer[:2], b"\x01\x01", "TURN's answer to a binding request")
    expect(answer[8:20], transaction, "the transaction of TURN's answer")


def hall_comes_and_goes():
    key, halls = os.environ.get("RELAY_API_KEY"), os.environ["RELAY_API"] + "/v1/halls"
    if not key:
        return
    status, _, body = request("POST", halls, key=key, body={"name": "helm test"})
    expect(status, 201, f"POST /v1/halls, which said {body[:300]!r}")
    hall = f"{halls}/{json.loads(body)['hall_id']}"
    try:
        status, _, body = request("GET", hall, key=key)
        expect(status, 200, "GET of the new hall")
        expect(json.loads(body)["status"], "active", "the new hall's status")
    finally:
        status, _, _ = request("DELETE", hall, key=key)
    expect(status, 204, "DELETE of the hall")


def main():
    """Ask everything; each question may be asked again until a minute is over."""
    failed = False
    for check in (operator_is_ready, front_door_asks_for_a_key, turn_answers, hall_comes_and_goes):
        while True:
            try:
                check()
                sys.stdout.write(f"ok      {check.__name__}\n")
                break
            except (UnexpectedError, OSError, ValueError, KeyError) as error:
                if time.monotonic() > DEADLINE:
                    sys.stdout.write(f"FAILED  {check.__name__}: {error!r}\n")
                    failed = True
                    break
                time.sleep(1)
    sys.exit(failed)


main()
