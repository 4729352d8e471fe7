"""The command line over the package's functions."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from types import FrameType

from cluster import clusters, commands, layers, lifecycle, packages, programs, release
from cluster.errors import GroundError

_DEMO_PORT = 8080


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    options = _parser().parse_args(arguments)
    try:
        failures = options.run(options)
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
    return 1 if isinstance(failures, int) and failures else 0


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cluster", description=__doc__)
    sub = parser.add_subparsers(required=True)

    up = sub.add_parser("up", help="bring a cluster up")
    up.add_argument("name")
    up.add_argument("--workers", type=int, default=2)
    up.add_argument("--http-port", type=int, default=0)
    up.set_defaults(run=lambda o: lifecycle.up(o.name, workers=o.workers, http_port=o.http_port))

    demo = sub.add_parser("demo", help="a cluster, the images, the chart, and a hall to open")
    demo.add_argument("name")
    demo.add_argument("--workers", type=int, default=1)
    demo.set_defaults(run=lambda o: _demo(o.name, o.workers))

    test = sub.add_parser("test", help="every layer of tests, on a cluster of its own")
    test.add_argument("name")
    test.add_argument("--workers", type=int, default=2)
    test.set_defaults(run=lambda o: layers.run(o.name, workers=o.workers))

    install = sub.add_parser("install", help="a cluster with Relay's chart, without a demo")
    install.add_argument("name")
    install.add_argument("--workers", type=int, default=2)
    install.set_defaults(run=lambda o: _install(o.name, o.workers, 0))

    uninstall = sub.add_parser("uninstall", help="remove Relay's chart, so that no operator runs")
    uninstall.add_argument("name")
    uninstall.set_defaults(run=lambda o: release.uninstall(_existing(o.name)))

    down = sub.add_parser("down", help="remove a cluster; without a name all of them")
    down.add_argument("name", nargs="?")
    down.set_defaults(run=lambda o: lifecycle.down(o.name) if o.name else lifecycle.down_all())

    helm = sub.add_parser("helm", help="print where helm is, built first if need be")
    helm.set_defaults(run=lambda _: print(programs.tools().helm))

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

    browser = sub.add_parser("browser", help="install Chromium, if it is missing")
    browser.set_defaults(run=lambda _: packages.ensure(packages.BROWSER, why="the browser tests"))

    venv = sub.add_parser("venv", help="install what Python's virtual environments need")
    venv.set_defaults(run=lambda _: packages.ensure(packages.VENV, why="a virtual environment"))

    env = sub.add_parser("env", help="print shell exports for a cluster: eval $(... env relay)")
    env.add_argument("name")
    env.set_defaults(run=lambda o: _print_env(_existing(o.name)))
    return parser


def _existing(name: str) -> clusters.Cluster:
    found = lifecycle.get(name)
    if found is None:
        raise GroundError(f"cluster {name} is not up: `make up`, or `up {name}` of this command")
    return found


def _install(name: str, workers: int, http_port: int) -> clusters.Cluster:
    found, built = lifecycle.up_with_images(name, workers=workers, http_port=http_port)
    release.install(found, built)
    return found


def _demo(name: str, workers: int) -> None:
    release.show_demo(_install(name, workers, _DEMO_PORT))


def _print_env(found: clusters.Cluster) -> None:
    for key, value in found.env.items():
        print(f"export {key}={shlex.quote(value)}")
