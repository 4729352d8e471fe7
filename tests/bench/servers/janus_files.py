"""Janus' configuration for a fair run: its own folder, its own ports, nothing it need not do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOM = 1234


@dataclass(frozen=True, kw_only=True)
class JanusOptions:
    """``event_loops`` of 0 is Janus' default: a thread per peer connection."""

    host: str
    websocket_port: int
    rtp_ports: tuple[int, int]
    event_loops: int
    library: Path


def write_configuration(folder: Path, options: JanusOptions) -> None:
    """Write a configuration folder that loads the videoroom plugin and WebSockets, no more.

    ICE-lite and one address as for Relay; everything about media stays as Debian ships it, with the
    room's bitrate unlimited so that Janus never asks the publisher to slow down.
    """
    low, high = options.rtp_ports
    loops = f"event_loops = {options.event_loops}\n" if options.event_loops else ""
    (folder / "janus.jcfg").write_text(
        f"""general: {{
configs_folder = "{folder}"
plugins_folder = "{options.library}/plugins"
transports_folder = "{options.library}/transports"
events_folder = "{options.library}/events"
loggers_folder = "{options.library}/loggers"
debug_level = 2
interface = "{options.host}"
{loops}}}
media: {{
rtp_port_range = "{low}-{high}"
}}
nat: {{
ice_lite = true
ice_enforce_list = "{options.host}"
}}
plugins: {{
disable = "{_others(options.library / "plugins", "videoroom")}"
}}
transports: {{
disable = "{_others(options.library / "transports", "websockets")}"
}}
loggers: {{
disable = "libjanus_jsonlog.so"
}}
events: {{
broadcast = false
}}
""",
        encoding="utf-8",
    )
    (folder / "janus.transport.websockets.jcfg").write_text(
        f"""general: {{
json = "compact"
ws = true
ws_port = {options.websocket_port}
ws_ip = "{options.host}"
wss = false
}}
""",
        encoding="utf-8",
    )
    (folder / "janus.plugin.videoroom.jcfg").write_text(
        f"""room-{ROOM}: {{
description = "bench"
publishers = 4
bitrate = 0
videocodec = "vp8"
notify_joining = false
}}
""",
        encoding="utf-8",
    )


def _others(folder: Path, kept: str) -> str:
    names = (path.name for path in sorted(folder.glob("libjanus_*.so")))
    return ",".join(name for name in names if kept not in name)
