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
from ansible_collections.larry.binhost.plugins.module_utils import _mounts, _removal, _rootrun, _verdict

from tests.e2e.harness import CHECKOUT
from tests.root.build_root import TIMEOUT_S, BuildRoot, copy

#: They share one machine.
STATE: t.Final = "/var/lib/larry-binhost"
PUBLIC: t.Final = f"{STATE}/keys/public.asc"
TRUSTED: t.Final = f"{STATE}/trusted.asc"
PKGS: t.Final = "/srv/packages"
PATH: t.Final = "app-misc/words/words-1.5-1.gpkg.tar"
PACKAGE: t.Final = f"{PKGS}/{PATH}"
DAY: t.Final = 86400
#: Who signed the package, among the keys that slaves are to know.
SIGNER: t.Final = f"_openpgp.examined(run, [{PACKAGE!r}], _keys.public_path())[{PACKAGE!r}].signer"
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
        for place in (STATE, "/etc/portage/gnupg", "/root/own"):
            shutil.rmtree(self.root / place[1:], ignore_errors=True)
        self.replace(self.built)

    def replace(self, data: bytes) -> None:
        """Offer another content of the package."""
        (self.root / PACKAGE[1:]).write_bytes(data)

    def bytes(self) -> bytes:
        """Return the content of the package that is offered."""
        return (self.root / PACKAGE[1:]).read_bytes()

    def believed(self) -> dict[str, str]:
        """Return name to fingerprint of the keys that Portage trusts."""
        said = self.run("gpg", "--homedir", "/etc/portage/gnupg", "--with-colons", "--list-keys")
        rows = [line.split(":") for line in said.splitlines()]
        pairs = zip((row for row in rows if row[0] == "fpr"), (row for row in rows if row[0] == "uid"), strict=True)
        return {uid[9].partition(".")[0]: fpr[9] for fpr, uid in pairs if uid[1] == "u"}

    @staticmethod
    def explained(words: str) -> str:
        """Return what is said of emerge's words."""
        assert words, "emerge took it"
        return _verdict.explain(words)

    def emerge(self) -> str:
        """Return emerge's words on installing the package as a slave does; empty if it succeeded."""
        data = self.bytes()
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
    assert "isn't signed. Let its master sign it" in machine.explained(machine.emerge())
    machine.do(f"sign({PACKAGE!r})")
    assert "isn't trusted here. If the master has a new key, run site.yml" in machine.explained(machine.emerge())
    assert machine.do("trust(_keys.public(), check=True)")["changed"]
    assert not (machine.root / TRUSTED[1:]).exists()
    assert machine.do("trust(_keys.public())")["changed"]
    assert machine.emerge() == ""
    again = machine.ask("trust(_keys.public())")
    assert not again["value"]["changed"]
    assert again["started"] == []
    signer = machine.do("_keys.current().fingerprint")
    assert machine.do(f"_openpgp.verify_package(run, {PACKAGE!r}, {TRUSTED!r})") == signer
    # What the master says of its keys is missing where it is off.
    (machine.root / "etc/portage/gnupg/trustdb.gpg").chmod(0o600)
    assert machine.do("trust(None)")["changed"]
    assert machine.emerge() == ""


def test_a_key_that_was_replaced_is_trusted_for_a_while(machine: Machine) -> None:
    machine.do(f"[keys(), sign({PACKAGE!r})]")
    old = machine.do("_keys.current().fingerprint")
    signed_before = machine.bytes()
    found = machine.do("keys('rotated', overlap=10)")
    assert (found["changed"], found["retired"][0]["fingerprint"], found["fingerprint"] != old) == (True, old, True)
    assert machine.do(f"keys('rotated', fingerprint={old!r})")["changed"] is False
    machine.do(f"sign({PACKAGE!r})")
    assert machine.do(SIGNER) == found["fingerprint"]
    signed_after = machine.bytes()
    machine.do("trust(_keys.public())")
    for data in (signed_before, signed_after):
        machine.replace(data)
        assert machine.emerge() == ""
    machine.do(f"[keys(now=time.time() + 11 * {DAY}), trust(_keys.public())]")
    assert machine.emerge() == ""
    machine.replace(signed_before)
    assert "isn't trusted here" in machine.explained(machine.emerge())
    assert machine.do(SIGNER) == ""


def test_what_a_revoked_key_signed_is_refused(machine: Machine) -> None:
    machine.do(f"[keys(), sign({PACKAGE!r}), trust(_keys.public())]")
    old = machine.do("_keys.current().fingerprint")
    assert "expected a key of this master" in machine.refused("keys('revoked', fingerprint='1' * 40)")
    found = machine.do(f"keys('revoked', fingerprint={old!r})")
    assert ([each["fingerprint"] for each in found["revoked"]], found["fingerprint"] != old) == ([old], True)
    assert machine.do(f"keys('revoked', fingerprint={old!r})")["changed"] is False
    believed = machine.do("trust(_keys.public())")
    assert (believed["before"][old][:7], believed["after"][old]) == ("trusted", "revoked")
    assert "its key was revoked" in machine.explained(machine.emerge())
    verify = f"_openpgp.verify_package(run, {PACKAGE!r}, {TRUSTED!r})"
    assert f"found a signature by {old}, a key that was revoked. Let its master sign it" in machine.refused(verify)
    machine.do(f"sign({PACKAGE!r})")
    assert machine.do(verify) == found["fingerprint"]


def test_a_passphrase_comes_from_a_file_and_nobody_is_asked(machine: Machine) -> None:
    secret = machine.root / "root/passphrase"
    secret.write_text("correct horse\n")
    secret.chmod(0o644)
    made = "keys(passphrase_file='/root/passphrase')"
    assert machine.refused(made).endswith("found mode 0644; run chmod 600 /root/passphrase")
    secret.chmod(0o600)
    machine.do(f"[{made}, sign({PACKAGE!r}), _signing.file(run, _keys.current(), '/etc/passwd', '/root/passwd.asc')]")
    machine.do("trust(_keys.public())")
    assert machine.do(f"_openpgp.verify_file(run, '/etc/passwd', '/root/passwd.asc', {TRUSTED!r})")
    secret.write_text("wrong\n")
    assert "Bad passphrase" in machine.refused(f"sign({PACKAGE!r})")
    assert [path.name for path in (machine.root / PACKAGE[1:]).parent.iterdir()] == [Path(PATH).name]
    assert "expected to sign it with" in machine.refused("keys()")


def test_a_passphrase_that_protects_nothing_is_refused(machine: Machine) -> None:
    (machine.root / "root/passphrase").write_text("correct horse\n")
    (machine.root / "root/passphrase").chmod(0o600)
    machine.do("keys()")
    refused = machine.refused("keys(passphrase_file='/root/passphrase')")
    assert "found that this key has none; run playbooks/keys.yml with -e binhost_key=rotate" in refused


def test_an_expired_key_neither_signs_nor_counts(machine: Machine) -> None:
    own = ("gpg", "--homedir", "/root/own", "--batch", "--passphrase", "", "--quick-gen-key", "me", "ed25519", "sign")
    (machine.root / "root/own").mkdir(mode=0o700)
    machine.run(*own, "seconds=5")
    listing = machine.run("gpg", "--homedir", "/root/own", "--with-colons", "--list-keys")
    mine = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr"))
    use = f"keys(own={mine!r}, own_home='/root/own')"
    machine.do(f"[{use}, sign({PACKAGE!r}), trust(_keys.public())]")
    assert machine.do("_keys.warning(_keys.load(), time.time())").endswith("it is your own: gpg --quick-set-expire")
    # gpg counts the second of its end as one of the key's.
    machine.do("[time.sleep(0.1) for _ in iter(lambda: _keys.current().expires + 1 > time.time(), False)]")
    for expression in (use, f"sign({PACKAGE!r})"):
        assert f"key {mine}: expected one that can sign, found that it expired on" in machine.refused(expression)
    assert "its key has expired" in machine.explained(machine.emerge())
    verify = f"_openpgp.verify_package(run, {PACKAGE!r}, {TRUSTED!r})"
    assert "a key that has expired" in machine.refused(verify)
    machine.run("gpg", "--homedir", "/root/own", "--batch", "--quick-set-expire", mine, "0")
    machine.do(f"[{use}, trust(_keys.public())]")
    assert machine.do(verify) == mine


def test_a_persons_agent_knows_the_passphrase_and_stays(machine: Machine) -> None:
    (machine.root / "root/own").mkdir(mode=0o700)
    (machine.root / "root/passphrase").write_text("correct horse\n")
    (machine.root / "root/passphrase").chmod(0o600)
    home = ["gpg", "--homedir", "/root/own", "--batch", "--pinentry-mode", "loopback"]
    told = [*home, "--passphrase-file", "/root/passphrase"]
    machine.run(*told, "--quick-gen-key", "me", "ed25519", "sign")
    mine = Path(next((machine.root / "root/own/openpgp-revocs.d").iterdir())).stem
    use = f"keys(own={mine!r}, own_home='/root/own')"
    assert "can't get input" in machine.refused(use)
    unlocked = f"run({[*told, '--output', '/root/x.sig', '--detach-sign', '/etc/passwd']!r})"
    end = "run(['gpgconf', '--homedir', '/root/own', '--kill', 'all'])"
    done = machine.do(f"[{unlocked}[0], {use}['fingerprint'], sign({PACKAGE!r}), agents(), {end}[0]]")
    assert done == [0, mine, None, True, 0]
    assert machine.do(SIGNER) == mine


def test_a_persons_key_signs_with_a_subkey_that_is_replaced(machine: Machine) -> None:
    (machine.root / "root/own").mkdir(mode=0o700)
    home = ["gpg", "--homedir", "/root/own", "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]
    machine.run(*home, "--quick-gen-key", "me", "ed25519", "cert")
    mine = Path(next((machine.root / "root/own/openpgp-revocs.d").iterdir())).stem
    use = f"keys(own={mine!r}, own_home='/root/own')"
    for expires in ("1y", "2y"):
        machine.run(*home, "--quick-add-key", mine, "ed25519", "sign", expires)
        done = machine.do(f"[{use}['changed'], {use}['changed'], sign({PACKAGE!r}), trust(_keys.public())]")
        assert done[:2] == [True, False]
        assert machine.do(f"_openpgp.verify_package(run, {PACKAGE!r}, {TRUSTED!r})") == mine
        assert machine.emerge() == ""


def test_a_key_is_extended(machine: Machine) -> None:
    first = machine.do("keys(days=20)")
    assert "expires on" in machine.do("_keys.warning(_keys.load(), time.time())")
    machine.do("trust(_keys.public())")
    assert machine.do("keys('extended', days=20)")["changed"] is False
    longer = machine.do("keys('extended', days=400)")
    assert (longer["fingerprint"], longer["expires"] - first["expires"] > 379 * DAY) == (first["fingerprint"], True)
    assert machine.do("_keys.warning(_keys.load(), time.time())") == ""
    believed = machine.do("trust(_keys.public())")
    assert believed["before"] != believed["after"]


def flipped(data: bytes, at: bytes) -> bytes:
    """Return the data with one bit changed, a few bytes after a text."""
    place = data.index(at) + 700
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def test_what_was_changed_afterwards_is_refused(machine: Machine) -> None:
    machine.do(f"[keys(), sign({PACKAGE!r}), trust(_keys.public())]")
    good = machine.bytes()
    verify = f"_openpgp.verify_package(run, {PACKAGE!r}, {TRUSTED!r})"
    machine.replace(flipped(good, b"image.tar"))
    assert "another image.tar.zst than was signed. Nothing of it was used" in machine.refused(verify)
    assert machine.explained(machine.emerge())
    machine.replace(flipped(good, b"words-1.5-1/Manifest"))
    assert "that it was changed after it was signed" in machine.refused(verify)
    machine.replace(machine.built)
    assert "no signature. Let its master sign it" in machine.refused(verify)
    machine.replace(b"x" * 100 + b"STOP")
    assert "found XPAK, which can't be signed" in machine.refused(f"sign({PACKAGE!r})")
    machine.replace(b"x" * 100)
    assert "InvalidBinaryPackageFormat" in machine.refused(f"sign({PACKAGE!r})")
    assert "found no package" in machine.refused(verify)


def test_lost_keys_are_not_replaced_in_silence(machine: Machine) -> None:
    machine.do("keys()")
    (machine.root / STATE[1:] / "keys/signing.json").write_text("{")
    assert "Restore the folder from a backup" in machine.refused("keys()")
    shutil.rmtree(machine.root / STATE[1:] / "keys")
    sealed = machine.root / STATE[1:] / "generations/laptops/current"
    sealed.mkdir(parents=True)
    (sealed / "seal.json.asc").touch()
    assert "expected the key that signed" in machine.refused("keys()")
    first = machine.do("keys('rotated')")
    next((machine.root / STATE[1:] / "keys/gnupg/private-keys-v1.d").iterdir()).unlink()
    assert f"expected the private key of {first['fingerprint']}, found none" in machine.refused("keys()")
    assert machine.do("keys('rotated')")["retired"] == []
    assert len(list((machine.root / STATE[1:]).glob("keys.lost-*"))) == 1


#: Makes a home as getuto does: only where there is none, and with a key of its own.
GETUTO: t.Final = """#!/bin/sh
test -d /etc/portage/gnupg && exit 1
mkdir -m 700 /etc/portage/gnupg
gpg --homedir /etc/portage/gnupg --batch --passphrase '' --quick-gen-key person ed25519 sign never
gpgconf --homedir /etc/portage/gnupg --kill all
"""


def test_a_persons_own_keys_stay(machine: Machine) -> None:
    helper = machine.root / "usr/bin/getuto"
    helper.write_text(GETUTO)
    helper.chmod(0o755)
    try:
        machine.do(f"[keys(), sign({PACKAGE!r}), trust(_keys.public())]")
        assert machine.emerge() == ""
        before = machine.believed()
        assert "person" in before
        first = machine.do("_keys.public()")
        shutil.rmtree(machine.root / STATE[1:] / "keys")
        machine.do("[keys(), trust(_keys.public())]")
        after = machine.believed()
        assert ("person" in after, "larry" in after, len(after), after != before) == (True, True, 2, True)
        assert machine.do(f"trust({first!r})")["changed"]
        assert machine.believed() == before
    finally:
        helper.unlink()


def test_getuto_that_fails_is_told_and_not_needed(machine: Machine) -> None:
    helper = machine.root / "usr/bin/getuto"
    helper.write_text("#!/bin/sh\necho no network; exit 3\n")
    helper.chmod(0o755)
    try:
        found = machine.do("[keys(), trust(_keys.public())][1]")
    finally:
        helper.unlink()
    assert found["warning"].startswith("getuto: expected status 0, found 3: no network")
    assert set(machine.believed()) == {"larry"}


def test_no_build_reaches_the_key(build_root: BuildRoot, tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("k")
    gpg = ["gpg", "--homedir", str(home), "--batch", "--passphrase", ""]
    try:
        subprocess.run([*gpg, "--quick-gen-key", "master", "ed25519", "sign"], check=True, capture_output=True)
        sockets = subprocess.run(
            ["gpgconf", "--homedir", str(home), "--list-dirs", "agent-socket"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        assert Path(sockets).is_socket()
        secret = next((home / "private-keys-v1.d").iterdir())
        # In the root's own files, and through every process that it sees.
        look = 'for top in "" /proc/[0-9]*/root /proc/[0-9]*/cwd; do ls "$top$1" "$top$2"; done; find / -name "S.gpg-*"'
        said = build_root.run("sh", "-c", look, "sh", str(secret), sockets, check=False)
        assert said.stdout == ""
        seen = subprocess.run(
            ["sh", "-c", 'ls "$1" "$2"', "sh", str(secret), sockets], capture_output=True, text=True, check=False
        )
        assert seen.stdout.splitlines() == sorted([str(secret), sockets])
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)
