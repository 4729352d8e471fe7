"""The tables of the benchmarks, from made-up measurements."""

from __future__ import annotations

import struct

from bench import forwarding, join, memory, ready, rest
from bench.load.description import Credentials, read_offer, read_remote, subscribe_answer
from bench.load.room import Window
from bench.load.rtcp import asks_for_keyframe, receiver_report, sender_report
from bench.processes import Memory


def window(*, received: int, cpu: float) -> Window:
    return Window(
        seconds=10.0, cpu_seconds=cpu, generator_cpu_seconds=1.0, sent=10_000,
        received=(10_000, received), duplicates=0, opened=100, damaged=0,
        delay_p50_ms=0.5, delay_p99_ms=2.0, late_ms=0.0,
    )  # fmt: skip


def measured(server: str, window: Window) -> forwarding.Measured:
    return forwarding.Measured(
        server=server, rate=1000, repetition=0, profile="AEAD_AES_256_GCM",
        rss_bytes=70_000_000, window=window,
    )  # fmt: skip


def test_a_row_with_a_badly_served_subscriber_is_marked_invalid() -> None:
    results = [
        measured("Good", window(received=10_000, cpu=2.0)),
        measured("Bad", window(received=9_900, cpu=1.0)),
    ]
    good, bad = forwarding.tabulate(results, forwarding.Options()).rows
    assert good[4] == "10,000"
    assert good[7] == "100.00%"
    assert bad[4] == "19,900 **invalid**"


def test_the_hall_ready_row_stands_out() -> None:
    table = ready.tabulate([{"created": 0.01, "ready": 1.0}, {"created": 0.02, "ready": 3.0}])
    assert [row[1] for row in table.rows] == ["0.01 s", "**1.00 s**"]


def test_rest_percentiles_are_in_milliseconds() -> None:
    keys = ("create", "get", "delete", "list", "list closed")
    table = rest.tabulate({key: [0.010, 0.020] for key in keys}, rest.Options())
    assert table.rows[0][1:] == ("2", "10.0 ms", "20.0 ms", "20.0 ms")


def test_the_join_table_names_the_path_that_was_taken() -> None:
    sample = {"live_ms": 100.0, "frame_ms": 300.0, "pair": "relay/udp"}
    table = join.tabulate({"all": [sample], "relay": [sample, sample]})
    assert [row[-1] for row in table.rows] == ["relay/udp ×1", "relay/udp ×2"]


def test_idle_processes_are_shown_per_minute() -> None:
    idle = memory.Idle(
        memory=Memory(rss=64_000_000, pss=60_000_000, threads=2),
        seconds=30, cpu_seconds=0.3, api_calls={"GET halls": 2},
    )  # fmt: skip
    growth = memory.Growth(seconds=9, api_calls={"POST pods": 1000})
    table = memory.tabulate({"idle": idle}, {"no halls": idle}, growth, memory.Options())
    assert table.rows[0][1:] == ("64 MB", "60 MB", "2", "1.00%", "none")
    assert table.rows[1][-1] == "4.0"


def test_a_request_for_a_key_frame_is_found_in_a_compound_packet() -> None:
    pli = struct.pack("!BBHLL", 0x81, 206, 2, 1, 2)
    report = receiver_report(own=1, media=2, highest_sequence=3)
    sender = sender_report(own=1, unix_seconds=0.5, rtp_timestamp=2**33, packets=1, octets=2)
    assert asks_for_keyframe(report + pli)
    assert asks_for_keyframe(sender + pli)
    assert not asks_for_keyframe(report + sender)
    assert not asks_for_keyframe(b"\x80")


def test_an_offer_is_answered_line_by_line() -> None:
    offer = (
        "v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:secret\r\n"
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\na=inactive\r\n"
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:1\r\na=rtpmap:96 VP8/90000\r\na=sendonly\r\n"
        "a=candidate:1 1 udp 1 192.0.2.1 7 typ host\r\n"
        "a=candidate:2 1 UDP 1 198.18.0.1 8 typ host\r\n"
    )
    remote = read_remote(offer, host="198.18.0.1")
    assert (remote.ufrag, remote.pwd, remote.port) == ("abcd", "secret", 8)
    own = Credentials(ufrag="u", pwd="p", fingerprint="AA")
    answered = read_offer(subscribe_answer(own, offer))
    assert [(media.mid, media.kind, media.payload_types) for media in answered] == [
        ("0", "audio", (111,)),
        ("1", "video", (96, 97)),
    ]
