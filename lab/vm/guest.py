# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One virtual machine, emulated: a kernel of its own on any machine. It ends with who booted it."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
import typing as t
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.stage.cache import StageError
from lab.vm import image

QEMU: t.Final = "qemu-system-x86_64"
PATIENCE: t.Final = 600  # seconds until ssh answers; 40 on two idle cores
_KERNEL: t.Final = "console=ttyS0 quiet mitigations=off net.ifnames=0 systemd.unit=multi-user.target init=/sbin/init"


@dataclass(frozen=True)
class Guest:
    """A machine that runs."""

    image: Path
    folder: Path  # its log, and what ssh keeps
    port: int  # at 127.0.0.1, where its sshd answers

    @property
    def log(self) -> Path:
        """What its kernel and systemd said."""
        return self.folder / "console"

    @property
    def options(self) -> list[str]:
        """The words with which ssh reaches it, once and then again through the same connection."""
        known = {
            "Port": self.port,
            "User": "root",
            "IdentityFile": self.folder / "key",
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": self.folder / "known_hosts",
            "HostKeyAlias": "guest",
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
            "ConnectTimeout": 10,
            "ControlMaster": "auto",
            "ControlPath": self.folder / "control",
            "ControlPersist": 600,
            "LogLevel": "ERROR",
        }
        return [word for name, value in known.items() for word in ("-o", f"{name}={value}")]

    def run(
        self, command: str, *, stdin: bytes | None = None, check: bool = True, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a line of shell there.  Raises ``AssertionError`` with its words if it fails and ``check``."""
        argv = ["ssh", *self.options, "127.0.0.1", command]
        done = subprocess.run(argv, input=stdin or b"", capture_output=True, timeout=timeout, check=False)
        out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        if check and done.returncode:
            raise AssertionError(f"{command}: status {done.returncode}\n{out}{err}")
        return subprocess.CompletedProcess(argv, done.returncode, out, err)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens at now."""
    with socket.socket() as asking:
        asking.bind(("127.0.0.1", 0))
        return int(asking.getsockname()[1])


def argv(made: Path, log: Path, port: int, *, cpu: str, more: Sequence[str] = ()) -> list[str]:
    """Return qemu's command line. The disk is not written to: each boot is the first."""
    return [
        *("setpriv", "--pdeathsig", "KILL", QEMU, "-accel", "tcg,thread=multi", "-cpu", cpu, "-smp", "2", "-m", "1024"),
        *("-kernel", str(made / "vmlinuz"), "-initrd", str(made / "initrd"), "-append", _KERNEL),
        *("-drive", f"file={made / 'disk.ext4'},format=raw,if=virtio,snapshot=on"),
        *("-nic", f"user,model=virtio-net-pci,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22"),
        *("-display", "none", "-monitor", "none", "-serial", f"file:{log}", "-no-reboot", "-nodefaults"),
        *more,
    ]


@contextlib.contextmanager
def booted(folder: Path, *, cpu: str = "max", more: Sequence[str] = ()) -> Iterator[Guest]:
    """Run a machine while the block does; yield it once ssh answers.  Raises ``StageError`` if that never happens."""
    if not shutil.which(QEMU):
        raise StageError("missing on this machine: apt-get install qemu-system-x86")
    made = image.make()
    guest = Guest(made, folder, free_port())
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(made / "key", folder / "key")
    (folder / "key").chmod(0o600)
    (folder / "known_hosts").write_text(f"guest {(made / 'host.pub').read_text()}")
    with subprocess.Popen(argv(made, guest.log, guest.port, cpu=cpu, more=more), stdin=subprocess.DEVNULL) as machine:
        try:
            _wait(guest, machine)
            yield guest
        finally:
            subprocess.run(["ssh", *guest.options, "-O", "exit", "127.0.0.1"], capture_output=True, check=False)
            machine.kill()


def _wait(guest: Guest, machine: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while machine.poll() is None and time.monotonic() < end:
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
            guest.run("true", timeout=30)
            return
        time.sleep(1)
    said = guest.log.read_text(errors="replace")[-2000:] if guest.log.exists() else ""
    raise StageError(f"the virtual machine: expected ssh to answer within {PATIENCE} s, found none:\n{said}")
