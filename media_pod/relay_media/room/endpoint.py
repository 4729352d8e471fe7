"""Between the transport's types and the descriptions': one place that knows both."""

from __future__ import annotations

import secrets

from relay_media.sdp import Accepted, Candidate, Fingerprint, Local, Profile, Remote, Taken
from relay_media.transport import CodecSpec, MediaPort, Peer, ReceiveSpec, SendSpec


def local_end(media: MediaPort, peer: Peer) -> Local:
    """The pod's end of ``peer``, as descriptions carry it."""
    algorithm, _, value = media.fingerprint.partition(" ")
    return Local(
        ufrag=peer.ice_ufrag,
        pwd=peer.ice_pwd,
        fingerprint=Fingerprint(algorithm=algorithm, value=value),
        candidates=tuple(
            Candidate(
                foundation=candidate.foundation,
                component=1,
                protocol="udp",
                priority=candidate.priority,
                host=candidate.host,
                port=candidate.port,
                type="host",
            )
            for candidate in media.candidates
        ),
    )


def start(peer: Peer, remote: Remote) -> None:
    peer.start(
        remote_ufrag=remote.ufrag,
        remote_pwd=remote.pwd,
        remote_fingerprints=[str(fingerprint) for fingerprint in remote.fingerprints],
        remote_setup=remote.setup,
    )


def receive_spec(accepted: Accepted) -> ReceiveSpec:
    codec, rtx = accepted.choice.codec, accepted.choice.rtx
    return ReceiveSpec(
        mid=accepted.mid,
        kind=accepted.kind,
        codecs=(
            CodecSpec(
                pt=codec.pt,
                name=codec.name,
                clock_rate=codec.clock_rate,
                rtx_pt=rtx.pt if rtx else None,
                fmtp=dict(codec.parameters),
            ),
        ),
        extensions={extension.id: extension.uri for extension in accepted.extensions},
        ssrcs=accepted.ssrcs,
        rtx_ssrcs=dict(accepted.rtx_ssrcs),
    )


def send_spec(
    taken: Taken, profile: Profile, *, ssrc: int, rtx_ssrc: int | None, cname: str
) -> SendSpec:
    codec = profile.codec
    repaired = taken.rtx_pt is not None
    return SendSpec(
        mid=taken.mid,
        ssrc=ssrc,
        rtx_ssrc=rtx_ssrc if repaired else None,
        codecs=(
            CodecSpec(
                pt=codec.pt,
                name=codec.name,
                clock_rate=codec.clock_rate,
                rtx_pt=taken.rtx_pt,
                fmtp=dict(codec.parameters),
            ),
        ),
        extensions={extension.id: extension.uri for extension in taken.extensions},
        cname=cname,
    )


def new_ssrc(used: set[int]) -> int:
    """A random SSRC (RFC 3550 section 8) that is not in ``used``; it is added."""
    while True:
        ssrc = secrets.randbits(32)
        if ssrc and ssrc not in used:
            used.add(ssrc)
            return ssrc
