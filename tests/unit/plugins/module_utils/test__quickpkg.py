# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same with real Portage: tests/root/test_shared.py."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _lock, _quickpkg
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._quickpkg import Result, Shared

HELLO, TREE = "app-misc/hello-2.10", "app-text/tree-2.1.0"
#: As a file that the fake quickpkg packs.
FLAGS = "-O2 -pipe -march=x86-64-v2"


class Host:
    """A machine with two packages, whose programs do as Portage's and gcc do; what was started is counted."""

    def __init__(self, top: Path) -> None:
        self.root, self.state, self.repository = top / "root", top / "state", top / "lab"
        (self.repository / "app-misc").mkdir(parents=True)
        self.started: list[str] = []
        self.argv: list[list[str]] = []
        self.refuses: set[str] = set()
        for cpv in (HELLO, TREE):
            self.install(cpv)

    def install(self, cpv: str, *, time: int = 1700000000, flags: str = FLAGS) -> None:
        """Install a package with one program."""
        program = f"usr/bin/{cpv.partition('/')[2]}"
        (self.root / "usr/bin").mkdir(parents=True, exist_ok=True)
        (self.root / program).write_text(cpv)
        folder = self.root / "var/db/pkg" / cpv
        folder.mkdir(parents=True, exist_ok=True)
        digest = hashlib.md5(cpv.encode()).hexdigest()
        texts = {
            "BUILD_TIME": str(time),
            "CFLAGS": flags,
            "COUNTER": str(time),
            "CONTENTS": f"obj /{program} {digest} {time}\n",
        }
        for name, text in texts.items():
            (folder / name).write_text(text + "\n" if name != "CONTENTS" else text)
        os.utime(folder, (time, time))  # as if it had been made anew

    @property
    def index(self) -> Path:
        return self.state / "pkgdir/laptops/Packages"

    def add(self, cpv: str, time: int, flags: str) -> None:
        """Let PKGDIR have a package, as quickpkg or emerge does."""
        stanzas = self.index.read_text().split("\n\n")[1:-1] if self.index.exists() else []
        path = f"{cpv}-{len(stanzas) + 1}.gpkg.tar"
        place = self.index.parent / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(flags)
        md5 = hashlib.md5(path.encode()).hexdigest()
        stanzas.append(f"BUILD_TIME: {time}\nCPV: {cpv}\nMD5: {md5}\nPATH: {path}\nSIZE: {len(flags)}")
        header = f"PACKAGES: {len(stanzas)}\nTIMESTAMP: 1\nVERSION: 0"
        self.index.write_text("\n\n".join([header, *stanzas, ""]))

    def __call__(self, args: list[str], /) -> tuple[int, str, str]:
        """Run a program."""
        words = [word for word in args if word != "env" and not re.match(r"[A-Z_]+=", word)]
        self.started.append(words[0])
        self.argv.append(args)
        return {"quickpkg": self._quickpkg, "portageq": self._portageq, "gcc": self._gcc}.get(words[0], self._python)(
            words
        )

    def _quickpkg(self, words: list[str]) -> tuple[int, str, str]:
        for atom in (word[1:] for word in words if word.startswith("=")):
            if atom not in self.refuses:
                folder = self.root / "var/db/pkg" / atom
                self.add(atom, int((folder / "BUILD_TIME").read_text()), (folder / "CFLAGS").read_text())
        return 0, "", " * Failed to create package\n" if self.refuses else ""

    def _portageq(self, _words: list[str]) -> tuple[int, str, str]:
        return 0, "/etc\n/etc/env.d\n", ""

    def _gcc(self, words: list[str]) -> tuple[int, str, str]:
        avx2 = "enabled" if "-march=haswell" in words else "disabled"
        return 0, f"  -mavx2                     \t\t[{avx2}]\n", ""

    def _python(self, words: list[str]) -> tuple[int, str, str]:
        return 0, json.dumps({path: [Path(path).read_text(), ""] for path in words[3:]}), ""

    def converge(self, *, check: bool = False, **changed: t.Any) -> Result:
        """Converge with quickpkg, and forget what was started before."""
        self.started.clear()
        return _quickpkg.converge(self, dataclasses.replace(self.wanted(), **changed), check=check)

    def wanted(self) -> Shared:
        return Shared(
            name="laptops",
            repositories={"lab": str(self.repository)},
            world={"app-misc/hello": ["amd"], ">=app-editors/ed-1": ["intel", "amd"]},
            members={"amd": ["pni"]},
            chost="x86_64-pc-linux-gnu",
            cflags=FLAGS,
            quickpkg=True,
            config="none",
            modified=False,
            root=str(self.root),
            state_dir=str(self.state),
        )


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_check_run_check_run(host: Host) -> None:
    found = host.converge(check=True)
    assert found.packed == [HELLO, TREE]
    assert found.missing == {">=app-editors/ed-1": ["amd", "intel"]}
    assert not host.state.exists()
    assert "quickpkg" not in host.started

    assert host.converge() == found
    assert host.started == ["gcc", "portageq", "quickpkg", "/usr/bin/python3"]
    assert list(found.snapshots) == ["lab"] and Path(found.snapshots["lab"]).is_dir()

    for check in (True, False):
        assert host.converge(check=check) == dataclasses.replace(found, packed=[])
        assert host.started == []


def test_the_command_line(host: Host) -> None:
    host.converge(config="unmodified")
    (argv,) = [argv for argv in host.argv if "quickpkg" in argv]
    assert argv[0] == "env" and f"PKGDIR={host.index.parent}" in argv
    assert argv[argv.index("quickpkg") :] == [
        "quickpkg",
        "--ignore-default-opts",
        "--include-config=n",
        "--include-unmodified-config=y",
        f"={HELLO}",
        f"={TREE}",
    ]


def test_an_update_that_emerge_packed_is_not_packed_again(host: Host) -> None:
    host.converge()
    host.install(HELLO, time=1700000500)
    host.add(HELLO, 1700000500, FLAGS)
    found = host.converge()
    assert (found.packed, found.withheld) == ([], {})
    # Only the new file is asked for its flags.
    (asked,) = [argv for argv in host.argv[-1:] if argv[0] == "/usr/bin/python3"]
    assert asked[3:] == [str(host.index.parent / f"{HELLO}-3.gpkg.tar")]


def test_an_update_without_a_package_is_packed(host: Host) -> None:
    host.converge()
    host.install(HELLO, time=1700000500)
    assert host.converge().packed == [HELLO]


def test_without_quickpkg_nothing_is_packed(host: Host) -> None:
    host.add(HELLO, 1700000000, FLAGS)
    found = host.converge(quickpkg=False)
    assert (found.packed, found.foreign, found.modified, "quickpkg" in host.started) == ([], {}, {}, False)


def test_modified_files_are_named_until_they_are_put_right(host: Host) -> None:
    program = host.root / "usr/bin/hello-2.10"
    program.write_text("patched")
    found = host.converge()
    assert (found.packed, found.modified) == ([TREE], {HELLO: ["/usr/bin/hello-2.10"]})
    again = host.converge()
    assert (again.modified, host.started) == (found.modified, [])
    program.write_text(HELLO)
    assert (host.converge().packed, host.converge().modified) == ([HELLO], {})


def test_modified_files_are_packed_if_asked(host: Host) -> None:
    (host.root / "usr/bin/hello-2.10").write_text("patched")
    assert host.converge(modified=True).packed == [HELLO, TREE]
    assert "portageq" not in host.started


def test_what_not_all_slaves_can_run_stays_here(host: Host) -> None:
    host.install(HELLO, flags="-O2 -march=haswell")
    host.add(TREE, 1700000000, "-O2 -march=haswell")
    why = "-O2 -march=haswell: they make the compiler use what amd lacks: avx2"
    host.install("app-text/words-1")
    for _time in range(2):
        found = host.converge()
        assert found.foreign == {HELLO: why}
        assert found.withheld == {f"{TREE}-1.gpkg.tar": why}
        assert sorted(found.missing) == [">=app-editors/ed-1", "app-misc/hello"]
    assert host.started == []


def test_a_weaker_slave_makes_all_be_judged_again(host: Host) -> None:
    host.install(HELLO, flags="-O2 -march=haswell")
    assert host.converge(members={"intel": ["avx2"]}).packed == [HELLO, TREE]
    found = host.converge(members={"intel": ["avx2"], "amd": []})
    assert list(found.withheld) == [f"{HELLO}-1.gpkg.tar"]
    assert "what amd lacks: avx2" in found.withheld[f"{HELLO}-1.gpkg.tar"]


def test_what_quickpkg_could_not_pack_is_an_error_and_tried_again(host: Host) -> None:
    host.refuses = {HELLO}
    with pytest.raises(BinhostError, match=f"^quickpkg: expected a package of {HELLO}, found none:\n") as caught:
        host.converge()
    assert "Failed to create package" in str(caught.value)
    host.refuses = set()
    assert host.converge().packed == [HELLO]


def test_a_damaged_record_is_none(host: Host) -> None:
    host.converge()
    Path(host.wanted().record).write_text('{"flags": 3')
    assert host.converge().packed == []
    Path(host.wanted().record).write_text('{"flags": 3, "state": []}')
    assert host.converge().packed == []


def test_nothing_to_publish(host: Host) -> None:
    for _time in range(2):
        with pytest.raises(BinhostError, match="expected a package to publish, found none. Install on "):
            host.converge(quickpkg=False)
    assert host.converge(quickpkg=False, check=True).packed == []


def test_portage_does_not_say_what_is_configuration(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_portageq", lambda words: (1, "", "no portage\n"))
    with pytest.raises(BinhostError, match="^portageq envvar .*: expected two lines, found status 1: no portage$"):
        host.converge()


def test_one_at_a_time(host: Host) -> None:
    with (
        _lock.held("build-laptops", state=str(host.state)),
        pytest.raises(BinhostError, match="expected to be free, found it held by process"),
    ):
        host.converge()
