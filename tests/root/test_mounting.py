# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts that stay on the host, for a person's shell."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import typing as t
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _mount_plan, _mountinfo, _mounting, _mounts
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._mounts import Mount

from tests.root.namespace import of_its_own, sh


@dataclass(frozen=True)
class Host:
    """A state folder with one root, and what is bound there."""

    place: Path

    @property
    def root(self) -> str:
        """The root, at a path that needs escapes."""
        return str(self.place / "state/roots/a root\n\tof ours")

    def desired(self, **how: t.Any) -> list[Mount]:
        """Return the standard mounts."""
        folders = {"distdir": str(self.place / "distfiles"), "pkgdir": str(self.place / "pkgdir")}
        repositories = {"lab": str(self.place / "lab repository")}
        return _mounts.standard(**{"repositories": repositories, **folders, **how})

    def mounted(self, desired: Sequence[Mount]) -> list[str]:
        """Mount and return what was done, a line each."""
        changes = _mounting.planned(self.root, desired)
        _mounting.apply(self.root, desired, changes)
        return [str(change).replace(self.root, "") for change in changes]

    def unmounted(self) -> list[str]:
        """Unmount and return the places."""
        changes = _mounting.planned(self.root, None)
        _mounting.apply(self.root, None, changes)
        return [change.place.replace(self.root, "") for change in changes]

    def below(self) -> list[str]:
        """Return what is mounted there now."""
        return [each.target.replace(self.root, "") for each in _mountinfo.below(_mountinfo.read(), self.root)]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    made = Host(tmp_path)
    for folder in ("distfiles", "pkgdir", "lab repository"):
        (tmp_path / folder).mkdir()
    os.makedirs(made.root)
    return made


def in_root(host: Host, path: str) -> Path:
    return Path(f"{host.root}{path}")


@of_its_own
def test_mounted_and_unmounted(host: Host) -> None:
    before = _mountinfo.read()
    desired = host.desired(tmp_size=1 << 20, network=True, cgroup=Path("/sys/fs/cgroup").is_dir())
    planned = [str(change) for change in _mounting.planned(host.root, desired)]
    assert (_mountinfo.read(), os.listdir(host.root)) == (before, []), "planning changes nothing"
    assert len(host.mounted(desired)) == len(planned) == len(desired) + 1
    assert host.mounted(desired) == []
    in_root(host, "/var/cache/binpkgs/new").write_text("")
    assert (host.place / "pkgdir/new").exists()
    with pytest.raises(OSError, match="Read-only file system"):
        in_root(host, f"{_mounts._paths.REPOSITORIES}/lab/new").write_text("")
    assert os.readlink(in_root(host, "/dev/ptmx")) == "pts/ptmx"
    in_root(host, "/dev/null").write_text("gone")
    assert not any(each.shared for each in _mountinfo.below(_mountinfo.read(), host.root))
    assert host.unmounted()[-1] == ""
    assert _mountinfo.read() == before
    assert host.unmounted() == []
    assert (host.place / "pkgdir/new").exists()


@of_its_own
def test_what_is_another_source_is_replaced_with_all_on_it(host: Host) -> None:
    """/dev is the host's own and below it something more; distfiles are another folder of the same disk."""
    desired = host.desired()
    host.mounted(desired)
    (host.place / "other").mkdir()
    for name in ("/var/cache/distfiles", "/dev/shm"):
        sh("umount", in_root(host, name))
    sh("mount", "--bind", host.place / "other", in_root(host, "/var/cache/distfiles"))
    sh("umount", "-R", in_root(host, "/dev"))
    sh("mount", "--rbind", "/dev", in_root(host, "/dev"))
    done = host.mounted(desired)
    assert "unmount /var/cache/distfiles" in done
    assert f"mount /var/cache/distfiles: {host.place}/distfiles" in done
    assert "mount /dev/shm: tmpfs mode=1777,nosuid,nodev" in done
    assert not any("binpkgs" in line or "/proc" in line for line in done)
    assert host.mounted(desired) == []
    assert Path("/dev/null").exists()


@of_its_own
def test_options_and_propagation_drift(host: Host) -> None:
    desired = host.desired(tmp_size=1 << 20)
    host.mounted(desired)
    repository = f"{_mounts._paths.REPOSITORIES}/lab"
    sh("mount", "-o", "remount,bind,rw", in_root(host, repository))
    sh("mount", "--make-shared", in_root(host, "/var/cache/binpkgs"))
    sh("mount", "-o", "remount,size=2m", in_root(host, "/var/tmp/portage"))
    assert [line.split(":")[0] for line in host.mounted(desired)] == [
        "settle /var/tmp/portage",
        f"settle {repository}",
        "settle /var/cache/binpkgs",
    ]
    assert host.mounted(desired) == []


@of_its_own
def test_what_hides_a_place_goes_and_what_is_beside_stays(host: Host) -> None:
    desired = host.desired()
    host.mounted(desired)
    in_root(host, "/mnt").mkdir()
    sh("mount", "-t", "tmpfs", "tmpfs", in_root(host, "/var/cache"))
    sh("mount", "-t", "tmpfs", "tmpfs", in_root(host, "/mnt"))
    assert [line.split(":")[0] for line in host.mounted(desired)] == [
        "unmount /var/cache",
        "unmount /var/cache/binpkgs",
        "unmount /var/cache/distfiles",
        "mount /var/cache/distfiles",
        "mount /var/cache/binpkgs",
    ]
    assert "/mnt" in host.below()


@of_its_own
def test_an_rbind_that_nobody_made_a_slave_takes_nothing_along(host: Host) -> None:
    """In a shared tree an unmount below the root is one on the host too, unless it is made private first."""
    outside = host.place / "host"
    (outside / "dev").mkdir(parents=True)
    sh("mount", "-t", "tmpfs", "tmpfs", outside / "dev")
    sh("mount", "--make-shared", outside / "dev")
    (outside / "dev/pts").mkdir()
    sh("mount", "-t", "tmpfs", "tmpfs", outside / "dev/pts")
    (outside / "dev/pts/0").write_text("")
    for name in ("dev", "other"):
        in_root(host, f"/{name}").mkdir()
        sh("mount", "--rbind", outside / "dev", in_root(host, f"/{name}"))
    assert [each.shared for each in _mountinfo.below(_mountinfo.read(), host.root)] == [True] * 4
    host.unmounted()
    assert host.below() == []
    assert (outside / "dev/pts/0").exists()


@of_its_own
def test_an_rbind_follows_the_host_and_the_host_not_it(host: Host) -> None:
    outside = host.place / "cgroup"
    (outside / "below").mkdir(parents=True)
    sh("mount", "--bind", outside, outside)
    sh("mount", "--make-shared", outside)
    desired = [Mount("/cgroup", "rbind", str(outside))]
    host.mounted(desired)
    sh("mount", "-t", "tmpfs", "tmpfs", outside / "below")
    assert host.below() == ["", "/cgroup", "/cgroup/below"]
    assert host.mounted(desired) == []
    sh("umount", in_root(host, "/cgroup/below"))
    assert os.path.ismount(outside / "below")
    sh("umount", outside / "below")


@of_its_own
def test_hidden_mounts_are_unmounted_in_the_order_that_works(host: Host) -> None:
    in_root(host, "/a/b").mkdir(parents=True)
    sh("mount", "-t", "tmpfs", "tmpfs", in_root(host, "/a/b"))
    sh("mount", "-t", "tmpfs", "tmpfs", in_root(host, "/a"))
    in_root(host, "/a/b").mkdir()
    sh("mount", "-t", "tmpfs", "tmpfs", in_root(host, "/a/b"))
    sh("mount", "-t", "tmpfs", "tmpfs", in_root(host, "/a/b"))
    assert host.unmounted() == ["/a/b", "/a/b", "/a", "/a/b"]
    assert host.below() == []


@of_its_own
def test_the_file_system_that_a_root_is_stays(host: Host) -> None:
    sh("mount", "-t", "tmpfs", "tmpfs", host.root)
    desired = host.desired()
    host.mounted(desired)
    assert host.mounted(desired) == []
    host.unmounted()
    assert host.below() == [""]


BUSY: t.Final = {
    "cwd": "import os; os.chdir({path!r})",
    "root": "import os; os.chroot({path!r})",
    "open file": "handle = open({path!r} + '/file')",
    "mapped file": (  # mmap.mmap keeps the file open too
        "import ctypes, os; handle = os.open({path!r} + '/file', os.O_RDONLY); "
        "ctypes.CDLL(None).mmap(None, 1, 1, 2, handle, ctypes.c_long(0)); os.close(handle)"
    ),
}


@pytest.mark.parametrize("how", BUSY)
@of_its_own
def test_a_busy_mount_names_the_process(host: Host, how: str) -> None:
    host.mounted(host.desired())
    (host.place / "distfiles/file").write_text("x")
    place = in_root(host, "/var/cache/distfiles")
    script = f"{BUSY[how].format(path=str(place))}\nprint('there', flush=True)\ninput()"
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        with pytest.raises(BinhostError) as refused:
            host.unmounted()
        told = f"{place}: expected to unmount it, found: held by process {process.pid} ({sys.executable} -c "
        assert str(refused.value).startswith(told), str(refused.value)
        assert "/var/cache/distfiles" in host.below()
        process.communicate("\n")
    assert "/var/cache/distfiles" in host.unmounted()
    assert host.below() == []


@of_its_own
def test_a_place_that_leads_out_is_refused(host: Host) -> None:
    outside = host.place / "outside"
    outside.mkdir()
    in_root(host, "/var").symlink_to(outside)
    with pytest.raises(BinhostError) as refused:
        host.mounted(host.desired())
    assert str(refused.value) == f"{host.root}/var: expected a place in the build root, found a link to {outside}"
    assert list(outside.iterdir()) == []
    in_root(host, "/var").unlink()
    in_root(host, "/var").mkdir()
    host.mounted(host.desired())  # goes on from where it stopped


@of_its_own
def test_a_link_that_stands_for_a_file_is_replaced_and_not_followed(host: Host) -> None:
    (host.place / "resolv.conf").write_text("nameserver 192.0.2.1")
    in_root(host, "/etc").mkdir()
    in_root(host, "/etc/resolv.conf").symlink_to(host.place / "absent")
    host.mounted([Mount("/etc/resolv.conf", "bind", str(host.place / "resolv.conf"), ("ro",), is_file=True)])
    assert in_root(host, "/etc/resolv.conf").read_text() == "nameserver 192.0.2.1"
    assert not (host.place / "absent").exists()


@of_its_own
def test_what_is_not_there_to_be_bound(host: Host) -> None:
    (host.place / "pkgdir").rmdir()
    told = f"{host.place}/pkgdir: expected it to be mounted in {host.root}, found: No such file or directory"
    with pytest.raises(BinhostError, match=re.escape(told)):
        _mounting.planned(host.root, host.desired())
    with pytest.raises(BinhostError, match="expected a build root, found none$"):
        _mounting.planned(f"{host.root}/absent", host.desired())
    assert _mounting.planned(f"{host.root}/absent", None) == []


@of_its_own
def test_leaks_after_a_kill(host: Host) -> None:
    """Somebody mounts without a namespace and is killed: what he left is found and taken away."""
    script = (
        "import os, signal, sys\n"
        "from ansible_collections.larry.binhost.plugins.module_utils import _mounting, _mounts\n"
        "root, *places = sys.argv[1:]\n"
        "desired = _mounts.standard(repositories={}, distdir=places[0], pkgdir=places[1])\n"
        "changes = _mounting.planned(root, desired)\n"
        "_mounting._apply(root, changes[:12])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    words = [host.root, str(host.place / "distfiles"), str(host.place / "pkgdir")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script, *words], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    state = str(host.place / "state")

    def leaks(*held: str) -> list[str]:
        return [each.target for each in _mount_plan.leaks(_mountinfo.read(), state, held)]

    assert len(leaks()) == 12
    assert leaks() == [host.root + place for place in host.below()]
    assert leaks(host.root) == []
    host.unmounted()
    assert leaks() == []
