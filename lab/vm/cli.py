# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of the lab's virtual machines."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import typing as t
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from lab.hosts.cli import say
from lab.hosts.machines import alone, checkout
from lab.hosts.names import LabError
from lab.vm import machines, names
from lab.vm.names import HOSTS, Guests, guests_of, known

Command = Callable[[Guests, argparse.Namespace], None]


def _up(guests: Guests, args: argparse.Namespace) -> None:
    machines.up(guests, known(args.hosts or tuple(HOSTS)), say=say)


def _addresses(guests: Guests, args: argparse.Namespace) -> None:
    for host, (address, state) in machines.addresses(guests).items():
        print(host, address, state)


def _image(guests: Guests, args: argparse.Namespace) -> None:
    for path in machines.images(guests)[:2]:
        print(path)


def _ssh(guests: Guests, args: argparse.Namespace) -> t.NoReturn:
    machines.present(guests, args.host)
    argv = names.ssh(guests, args.host, *([shlex.join(args.words)] if args.words else []))
    os.execv(argv[0], argv)


#: Subcommand -> help, and what it does to one guest.
GUEST_COMMANDS: dict[str, tuple[str, Command]] = {
    "start": ("switch on a guest that is off", lambda guests, args: machines.start(guests, args.host)),
    "stop": ("shut a guest down", lambda guests, args: machines.stop(guests, args.host)),
    "reboot": ("let a guest boot anew", lambda guests, args: machines.reboot(guests, args.host)),
    "kill": ("pull a guest's plug", lambda guests, args: machines.kill(guests, args.host)),
    "cable": ("put a guest's cable in, or pull it", lambda guests, args: machines.cable(guests, args.host, args.state)),
    "ssh": ("run a command on a guest", _ssh),
}
#: Subcommand -> help, and what it does to all of them.
COMMANDS: dict[str, tuple[str, Command]] = {
    "up": (f"boot guests (default: {' '.join(HOSTS)})", _up),
    "down": ("remove everything of this checkout's virtual machines", lambda guests, args: machines.down(guests)),
    "addresses": ("list the guests that are there", _addresses),
    "image": ("make what guests boot from, and print the folders", _image),
}
#: These run a program and may last, or only ask.
UNLOCKED = ("ssh", "addresses")


def parser() -> argparse.ArgumentParser:
    """Return the parser; ``function`` of what it returns does the work."""
    top = argparse.ArgumentParser(prog="vms", description="Virtual machines: emulated, each with a kernel of its own.")
    commands = top.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for name, (text, function) in (COMMANDS | GUEST_COMMANDS).items():
        command = commands.add_parser(name, help=text)
        command.set_defaults(function=function)
        if name == "up":
            command.add_argument("hosts", nargs="*", metavar="HOST", help=f"one of {', '.join(HOSTS)}")
        if name in GUEST_COMMANDS:
            command.add_argument("host", metavar="HOST")
        if name == "cable":
            command.add_argument("state", choices=("up", "down"))
        if name == "ssh":
            command.add_argument("words", nargs="*", metavar="WORD", help="command, after --; none: a shell")
    return top


def main(words: Sequence[str]) -> int:
    """Do what ``words`` say and return the exit status: 1 for what a message explains, 130 when interrupted."""
    args = parser().parse_args(words)
    try:
        if os.geteuid() != 0:
            raise LabError(f"lab: expected to run as root, found uid {os.geteuid()}")
        guests = guests_of(checkout(), os.environ)
        if args.command not in ("up", "down", "image") and not guests.state.exists():
            raise LabError("lab: expected virtual machines of this checkout, found none; run lab/vms up")
        with nullcontext() if args.command in UNLOCKED else alone(guests):
            args.function(guests, args)
    except LabError as exc:
        print(exc, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted; lab/vms down removes what is there, lab/vms up goes on", file=sys.stderr)
        return 130
    return 0
