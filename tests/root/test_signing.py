# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys, signatures and trust with real gpg and Portage: one root of the lab's stage is master and slave at once."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _mounts, _removal, _rootrun

from tests.e2e.harness import CHECKOUT
from tests.root.build_root import TIMEOUT_S, copy

#: They share one machine.
pytestmark = pytest.mark.xdist_group("signing")
STATE: t.Final = "/var/lib/larry-binhost"
PUBLIC: t.Final = f"{STATE}/keys/public.asc"
TRUSTED: t.Final = f"{STATE}/trusted.asc"
PKGS: t.Final = "/srv/packages"
PATH: t.Final = "app-misc/words/words-1.5-1.gpkg.tar"
PACKAGE: t.Final = f"{PKGS}/{PATH}"
DAY: t.Final = 86400
#: Evaluates an expression as a module would, and tells what programs it started and which agents it left.
PROGRAM: t.Final = """
import dataclasses, json, os, subprocess, sys, time
sys.path.insert(0, "/opt")
from ansible_collections.larry.binhost.plugins.module_utils import (
    _error, _key_states, _keys, _openpgp, _signing, _trust)
started = []
def run(args):
    started.append(args[0])
    done = subprocess.run(args, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr
def keys(which="present", **how):
    done = _key_states.converge(run, which, _key_states.Wanted("larry.binhost on lab", **how))
    return {**dataclasses.asdict(done.after), "changed": done.changed}
def trust(text, **how):
    return dataclasses.asdict(_trust.converge(run, _trust.Wanted(text, **how)))
def sign(*paths):
    _signing.packages(run, _keys.current(), paths)
def agents():
    return subprocess.run(["pgrep", "-x", "gpg-agent"], capture_output=True).returncode == 0
def gone():
    end = time.monotonic() + 10
    while agents() and time.monotonic() < end:
        time.sleep(0.02)
    return not agents()
try:
    found = {"value": eval(sys.argv[1])}
except _error.BinhostError as exc:
    found = {"message": str(exc)}
print(json.dumps({**found, "started": started, "gone": gone()}))
"""
BINREPOS: t.Final = f"[binhost]\npriority = 10\nsync-uri = file://{PKGS}\nverify-signature = true\n"


class Machine:
    """A root that makes keys, signs, and installs what it believes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        place = "opt/ansible_collections/larry/binhost/plugins/module_utils"
        shutil.copytree(CHECKOUT / "plugins/module_utils", root / place)
        self.run("emerge", "--quiet", "--buildpkgonly", "--nodeps", "app-misc/words", PKGDIR=PKGS)
        self.built = (root / PACKAGE[1:]).read_bytes()
        (root / "etc/portage/binrepos.conf").write_text(BINREPOS)

    def run(self, *command: str, check: bool = True, **environment: str) -> str:
        """Run a command in the root; it has to succeed unless ``check`` is off."""
        told = {"LC_ALL": "C.UTF-8", "FEATURES": "-merge-sync", "PORTAGE_TRUST_HELPER": "", **environment}
        argv = _rootrun.argv(str(self.root), _mounts.standard(repositories={}), command, told)
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def ask(self, expression: str) -> dict[str, t.Any]:
        """Return ``value``, or ``message`` of an error, and the programs that were ``started``."""
        said = self.run("python3", "-c", PROGRAM, expression).splitlines()[-1]
        found = t.cast("dict[str, t.Any]", json.loads(said))
        assert found["gone"], "an agent was left"
        return found

    def do(self, expression: str) -> t.Any:
        """Return the value; an error is none that was expected."""
        found = self.ask(expression)
        assert "message" not in found, found["message"]
        return found["value"]

    def refused(self, expression: str) -> str:
        """Return the message of the error there has to be."""
        return str(self.ask(expression)["message"])

    def forget(self) -> None:
        """Be a machine without keys and trust, whose package is not signed."""
        for place in (STATE, "/etc/portage/gnupg"):
            shutil.rmtree(self.root / place[1:], ignore_errors=True)
        self.replace(self.built)

    def replace(self, data: bytes) -> None:
        """Offer another content of the package."""
        (self.root / PACKAGE[1:]).write_bytes(data)

    def emerge(self) -> str:
        """Return emerge's words on installing the package as a slave does; empty if it succeeded."""
        data = (self.root / PACKAGE[1:]).read_bytes()
        index = self.root / PKGS[1:] / "Packages"
        digests = {"SIZE": str(len(data)), "MD5": hashlib.md5(data).hexdigest(), "SHA1": hashlib.sha1(data).hexdigest()}
        text = index.read_text()
        for key, value in digests.items():
            text = re.sub(rf"^{key}: .*$", f"{key}: {value}", text, flags=re.MULTILINE)
        stamp = re.search(r"^TIMESTAMP: (\d+)$", text, re.MULTILINE)
        assert stamp
        index.write_text(text.replace(stamp[0], f"TIMESTAMP: {int(stamp[1]) + 10}"))
        (index.parent / "Packages.gz").unlink(missing_ok=True)
        shutil.rmtree(self.root / "var/cache/binhost", ignore_errors=True)
        shutil.rmtree(self.root / "var/db/pkg/app-misc", ignore_errors=True)
        said = self.run(
            *("emerge", "--getbinpkgonly", "--oneshot", "--nodeps", "--color=n", "app-misc/words"),
            check=False,
            FEATURES="-merge-sync getbinpkg binpkg-request-signature",
        )
        return "" if (self.root / "var/db/pkg/app-misc/words-1.5").is_dir() else said


@pytest.fixture(scope="session")
def shared(pristine_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Return the machine that all of these tests use."""
    root = tmp_path_factory.mktemp("signing") / "root"
    copy(pristine_root, root)
    yield Machine(root)
    _removal.tree(str(root))


@pytest.fixture
def machine(shared: Machine) -> Machine:
    """Return it as if nothing had been done."""
    shared.forget()
    return shared


def test_a_key_is_made_once(machine: Machine) -> None:
    assert machine.do("keys(check=True)")["fingerprint"] == "a new key"
    assert not (machine.root / STATE[1:] / "keys").exists()
    first = machine.do("keys()")
    assert first["changed"]
    again = machine.ask("keys()")
    assert again["value"] == {**first, "changed": False}
    assert again["started"] == []
    modes = {path: oct((machine.root / STATE[1:] / path).stat().st_mode & 0o777) for path in ("keys", "keys/gnupg")}
    assert modes == {"keys": "0o700", "keys/gnupg": "0o700"}


def test_portage_takes_what_is_signed_and_trusted_and_nothing_else(machine: Machine) -> None:
    machine.do("keys()")
    assert "unsigned" in machine.emerge()
    machine.do(f"sign({PACKAGE!r})")
    assert "NO_PUBKEY" in machine.emerge()
    assert machine.do("trust(_keys.public())")["changed"]
    assert machine.emerge() == ""
    again = machine.ask("trust(_keys.public())")
    assert not again["value"]["changed"]
    assert again["started"] == []
