# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The master's part that serves, by Ansible, on a root of the stage: files, fstab, mounts and what exportfs says.

Its service manager only remembers what it was told; what nginx, rsyncd and sshd then do is in test_serving.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import typing as t
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import _exports, _fstab, _mountinfo

from tests.root import managed, nfs
from tests.root.build_root import copy
from tests.root.namespace import of_its_own, sh

PROJECT: t.Final = Path(__file__).parents[2]
OPENRC: t.Final = {
    "rc-service": """#!/bin/sh
[ "$1" = --ifstarted ] && shift
[ "$2" = status ] && { [ -e "/run/openrc/$1" ] && exit 0 || exit 3; }
echo "$2 $1" >> /run/told
case $2 in stop) rm -f "/run/openrc/$1" ;; *) : > "/run/openrc/$1" ;; esac
""",
    "rc-update": """#!/bin/sh
echo "$*" >> /run/told
mkdir -p /etc/runlevels/default
case $1 in add) : > "/etc/runlevels/default/$2" ;; *) rm -f "/etc/runlevels/default/$3" ;; esac
""",
}
PLAY: t.Final = """
- hosts: masters
  gather_facts: false
  tasks:
    - ansible.builtin.set_fact: {service_mgr: openrc, cacheable: true}
    - ansible.builtin.import_role:
        name: larry.binhost.master
        tasks_from: serve.yml
"""
TARGET: t.Final = {
    "master": "desktop",
    "members": [],
    "uri": "http://desktop:8080",
    "files": {},
    "links": {"make.profile": "../../current/repos/planted/profiles/base"},
    "cpu": {"cflags": "-O2 -march=x86-64"},
}
PLAN: t.Final = {
    "targets": {"laptops": TARGET},
    "hosts": {name: {"master": "desktop", "ssh_key": ""} for name in ("amd", "intel", "named")},
}
SLAVES: t.Final = {"amd": "10.7.0.2", "intel": "10.7.0.3", "named": "named.lan"}


class Machine:
    """A master."""

    def __init__(self, host: managed.Host, folder: Path) -> None:
        self.host, self.folder = host, folder
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
        self.variables: dict[str, t.Any] = {
            "ansible_connection": "community.general.chroot",
            "ansible_host": str(host.path),
            "ansible_python_interpreter": "/usr/bin/python3",
            "master_http_port": port,
            "binhost_networks": ["10.7.0.0/25", "10.7.0.128/25", "fd07::/64"],
            "binhost_plan": PLAN,
        }

    def facts(self) -> dict[str, t.Any]:
        """Return what host_facts says that the role reads here."""
        root = str(self.host.path)
        return {
            "fstab": _fstab.ours(root),
            "nfs_root": _exports.root(_exports.files(root).values()),
            "programs": [*(["exportfs"] if (self.host.path / PACKAGE).exists() else []), "nginx", "rsync"],
        }

    def run(self, *words: str, **more: t.Any) -> tuple[int, dict[str, dict[str, t.Any]]]:
        """Let the role do its part; return the status, and of each task that did something what it said."""
        groups = {
            "masters": {"hosts": {"desktop": {**self.variables, "binhost_host": self.facts(), **more}}},
            "slaves": {"hosts": {name: {"ansible_host": place} for name, place in SLAVES.items()}},
        }
        (self.folder / "hosts.json").write_text(json.dumps({"all": {"children": groups}}))
        (self.folder / "play.yml").write_text(PLAY)
        settings = {"ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.json", "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg")}
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(self.folder / "hosts.json")]
        done = subprocess.run(
            [*command, str(self.folder / "play.yml"), *words],
            capture_output=True,
            text=True,
            cwd=PROJECT,
            env={**os.environ, **settings},
            check=False,
        )
        assert done.stdout, done.stderr
        tasks = json.loads(done.stdout)["plays"][0]["tasks"]
        return done.returncode, {
            task["task"]["name"].rpartition(" : ")[2]: task["hosts"]["desktop"]
            for task in tasks
            if not task["hosts"]["desktop"].get("skipped")
        }

    def changed(self, *words: str, **more: t.Any) -> list[str]:
        """Let it do its part well; return the tasks that changed something."""
        status, said = self.run(*words, **more)
        assert status == 0, json.dumps(said, indent=1)
        return [name for name, result in said.items() if result.get("changed")]

    def told(self) -> list[str]:
        """Return what the service manager was told since the last question."""
        path = self.host.path / "run/told"
        said = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return said

    def exported(self) -> dict[str, str]:
        """Return path and client to options, as the server's own table has them."""
        lines = (self.host.path / "var/lib/nfs/etab").read_text().splitlines()
        words = [re.fullmatch(r"(\S+)\t(\S+)\((.*)\)", line) for line in lines]
        return {f"{word[1]} {word[2]}": word[3] for word in words if word}

    def mounted(self) -> dict[str, str]:
        """Return what is mounted below the place that is exported, each with what it shows."""
        top = f"{os.path.realpath(self.host.path)}/srv/"
        return {
            each.target.removeprefix(top): each.root.rpartition("/var/")[2]
            for each in _mountinfo.read()
            if each.target.startswith(top)
        }


@contextlib.contextmanager
def machine(pristine: Path, folder: Path) -> Iterator[Machine]:
    """Hold a master whose person exports something."""
    root = folder / "root"
    copy(pristine, root)
    sh("sh", "-ec", 'tar -cC "$1" . | tar -x --keep-directory-symlink -C "$2"', "sh", str(nfs.programs()), str(root))
    for name, text in OPENRC.items():
        (root / "usr/sbin" / name).write_text(text)
        (root / "usr/sbin" / name).chmod(0o755)
    (root / "home").mkdir(exist_ok=True)
    (root / "etc/exports").write_text("/home 10.7.0.9(rw,no_subtree_check)\n")
    (root / "etc/fstab").write_text("# mine\n/home /mnt none bind,noauto 0 0\n")
    (root / "var/lib/nfs").mkdir(parents=True, exist_ok=True)
    (root / "var/lib/nfs/etab").touch()
    with managed.host(root) as host:
        (root / "run/openrc").mkdir(parents=True)
        yield Machine(host, folder)
        for place in ("packages", "distfiles"):
            subprocess.run(["umount", f"{root}/srv/larry-binhost/{place}"], check=False, capture_output=True)


#: What Portage has installed once it was asked to: it brings the program that the stage lacks.
PACKAGE: t.Final = "var/db/pkg/net-fs/nfs-utils-2.6"
PERSONS: t.Final = "/home 10.7.0.9"


@of_its_own
def test_nfs_comes_and_goes(pristine_root: Path, tmp_path: Path) -> None:
    with machine(pristine_root, tmp_path) as made:
        etc = made.host.path / "etc"
        before = {path: (etc / path).read_text() for path in ("exports", "fstab")}
        packages = {"master_nfs": True}
        done = ["The folders that NFS shares are in their place", "The packages are served"]
        more = ["The folders that NFS shares are there", *done]
        made.host.ebuild("net-fs/nfs-utils-2.6", "")
        first = ["The programs that serve are there", *more]
        assert made.changed("--check", **packages) == first
        assert made.mounted() == {}
        assert made.changed(**packages) == first
        assert "net-fs/nfs-utils" in (made.host.path / "var/lib/portage/world").read_text().split()
        started = [f"{verb} {name}" for verb in ("add", "start") for name in ("larry-binhost-http", "nfs")]
        assert [line.removesuffix(" default") for line in made.told()] == started
        assert made.mounted() == {"larry-binhost/packages": "lib/larry-binhost/generations"}
        found = made.exported()
        both = ("10.7.0.0/24", "fd07::/64")
        top, inside = "/srv/larry-binhost", "/srv/larry-binhost/packages"
        assert sorted(found) == sorted([PERSONS, *(f"{path} {who}" for path in (top, inside) for who in both)])
        for key, options in found.items():
            if key != PERSONS:
                words = options.split(",")
                assert {"ro", "root_squash", "subtree_check", "secure"} <= set(words)
                assert not {"rw", "no_root_squash", "insecure", "crossmnt"} & set(words)
                assert ("nohide" in words) is key.startswith(inside)
        fsids = {re.search(r"fsid=([-0-9a-f:]+)", options)[1] for key, options in found.items() if key != PERSONS}  # type: ignore[index]
        assert len(fsids) == 2
        assert not fsids & {"0", "root"}
        sh("chroot", str(made.host.path), "findmnt", "--verify", "--verbose")

        # Somebody unmounts it and takes the file away, and somebody else wants more.
        sh("umount", f"{made.host.path}{inside}")
        (etc / "exports.d/larry-binhost.exports").unlink()
        tree = {**packages, "master_nfs_share": "tree", "master_nfs_clients": "slaves", "master_nfs_versions": [3, 4]}
        assert made.changed(**tree) == more
        assert made.told() == ["restart nfs"]
        assert "vers3=y" in (etc / "nfs.conf.d/larry-binhost.conf").read_text()
        assert made.mounted() == {
            "larry-binhost/packages": "lib/larry-binhost/generations",
            "larry-binhost/distfiles": "cache/distfiles",
        }
        # One address follows the other, so that both are one network; no name is known in this root.
        assert {key.partition(" ")[2] for key in made.exported()} == {"10.7.0.9", "10.7.0.2/31"}
        persons = (etc / "exports").rename(etc / "exports.away")
        assert made.changed(**{**tree, "master_nfs_clients": "networks"}) == ["The packages are served"]
        assert {key.partition(" ")[2] for key in made.exported()} == set(both)
        persons.rename(etc / "exports")
        assert made.changed(**tree) == ["The packages are served"]
        text = (etc / "exports.d/larry-binhost.exports").read_text()
        assert [client.host for each in _exports.parse(text) for client in each.clients] == [
            "10.7.0.2/31",
            "named.lan",
        ] * 3
        assert made.changed(**tree) == []

        assert made.changed() == ["The packages are served", "What NFS no longer shares is nowhere else"]
        assert made.mounted() == {}
        assert sorted(made.exported()) == [PERSONS]
        assert {path: (etc / path).read_text() for path in before} == before
        assert not (etc / "exports.d/larry-binhost.exports").exists()
