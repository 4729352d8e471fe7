"""Who speaks: RFC 6464 levels, smoothed, told on change and at most four times a second.

Works on windows of 250 ms. A person starts to count as speaking at -40 dBov and stops below -46,
so that a voice at the edge does not flicker.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass

WINDOW_SECONDS = 0.25
_STARTS_DBOV = -40.0
_STOPS_DBOV = -46.0
_SILENCE_DBOV = -127.0
_FLOOR_DBOV = -60.0
_RISE = 0.8
_FALL = 0.35
_STEPS = 10


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """``level`` from 0 (-60 dBov or less) to 1 (the loudest a stream can be), in tenths."""

    sid: str
    level: float


@dataclass(kw_only=True)
class _Voice:
    energy: float = 0.0
    packets: int = 0
    smoothed: float = _SILENCE_DBOV
    speaking: bool = False

    def close_window(self) -> None:
        mean = self.energy / self.packets if self.packets else 0.0
        now = 10 * math.log10(mean) if mean > 1e-13 else _SILENCE_DBOV
        weight = _RISE if now > self.smoothed else _FALL
        self.smoothed += weight * (now - self.smoothed)
        self.speaking = self.smoothed >= (_STOPS_DBOV if self.speaking else _STARTS_DBOV)
        self.energy, self.packets = 0.0, 0


class Speakers:
    """Collects levels and calls ``tell`` with everyone who speaks, loudest first."""

    def __init__(self, tell: Callable[[tuple[Speaker, ...]], None]) -> None:
        self._tell = tell
        self._voices: dict[str, _Voice] = {}
        self._told: tuple[Speaker, ...] = ()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def current(self) -> tuple[Speaker, ...]:
        return self._told

    def heard(self, sid: str, level: int) -> None:
        """One packet's level: 0 is the loudest, 127 silence, in -dBov."""
        voice = self._voices.get(sid)
        if voice is None:
            if level >= -_STOPS_DBOV:
                return
            voice = self._voices[sid] = _Voice()
        voice.energy += 10 ** (-level / 10)
        voice.packets += 1
        # Only while somebody makes a sound does this cost a timer.
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WINDOW_SECONDS, self._tick)

    def forget(self, sid: str) -> None:
        """Somebody left; told with the next window."""
        self._voices.pop(sid, None)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._voices.clear()

    def _tick(self) -> None:
        self._timer = None
        self.close_window()
        if self._voices or self._told:
            self._timer = asyncio.get_running_loop().call_later(WINDOW_SECONDS, self._tick)

    def close_window(self) -> None:
        """End the current window, and tell if what would be told has changed."""
        for sid, voice in list(self._voices.items()):
            voice.close_window()
            if not voice.speaking and voice.smoothed < _FLOOR_DBOV:
                del self._voices[sid]
        speaking = sorted(
            ((voice.smoothed, sid) for sid, voice in self._voices.items() if voice.speaking),
            reverse=True,
        )
        told = tuple(Speaker(sid=sid, level=_level(dbov)) for dbov, sid in speaking)
        if set(told) != set(self._told):
            self._told = told
            self._tell(told)


def _level(dbov: float) -> float:
    share = 1 - dbov / _FLOOR_DBOV
    return min(1.0, max(0.0, math.ceil(share * _STEPS) / _STEPS))
