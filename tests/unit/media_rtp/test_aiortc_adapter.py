"""What the adapter takes from aiortc's insides is still there, and PyAV stays out."""

from __future__ import annotations

import importlib.metadata
import inspect
import json
import subprocess
import sys

import aiortc.rtcdtlstransport as dtls
import pylibsrtp

from relay_media.transport.aiortc_adapter import Certificate, usable_fingerprints

PROBE = """
import json, sys
import relay_media.transport
status = open("/proc/self/status").read()
print(json.dumps({
    "modules": sorted(m for m in ("av", "numpy", "aiortc", "kubernetes") if m in sys.modules),
    "rss_kb": int(status.split("VmRSS:")[1].split()[0]),
}))
"""


def test_the_transport_runs_without_pyav_and_numpy() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    seen = json.loads(done.stdout)
    assert seen["modules"] == []
    assert seen["rss_kb"] < 60_000


def test_the_whole_of_aiortc_can_still_be_imported_afterwards() -> None:
    code = (
        "import relay_media.transport\n"
        "import aiortc, av\n"
        "from relay_media.transport import aiortc_adapter\n"
        "assert aiortc.RTCDtlsTransport is aiortc_adapter._dtls.RTCDtlsTransport\n"
        "assert aiortc.RTCPeerConnection and av.AudioFrame\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_versions_are_the_ones_the_adapter_was_written_for() -> None:
    assert importlib.metadata.version("aiortc") == "1.16.0"
    assert importlib.metadata.version("aioice") == "0.13.0"
    assert importlib.metadata.version("pylibsrtp") == "1.0.0"


def test_dtls_transport_still_has_what_is_overridden_and_used() -> None:
    transport = dtls.RTCDtlsTransport
    assert list(inspect.signature(transport.__init__).parameters) == [
        "self",
        "transport",
        "certificates",
    ]
    assert list(inspect.signature(transport._setup_srtp).parameters) == ["self"]
    assert inspect.iscoroutinefunction(transport.start)
    assert inspect.iscoroutinefunction(transport.stop)
    source = inspect.getsource(transport)
    for used in ("self._srtp_profiles", "self._ssl", "self._task", "self._setup_srtp()"):
        assert used in source, f"RTCDtlsTransport no longer uses {used}"
    receive = inspect.getsource(transport._recv_next)
    assert "self.transport._recv()" in receive
    assert "and self._rx_srtp" in receive, "without sessions of its own it must ignore SRTP"
    assert {state.name for state in dtls.State} == {
        "NEW",
        "CONNECTING",
        "CONNECTED",
        "CLOSED",
        "FAILED",
    }


def test_gcm_is_preferred_and_profiles_split_keys_as_before() -> None:
    names = [profile.openssl_profile for profile in dtls.SRTP_PROFILES]
    assert names[0] == b"SRTP_AEAD_AES_256_GCM"
    profile = dtls.SRTP_PROFILES[0]
    material = bytes(range(2 * (profile.key_length + profile.salt_length)))
    assert profile.get_key_and_salt(material, 0) == material[:32] + material[64:76]
    assert profile.get_key_and_salt(material, 1) == material[32:64] + material[76:88]


def test_libsrtps_own_calls_are_reachable() -> None:
    from pylibsrtp._binding import lib  # noqa: PLC0415 - what is tested is that it is there

    for name in ("srtp_protect", "srtp_unprotect", "srtp_protect_rtcp", "srtp_unprotect_rtcp"):
        assert callable(getattr(lib, name))
    assert "_srtp" in inspect.getsource(pylibsrtp.Session.__init__)


def test_a_certificate_has_a_fingerprint_that_is_understood() -> None:
    fingerprint = Certificate().fingerprint
    ((algorithm, value),) = usable_fingerprints(["md5 00:11", fingerprint])
    assert f"{algorithm} {value}" == fingerprint
    assert len(value.split(":")) == 32
