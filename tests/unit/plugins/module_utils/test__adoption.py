# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine's configuration is adopted without changing what Portage makes of it: Portage itself says so."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import typing as t
from collections.abc import Mapping
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import (
    _config_check,
    _config_program,
    _fragments,
    _host,
    _tree,
    _tree_stage,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

ROOT: t.Final = Path(__file__).parents[4]
CORPUS: t.Final = Path(os.environ.get("BINHOST_CORPUS", ROOT / "../shared/corpus")) / "portage-configs"
PACKAGE_FILES: t.Final = tuple(
    f"package.{kind}" for kind in ("use", "mask", "unmask", "accept_keywords", "license", "env", "properties")
)
#: Fragments of ours that say nothing: whatever changes then is adoption's fault.
SILENT: t.Final[dict[str, str]] = {
    f"{name}/01-target": _fragments.header("Target x.", "binhost_targets.x")
    for name in (
        *("make.conf", "repos.conf", "binrepos.conf", "mirrors"),
        *PACKAGE_FILES,
        *(f"profile/{name}" for name in _host.PROFILE_FILES),
    )
}
#: What Portage makes of the tree of PORTAGE_CONFIGROOT.
SETTINGS: t.Final = """
import json, os, portage
from portage.binrepo.config import BinRepoConfigLoader
from portage.const import CUSTOM_MIRRORS_FILE
from portage.util import _recursive_file_list, grabdict, grabdict_package, grabfile_package
from portage.util.configparser import SafeConfigParser, read_configs
PACKAGE_USES = ("_pkgprofileuse", "_pusemask_list", "_puseforce_list")
place = os.environ["PORTAGE_CONFIGROOT"]
config = os.path.join(place, "etc/portage")
settings = portage.config(config_root=place)
def words(loaded):
    return {name: {key: str(getattr(each, key, None)) for key in each.__slots__} for name, each in loaded.items()}
def ini(name):
    parser = SafeConfigParser()
    read_configs(parser, list(_recursive_file_list(os.path.join(config, name))))
    return {section: dict(parser.items(section)) for section in parser.sections()}
def package(kind):
    path = os.path.join(config, "package." + kind)
    if kind in ("mask", "unmask"):
        return [str(atom) for atom in grabfile_package(path, recursive=1)]
    found = grabdict_package(path, juststrings=1, recursive=1, allow_wildcard=True, allow_repo=True)
    return {str(atom): flags for atom, flags in found.items()}
print(json.dumps({
    "settings": {name: settings[name] for name in settings if name != "PORTAGE_CONFIGROOT"},
    "binrepos": words(BinRepoConfigLoader([os.path.join(config, "binrepos.conf")], settings)),
    "repos": words({repo.name: repo for repo in settings.repositories}),
    "mirrors": grabdict(os.path.join(place, CUSTOM_MIRRORS_FILE), recursive=1),
    "profile": [
        settings.packages, sorted(settings.usemask), sorted(settings.useforce), settings.pprovideddict,
        *(repr([each for each in getattr(settings._use_manager, name) if each]) for name in PACKAGE_USES),
        repr(settings._mask_manager._pmaskdict), repr([each for each in settings._pbashrcdict.values() if each]),
    ],
    "ini": [ini("repos.conf"), ini("binrepos.conf")],
    "packages": {kind: package(kind) for kind in KINDS},
}).replace(place, "/"))
""".replace("KINDS", repr([name.partition(".")[2] for name in PACKAGE_FILES]))


class UnreadableError(Exception):
    """What Portage says of a tree that it can't read."""


def portage(program: str, place: Path | str) -> tuple[int, str, str]:
    """Run a program of Portage's Python on a tree."""
    # Portage prints sets: the order of words would be by chance.
    own = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0", "PORTAGE_CONFIGROOT": str(place)}
    command = [sys.executable, "-B", "-c", program]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**_config_program.ENVIRONMENT, **own}, check=False
    )
    return done.returncode, done.stdout, done.stderr


def settings(place: Path) -> dict[str, t.Any]:
    """Return what Portage makes of a tree."""
    status, stdout, stderr = portage(SETTINGS, place)
    if status != 0:
        raise UnreadableError(stderr)
    # An object's address differs from run to run.
    found: dict[str, t.Any] = json.loads(re.sub(r" at 0x[0-9a-f]+", "", stdout.strip().splitlines()[-1]))
    return found


def everything(root: Path) -> dict[str, t.Any]:
    return {
        str(path): path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
        for path in root.rglob("*")
    }


def adopt(root: Path, place: Path) -> _config_check.Verdict:
    """Do what the module does, with the Portage of these tests. Raises ``BinhostError``."""
    intent = _tree.intent(str(root), "o", files=SILENT, links={}, world_set=None)
    _tree_stage.assemble(str(root), str(place), intent.changes, seen=str(root))

    def ask(chosen: str | None) -> _config_check.Reading:
        configroot = chosen or str(root)
        return _config_check.reading(*portage(_config_program.PROGRAM, configroot), configroot)

    verdict = _config_check.judge(ask, str(root), str(place), intent.changes)
    _tree.carry_out(str(root), intent)
    return verdict


def is_adopted_unchanged(root: Path, place: Path) -> bool:
    """Adopt; return whether Portage could read it.

    What it read is the same afterwards; what it couldn't is untouched, and told with its words.
    """
    files = everything(root)
    try:
        before = settings(root)
    except UnreadableError as exc:
        with pytest.raises(BinhostError, match="Nothing was changed") as caught:
            adopt(root, place)
        assert everything(root) == files
        (words, *_rest) = re.findall(rf'"{root}(/etc/portage/[^"]+", line .*)', str(exc))
        assert words in str(caught.value)
        return False
    adopt(root, place)
    assert settings(root) == before
    return True


@pytest.fixture(autouse=True)
def _needs_portage() -> None:
    pytest.importorskip("portage", reason="Portage isn't installed here")


#: What people's trees look like, in small: each is read by Portage.
READABLE: t.Final[Mapping[str, Mapping[str, str]]] = {
    "files": {
        "make.conf": 'COMMON_FLAGS="-O2"\nCFLAGS="${COMMON_FLAGS}"\nUSE="x -y"\nUSE="${USE} z"\n',
        "package.use": "a/b c\n*/* CPU_FLAGS_X86: sse\n",
        "package.mask": ">=a/b-2\n",
        "repos.conf": "[DEFAULT]\nmain-repo = lab\n[lab]\nlocation = /none\npriority = 5\n",
        "binrepos.conf": "[b]\nsync-uri = https://a.example/b\npriority = 3\n",
    },
    "no line end": {"make.conf": 'USE="x"', "package.use": "a/b c", "repos.conf": "[lab]\nlocation = /none"},
    "carriage returns": {"make.conf": 'USE="x"\r\nFEATURES="ccache"\r\n', "package.use": "a/b c\r\n"},
    "directories": {
        "make.conf/20-a": 'USE="x"\n',
        "make.conf/sub/00-b": 'USE="${USE} y"\n',
        "make.conf/03-c.bak": 'USE="${USE} z"\n',
        "make.conf/99-d~": 'USE="no"\n',
        "package.use/.hidden": "a/b no\n",
        "package.use/Zz": "a/b c\n",
        "package.use/aa": "a/b -c\n",
        "repos.conf/lab.conf": "[lab]\nlocation = /none\n",
    },
    "mixed": {"make.conf": 'USE="x"\n', "package.use/mine": "a/b c\n", "package.accept_keywords": "a/b ~amd64\n"},
    "sources": {
        "make.conf": 'USE="x"\nsource hardware.conf\nUSE="${USE} z"\n',
        "hardware.conf": 'USE="${USE} y"\nsource more/own.conf\n',
        "more/own.conf": 'MAKEOPTS="-j3"\n',
    },
    "sources upwards": {"make.conf": 'source "../portage/hardware.conf"\n', "hardware.conf": 'USE="y"\n'},
    "own profile": {
        "mirrors": "gentoo https://a.example/b\nlocal /mnt/c\n",
        "make.profile/eapi": "5\n",  # without a profile Portage reads no profile of the person's own
        "profile/make.defaults": 'USE="p"\nACCEPT_LICENSE="*"\n',
        "profile/package.provided": "a/b-1\n",
        "profile/package.use": "a/b c\n",
        "profile/package.use.mask": "a/b d\n",
        "profile/package.use.force": "a/b e\n",
        "profile/package.mask": ">=a/b-3\n",
        "profile/packages": "*a/b\n",
        "profile/use.mask": "m\n",
        "profile/use.force": "f\n",
        "profile/package.bashrc": "a/b mine\n",
        "profile/bashrc/mine": "einfo\n",
    },
    "environments": {
        "make.conf": 'USE="x"\n',
        "package.env": "a/b quiet\n",
        "env/quiet": 'CFLAGS="-O1"\n',
    },
    "nothing": {},
}
UNREADABLE: t.Final[Mapping[str, Mapping[str, str]]] = {
    "source of nothing": {"make.conf": "source /none/gone.conf\n", "package.use": "a/b c\n"},
    "no closing quotation": {"make.conf": 'USE="x\n'},
}


def lay_out(root: Path, files: Mapping[str, str]) -> Path:
    (root / "etc/portage").mkdir(parents=True)
    for name, text in files.items():
        path = root / "etc/portage" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return root


@pytest.mark.parametrize("name", READABLE)
def test_what_portage_sees_stays(name: str, tmp_path: Path) -> None:
    assert is_adopted_unchanged(lay_out(tmp_path / "root", READABLE[name]), tmp_path / "place")


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_portage_can_not_read_stays_untouched(name: str, tmp_path: Path) -> None:
    assert not is_adopted_unchanged(lay_out(tmp_path / "root", UNREADABLE[name]), tmp_path / "place")


def test_a_broken_bashrc_is_refused_with_its_variable(tmp_path: Path) -> None:
    root = lay_out(tmp_path / "root", {"make.profile/eapi": "5\n", "bashrc": "mine(\n"})
    text = _fragments.header("x's own.", "slave_bashrc") + "if true; then\n"
    intent = _tree.intent(str(root), "o", files={"profile/bashrc/02-host": text}, links={}, world_set=None)
    _tree_stage.assemble(str(root), str(tmp_path / "place"), intent.changes, seen=str(root))

    def ask(chosen: str | None) -> _config_check.Reading:
        configroot = chosen or str(root)
        return _config_check.reading(*portage(_config_program.PROGRAM, configroot), configroot)

    with pytest.raises(BinhostError) as caught:
        _config_check.judge(ask, str(root), str(tmp_path / "place"), intent.changes)
    (line,) = (line for line in str(caught.value).splitlines() if "syntax error" in line)
    assert line.startswith("  /etc/portage/profile/bashrc/02-host: line 5: syntax error: unexpected end of file")
    assert line.endswith(" (etc/portage/profile/bashrc/02-host; change slave_bashrc in the inventory)")
    warnings = _config_check.judge(ask, str(root), str(root), []).warnings
    assert "Portage: /etc/portage/bashrc: line 1: `mine('" in warnings  # the person's own affair


def configurations() -> list[Path]:
    """Return the folders of the corpus that are an etc/portage."""
    if not CORPUS.is_dir():
        return []
    names = {"make.conf", "repos.conf", "binrepos.conf", *PACKAGE_FILES}
    return sorted(Path(top) for top, folders, files in os.walk(CORPUS) if names & {*folders, *files})


@pytest.mark.parametrize("source", configurations() or [None], ids=str)
def test_real_machines(source: Path | None, tmp_path: Path) -> None:
    if source is None:
        pytest.skip(f"no configurations of real machines in {CORPUS}")
    shutil.copytree(source, tmp_path / "root/etc/portage", symlinks=True)
    oracle = json.loads((CORPUS / "portage-oracle.given.json").read_text())
    make_conf = str((source / "make.conf").relative_to(CORPUS.parent))
    readable = "error" not in oracle.get(make_conf, {})
    assert is_adopted_unchanged(tmp_path / "root", tmp_path / "place") is readable
