# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's command line."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from lab.hosts import machines, reach
from lab.hosts.names import DEFAULT, HOSTS, Lab, LabError, known, lab_of


def say(text: str) -> None:
    """Tell the person what happens now."""
    print(f"lab: {text}", file=sys.stderr, flush=True)


def _up(lab: Lab, args: argparse.Namespace) -> None:
    machines.up(lab, known(args.hosts or DEFAULT), say=say)


def _addresses(lab: Lab, args: argparse.Namespace) -> None:
    for host, address in reach.addresses(lab).items():
        print(host, address)


def _exec(lab: Lab, args: argparse.Namespace) -> None:
    terminal = not args.words and sys.stdin.isatty()
    reach.become(reach.execute(lab, args.host, args.words, terminal=terminal), lab)


def _ssh(lab: Lab, args: argparse.Namespace) -> None:
    reach.become(reach.connect(lab, args.host, [shlex.join(args.words)] if args.words else []), lab)


#: Subcommand -> help, what it does, and whether it changes the lab.
HOST_COMMANDS: dict[str, tuple[str, Callable[[Lab, argparse.Namespace], None]]] = {
    "start": ("start a stopped host", lambda lab, args: machines.start(lab, args.host)),
    "stop": ("shut a host down", lambda lab, args: machines.stop(lab, args.host)),
    "pause": ("halt every process of a host", lambda lab, args: machines.freeze(lab, args.host, "pause")),
    "unpause": ("let a paused host go on", lambda lab, args: machines.freeze(lab, args.host, "unpause")),
    "reset": ("make a host fresh again", lambda lab, args: machines.reset(lab, args.host, say=say)),
}
#: These run a program on a host and may last.
SHELL_COMMANDS: dict[str, tuple[str, Callable[[Lab, argparse.Namespace], None]]] = {
    "exec": ("run a command on a host through podman", _exec),
    "ssh": ("run a command on a host through ssh", _ssh),
}


def parser() -> argparse.ArgumentParser:
    """Return the parser; ``function`` of what it returns does the work."""
    top = argparse.ArgumentParser(prog="lab", description="Small Gentoo-like machines on this one.")
    commands = top.add_subparsers(required=True, metavar="COMMAND", dest="command")
    command = commands.add_parser("up", help=f"boot hosts (default: {' '.join(DEFAULT)})")
    command.add_argument("hosts", nargs="*", metavar="HOST", help=f"one of {', '.join(HOSTS)}")
    command.set_defaults(function=_up)
    command = commands.add_parser("down", help="remove everything of this checkout's lab")
    command.set_defaults(function=lambda lab, args: machines.down(lab))
    command = commands.add_parser("addresses", help="list the hosts that are there")
    command.set_defaults(function=_addresses)
    for name, (text, function) in (HOST_COMMANDS | SHELL_COMMANDS).items():
        command = commands.add_parser(name, help=text)
        command.add_argument("host", metavar="HOST")
        if name in SHELL_COMMANDS:
            command.add_argument("words", nargs="*", metavar="WORD", help="command, after --; none: a shell")
        command.set_defaults(function=function)
    return top


def main(words: Sequence[str]) -> int:
    """Do what ``words`` say and return the exit status: 1 for what a message explains, 130 when interrupted."""
    args = parser().parse_args(words)
    try:
        if os.geteuid() != 0:
            raise LabError(f"lab: expected to run as root, found uid {os.geteuid()}")
        lab = lab_of(machines.checkout(), os.environ)
        if args.command not in ("up", "down") and not lab.state.exists():
            raise LabError("lab: expected a lab of this checkout, found none; run lab/lab up")
        with machines.alone(lab) if args.command not in SHELL_COMMANDS else nullcontext():
            args.function(lab, args)
    except LabError as exc:
        print(exc, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted; lab/lab down removes what is there, lab/lab up goes on", file=sys.stderr)
        return 130
    return 0
