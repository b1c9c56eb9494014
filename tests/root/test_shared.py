# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine's own installation as a target's packages: real quickpkg, emerge and gcc in a root of the lab's stage."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _mounts, _removal, _rootrun

from tests.e2e.harness import CHECKOUT
from tests.root.build_root import TIMEOUT_S, copy

#: They share one machine.
STATE: t.Final = "var/lib/larry-binhost"
PKGDIRS: t.Final = f"{STATE}/pkgdir"
STAGE: t.Final = ["app-arch/bzip2-1.0.8", "sys-apps/which-2.21", "sys-libs/zlib-1.2.13"]
OWN: t.Final = "app-misc/configured-1"
#: A program, and two configuration files of which the machine's person changes one.
EBUILD: t.Final = """
EAPI=8
DESCRIPTION="has configuration files"
SLOT=0
LICENSE=GPL-2
KEYWORDS=amd64
S=${WORKDIR}
src_install() {
    echo program >program; dobin program
    insinto /etc/configured
    echo default >own.conf; doins own.conf
    echo default >kept.conf; doins kept.conf
}
"""
#: What quickpkg packs in the place of a configuration file that it leaves out.
INSTEAD: t.Final = "# empty file because --include-config=n when `quickpkg` was used\n"
#: Converges in the root as the module does on a machine, and tells what programs it started.
PROGRAM: t.Final = """
import dataclasses, json, subprocess, sys
from ansible_collections.larry.binhost.plugins.module_utils import _error, _quickpkg
started = []
def run(args):
    started.append(next(word for word in args if word != "env" and "=" not in word))
    done = subprocess.run(args, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr
options = json.loads(sys.argv[1])
check = options.pop("check")
try:
    found = dataclasses.asdict(_quickpkg.converge(run, _quickpkg.Shared(**options), check=check))
except _error.BinhostError as exc:
    found = {"message": str(exc)}
print(json.dumps({**found, "started": started}))
"""
WANTED: t.Final[dict[str, t.Any]] = {
    "repositories": {"lab": "/var/db/repos/lab"},
    "world": {"app-arch/bzip2": ["amd"], "app-misc/hello": ["amd", "intel"]},
    # Below what gcc takes for granted, but for this: any x86-64 has it.
    "members": {"amd": ["cmov", "cx8", "fpu", "fxsr", "mmx", "syscall", "sse", "sse2"]},
    "chost": "x86_64-pc-linux-gnu",
    "cflags": "-O2 -pipe -march=x86-64",
    "quickpkg": True,
    "config": "none",
    "modified": False,
    "check": False,
}


class Machine:
    """A root that has what a master has."""

    def __init__(self, root: Path) -> None:
        self.root = root
        place = "ansible_collections/larry/binhost/plugins/module_utils"
        shutil.copytree(CHECKOUT / "plugins/module_utils", root / "opt" / place)
        package = root / "var/db/repos/lab/app-misc/configured"
        package.mkdir(parents=True)
        (package / "configured-1.ebuild").write_text(EBUILD)
        self.run("emerge", "--quiet", "--oneshot", "app-misc/configured")

    def run(self, *command: str, **environment: str) -> str:
        """Run a command in the root; it has to succeed."""
        mounts = _mounts.standard(repositories={})
        told = {"PYTHONPATH": "/opt", "LC_ALL": "C.UTF-8", **environment}
        argv = _rootrun.argv(str(self.root), mounts, command, told)
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def converge(self, name: str, **changed: t.Any) -> dict[str, t.Any]:
        """Return what was found for a target, and the programs that were ``started``."""
        options = json.dumps({**WANTED, "name": name, **changed})
        return t.cast("dict[str, t.Any]", json.loads(self.run("python3", "-c", PROGRAM, options)))

    def emerge(self, target: str, atom: str, cflags: str) -> None:
        """Compile a package as the machine's person, with what is configured for a target and these CFLAGS."""
        own = {"CFLAGS": cflags, "FEATURES": "buildpkg", "PKGDIR": f"/{PKGDIRS}/{target}"}
        self.run("emerge", "--quiet", "--oneshot", atom, **own)

    def packed(self, target: str, cpv: str, number: int = 1) -> dict[str, str]:
        """Return path to text of the files in a package."""
        category, _slash, name = cpv.partition("/")
        path = self.root / PKGDIRS / target / category / name.rpartition("-")[0] / f"{name}-{number}.gpkg.tar"
        with tarfile.open(path) as outer:
            image = next(member for member in outer if "/image.tar" in member.name)
            data = t.cast("t.IO[bytes]", outer.extractfile(image)).read()
        plain = subprocess.run(["zstd", "-dc"], input=data, capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(plain)) as inner:
            files = {member.name: inner.extractfile(member) for member in inner if member.isfile()}
            return {name.removeprefix("image/"): file.read().decode() for name, file in files.items() if file}


@pytest.fixture(scope="module")
def machine(pristine_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Return a machine with the stage's packages and one that has configuration files.

    Each test has a target of its own, and leaves the installation as it was.
    """
    root = tmp_path_factory.mktemp("master") / "root"
    copy(pristine_root, root)
    yield Machine(root)
    _removal.tree(str(root))


def test_what_is_installed_is_packed_once(machine: Machine) -> None:
    secret = machine.root / "etc/configured/own.conf"
    secret.write_text("a secret\n")
    assert machine.converge("once", check=True)["packed"] == sorted([*STAGE, OWN])
    assert not (machine.root / STATE).exists()

    first = machine.converge("once")
    assert first["packed"] == sorted([*STAGE, OWN])
    assert (first["modified"], first["foreign"], first["withheld"]) == ({}, {}, {})
    assert first["missing"] == {"app-misc/hello": ["amd", "intel"]}
    kept, own = "etc/configured/kept.conf", "etc/configured/own.conf"
    program = {"usr/bin/program": "program\n"}
    assert machine.packed("once", OWN) == {**program, kept: INSTEAD, own: INSTEAD}

    second = machine.converge("once")
    assert (second["packed"], second["started"]) == ([], [])
    assert second["snapshots"] == first["snapshots"]

    assert machine.converge("once", config="unmodified")["packed"] == sorted([*STAGE, OWN])
    assert machine.packed("once", OWN, 2) == {**program, kept: "default\n", own: INSTEAD}
    assert machine.converge("once", config="all")["packed"] == sorted([*STAGE, OWN])
    assert machine.packed("once", OWN, 3) == {**program, kept: "default\n", own: "a secret\n"}
    assert machine.converge("once", config="all")["started"] == []
    secret.write_text("default\n")


def test_what_was_modified_is_named_until_it_is_put_right(machine: Machine) -> None:
    program = machine.root / "usr/bin/program"
    program.write_text("patched\n")
    found = machine.converge("modified")
    assert found["modified"] == {OWN: ["/usr/bin/program"]}
    assert found["packed"] == STAGE
    again = machine.converge("modified")
    assert (again["modified"], again["packed"], again["started"]) == (found["modified"], [], [])
    assert machine.converge("asked", modified=True)["packed"] == sorted([*STAGE, OWN])
    program.write_text("program\n")
    assert machine.converge("modified")["packed"] == [OWN]


def test_a_run_that_was_killed_is_completed(machine: Machine) -> None:
    machine.run("quickpkg", "=app-arch/bzip2-1.0.8", "=sys-libs/zlib-1.2.13", PKGDIR=f"/{PKGDIRS}/killed")
    assert machine.converge("killed")["packed"] == [OWN, "sys-apps/which-2.21"]


def test_without_quickpkg_only_what_is_emerged_is_published(machine: Machine) -> None:
    assert "expected a package to publish, found none" in machine.converge("emerged", quickpkg=False)["message"]
    machine.emerge("emerged", "sys-apps/which", "-O2 -pipe -march=x86-64")
    found = machine.converge("emerged", quickpkg=False)
    assert (found["packed"], found["withheld"]) == ([], {})
    assert found["missing"] == WANTED["world"]


def test_what_not_all_slaves_can_run_is_neither_packed_nor_published(machine: Machine) -> None:
    flags = machine.root / "var/db/pkg/app-arch/bzip2-1.0.8/CFLAGS"
    flags.write_text("-O2 -march=haswell\n")
    # What a person's package.env does: a package of it lands in PKGDIR.
    machine.emerge("foreign", "sys-apps/which", "-O2 -march=native")
    found = machine.converge("foreign")
    assert set(found["foreign"]) == {"app-arch/bzip2-1.0.8"}
    assert "-O2 -march=haswell: they make the compiler use what amd lacks: " in found["foreign"]["app-arch/bzip2-1.0.8"]
    (path, why), *others = found["withheld"].items()
    assert (path, others) == ("sys-apps/which/which-2.21-1.gpkg.tar", [])
    assert "-march=native: expected a named target" in why
    assert found["missing"] == WANTED["world"]
    assert machine.converge("foreign")["started"] == []
