# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publishing with real Portage and gpg: packages are built in a root, signed, sealed, taken back and pruned."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import (
    _keys,
    _lock,
    _openpgp,
    _publication,
    _release,
    _repository,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

from tests.root.publishing import APP, LIB, LIB_AGAIN, PLAIN, Host, build_again, umount
from tests.root.repeat import repeats


def test_published_signed_sealed_and_verified(host: Host) -> None:
    done = host.publish()
    assert (done["number"], sorted(done["added"])) == (1, sorted([APP, LIB, PLAIN]))
    assert host.verify() == []
    seal = host.generation().seal
    key = _keys.current(str(host.state))
    assert key and {seal.key, *(package.key for package in seal.packages.values())} == {key.fingerprint}
    assert seal.packages[LIB].cflags == "-O2"
    assert seal.packages[LIB].kernel.count(".") == 2 and seal.packages[APP].kernel == ""
    public = _keys.public_path(str(host.state))
    assert _openpgp.verify_package(host.run, str(host.folder() / LIB), public) == key.fingerprint
    with pytest.raises(BinhostError):
        _openpgp.verify_package(host.run, str(host.state / "pkgdir/laptops" / LIB), public)


def test_verified_with_the_repositories_that_it_was_made_of(host: Host) -> None:
    """The repository went on since, and what is new there isn't built yet."""
    host.publish()
    ((name, seal),) = host.generation().seal.repositories.items()
    newer = host.state / "repos" / f"{name}-{'f' * 12}"
    shutil.copytree(host.state / "repos" / seal.folder(name), newer, symlinks=True)
    (newer / "x/lib/lib-1.ebuild").rename(newer / "x/lib/lib-2.ebuild")
    os.utime(newer)
    assert _repository.newest(str(host.state)) == {name: str(newer)}
    assert host.verify() == []


def test_a_converged_run_starts_no_program(host: Host) -> None:
    host.publish()
    host.started.clear()
    done = _release.foreseen(host.run, host.request(), check=False)
    assert (done["changed"], done["number"], host.started) == (False, 1, [])


def test_going_back_rotation_and_revocation(host: Host) -> None:
    host.publish()
    build_again(host)
    assert host.publish()["added"] == [LIB_AGAIN]
    first = host.generation(1).seal.key
    done = host.publish(number=1)
    assert (done["number"], done["restores"], sorted(host.generation().packages)) == (3, 1, sorted([APP, LIB, PLAIN]))
    assert (host.publish()["changed"], host.publish()["waiting"]) == (False, True)
    host.keys("rotated")
    done = host.publish()
    assert (done["number"], done["added"], done["restores"]) == (4, [], 1)
    seal = host.generation().seal
    assert seal.key != first and {package.key for package in seal.packages.values()} == {first}
    assert (host.folder(1) / LIB).stat().st_ino == (host.folder() / LIB).stat().st_ino
    host.keys("revoked", fingerprint=first)
    done = host.publish(latest=True)
    assert (done["number"], done["restores"]) == (5, 0)
    assert {package.key for package in host.generation().seal.packages.values()} == {seal.key}
    assert host.verify() == []
    assert "revoked" in "".join(host.verify(number=3))


def test_what_the_world_needs_has_to_be_inside(host: Host) -> None:
    with pytest.raises(BinhostError) as caught:
        host.publish(withhold=[LIB])
    assert str(caught.value) == (
        "laptops: expected a package of all that its world needs, found none of x/lib-1\n"
        "so it isn't published; what is served is unchanged"
    )
    assert not host.folder().is_symlink()
    assert host.publish(withhold=[LIB], build_on_slave=["x/lib"])["number"] == 1
    assert host.verify(build_on_slave=["x/*"]) == []
    assert "found none of x/lib-1" in host.verify()[0]


def test_what_nobody_needs_goes(host: Host) -> None:
    host.publish()
    build_again(host)
    request = host.request(installed=["x/plain-1"])
    before = listing(host.state / "pkgdir")
    done = _release.prune(host.run, request, check=True)
    assert (done["packages"], done["diff"]["before"].split(":")[0]) == ([LIB], LIB)
    assert listing(host.state / "pkgdir") == before
    assert _release.prune(host.run, host.request(budget=1 << 40), check=True)["packages"] == []
    assert _release.prune(host.run, host.request(installed=["x/lib-1"]), check=True)["packages"] == []
    assert _release.prune(host.run, request)["packages"] == [LIB]
    assert not _release.prune(host.run, request)["changed"]
    done = host.publish()
    assert (done["number"], done["removed"], done["added"]) == (2, [LIB], [LIB_AGAIN])
    assert (host.folder(1) / LIB).exists() and host.verify() == []


def test_over_budget_it_goes_by_itself_where_something_is_published(host: Host) -> None:
    build_again(host)
    done = host.publish(budget=0)
    assert (done["pruned"], done["said"], done["over_budget"] > 0) == ([LIB], "", True)
    assert sorted(host.generation().packages) == sorted([APP, LIB_AGAIN, PLAIN])
    assert host.publish(budget=0)["changed"] is False


def listing(top: Path) -> dict[str, object]:
    """Return what stands there."""
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in top.rglob("*") if path.is_file()}


#: The calls that a publication is killed before.
CALLS: t.Final = ("rename", "replace", "link", "unlink", "chmod", "fsync", "utime")


def killed(host: Host, call: int) -> bool:
    """Publish in a process that is killed before its file system call of this number; return whether it was."""
    child = os.fork()
    if not child:
        left = [call]

        def deadly(function: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
            def wrapper(*args: t.Any, **named: t.Any) -> t.Any:
                left[0] -= 1
                if not left[0]:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*args, **named)

            return wrapper

        for name in CALLS:
            setattr(os, name, deadly(getattr(os, name)))
        try:
            host.publish()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_killed_while_it_signs_and_publishes(host: Host) -> None:
    host.publish()
    build_again(host)
    calls = iter(range(1, 99)) if repeats(0, 1) else iter([5, 25])
    while (call := next(calls, 0)) and killed(host, call):
        assert host.generation().seal.number <= 2
    assert call in (0, 98) or call > 25
    assert host.publish()["number"] == 2
    assert host.verify() == []
    for place in ("pool/laptops", "generations/laptops"):
        assert not [path for path in (host.state / place).rglob(".new-*")]


def test_a_full_disk_is_said_and_loses_nothing(host: Host) -> None:
    for place in ("pool", "generations"):
        (host.state / place).mkdir(exist_ok=True)
    host.publish()
    build_again(host, "x/app-1")
    shutil.move(host.state / "pool", host.state / "moved")
    (host.state / "pool").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(host.state / "pool")], check=True)
    try:
        for pages in range(4, 4 + repeats(12, 16), repeats(4, 1)):
            subprocess.run(["mount", "-o", f"remount,size={pages * 4}k", str(host.state / "pool")], check=True)
            with pytest.raises(BinhostError, match=r"(?s)No space left on device.*what is served is unchanged$"):
                host.publish()
            assert (host.generation().seal.number, list((host.state / "pool").rglob(".new-*"))) == (1, [])
        assert host.verify() == []
        # Another file system is no hindrance: files are copied where they can't be linked.
        subprocess.run(["mount", "-o", "remount,size=64m", str(host.state / "pool")], check=True)
        assert host.publish()["number"] == 2
        assert host.verify() == []
        assert (host.folder(2) / LIB).stat().st_dev != (host.state / "pool").stat().st_dev
    finally:
        umount(host.state / "pool")


def test_a_second_one_says_who_publishes(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_publication, "_PATIENCE", 0)
    with (
        _lock.held("generation-laptops", state=str(host.state), what="publishes laptops"),
        pytest.raises(BinhostError, match=r"held by process \d+ of root since .*, which publishes laptops"),
    ):
        host.publish()
