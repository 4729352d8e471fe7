"""Server-side apply of the JSON objects in ``RELAY_OBJECTS``, with the pod's own account.

A kind that is not served yet and an API server that is busy are waited for; a refusal is not.
"""

import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
SERVER = os.environ.get("RELAY_API_SERVER", "https://kubernetes.default.svc")
PLURALS = {"HallClass": "hallclasses", "Plan": "plans", "Account": "accounts"}
DEADLINE = time.monotonic() + 120


def address(obj):
    """Where the object lives; the version is the objects' one version."""
    meta = obj["metadata"]
    namespace = f"/namespaces/{meta['namespace']}" if "namespace" in meta else ""
    path = f"/apis/{obj['apiVersion']}{namespace}/{PLURALS[obj['kind']]}/{meta['name']}"
    return f"{SERVER}{path}?fieldManager=relay-chart&force=true"


def apply(obj, context):
    """Write one object.

    Raises:
        urllib.error.HTTPError: the API server refused it.
    """
    call = urllib.request.Request(  # noqa: S310 - the address is the cluster's own
        address(obj), method="PATCH", data=json.dumps(obj).encode()
    )
    call.add_header("Content-Type", "application/apply-patch+yaml")
    call.add_header("Authorization", f"Bearer {(ACCOUNT / 'token').read_text()}")
    with urllib.request.urlopen(call, timeout=10, context=context):  # noqa: S310
        sys.stdout.write(f"applied {obj['kind']} {obj['metadata']['name']}\n")


def main():
    """Apply everything, or end with what the API server said to the first refused object."""
    context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    for obj in json.loads(os.environ["RELAY_OBJECTS"]):
        while True:
            try:
                apply(obj, context)
                break
            except urllib.error.HTTPError as error:
                said = f"{error.code}: {error.read(2000).decode(errors='replace')}"
                waiting = error.code in {403, 404, 409, 429} or error.code >= 500
            except OSError as error:
                said, waiting = str(error), True
            if not waiting or time.monotonic() > DEADLINE:
                sys.exit(f"{obj['kind']} {obj['metadata']['name']} was refused: {said}")
            time.sleep(0.5)


main()
