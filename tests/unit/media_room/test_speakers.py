"""Who speaks."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from relay_media.room.speakers import Speaker, Speakers

Told = list[tuple[Speaker, ...]]


class Room:
    """Windows closed by hand: 12 packets each, as 20 ms audio gives. No await: no timer runs."""

    def __init__(self) -> None:
        self.told: Told = []
        self.speakers = Speakers(self.told.append)

    def window(self, **levels: int) -> None:
        for sid, level in levels.items():
            for _ in range(12):
                self.speakers.heard(sid, level)
        self.speakers.close_window()

    @property
    def now(self) -> list[str]:
        return [speaker.sid for speaker in self.told[-1]] if self.told else []


async def test_a_voice_is_told_at_once_and_silence_soon_after() -> None:
    room = Room()
    room.window(a=25)
    room.window(a=25)
    assert room.now == ["a"]
    windows = 0
    while room.now:
        room.window(a=127)
        windows += 1
    assert 1 <= windows <= 6


async def test_the_loudest_comes_first_and_levels_are_from_0_to_1() -> None:
    room = Room()
    for _ in range(4):
        room.window(a=35, b=10, c=60)
    assert room.now == ["b", "a"]
    assert all(0 < speaker.level <= 1 for speaker in room.told[-1])


async def test_the_same_level_is_told_once() -> None:
    room = Room()
    for _ in range(40):
        room.window(a=20)
    assert len(room.told) <= 3


async def test_a_voice_at_the_edge_does_not_flicker() -> None:
    room = Room()
    for _ in range(6):
        room.window(a=30)
    count = len(room.told)
    for number in range(40):
        room.window(a=39 if number % 2 else 43)
    assert room.now == ["a"]
    assert len(room.told) - count <= 3


async def test_somebody_who_left_is_told_as_silent() -> None:
    room = Room()
    room.window(a=20)
    room.window(a=20)
    room.speakers.forget("a")
    room.speakers.close_window()
    assert room.now == []


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 127)), max_size=30))
async def test_any_levels_are_told_as_shares_only_on_change(windows: list[dict[str, int]]) -> None:
    room = Room()
    for levels in windows:
        room.window(**levels)
    for speakers in room.told:
        assert all(0 <= speaker.level <= 1 for speaker in speakers)
    for before, after in zip(room.told, room.told[1:], strict=False):
        assert set(before) != set(after)


async def test_windows_close_by_themselves_and_only_while_somebody_makes_a_sound() -> None:
    told: Told = []
    silent = asyncio.Event()

    def tell(speakers: tuple[Speaker, ...]) -> None:
        told.append(speakers)
        if not speakers:
            silent.set()

    speakers = Speakers(tell)
    assert speakers._timer is None
    for _ in range(12):
        speakers.heard("a", 10)
    async with asyncio.timeout(10):
        await silent.wait()
    assert len(told) >= 2
    assert told[-1] == ()
    speakers.close()
    speakers.heard("a", 127)
    assert speakers._timer is None
