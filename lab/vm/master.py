# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The master's disk, with what it built before: its build root, its key, signed packages and a published generation.

Emulated that would take half an hour. So the guests' root is booted as a container on this machine, the project's own
modules and roles build in it for the guests' CPUs, and what they leave is the disk.  The folder, ``vm-master-<digest>``
below the cache folder, has ``disk.ext4``.
"""

from __future__ import annotations

import json
import os
import shutil
import typing as t
from pathlib import Path

from lab.hosts.machines import MASKED
from lab.hosts.names import STAGE_ON_MASTER, LabError, Stage
from lab.hosts.podman import configure, environment, podman
from lab.stage import build, recipe
from lab.stage import cache as caches
from lab.stage.cache import Cache, StageError
from lab.vm import image, names
from lab.vm.names import HOSTS, MASTER, Guests

HERE: t.Final = Path(__file__).resolve().parent
CHECKOUT: t.Final = HERE.parents[1]
INVENTORY: t.Final = CHECKOUT / names.INVENTORY
CPUINFO: t.Final = HERE.parent / "cpuinfo"
"""What /proc/cpuinfo says in a guest, one file ``qemu-MODEL`` per model."""
IN_CONTAINER: t.Final = "/run/cpuinfo"
PLAYBOOK: t.Final = HERE / "master.yml"
SIZE: t.Final = "8G"  # of the disk, sparse
#: Stands in for ssh, which says the command last: the addresses of the guests are in the plan, and nobody has them yet.
SSH: t.Final = """\
#!/bin/sh
for command; do :; done
exec podman exec --interactive {name} /bin/sh -c "$command"
"""
#: A container has no NFS.
UNLIKE: t.Final = {"master_nfs": False, "slave_transports": ["http"]}
#: Ebuilds beside the lab's own: what builds in moments, even emulated, and what a CPU or a fault is shown with.
EBUILDS: t.Final = HERE / "repository"
REPOSITORY: t.Final = "var/db/repos/lab"
KEPT: t.Final = 2  # images, so that two states of the project can take turns
#: Read by what is built; the inventory's own files, and not what a run leaves beside them.
PARTS: t.Final = (
    *(CHECKOUT / name for name in ("plugins", "roles", "playbooks")),
    *(INVENTORY / name for name in ("hosts.yml", "host_vars", "group_vars/slaves.yml", "group_vars/all/fleet.yml")),
    *(HERE / name for name in ("master.py", "master.yml", "repository")),
    *(CPUINFO / f"qemu-{machine.cpu}" for machine in HOSTS.values()),
)


def folder(stage: Stage) -> Path:
    """Return where the master's image of this checkout is, or will be."""
    return caches.folder() / f"vm-master-{recipe.digest(image.folder().name, stage.tag, *PARTS)}"


def make(guests: Guests, stage: Stage) -> Path:
    """Return the folder of the master's image, after making it if need be.  Raises ``StageError``."""
    made, path = image.make(), folder(stage)
    if not path.is_dir():
        with caches.locked(caches.folder(), f"{path.name}.log") as cache:
            cache.made(path.name, lambda into: _make(cache, guests, stage, made, into))
            path.touch()
            others = sorted(cache.root.glob("vm-master-*"), key=lambda other: other.stat().st_mtime)
            for other in others[:-KEPT]:
                shutil.rmtree(other)
    os.utime(path)
    return path


def _make(cache: Cache, guests: Guests, stage: Stage, made: Path, into: Path) -> None:
    with cache.work() as work, cache.step("the master's packages"):
        root = work / "root"
        root.mkdir()
        cache.run("tar", *build.TAR, "-C", root, "-xpf", made / image.ROOT)
        shutil.copytree(stage.folder, root / STAGE_ON_MASTER.lstrip("/"))
        shutil.copytree(EBUILDS, root / REPOSITORY, dirs_exist_ok=True)
        remove(guests)
        try:
            _boot(guests, root)
            _play(cache, guests, stage, work)
            podman(guests, "stop", "--time=60", _container(guests))
        except LabError as exc:
            raise StageError(str(exc)) from exc
        finally:
            remove(guests)
        image.disk(cache, root, into, SIZE)


def _container(guests: Guests) -> str:
    return guests.container(f"vm-{MASTER}")


def remove(guests: Guests) -> None:
    """Remove the container in which the image is made, if there is one."""
    if shutil.which("podman"):
        configure(guests)
        podman(guests, "rm", "--force", "--ignore", "--time=0", _container(guests))


def _boot(guests: Guests, root: Path) -> None:
    """Boot the root as a container that has no network."""
    name = _container(guests)
    options = [f"--name={name}", f"--hostname={MASTER}", "--network=none", "--privileged", "--systemd=always"]
    options += ["--pids-limit=-1", f"--volume={CPUINFO}:{IN_CONTAINER}:ro"]
    options.append(f"--volume={CPUINFO}/qemu-{HOSTS[MASTER].cpu}:/proc/cpuinfo:ro")
    masked = (*MASKED, "network-of-the-lab.service")
    words = ["/sbin/init", "systemd.unit=multi-user.target", *(f"systemd.mask={unit}" for unit in masked)]
    podman(guests, "run", "--detach", *options, "--rootfs", str(root), *words)


def _play(cache: Cache, guests: Guests, stage: Stage, work: Path) -> None:
    """Run the playbook with the guests' inventory, in which every host is the container."""
    inventory = work / "inventory"
    shutil.copytree(INVENTORY, inventory, ignore=shutil.ignore_patterns(".binhost", "lab.yml"))
    ssh = work / "ssh"
    ssh.write_text(SSH.format(name=_container(guests)))
    ssh.chmod(0o755)
    variables = {
        "ansible_ssh_executable": str(ssh),
        "lab_cpus": {host: f"{IN_CONTAINER}/qemu-{machine.cpu}" for host, machine in HOSTS.items()},
    }
    text = names.variables(guests, stage, variables)
    (inventory / "group_vars/all/lab.yml").write_text(text)
    path = f"{CHECKOUT / '.venv/bin'}:{os.environ['PATH']}"
    inherited = {key: value for key, value in environment(guests).items() if not key.startswith("ANSIBLE_")}
    argv = (CHECKOUT / ".venv/bin/ansible-playbook", "-i", inventory, "-e", json.dumps(UNLIKE), PLAYBOOK)
    cache.run(*argv, cwd=CHECKOUT, env={**inherited, "PATH": path, "ANSIBLE_NOCOLOR": "1"})
