# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine is imported: what its fragments then say to Portage is what its own files said, by Portage's own reader."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import typing as t
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _own_config, _tree
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import (
    _declarations,
    _declared,
    _host_files,
    _import,
    _import_shared,
    _inventory,
    _target_files,
)

CORPUS: t.Final = Path(
    os.environ.get("BINHOST_CORPUS", Path(__file__).resolve().parents[4].parent / "shared/corpus")
).joinpath("portage-configs")
#: A machine with a bit of everything, and with what only looks like configuration.
CLASSIC: t.Final[Mapping[str, str]] = {
    "make.conf": (
        '# mine\nCOMMON_FLAGS="-O2 -pipe -march=native"\nCFLAGS="${COMMON_FLAGS} -g"\nCHOST="x86_64-pc-linux-gnu"\n'
        'USE="wayland -gtk \\\n  X -X"\nsource /etc/portage/more.conf\nUSE="${USE} ${__mine}"\n'
        'FEATURES="${FEATURES} ccache -news"\nACCEPT_KEYWORDS="~amd64"\nVIDEO_CARDS="amdgpu radeonsi"\n'
        'FETCHCOMMAND="axel -o \\"\\${DISTDIR}/\\${FILE}\\" \\${URI}"\n'
        'CPU_FLAGS_X86="avx aes"\nLINGUAS=""\n'
        'PORTAGE_ELOG_SYSTEM="echo"\nL10N="de en"\nEMPTY=""\nODD="a\\\\b \\"c\\" \\$d"\n'
    ),
    "more.conf": '__mine="lto"\nMAKEOPTS="-j3"\n',
    "package.use/10-a": "# words\napp-misc/a x -y\n>=app-misc/a-2 VIDEO_CARDS: -* intel\n*/* PYTHON_TARGETS: -* py3\n",
    "package.use/20-b": "app-misc/a -x z # and more\napp-misc/b",
    "package.use/00cpu-flags": "*/* CPU_FLAGS_X86: avx aes\n*/* VIDEO_CARDS: nouveau\napp-misc/e cpu_flags_x86_avx\n",
    "package.use/.hidden": "app-misc/a hidden\n",
    "package.use/old~": "app-misc/a old\n",
    "package.use/sub/c": "app-misc/c::lab c\ndev-*/d d\n",
    "package.keywords": "app-misc/k\napp-misc/l ~amd64\n",
    "package.accept_keywords": "app-misc/l **\n=app-misc/m-1* -* ~amd64\n",
    "package.mask": "app-misc/n\n>=app-misc/o-3:2\n",
    "package.unmask": "app-misc/n::lab\n",
    "package.license/x": "app-misc/p @BINARY some-licence\n",
    "package.env": "app-misc/a debug.conf\n",
    "package.properties": "app-misc/q -interactive\n",
    "package.accept_restrict": "app-misc/q -fetch\n",
    "license_groups": "MINE GPL-3\n",
    "env/debug.conf": 'CFLAGS="-g {{ no }}"\n',
    "profile/package.provided": "sys-kernel/mine-1\n",
    "patches/app-misc/a/fix.patch": "--- a\n+++ b\n",
    "bashrc": "true\n",
    "notes.txt": "buy milk\n",
}


def tree(root: Path, files: Mapping[str, str]) -> Path:
    """Make a root with a profile, one repository and this /etc/portage; return it."""
    lab = root / "var/db/repos/lab"
    for path, text in {
        "metadata/layout.conf": "masters =\nprofile-formats = portage-2\n",
        "profiles/repo_name": "lab\n",
        "profiles/arch.list": "amd64\n",
        "profiles/categories": "app-misc\n",
        "profiles/base/eapi": "8\n",
        "profiles/base/make.defaults": (
            'ARCH="amd64"\nACCEPT_KEYWORDS="amd64"\nUSE="base gtk"\nUSE_EXPAND="VIDEO_CARDS L10N PYTHON_TARGETS"\n'
            'FEATURES="sandbox"\nCFLAGS="-O1"\nCONFIG_PROTECT="/base"\n'
        ),
    }.items():
        (lab / path).parent.mkdir(parents=True, exist_ok=True)
        (lab / path).write_text(text)
    for path, text in files.items():
        place = root / "etc/portage" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text.replace("/etc/portage", str(root / "etc/portage")))
    finish(root)
    return root


def finish(root: Path) -> None:
    """Give a root the profile and the repository that it needs to be read."""
    portage = root / "etc/portage"
    portage.mkdir(parents=True, exist_ok=True)
    if not os.path.lexists(portage / "make.profile"):
        (portage / "make.profile").symlink_to(root / "var/db/repos/lab/profiles/base")
    (portage / "repos.conf").mkdir(exist_ok=True)
    (portage / "repos.conf/zzz-test.conf").write_text(
        f"[DEFAULT]\nmain-repo = lab\n[lab]\nlocation = {root}/var/db/repos/lab\n[gentoo]\ndisabled = yes\n"
    )


def run(args: t.Any, /) -> tuple[int, str, str]:
    """Run a program as a module would."""
    done = subprocess.run(args, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def imported(root: Path) -> _own_config.Found:
    """Return what the program on the host says, asked of this environment's Portage."""
    found = _own_config.of(run, root=str(root), interpreters=[sys.executable])
    found["files"].pop("repos.conf/zzz-test.conf", None)
    return found


def effective(root: Path) -> dict[str, t.Any]:
    """Return what Portage takes from a root's configuration."""
    package = pytest.importorskip("portage.package.ebuild.config", reason="Portage isn't installed here")
    settings = package.config(config_root=str(root), target_root=str(root), env={}, eprefix="")
    conf = settings.configdict["conf"]
    said = {name: conf[name] for name in conf if name not in settings.incrementals}
    stacks = {name: _stacked(settings[name].split()) for name in settings.incrementals if name in settings}
    return {
        "make.conf": said,
        # USE holds what the USE_EXPAND variables come to, too.
        "stacks": stacks,
        "package.use": _uses(settings._use_manager._pusedict),
        "package.accept_keywords": _plain(settings._keywords_manager.pkeywordsdict),
        "package.license": _plain(settings._license_manager._plicensedict),
        "package.mask": _atoms(settings._mask_manager._pmaskdict),
        "package.unmask": _atoms(settings._mask_manager._punmaskdict),
        "package.env": _plain(settings._penvdict),
        "package.properties": _plain(settings._ppropertiesdict),
        "package.accept_restrict": _plain(settings._paccept_restrict),
        "package.provided": settings.pprovideddict,
        "license_groups": dict(settings._license_manager._license_groups),
        "repositories": {
            repo.name: repo.location.replace(str(root), "") for repo in settings.repositories if repo.location
        },
    }


def _stacked(words: Sequence[str]) -> list[str]:
    return sorted(_import_shared.stacked(words))


def _uses(table: t.Any) -> dict[str, list[tuple[str, list[str]]]]:
    lines = {cp: [(str(a), _import._settled(w)) for a, w in atoms.items() if w] for cp, atoms in _items(table)}
    return {cp: lines[cp] for cp in sorted(lines) if lines[cp]}


def _plain(table: t.Any) -> dict[str, list[tuple[str, list[str]]]]:
    return {cp: [(str(atom), _stacked(words)) for atom, words in atoms.items()] for cp, atoms in sorted(_items(table))}


def _atoms(table: t.Any) -> dict[str, list[str]]:
    return {cp: sorted(set(map(str, atoms))) for cp, atoms in sorted(_items(table))}


def _items(table: t.Any) -> list[tuple[str, t.Any]]:
    normal, extended = table._normal, table._extended
    return [*normal.items(), *extended.items()]


def compiled(variables: Mapping[str, t.Any], target: Mapping[str, t.Any] | None = None) -> dict[str, str]:
    """Return the fragments of these variables, as the plan compiles them, below those of a target with its own."""
    files = {**_host_files.own("laptop", variables, {}), **_host_files.client("laptop", variables, {"cpu": {}})}
    if target:
        settings = _declared.settings(target)
        files.update(_target_files.files("t", "t", target, settings, {}))
    return files


def rebuilt(place: Path, original: Path, files: Mapping[str, str]) -> Path:
    """Return another root that has the repository of ``original`` and of /etc/portage only what we wrote."""
    shutil.copytree(original / "var/db/repos", place / "var/db/repos")
    (place / "etc/portage").mkdir(parents=True)
    written = {path: text for path, text in files.items() if path != "binrepos.conf/02-binhost.conf"}
    intent = _tree.intent(str(place), "larry-binhost", files=written, links={}, world_set=None)
    _tree.carry_out(str(place), intent)
    finish(place)
    return place


def comparable(settings: dict[str, t.Any], like: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return settings without what the target decides and what makes a slave one."""
    ours = ("EMERGE_DEFAULT_OPTS", "MAKEOPTS", "PORTAGE_TRUST_HELPER")
    said = {
        name: value
        for name, value in settings["make.conf"].items()
        if not _import.TARGETS.match(name) and (name not in ours or name in like["make.conf"])
    }
    stacks = dict(settings["stacks"])
    added = ("getbinpkg", *_host_files.VERIFY)
    stacks["FEATURES"] = [word for word in stacks["FEATURES"] if word not in added]
    stacks["USE"] = _not_cpu(stacks["USE"])
    uses = {cp: [(a, _not_cpu(w)) for a, w in lines if _not_cpu(w)] for cp, lines in settings["package.use"].items()}
    uses = {cp: lines for cp, lines in uses.items() if lines}
    return {**settings, "make.conf": said, "stacks": stacks, "package.use": uses}


def _not_cpu(words: Sequence[str]) -> list[str]:
    return [word for word in words if not word.lstrip("-").startswith("cpu_flags_")]


def same(before: Path, after: Path) -> None:
    """Assert that two roots say the same to Portage."""
    first = effective(before)
    old, new = comparable(first, first), comparable(effective(after), first)
    assert {key: (old[key], new[key]) for key in old if old[key] != new[key]} == {}


@pytest.fixture(scope="module")
def classic(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, _own_config.Found]:
    """Return the classic machine and what it tells."""
    pytest.importorskip("portage", reason="Portage isn't installed here")
    root = tree(tmp_path_factory.mktemp("classic"), CLASSIC)
    (root / "var/lib/portage").mkdir(parents=True)
    (root / "var/lib/portage/world").write_text("app-misc/a\napp-misc/b:2\n")
    (root / "var/lib/portage/world_sets").write_text("@mine\n@x11-module-rebuild\n")
    (root / "etc/portage/sets").mkdir()
    (root / "etc/portage/sets/mine").write_text("app-misc/c\n")
    (root / "etc/portage/patches/binary").write_bytes(b"\xff\xfe")
    return root, imported(root)


def test_variables(classic: tuple[Path, _own_config.Found]) -> None:
    found = _import.proposal(classic[1])
    variables = found.variables
    assert variables["slave_use"] == ["wayland", "-gtk", "X", "-X", "lto"]
    assert variables["slave_make_conf"] == {
        "ACCEPT_KEYWORDS": "~amd64",
        "EMPTY": "",
        "L10N": "de en",
        "LINGUAS": "",
        "ODD": 'a\\b "c" $d',
        "VIDEO_CARDS": "amdgpu radeonsi",
    }
    assert variables["slave_client_conf"] == {
        "CFLAGS": "-O2 -pipe -march=native -g",
        "COMMON_FLAGS": "-O2 -pipe -march=native",
        "FEATURES": "ccache -news",
        "FETCHCOMMAND": 'axel -o "${DISTDIR}/${FILE}" ${URI}',
        "MAKEOPTS": "-j3",
        "PORTAGE_ELOG_SYSTEM": "echo",
    }
    assert variables["slave_package_use"] == {
        "app-misc/a": ["x", "-y", "-x", "z"],
        ">=app-misc/a-2": ["VIDEO_CARDS:", "-*", "intel"],
        "*/*": ["PYTHON_TARGETS:", "-*", "py3"],
        "app-misc/c::lab": ["c"],
        "dev-*/d": ["d"],
    }
    assert variables["slave_package_accept_keywords"] == {
        "app-misc/k": [],
        "app-misc/l": ["~amd64", "**"],
        "=app-misc/m-1*": ["-*", "~amd64"],
    }
    assert variables["slave_package_mask"] == ["app-misc/n", ">=app-misc/o-3:2"]
    assert variables["slave_world"] == ["app-misc/a", "app-misc/b:2", "app-misc/c"]
    assert variables["slave_package_properties"] == {"app-misc/q": ["-interactive"]}
    assert {path: text for path, text in variables["slave_files"].items() if path.startswith("package.")} == {
        "package.env/00-adopted": "app-misc/a debug.conf\n",
    }
    assert found.profile == "lab:base"
    assert [
        note for note in found.notes if note.startswith(("make.conf", "package", "world", "notes", "more", "patches"))
    ] == [
        "world: the set @x11-module-rebuild is not taken over: what is in it is computed",
        "make.conf: CHOST is not taken over: the target's CPUs decide it, here it was 'x86_64-pc-linux-gnu'",
        "make.conf: CPU_FLAGS_X86 is not taken over: the target's CPUs decide it, here it was 'avx aes'",
        "package.use or USE: what the CPU can do is not taken over: the target's CPUs decide it",
        "package.use: */* VIDEO_CARDS is not taken over: make.conf's word has always won",
        "more.conf: not carried: Portage doesn't read it by itself; what make.conf sources is taken over",
        "notes.txt: not carried: Portage doesn't read it by itself; what make.conf sources is taken over",
        "patches/binary: not taken over: no UTF-8 text",
    ]


def test_the_inventory_takes_them(classic: tuple[Path, _own_config.Found]) -> None:
    variables = _import.proposal(classic[1]).variables
    assert list(_inventory._typed("laptop", variables, _inventory.SLAVE)) == []
    assert list(_declarations.of_slave("laptop", variables, {})) == []
    assert set(variables) <= set(_inventory.SLAVE)


def test_a_new_machine_is_the_same(classic: tuple[Path, _own_config.Found], tmp_path: Path) -> None:
    root, found = classic
    same(root, rebuilt(tmp_path, root, compiled(_import.proposal(found).variables)))


def test_the_machine_itself_stays_the_same_and_tells_the_same(
    classic: tuple[Path, _own_config.Found], tmp_path: Path
) -> None:
    root, found = classic
    here = tmp_path / "root"
    shutil.copytree(root, here, symlinks=True)
    for file in ("make.conf", "more.conf"):
        path = here / "etc/portage" / file
        path.write_text(path.read_text().replace(str(root), str(here)))
    finish(here)
    variables = _import.proposal(found).variables
    files = {path: text for path, text in compiled(variables).items() if path != "binrepos.conf/02-binhost.conf"}
    _tree.carry_out(str(here), _tree.intent(str(here), "o", files=files, links={}, world_set=None))
    same(root, here)
    again = _import.proposal(imported(here)).variables
    # What is declared belongs to the inventory now, and is no longer the machine's own.
    assert {**again, "slave_files": {}} == {**variables, "slave_files": {}}


def test_a_configuration_that_portage_cannot_read(tmp_path: Path) -> None:
    pytest.importorskip("portage", reason="Portage isn't installed here")
    root = tree(tmp_path, {"make.conf": "source /nowhere\n"})
    with pytest.raises(
        BinhostError, match=r"expected that it can read .*, found .*/nowhere: No such file or directory"
    ):
        imported(root)


def test_what_cannot_be_a_variable_is_text(tmp_path: Path) -> None:
    pytest.importorskip("portage", reason="Portage isn't installed here")
    root = tree(tmp_path / "old", {"package.mask/a": "-app-misc/a", "package.mask/b": "=app-misc/b-1\n"})
    found = _import.proposal(imported(root))
    assert found.variables["slave_files"]["package.mask/a"] == "-app-misc/a"
    assert "slave_package_mask" not in found.variables
    assert any(note.startswith("package.mask: carried as text: ") for note in found.notes)
    same(root, rebuilt(tmp_path / "new", root, compiled(found.variables)))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("a -b", "a -b"),
        ("X: 1 2 \n a", "a X: 1 2"),
        ("X: 1 \n Y: 2 \n X: -1", "X: 1 -1 Y: 2"),
        ("X: 1 \n x_2", "x_2 X: 1"),
        ("X: -* \n x_2", None),
        ("X: 1 \n -*", None),
        ("-* \n X: 1", "-* X: 1"),
    ],
)
def test_use_words(words: str, expected: str | None) -> None:
    given = [word for part in words.split("\n") for word in (*part.split(), "\n")]
    if expected is None:
        with pytest.raises(BinhostError, match=r"package\.use: expected an order of flags that one line can have"):
            _import.use_words(given)
    else:
        assert _import.use_words(given) == expected.split()


# --- several machines


def both(target: Mapping[str, t.Any], rest: Mapping[str, t.Any]) -> dict[str, str]:
    """Return the fragments of a slave with a target of its own."""
    return compiled(rest, {**target, "profile": "lab:base"})


OTHERS: t.Final[Mapping[str, Mapping[str, str]]] = {
    "one": {
        "make.conf": 'USE="a -b c"\nACCEPT_KEYWORDS="~amd64"\nVIDEO_CARDS="intel"\nL10N="de"\nMAKEOPTS="-j2"\n',
        "package.use": "app-misc/a x\n*/* y\napp-misc/b z\n>=app-misc/b-2 -z\n",
        "package.mask": "app-misc/a\napp-misc/b\n",
    },
    "two": {
        "make.conf": 'USE="c d a"\nACCEPT_KEYWORDS="~amd64 x"\nVIDEO_CARDS="amdgpu"\nL10N="de"\nMAKEOPTS="-j2"\n',
        "package.use": "app-misc/a x\n*/* y\n>=app-misc/b-2 -z\napp-misc/b z\n",
        "package.mask": "app-misc/b\n",
        "package.license": "app-misc/a GPL-3\n",
    },
}


def test_what_they_share_is_a_target(tmp_path: Path) -> None:
    pytest.importorskip("portage", reason="Portage isn't installed here")
    roots = {host: tree(tmp_path / host, files) for host, files in OTHERS.items()}
    own = {host: _import.proposal(imported(root)).variables for host, root in roots.items()}
    target, rest = _import_shared.split(own)
    assert target == {
        "use": ["a", "c"],
        "make_conf": {"ACCEPT_KEYWORDS": "~amd64", "L10N": "de"},
        "package_use": {"app-misc/a": ["x"], "*/*": ["y"]},
        "package_mask": ["app-misc/b"],
    }
    assert rest["one"]["slave_use"] == ["-b"]
    assert rest["one"]["slave_make_conf"] == {"VIDEO_CARDS": "intel"}
    assert rest["two"]["slave_make_conf"] == {"ACCEPT_KEYWORDS": "x", "VIDEO_CARDS": "amdgpu"}
    for host, root in roots.items():
        same(root, rebuilt(tmp_path / f"{host}-new", root, both(target, rest[host])))


def test_who_starts_from_nothing_shares_no_flags() -> None:
    target, rest = _import_shared.split({"a": {"slave_use": ["-*", "x"]}, "b": {"slave_use": ["x", "y"]}})
    assert (target, rest) == ({}, {"a": {"slave_use": ["-*", "x"]}, "b": {"slave_use": ["x", "y"]}})


# --- real configurations


def corpus() -> list[Path]:
    """Return the corpus's folders that are somebody's /etc/portage, an eighth of them if not in ``make test-long``."""
    names = ("make.conf", "package.use", "repos.conf", "binrepos.conf")
    found = sorted({path.parent for name in names for path in CORPUS.glob(f"*/**/{name}")})
    return found if os.environ.get("BINHOST_LONG") == "1" else found[::8]


def corpus_roots(tmp_path: Path) -> dict[str, Path]:
    """Return a root for each, with what Portage needs to read it."""
    if not CORPUS.is_dir():
        pytest.skip(f"no corpus in {CORPUS}")
    roots = {}
    for number, folder in enumerate(corpus()):
        root = tree(tmp_path / f"{number:03d}", {})
        shutil.rmtree(root / "etc/portage")
        shutil.copytree(folder, root / "etc/portage")
        if (root / "etc/portage/repos.conf").is_file():
            (root / "etc/portage/repos.conf").unlink()
        finish(root)
        roots[str(folder.relative_to(CORPUS))] = root
    return roots


def test_every_real_configuration(tmp_path: Path) -> None:
    pytest.importorskip("portage", reason="Portage isn't installed here")
    unread, own, roots = [], {}, corpus_roots(tmp_path)
    for name, root in roots.items():
        try:
            found = imported(root)
        except BinhostError:
            unread.append(name)
            continue
        proposal = _import.proposal(found)
        own[name] = proposal.variables
        assert list(_declarations.of_slave("laptop", proposal.variables, {})) == []
        same(root, rebuilt(root / "new", root, compiled(proposal.variables)))
    assert own
    print(f"{len(own)} configurations are the same; Portage cannot read {', '.join(unread)}")
    for first, second in zip(own, list(own)[1:], strict=False):
        target, rest = _import_shared.split({first: own[first], second: own[second]})
        for name in (first, second):
            place = roots[name] / f"with-{len(target)}-{name == first}"
            same(roots[name], rebuilt(place, roots[name], both(target, rest[name])))
