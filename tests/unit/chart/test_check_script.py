"""The script of ``helm test``, against a front door made of Python's own HTTP server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "charts" / "relay" / "files" / "test" / "check.py"
HALL = "h_01m852v51matmgfreze8"


class FrontDoor(BaseHTTPRequestHandler):
    open_to_all = False
    asked: list[str]

    def answer(self, status, body=None, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        data = b"" if body is None else json.dumps(body).encode()
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        type(self).asked.append(f"GET {self.path}")
        if self.path == "/readyz":
            self.answer(200)
        elif "Authorization" not in self.headers and not self.open_to_all:
            self.answer(401, {"status": 401}, "application/problem+json")
        else:
            self.answer(200, {"hall_id": HALL, "status": "active"})

    def do_POST(self):
        type(self).asked.append(f"POST {self.path}")
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(201, {"hall_id": HALL})

    def do_DELETE(self):
        type(self).asked.append(f"DELETE {self.path}")
        self.answer(204)

    def log_message(self, format, *args):  # noqa: A002
        """The test says what went wrong; the log of a right run interests nobody."""


@pytest.fixture
def front_door():
    # A class of its own, because the server makes an object of it for each request.
    own = type("Own", (FrontDoor,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), own)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server, own
    server.shutdown()
    thread.join()
    server.server_close()


def check(server, **more):
    address = f"http://127.0.0.1:{server.server_address[1]}"
    env = {
        "PATH": os.environ["PATH"], "RELAY_API": address, "RELAY_OPERATOR": address,
        "RELAY_TURN": "", "RELAY_PATIENCE": "0", **more,
    }  # fmt: skip
    command = [sys.executable, "-c", SCRIPT.read_text()]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_without_a_key_it_asks_to_be_refused(front_door):
    server, door = front_door
    done = check(server)
    assert done.returncode == 0, done.stdout + done.stderr
    assert door.asked == ["GET /readyz", "GET /v1/halls"]
    assert "FAILED" not in done.stdout


def test_with_a_key_it_makes_reads_and_deletes_a_hall(front_door):
    server, door = front_door
    done = check(server, RELAY_API_KEY="relay_live_x")
    assert done.returncode == 0, done.stdout + done.stderr
    assert door.asked[2:] == ["POST /v1/halls", f"GET /v1/halls/{HALL}", f"DELETE /v1/halls/{HALL}"]
    assert "relay_live_x" not in done.stdout + done.stderr


def test_a_front_door_that_asks_for_no_key_fails_it(front_door):
    server, door = front_door
    door.open_to_all = True
    done = check(server)
    assert done.returncode == 1
    assert "FAILED  front_door_asks_for_a_key" in done.stdout
    assert "200, not 401" in done.stdout


def test_a_part_that_is_away_fails_it_and_is_named(front_door):
    server, _ = front_door
    done = check(server, RELAY_OPERATOR="http://127.0.0.1:9")
    assert done.returncode == 1
    assert "FAILED  operator_is_ready" in done.stdout
    assert "ok      front_door_asks_for_a_key" in done.stdout
