# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring guests up, stop them, pull their plugs and cables, remove them."""

from __future__ import annotations

import shutil
import subprocess
import time
import typing as t
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from lab.hosts import machines as hosts_machines
from lab.hosts.names import LabError, Stage
from lab.hosts.podman import command
from lab.stage.cache import StageError
from lab.vm import image, master, names, network, process
from lab.vm.names import HOSTS, MASTER, OPENRC, SYSTEMD, Guests, known

#: Seconds until a guest's ssh answers. One alone takes half a minute on an idle core, four on a busy machine minutes.
PATIENCE: t.Final = 1200
#: Init -> what switches off with it; then what boots anew. OpenRC has neither poweroff nor reboot in PATH.
_OFF: t.Final = {SYSTEMD: "systemctl poweroff", OPENRC: "openrc-shutdown --poweroff now"}
_REBOOT: t.Final = {SYSTEMD: "systemctl reboot", OPENRC: "openrc-shutdown --reboot now"}


def images(guests: Guests) -> tuple[Path, Path, Stage]:
    """Return the folders of the guests' image and of the master's, and the stage, made now if no cache has them."""
    stage = hosts_machines.stage()
    try:
        return image.make(), master.make(guests, stage), stage
    except StageError as exc:
        raise LabError(f"lab: {exc}") from exc


def up(guests: Guests, hosts: Sequence[str], *, say: t.Callable[[str], None]) -> None:
    """Switch on those of ``hosts`` that are off, and wait until ssh answers on each.  Raises ``LabError``."""
    if not shutil.which(names.QEMU) or not shutil.which("qemu-img"):
        raise LabError("missing on this machine: apt-get install qemu-system-x86 qemu-utils; or run lab/bootstrap")
    made, laid, stage = images(guests)
    _keys(guests, made)
    network.make(guests)
    hosts_machines.write_variables(guests, names.variables(guests, stage))
    for host in known(hosts):
        running = process.pid(guests, host)
        say(f"{host} ({names.address(host)}) {'is up' if running else 'boots'}")
        if not running:
            _boot(guests, host, made, laid if host == MASTER else made)
    for host in known(hosts):
        wait(guests, host)


def _keys(guests: Guests, made: Path) -> None:
    shutil.copy(made / "key", guests.key)
    guests.key.chmod(0o600)
    (guests.state / "known_hosts").write_text(names.known_hosts((made / "host.pub").read_text()))
    guests.ssh.write_text(f'#!/bin/sh\nexec {" ".join(names.inside(guests, "ssh"))} "$@"\n')
    guests.ssh.chmod(0o755)
    (guests.state / "image").write_text(str(made))


def _boot(guests: Guests, host: str, made: Path, disk: Path) -> None:
    if not guests.disk(host).exists():
        new = guests.disk(host).with_suffix(".new")
        command("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(disk / image.DISK), str(new))
        new.replace(guests.disk(host))
    process.switch_on(guests, host, made)


def wait(guests: Guests, host: str, *, since: str = "") -> str:
    """Return which boot it is, once a guest runs a command over ssh and that differs from ``since``.

    Raises ``LabError`` when it takes too long, and when the guest is off.
    """
    end = time.monotonic() + PATIENCE
    argv = names.ssh(guests, host, "-o", "BatchMode=yes", "cat /proc/sys/kernel/random/boot_id")
    while True:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout != since:
            return done.stdout
        if not process.pid(guests, host) or time.monotonic() > end:
            raise LabError(
                f"{host}: expected ssh to answer within {PATIENCE} s, found {done.stderr.strip()!r}; "
                f"{guests.console(host)} ends with:\n{process.said(guests, host)}"
            )
        time.sleep(0.5)


def start(guests: Guests, host: str) -> None:
    """Switch on a guest that is off, with the disk it had, and wait until ssh answers."""
    if process.pid(guests, host):
        raise LabError(f"{host}: expected a guest that is off, found it on")
    if not guests.disk(host).exists():
        raise LabError(f"{host}: expected a guest that was up before, found none; run lab/vms up {host}")
    process.switch_on(guests, host, Path((guests.state / "image").read_text()))
    wait(guests, host)


def stop(guests: Guests, host: str) -> None:
    """Shut a guest down and return once it is off."""
    present(guests, host)
    _order(guests, host, _OFF[HOSTS[host].init])
    process.ended(guests, host, PATIENCE)


def reboot(guests: Guests, host: str) -> None:
    """Let a guest boot anew and return once ssh answers."""
    present(guests, host)
    before = wait(guests, host)
    _order(guests, host, _REBOOT[HOSTS[host].init])
    wait(guests, host, since=before)


def _order(guests: Guests, host: str, script: str) -> None:
    """Run what ends the connection on which it is told."""
    subprocess.run(names.ssh(guests, host, script), capture_output=True, check=False)
    disconnect(guests, host)


def kill(guests: Guests, host: str) -> None:
    """Pull a guest's plug."""
    present(guests, host)
    disconnect(guests, host)
    process.kill(guests, host)


def cable(guests: Guests, host: str, state: t.Literal["up", "down"]) -> None:
    """Put a guest's cable in, or pull it."""
    present(guests, host)
    network.cable(guests, host, state)


def present(guests: Guests, host: str) -> None:
    """Raise ``LabError`` unless the guest is on."""
    known([host])
    if not process.pid(guests, host):
        raise LabError(f"{host}: expected a guest that is on, found it off; see lab/vms addresses")


def disconnect(guests: Guests, host: str) -> None:
    """Close the connection that ssh keeps open to a guest, which would outlive it and hang."""
    if guests.namespace.exists():
        subprocess.run(names.ssh(guests, host, "-O", "exit"), capture_output=True, check=False)


def addresses(guests: Guests) -> dict[str, tuple[str, str]]:
    """Return {host: (address, on or off)} of the guests that have a disk."""
    there = [host for host in HOSTS if guests.disk(host).exists()]
    return {host: (str(names.address(host)), "on" if process.pid(guests, host) else "off") for host in there}


def down(guests: Guests) -> None:
    """Remove all that these guests left on the machine, complete or not.  The images stay in the cache."""
    for host in HOSTS:
        if process.pid(guests, host):
            process.kill(guests, host)
    network.remove(guests)
    master.remove(guests)
    if guests.variables.exists():  # then what runs kept beside the inventory is about these guests
        shutil.rmtree(guests.checkout / names.INVENTORY / ".binhost", ignore_errors=True)
        guests.variables.unlink()
    shutil.rmtree(guests.state)
    with suppress(OSError):  # another lab is there
        guests.state.parent.rmdir()
