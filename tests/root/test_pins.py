# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pinned ebuild repositories: git, gpg and egencache are real."""

from __future__ import annotations

import os
import stat
import time
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _pinning, _pins, _removal
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

from tests.root import planted
from tests.root.build_root import copy
from tests.root.planted import FILE
from tests.root.upstream import DAY, NOON, Pinner, Upstream
from tests.unit.plugins import dated, stages

A: t.Final = "app-planted/a"
NAME: t.Final = planted.NAME
OVERLAY: t.Final = {
    "metadata/layout.conf": f"masters = {NAME}\nthin-manifests = true\nsign-manifests = false\n",
    "profiles/repo_name": "over\n",
    "profiles/eapi": "8\n",
    "x/over/over-1.ebuild": 'EAPI=8\ninherit words\nDESCRIPTION="${WORDS}"\nSLOT=0\nKEYWORDS="amd64"\n',
}


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    """Return a repository with one commit."""
    made = Upstream(tmp_path / "upstream")
    made.plant({f"{A}-1": FILE})
    return made


@pytest.fixture(scope="module")
def system(pristine_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a root with Portage."""
    root = tmp_path_factory.mktemp("system") / "root"
    copy(pristine_root, root)
    yield root
    _removal.tree(str(root))


@pytest.fixture
def pinner(tmp_path: Path, system: Path) -> Pinner:
    """Return a machine that has pinned nothing yet."""
    return Pinner(tmp_path / "state", system)


def here(pinner: Pinner) -> dict[str, t.Any]:
    """Return all of links, snapshots and what is written down, as it can be compared."""
    places = [pinner.state / each for each in ("pins.json", "pins", "repos")]
    found = [path for place in places for path in (place, *place.rglob("*"))]
    return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in found if not path.is_dir()}


def tags(pinner: Pinner) -> dict[str, str]:
    """Return the tags of the clone."""
    clone = pinner.state / f"git/{NAME}.git"
    _status, out, _err = pinner.run(["git", "--git-dir", str(clone), "show-ref", "--tags"])
    return {name.rpartition("/")[2]: commit for commit, name in (line.split() for line in out.splitlines())}


def test_what_is_pinned_stays_until_it_is_moved(upstream: Upstream, pinner: Pinner) -> None:
    declared, first = {NAME: upstream.declared}, upstream.git("rev-parse", "HEAD")
    assert _pinning.lacking(pinner.request(declared)) == [NAME]
    result = pinner.pin(declared)
    snapshot = Path(result.pins[NAME]["snapshot"])
    assert (result.pins[NAME]["revision"], result.moved[NAME]["before"]) == (first, "")
    assert os.readlink(pinner.state / f"pins/{NAME}") == f"../repos/{snapshot.name}"
    ebuilds = {path.stem for path in snapshot.rglob("*.ebuild")}
    assert {path.name for path in (snapshot / "metadata/md5-cache").rglob("*-*") if path.is_file()} == ebuilds
    assert not (snapshot / ".git").exists()
    for path in (snapshot, *snapshot.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644), path
        assert path == snapshot or path.stat().st_mtime == NOON, path
    # Upstream goes on, and then away: neither is seen.
    second = upstream.plant({f"{A}-2": FILE}, NOON + DAY)
    upstream.folder.rename(upstream.folder.with_name("away"))
    before = here(pinner)
    assert _pinning.lacking(pinner.request(declared)) == []
    assert pinner.pin(declared).moved == {}
    with pytest.raises(BinhostError, match=r"upstream: expected a git repository that can be fetched, found: "):
        pinner.pin(declared, to="newest")
    after = here(pinner)
    after.pop(str(pinner.state / "pins.json")), before.pop(str(pinner.state / "pins.json"))
    assert (after, os.listdir(pinner.state / "pins")) == (before, [NAME])
    upstream.folder.with_name("away").rename(upstream.folder)
    moved = pinner.pin(declared, to="newest")
    assert moved.pins[NAME]["revision"] == second
    assert moved.moved[NAME] == {"before": f"2026-01-31 ({first[:12]})", "after": f"2026-02-01 ({second[:12]})"}
    assert tags(pinner) == {"snapshot-20260201": second}
    # And back, for which upstream isn't needed; what was made is not made again.
    upstream.folder.rename(upstream.folder.with_name("away"))
    back = pinner.pin(declared, to=first)
    assert back.pins[NAME]["snapshot"] == str(snapshot)
    assert tags(pinner) == {"snapshot-20260131": first, "snapshot-20260201": second}


def test_what_a_pin_can_be(upstream: Upstream, pinner: Pinner) -> None:
    first = upstream.git("rev-parse", "HEAD")
    upstream.git("tag", "--annotate", "--message", "one", "v1")
    second = upstream.plant({f"{A}-2": FILE}, NOON + 2 * DAY)
    upstream.git("checkout", "--quiet", "-b", "stable", first)
    third = upstream.plant({f"{A}-3": FILE}, NOON + 3 * DAY)
    upstream.git("checkout", "--quiet", "main")
    for pin, expected, day in (
        ("v1", first, "20260131"),
        ("2026-02-01", first, "20260201"),
        (second[:10], second, "20260202"),
        ("stable", third, "20260203"),
        ("", third, "20260203"),  # nobody says that it is to be another
    ):
        found = pinner.pin({NAME: {**upstream.declared, "pin": pin}}).pins[NAME]
        assert (found["revision"], found["date"], found["asked"]) == (expected, day, pin or "stable")
    # What is declared can't be moved but there; a branch goes on.
    fourth = upstream.plant({f"{A}-4": FILE}, NOON + 4 * DAY)
    result = pinner.pin({NAME: {**upstream.declared, "pin": "v1"}}, to="newest")
    result = pinner.pin({NAME: {**upstream.declared, "pin": "v1"}}, to="newest")
    assert (result.pins[NAME]["revision"], result.stays) == (first, {NAME: "the inventory pins it to v1"})
    result = pinner.pin({NAME: {**upstream.declared, "pin": "main"}}, to="newest")
    assert result.pins[NAME]["revision"] == fourth
    for to, words in (("2026-01-30", "20260130"), ("f" * 40, "f" * 40), ("v9", "v9")):
        with pytest.raises(BinhostError) as info:
            pinner.pin({NAME: upstream.declared}, to=to)
        assert str(info.value) == f"{upstream.folder}: expected {words}, found none such"


def test_upstream_rewrites_its_history(upstream: Upstream, pinner: Pinner) -> None:
    declared = {NAME: {**upstream.declared, "branch": "main"}}
    first = upstream.git("rev-parse", "HEAD")
    second = upstream.plant({f"{A}-2": FILE}, NOON + DAY)
    assert pinner.pin(declared).pins[NAME]["revision"] == second
    upstream.git("reset", "--quiet", "--hard", first)
    upstream.git("reflog", "expire", "--expire=now", "--all")
    upstream.git("gc", "--quiet", "--prune=now")
    result = pinner.pin(declared, to="newest")
    assert result.pins[NAME]["revision"] == second
    assert result.remarks == [
        f"{NAME} stays at {second[:12]}: the newest commit of {upstream.folder} is older. "
        "To go back, name a day or a commit."
    ]
    # The only copy of that commit is the clone's, and it is enough to make the snapshot anew, just as it was.
    snapshot = Path(result.pins[NAME]["snapshot"])
    texts = {path.relative_to(snapshot): path.read_text() for path in snapshot.rglob("*") if path.is_file()}
    pinner.run(["git", "--git-dir", str(pinner.state / f"git/{NAME}.git"), "gc", "--quiet", "--prune=now"])
    _removal.tree(str(snapshot))
    assert _pinning.lacking(pinner.request(declared)) == [NAME]
    assert pinner.pin(declared).pins[NAME]["snapshot"] == str(snapshot)
    assert {path.relative_to(snapshot): path.read_text() for path in snapshot.rglob("*") if path.is_file()} == texts
    assert pinner.pin(declared, to="2026-01-31").pins[NAME]["revision"] == first


def test_an_overlay_goes_with_its_masters_eclasses(tmp_path: Path, upstream: Upstream, pinner: Pinner) -> None:
    overlay = Upstream(tmp_path / "overlay")
    for path, text in OVERLAY.items():
        overlay.write(path, text)
    overlay.commit()
    upstream.write("eclass/words.eclass", "WORDS=one\n")
    upstream.commit()
    declared = {NAME: upstream.declared, "over": overlay.declared}

    def description() -> str:
        text = (pinner.state / "pins/over/metadata/md5-cache/x/over-1").read_text()
        return next(line for line in text.splitlines() if line.startswith("DESCRIPTION"))

    first = pinner.pin(declared).pins["over"]["snapshot"]
    assert description() == "DESCRIPTION=one"
    upstream.plant({f"{A}-2": FILE})
    assert pinner.pin(declared, to="newest").pins["over"]["snapshot"] == first
    upstream.write("eclass/words.eclass", "WORDS=two\n")
    upstream.commit(NOON + DAY)
    assert pinner.pin(declared, to="newest").pins["over"]["snapshot"] != first
    assert description() == "DESCRIPTION=two"
    assert pinner.pin(declared, to="2026-01-31").pins["over"]["snapshot"] == first
    # A master that isn't pinned is looked at where it stands; one that nobody has is an error.
    unpinned = {"over": overlay.declared}
    result = pinner.pin(unpinned, others={NAME: str(upstream.folder)})
    assert (description(), os.listdir(pinner.state / "pins")) == ("DESCRIPTION=two", ["over"])
    with pytest.raises(BinhostError) as info:
        pinner.pin({"over": {**overlay.declared, "masters": ["nobody"]}}, others={NAME: str(upstream.folder)})
    assert str(info.value) == (
        f"repository over: masters: expected some of {NAME}, found nobody: declare it in binhost_repositories"
    )
    assert os.readlink(pinner.state / "pins/over").endswith(os.path.basename(result.pins["over"]["snapshot"]))
    assert not (pinner.state / "pinning").exists()


def test_killed_and_begun_again(upstream: Upstream, pinner: Pinner) -> None:
    declared = {NAME: upstream.declared}
    calls: list[str] = []

    def killed(args: t.Any, /) -> tuple[int, str, str]:
        calls.append(" ".join(args))
        if "egencache" in args:
            raise KeyboardInterrupt
        return Pinner.run(pinner, args)

    with pytest.raises(KeyboardInterrupt):
        _pinning.converge(killed, pinner.request(declared))
    clone = pinner.state / f"git/{NAME}.git"
    for lock in ("packed-refs.lock", "refs/binhost/head.lock"):
        (clone / lock).parent.mkdir(parents=True, exist_ok=True)
        (clone / lock).write_text("")
    (pinner.state / f"pinning/{NAME}/tree/half").mkdir(parents=True)
    result = pinner.pin(declared, to="newest")
    assert result.pins[NAME]["revision"] == upstream.git("rev-parse", "HEAD")
    assert not list((pinner.state / "repos").rglob("half"))
    assert not (pinner.state / "pinning").exists()


def test_an_ebuild_that_cannot_be_read_stops_nothing(upstream: Upstream, pinner: Pinner) -> None:
    upstream.plant({"x/broken-1": "die 'this is not one'\n"})
    result = pinner.pin({NAME: upstream.declared})
    cache = Path(result.pins[NAME]["snapshot"]) / "metadata/md5-cache"
    assert (cache / "x/plain-1").exists()
    assert not (cache / "x/broken-1").exists()
    assert [remark.partition(" with")[0] for remark in result.remarks] == [
        f"{NAME}: egencache says: Error processing x/broken-1"
    ]


def test_wrong_repositories(upstream: Upstream, pinner: Pinner) -> None:
    with pytest.raises(BinhostError) as info:
        pinner.pin({"other": upstream.declared})
    assert str(info.value) == f"repository other: expected a repository of that name, found {NAME}"
    (upstream.folder / "out").symlink_to("/etc/passwd")
    upstream.commit()
    with pytest.raises(BinhostError, match="expected links that stay inside the repository, found one to /etc/passwd"):
        pinner.pin({NAME: upstream.declared})
    assert not (pinner.state / "pins").exists()


def test_only_signed_commits(tmp_path: Path, upstream: Upstream, pinner: Pinner) -> None:
    with stages.signer(tmp_path) as signer:
        declared = {NAME: {**upstream.declared, "key": str(signer.public)}}
        with pytest.raises(BinhostError, match=rf"commit [0-9a-f]{{40}}: expected a signature by a key of {tmp_path}"):
            pinner.pin(declared)
        program = tmp_path / "gpg"
        program.write_text(
            f'#!/bin/sh\nexec gpg --homedir {signer.home} --pinentry-mode loopback --passphrase "" "$@"\n'
        )
        program.chmod(0o755)
        upstream.git("config", "gpg.program", str(program))
        upstream.git("config", "user.signingkey", signer.fingerprint)
        upstream.write("signed", "é\n")
        upstream.git("add", "--all")
        upstream.git("commit", "--quiet", "--gpg-sign", "--message", "a signed change\n\nof é\n")
        commit = upstream.git("rev-parse", "HEAD")
        assert pinner.pin(declared).pins[NAME]["revision"] == commit
        wanted = {NAME: {**declared[NAME], "fingerprint": "A" * 40, "pin": commit[:20]}}
        with pytest.raises(
            BinhostError, match=rf"expected a signature by {'A' * 40}, found one by {signer.fingerprint}"
        ):
            pinner.pin(wanted)
        # A signature of another commit, put on this one.
        text = upstream.git("cat-file", "commit", "HEAD").replace("a signed change", "a forged change") + "\n"
        (tmp_path / "forged").write_text(text)
        forged = upstream.git("hash-object", "-t", "commit", "-w", str(tmp_path / "forged"))
        upstream.git("update-ref", "refs/heads/main", forged)
        with pytest.raises(BinhostError, match="it was changed after it was signed"):
            pinner.pin(declared, to=forged)
    assert _pins.load(str(pinner.state)).pinned[NAME].revision == commit


def test_dated_snapshots(tmp_path: Path, pinner: Pinner) -> None:
    (tmp_path / "mirror").mkdir()
    old, between, new = (_pins.day(time.time() - days * DAY) for days in (3, 2, 1))
    with stages.signer(tmp_path) as signer, dated.mirror(tmp_path / "mirror", signer, NAME) as mirror:
        for day, ebuild in ((old, f"{A}-1"), (new, f"{A}-2")):
            planted.repository(mirror.tree(day), {ebuild: FILE})
            mirror.add(day)
        declared = {NAME: {"type": "webrsync", "uri": mirror.uri, "key": str(signer.public)}}
        found = pinner.pin(declared).pins[NAME]
        assert (found["date"], pinner.pin(declared, to="newest").moved) == (new, {})
        cache = pinner.state / f"pins/{NAME}/metadata/md5-cache/app-planted"
        assert os.listdir(cache) == ["a-2"]
        back = pinner.pin(declared, to=old).pins[NAME]
        assert (back["date"], os.listdir(cache)) == (old, ["a-1"])
        assert _pins.commits({NAME: back["snapshot"]}, str(pinner.state)) == {NAME: "0123456789abcdef"}
        assert [path.name for path in (pinner.state / "webrsync").glob("*.xz")] == [f"{NAME}-{old}.tar.xz"]
    # The mirror is off, and what was made is here.
    assert pinner.pin(declared, to=new).pins[NAME] == found
    with pytest.raises(BinhostError, match="expected to fetch it, found"):
        pinner.pin(declared, to=between)
    assert os.listdir(cache) == ["a-2"]
