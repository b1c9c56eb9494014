# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why real Portage compiles what the index has a binary of, and that the line told for it has the binary taken."""

from __future__ import annotations

import shutil
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _candidates, _merge_list, _patterns, _removal
from ansible_collections.larry.binhost.plugins.module_utils._merge_list import Merge
from ansible_collections.larry.binhost.plugins.module_utils._refusal import Proposal

from tests.root import planted
from tests.root.machine import Machine

# One worker prepares the index for all.

#: Built by Portage.
BUILT: t.Final[t.Mapping[str, str]] = {"x/flag-1": 'IUSE="nls doc"\n', "x/good-1": ""}
#: Of the index alone, which is all that Portage reads before it takes a binary: what differs from x/good-1.
LISTED: t.Final[t.Mapping[str, Mapping[str, str]]] = {
    # A second build.
    "x/flag-1": {"IUSE": "nls doc", "USE": "doc nls", "BUILD_ID": "2", "PATH": "x/flag/flag-1-2.gpkg.tar"},
    "x/moved-1": {"RDEPEND": "x/none"},
    "x/keyed-1": {"KEYWORDS": "~amd64"},
    "x/unkeyed-1": {"KEYWORDS": ""},
    "x/licensed-1": {"LICENSE": "Strange"},
    "x/both-1": {"KEYWORDS": "~amd64", "LICENSE": "Strange"},
    "x/foreign-1": {"CHOST": "i686-pc-linux-gnu"},
    "x/future-1": {"EAPI": "99"},
    "x/excluded-1": {},
    "x/newer-1": {},
    "x/slotted-1": {"SLOT": "1"},
    "x/patched-1": {},
    "x/lib-1": {"IUSE": "nls doc", "USE": "doc"},
    "x/sub-1": {"SLOT": "0/1"},
    "x/user-1": {"RDEPEND": "x/sub:0/1="},
}
EBUILDS: t.Final[t.Mapping[str, str]] = {
    **dict.fromkeys(["x/keyed-1", "x/unkeyed-1", "x/licensed-1", "x/both-1", "x/foreign-1", "x/future-1"], ""),
    **dict.fromkeys(["x/excluded-1", "x/newer-1", "x/newer-2", "x/patched-1"], ""),
    "x/moved-1": 'RDEPEND="x/good"\n',
    "x/slotted-1": 'SLOT="1"\n',
    "x/slotted-2": 'SLOT="2"\n',
    "x/lib-1": 'IUSE="+nls doc"\n',
    "x/wants-1": 'RDEPEND="x/lib[nls]"\n',
    "x/sub-2": 'SLOT="0/2"\n',
    "x/user-1": 'RDEPEND="x/sub:="\n',
}
CONFIG: t.Final = {"package.use/own": "x/flag nls\n", "patches/x/patched/fix.patch": "--- a\n+++ b\n"}


@pytest.fixture(scope="module")
def machine(pristine_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Return a machine with an index whose binaries the configuration refuses."""
    made = Machine.beside(pristine_root, tmp_path_factory.mktemp("candidates"))
    planted.repository(made.repository, {**BUILT, **EBUILDS})
    profile = made.repository / "profiles" / planted.PROFILE
    (profile / "packages").write_text("")
    with (profile / "make.defaults").open("a") as handle:
        handle.write('ACCEPT_LICENSE="* -Strange"\nBINPKG_FORMAT="gpkg"\n')
    (made.repository / "licenses").mkdir()
    (made.repository / "licenses/Strange").write_text("as it says\n")
    index(made)
    for name, text in CONFIG.items():
        place = made.root.path / "etc/portage" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    yield made
    _removal.tree(str(made.root.path))


def index(machine: Machine) -> None:
    """Have Portage build two binaries, and put their index, with the others, where a master's would be."""
    atoms = [f"={cpv}" for cpv in BUILT]
    features = {"FEATURES": "binpkg-multi-instance"}
    machine.root.emerge("--buildpkgonly", "--nodeps", *atoms, environment=features)
    machine.index.mkdir()
    text = (machine.root.pkgdir / "Packages").read_text()
    shutil.rmtree(machine.root.pkgdir / "x")
    (machine.root.pkgdir / "Packages").unlink()
    good = next(part for part in text.split("\n\n") if "CPV: x/good-1" in part)
    values = dict(line.split(": ", 1) for line in good.splitlines())
    for cpv, other in LISTED.items():
        category, pf = cpv.split("/")
        path = f"{category}/{pf.rpartition('-')[0]}/{pf}-1.gpkg.tar"
        text += "".join(f"{k}: {v}\n" for k, v in {**values, "CPV": cpv, "PATH": path, **other}.items()) + "\n"
    count = len(BUILT) + len(LISTED)
    (machine.index / "Packages").write_text(text.replace(f"PACKAGES: {len(BUILT)}\n", f"PACKAGES: {count}\n"))


def asked(machine: Machine, *words: str, excluded: Sequence[str] = ()) -> dict[str, Merge]:
    """Return cpv -> what emerge would do, and why from source."""
    options = [f"--usepkg-exclude={' '.join(excluded)}"] if excluded else []
    status, stdout, stderr = machine.emerge("--usepkg", "--getbinpkg", "--oneshot", *options, *words)
    assert status == 0, stdout + stderr
    merges = _merge_list.parse(stdout)
    reasons = _candidates.why(machine.run, merges, str(machine.index), said=stderr, excluded=excluded)
    return {merge.cpv: merge for merge in _candidates.explained(merges, reasons)}


#: What is compiled -> kind and reason of its refused binary, and the lines that are said to have it taken.
REASONS: t.Final[t.Mapping[str, tuple[str, str, Sequence[Proposal]]]] = {
    "x/flag-1": ("use", "ignored due to non matching USE: -nls", [Proposal("package.use", "=x/flag-1 -nls")]),
    "x/lib-1": ("use", 'built with USE="doc -nls", which is not what is wanted here', []),
    "x/moved-1": ("changed_deps", "ignored due to changed dependencies: it has to be built anew", []),
    "x/patched-1": ("patches", "ignored due to user patches: x/patched/fix.patch", []),
    "x/keyed-1": (
        *("keywords", "masked by: ~amd64 keyword"),
        [Proposal("package.accept_keywords", "=x/keyed-1 ~amd64")],
    ),
    "x/unkeyed-1": (
        *("keywords", "masked by: missing keyword"),
        [Proposal("package.accept_keywords", "=x/unkeyed-1 **")],
    ),
    "x/licensed-1": (
        *("license", "masked by: Strange license(s)"),
        [Proposal("package.license", "=x/licensed-1 Strange")],
    ),
    "x/both-1": (
        *("license", "masked by: Strange license(s), ~amd64 keyword"),
        [Proposal("package.license", "=x/both-1 Strange"), Proposal("package.accept_keywords", "=x/both-1 ~amd64")],
    ),
    "x/foreign-1": (
        *("chost", "masked by: CHOST: i686-pc-linux-gnu"),
        [Proposal("make.conf", 'ACCEPT_CHOSTS="x86_64-pc-linux-gnu i686-pc-linux-gnu"')],
    ),
    "x/future-1": ("masked", "masked by: EAPI 99", []),
    "x/excluded-1": ("excluded", "excluded by build_on_slave, which names x/ex*", []),
    "x/newer-2": (
        *("version", "the index has x/newer-1, Portage prefers x/newer-2"),
        [Proposal("package.mask", "=x/newer-2")],
    ),
    "x/user-1": ("slot", "built against x/sub:0/1=, which becomes x/sub:0/2", []),
    "x/sub-2": (
        *("version", "the index has x/sub-1, Portage prefers x/sub-2"),
        [Proposal("package.mask", "=x/sub-2")],
    ),
}
ATOMS: t.Final = sorted({*map(_patterns.package, REASONS), "x/good", "x/slotted", "x/wants"} - {"x/lib", "x/sub"})


def test_each_refused_binary_has_its_reason(machine: Machine) -> None:
    merges = asked(machine, *ATOMS, excluded=["x/ex*"])
    found = {cpv: merge.refused for cpv, merge in merges.items() if merge.refused}
    assert {cpv: (each[0].kind, each[0].reason, list(each[0].fix)) for cpv, each in found.items()} == REASONS
    # Of several builds each has its own.
    assert [(each.path, each.build_id, each.reason.rpartition(": ")[2]) for each in found["x/flag-1"]] == [
        ("x/flag/flag-1-1.gpkg.tar", 1, "-nls"),
        ("x/flag/flag-1-2.gpkg.tar", 2, "doc"),
    ]
    # Taken, of another slot, and with no binary at all.
    assert [merges[cpv].kind for cpv in ("x/good-1", "x/slotted-2", "x/wants-1")] == ["binary", "ebuild", "ebuild"]


def test_the_lines_that_are_told_have_the_binaries_taken(machine: Machine) -> None:
    fixes = [fix for _kind, _reason, lines in REASONS.values() for fix in lines]
    with machine.with_lines(fixes):
        merges = asked(machine, *ATOMS)
    taken = {_patterns.package(cpv) for cpv, merge in merges.items() if merge.kind == "binary"}
    fixed = {_patterns.package(cpv) for cpv, (_kind, _reason, lines) in REASONS.items() if lines}
    assert taken >= fixed | {"x/excluded", "x/user"}, merges


def test_without_an_index_nothing_was_refused(machine: Machine) -> None:
    merges = machine.merges("--oneshot", "x/flag")
    assert _candidates.why(machine.run, merges, str(machine.root.path / "nowhere")) == {}
