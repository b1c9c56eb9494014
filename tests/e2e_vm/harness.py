# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of virtual machines act with: the guests, and a run of site.yml on them.

``tests.e2e.harness.play`` runs it, with ``-i INVENTORY``: Ansible reaches the guests from anywhere on this machine.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import typing as t
from contextlib import contextmanager
from dataclasses import dataclass

from lab.hosts.machines import alone
from lab.vm import machines, names, network
from tests.e2e.harness import CHECKOUT, Answer, Hosts

if t.TYPE_CHECKING:
    from collections.abc import Iterator

INVENTORY: t.Final = CHECKOUT / names.INVENTORY
#: Emulated, several at a time, on a machine that has other work: that long nothing takes that doesn't hang.
HOST_TIMEOUT_S: t.Final = 900
RUN_TIMEOUT_S: t.Final = 3000


@dataclass(frozen=True)
class Guests(Hosts):
    """The virtual machines of this checkout: desktop (the master), phenom, nehalem, openrc."""

    lab: names.Guests

    def run(self, host: str, *words: str, stdin: str | None = None, timeout_s: float = HOST_TIMEOUT_S) -> Answer:
        """Run a command on a guest, through ssh: it needs the cable.  Raises ``TimeoutExpired``."""
        # A shell that the command doesn't take the place of: ssh itself has one status for all signals.
        argv = names.ssh(self.lab, host, f"{shlex.join(words)}; exit $?")
        done = subprocess.run(
            argv, input=stdin or "", capture_output=True, text=True, check=False, timeout=timeout_s, errors="replace"
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def up(self, *hosts: str) -> None:
        """Switch on the guests that are off, and wait for them."""
        with alone(self.lab):
            machines.up(self.lab, hosts or tuple(names.HOSTS), say=print)

    def down(self) -> None:
        """Remove all of them."""
        with alone(self.lab):
            machines.down(self.lab)

    def stop(self, host: str) -> None:
        """Shut a guest down, as its person does, and wait until it is off."""
        machines.stop(self.lab, host)

    def kill(self, host: str) -> None:
        """Pull a guest's plug: it is off at once, and what it hadn't written is lost."""
        machines.kill(self.lab, host)

    def start(self, host: str) -> None:
        """Switch a guest on that is off, and wait for it."""
        machines.start(self.lab, host)

    def reboot(self, host: str) -> None:
        """Let a guest boot anew, as its person does, and wait for it."""
        machines.reboot(self.lab, host)

    def cable(self, host: str, state: t.Literal["up", "down"]) -> None:
        """Put a guest's cable in, or pull it."""
        machines.cable(self.lab, host, state)

    @contextmanager
    def wall(self, host: str, *ports: int) -> Iterator[None]:
        """Let nothing come to a guest from the others but what is for these TCP ports."""
        network.wall(self.lab, host, ports)
        try:
            yield
        finally:
            network.wall(self.lab, host, ())

    def address(self, host: str) -> str:
        """Return a guest's address."""
        return str(names.address(host))


def guests_of_checkout() -> Guests:
    """Return the virtual machines of the checkout that these tests are in."""
    return Guests(names.guests_of(CHECKOUT, os.environ))
