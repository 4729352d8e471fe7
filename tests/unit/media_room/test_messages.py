"""Reading what clients say."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_media.errors import RefusalError
from relay_media.signalling.messages import (
    Join,
    Leave,
    Mute,
    Ping,
    PublishOffer,
    SubscribeAnswer,
    TrackEntry,
    read_message,
)

SESSION = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            {"type": "join", "v": 1, "session": SESSION, "resume": True},
            Join(session=SESSION, resume=True),
        ),
        ({"type": "join", "v": 1, "session": SESSION}, Join(session=SESSION, resume=False)),
        (
            {
                "type": "offer",
                "pc": "publish",
                "id": 3,
                "sdp": "v=0",
                "tracks": [{"mid": "0", "source": "camera", "muted": True, "new": 1}],
            },
            PublishOffer(
                id=3, sdp="v=0", tracks=(TrackEntry(mid="0", source="camera", muted=True),)
            ),
        ),
        (
            {"type": "answer", "pc": "subscribe", "id": 0, "sdp": ""},
            SubscribeAnswer(id=0, sdp=""),
        ),
        ({"type": "mute", "track": "t_1", "muted": False}, Mute(track="t_1", muted=False)),
        ({"type": "leave", "why": "bored"}, Leave()),
        ({"type": "ping", "t": 1.25}, Ping(t=1.25)),
    ],
)
def test_a_good_message_is_read_and_unknown_fields_are_ignored(
    raw: dict[str, object], message: object
) -> None:
    assert read_message(json.dumps(raw)) == message


@pytest.mark.parametrize(
    ("text", "code", "about"),
    [
        ("nonsense", "bad_message", None),
        ("NaN", "bad_message", None),
        ('{"type":"join","v":true,"session":"' + SESSION + '"}', "bad_message", None),
        ('{"type":"join","v":1,"session":"' + SESSION.upper() + '"}', "bad_message", None),
        ('{"type":"offer","pc":"publish","id":true,"sdp":""}', "bad_message", None),
        (
            '{"type":"offer","pc":"publish","id":4,"sdp":"","tracks":[7]}',
            "bad_message",
            ("publish", 4),
        ),
        (
            '{"type":"offer","pc":"publish","id":4,"sdp":"",'
            '"tracks":[{"mid":"a b","source":"camera"}]}',
            "bad_message",
            ("publish", 4),
        ),
        (
            '{"type":"offer","pc":"publish","id":4,"sdp":"","tracks":[{"mid":"0","source":"tv"}]}',
            "bad_message",
            ("publish", 4),
        ),
        (
            '{"type":"offer","pc":"publish","id":4,"sdp":"","tracks":'
            '[{"mid":"0","source":"camera"},{"mid":"0","source":"camera"}]}',
            "bad_message",
            ("publish", 4),
        ),
        ('{"type":"answer","pc":"publish","id":5,"sdp":""}', "bad_message", ("publish", 5)),
        ('{"type":"answer","pc":"both","id":5,"sdp":""}', "bad_message", None),
        ('{"type":"ping","t":NaN}', "bad_message", None),
        ('{"type":"ping","t":Infinity}', "bad_message", None),
        ('{"type":"toString"}', "unknown_type", None),
    ],
)
def test_a_bad_message_is_refused_with_its_code_and_what_it_was_about(
    text: str, code: str, about: tuple[str, int] | None
) -> None:
    with pytest.raises(RefusalError) as refusal:
        read_message(text)
    assert (refusal.value.code, refusal.value.request) == (code, about)
    assert refusal.value.close_code is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["mid", "source", "muted", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = ["type", "v", "session", "resume", "pc", "id", "sdp", "tracks", "track", "muted", "t"]
TYPES = ["join", "offer", "answer", "mute", "leave", "ping", "other"]


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    check(text)


@given(
    st.sampled_from(TYPES),
    st.sampled_from(["publish", "subscribe"]),
    st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=8),
)
def test_any_json_is_read_or_refused(kind: str, pc: str, fields: dict[str, object]) -> None:
    check(json.dumps(fields))
    check(json.dumps({**fields, "type": kind, "pc": pc, "id": 1}))


def check(text: str) -> None:
    try:
        read_message(text)
    except RefusalError as error:
        assert error.code in ("bad_message", "unknown_type")  # noqa: PT017
        json.dumps(error.message).encode()
