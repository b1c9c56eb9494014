# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Portage inside a build root reads what is declared for it before that is put in place."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _config_check, _fragments, _paths, _tree
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

HEADER = _fragments.header("Target common.", "binhost_targets.common.package_use")
REPOSITORY = f"{_paths.REPOSITORIES}/lab"
GOOD: t.Final[dict[str, str]] = {
    "make.conf/01-target.conf": 'USE="${USE} nls"\n',
    "package.use/01-target": HEADER + "app-misc/hello nls\n",
    "repos.conf/zz-binhost.conf": f"[lab]\nlocation = {REPOSITORY}\n",
}
PROFILE = {"make.profile": f"../..{REPOSITORY}/profiles/default/linux/amd64"}


def run(args: list[str]) -> tuple[int, str, str]:
    done = subprocess.run(args, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


class Root:
    """A build root, and the repository that its master has."""

    def __init__(self, path: Path, scratch: Path) -> None:
        self.path, self.scratch, self.numbers = path, scratch, itertools.count()
        self.repository = scratch / "lab"
        shutil.copytree(path / "var/db/repos/lab", self.repository)
        self.config = path / "etc/portage"

    def configure(self, files: dict[str, str], **how: t.Any) -> _config_check.Verdict:
        """Do what the module does."""
        repositories = how.pop("repositories", {"lab": str(self.repository)})
        how = {"links": PROFILE, "world_set": None, **how}
        intent = _tree.intent(str(self.path), "o", files=files, **how)
        place = self.scratch / f"configroot{next(self.numbers)}"
        verdict = _config_check.check(run, str(self.path), intent.changes, place=str(place), repositories=repositories)
        _tree.carry_out(str(self.path), intent)
        return verdict

    def refused(self, files: dict[str, str], **how: t.Any) -> str:
        """Return the words of a refusal that has changed nothing."""
        before = self.everything()
        with pytest.raises(BinhostError) as caught:
            self.configure(files, **how)
        assert self.everything() == before
        return str(caught.value)

    def everything(self) -> dict[str, t.Any]:
        return {
            str(path): path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
            for path in self.config.rglob("*")
        }


@pytest.fixture
def root(stage_root: Path, tmp_path: Path) -> Root:
    return Root(stage_root, tmp_path)


def test_a_good_tree_is_read_and_put_in_place(root: Root) -> None:
    verdict = root.configure(GOOD)
    assert verdict == _config_check.Verdict("3.0.83", [])
    assert (root.config / "make.conf/00-adopted").is_file()
    assert root.configure(GOOD) == _config_check.Verdict(None, [])  # nothing to change: nobody is asked


#: What is declared besides the good -> one line of what is said.
REJECTED: t.Final[list[tuple[dict[str, str], str]]] = [
    (
        {"package.use/01-target": HEADER + ">=app-misc/hello nls\n"},
        "--- Invalid atom in /etc/portage/package.use/01-target: >=app-misc/hello "
        "(etc/portage/package.use/01-target; change binhost_targets.common.package_use in the inventory)",
    ),
    (
        {"make.conf/01-target.conf": 'FEATURES="${FEATURES} nosuchthing"\n'},
        "FEATURES variable contains unknown value(s): nosuchthing (etc/portage/make.conf/01-target.conf)",
    ),
    (
        {"make.conf/01-target.conf": 'ACCEPT_KEYWORDS="${ACCEPT_KEYWORDS} nosucharch"\n'},
        "!!! INVALID ACCEPT_KEYWORDS: nosucharch (etc/portage/make.conf/01-target.conf)",
    ),
    (
        {"make.conf/01-target.conf": 'USE="nls\n'},
        '"/etc/portage/make.conf/01-target.conf", line 2: No closing quotation (etc/portage/make.conf/01-target.conf)',
    ),
    (
        {"package.env/01-target": "app-misc/hello gone\n"},
        "!!! /etc/portage/package.env references non-existent file: /etc/portage/env/gone "
        "(etc/portage/package.env/01-target)",
    ),
    (
        {"package.env/01-target": "app-misc/hello big\n", "env/big": 'X="\n'},
        '"/etc/portage/env/big", line 2: No closing quotation (etc/portage/env/big)',
    ),
    (
        {"sets/mine": "=app-misc/hello\n"},
        "!!! set mine: /etc/portage/sets/mine: Validation failed at line: 1, data =app-misc/hello "
        "(etc/portage/sets/mine)",
    ),
    (
        {"binrepos.conf/01-x": "[x]\nnothing\n"},
        "!!! Error while reading binrepo config file: Source contains parsing errors: "
        "'/etc/portage/binrepos.conf/01-x' (etc/portage/binrepos.conf/01-x)",
    ),
    (
        {"repos.conf/zz-binhost.conf": "[lab\n"},
        "file: '/etc/portage/repos.conf/zz-binhost.conf', line: 1 (etc/portage/repos.conf/zz-binhost.conf)",
    ),
    (
        {"profile/package.provided": "hello\n"},
        "Invalid package name in package.provided: hello (etc/portage/profile/package.provided)",
    ),
    (
        {"package.license/01-target": "!!x *\n"},
        "--- Invalid atom in /etc/portage/package.license/01-target: !!x (etc/portage/package.license/01-target)",
    ),
    (
        {"package.mask/01-target": "nonsense\n"},
        "--- Invalid atom in /etc/portage/package.mask/01-target: nonsense (etc/portage/package.mask/01-target)",
    ),
]


def test_what_portage_rejects_changes_nothing(root: Root) -> None:
    for files, words in REJECTED:
        told = root.refused({**GOOD, **files})
        assert told.startswith(f"{root.config}: expected a configuration that Portage accepts, found that it says:\n  ")
        assert told.endswith("\nNothing was changed.")
        assert words in [line.strip() for line in told.splitlines()]


def test_a_profile_that_is_not_in_its_repository_is_rejected(root: Root) -> None:
    told = root.refused(GOOD, links={"make.profile": f"../..{REPOSITORY}/profiles/gone"})
    assert "/etc/portage/make.profile is not a symlink and will probably prevent most merges" in told


def test_a_repository_that_is_not_there_yet_is_no_fault(root: Root) -> None:
    verdict = root.configure(GOOD, repositories={})
    assert verdict.warnings == [
        f"lab: the repository isn't at {REPOSITORY} yet; without it Portage read only the rest of the configuration"
    ]
    told = root.refused({**GOOD, "package.use/01-target": ">=x y\n"}, repositories={})
    assert re.findall(r"^  (.*)$", told, re.MULTILINE) == [
        "--- Invalid atom in /etc/portage/package.use/01-target: >=x (etc/portage/package.use/01-target)"
    ]


def test_the_faults_of_a_person_are_told_and_do_not_stop_us(root: Root) -> None:
    (root.config / "package.use").write_text(">=mine old\n")
    (root.config / "package.mask").mkdir()
    (root.config / "package.mask/50-mine").write_text("x\n")
    verdict = root.configure(GOOD)
    assert verdict.warnings == [
        "Portage: --- Invalid atom in /etc/portage/package.use/00-adopted: >=mine",
        "Portage: --- Invalid atom in /etc/portage/package.mask/50-mine: x",
    ]
    told = root.refused({**GOOD, "package.use/01-target": ">=x y\n"})
    assert ">=mine" not in told


def test_a_tree_that_portage_can_not_read_is_left_untouched(root: Root) -> None:
    with (root.config / "make.conf").open("a") as conf:
        conf.write("source /etc/portage/gone.conf\n")
    told = root.refused(GOOD)
    assert "found one that it can't, as it stands there now:\n" in told
    assert "/etc/portage/gone.conf: No such file or directory" in told
    (root.config / "gone.conf").write_text("")
    assert root.configure(GOOD).warnings == []


def test_a_broken_fragment_of_ours_is_repaired(root: Root) -> None:
    root.configure(GOOD)
    (root.config / "make.conf/01-target.conf").write_text('USE="\n')
    assert root.configure(GOOD).warnings == []


def test_a_root_without_portage_is_configured_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "root/etc/portage").mkdir(parents=True)
    (tmp_path / "root/var/db/repos/lab").mkdir(parents=True)
    root = Root(tmp_path / "root", tmp_path)
    assert root.configure(GOOD).warnings == [
        f"{root.path}: no Portage is installed there to read the configuration before it is written"
    ]
