"""The command line over the package's functions."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from types import FrameType

from cluster import clusters, commands
from cluster.errors import GroundError


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except GroundError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "\ninterrupted: what was built is kept, the next run goes on from there",
            file=sys.stderr,
        )
        return 130
    finally:
        commands.stop_all()
    return 0


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cluster", description=__doc__)
    sub = parser.add_subparsers(required=True)

    up = sub.add_parser("up", help="bring a cluster up")
    up.add_argument("name")
    up.add_argument("--workers", type=int, default=2)
    up.add_argument("--http-port", type=int, default=0)
    up.set_defaults(run=lambda o: clusters.up(o.name, workers=o.workers, http_port=o.http_port))

    down = sub.add_parser("down", help="remove a cluster")
    down.add_argument("name")
    down.set_defaults(run=lambda o: clusters.down(o.name))

    load = sub.add_parser("load", help="load images of the engine into a cluster")
    load.add_argument("name")
    load.add_argument("images", nargs="+")
    load.set_defaults(run=lambda o: _existing(o.name).load(o.images))

    for action in ("stop", "start"):
        node = sub.add_parser(f"{action}-node", help=f"{action} one node of a cluster")
        node.add_argument("name")
        node.add_argument("node")
        node.set_defaults(
            run=lambda o, action=action: getattr(_existing(o.name), f"{action}_node")(o.node)
        )

    routes = sub.add_parser("routes", help="make pod addresses reachable from this machine, or not")
    routes.add_argument("name")
    routes.add_argument("action", choices=("add", "remove"))
    routes.set_defaults(run=lambda o: _existing(o.name).routes(o.action))

    env = sub.add_parser("env", help="print shell exports for a cluster: eval $(... env relay)")
    env.add_argument("name")
    env.set_defaults(run=lambda o: _print_env(_existing(o.name)))
    return parser


def _existing(name: str) -> clusters.Cluster:
    found = clusters.get(name)
    if found is None:
        raise GroundError(f"cluster {name} is not up: `make up`, or `up {name}` of this command")
    return found


def _print_env(found: clusters.Cluster) -> None:
    for key, value in found.env.items():
        print(f"export {key}={shlex.quote(value)}")
