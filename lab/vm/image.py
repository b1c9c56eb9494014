# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a virtual machine boots from: the lab's stage with Debian's kernel and NFS, made once.

The folder, ``vm-<digest>`` below the cache folder::

    disk.ext4      the root; guests share it and write elsewhere
    root.tar.zst   the same, for who lays more into it
    vmlinuz        Debian's kernel for clouds: small, with nfsd and nfs as modules
    initrd         what finds the disk
    key, key.pub   the person's who connects
    host.pub       the guest's
"""

from __future__ import annotations

import os
import shlex
import shutil
import typing as t
from collections.abc import Iterator
from pathlib import Path

from lab.stage import build, recipe
from lab.stage import cache as caches
from lab.stage.cache import Cache, StageError
from lab.stage.root import add_user
from lab.vm import names

KERNEL: t.Final = "linux-image-cloud-amd64"
#: Unpacked, not installed: a stage has no dpkg. The libraries are those that a minimal system lacks.
PACKAGES: t.Final = (
    *("nfs-kernel-server", "nfs-common", "rpcbind", "netbase", "kmod", "busybox-static", "keyutils"),
    *("libkmod2", "libtirpc3", "libtirpc-common", "libnfsidmap1", "libevent-core-2.1-7", "libwrap0"),
    *("libdevmapper1.02.1", "libkeyutils1", "libgssapi-krb5-2", "libkrb5-3", "libk5crypto3", "libcom-err2"),
    "libkrb5support0",
    # for the guest that boots with it, by its kernel's init=
    *("openrc", "librc1", "libeinfo1"),
)
#: In the order in which they have to be loaded; ext4 is in the kernel.
DRIVERS: t.Final = (
    *("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_blk"),
)
DISK: t.Final = "disk.ext4"
ROOT: t.Final = "root.tar.zst"
SIZE: t.Final = "2G"  # of the disk, sparse
#: Nobody sits there, and without udev each would be waited for.
MASKED: t.Final = ("getty.target", "serial-getty@ttyS0.service")
HERE: t.Final = Path(__file__).resolve().parent
OVERLAY: t.Final = HERE / "root"
"""Files that are laid over the root as they are."""
HOSTS: t.Final = "".join(f"{names.address(host)} {host}\n" for host in names.HOSTS)
#: Where the overlay's lab_zipcache.py keeps what Python compiles.
CODE: t.Final = "var/cache/lab-python"
#: OpenRC's, each with the services that are started in it.
RUNLEVELS: t.Final = {
    "sysinit": ("cgroups", "kernel-folders"),
    "boot": ("localmount", "network-of-the-lab"),
    "default": ("netmount", "sshd"),
    "shutdown": ("mount-ro",),
}
OPENRC: t.Final = "#!/sbin/openrc-run\n"  # the first line of a service, which only a guest has the program for
#: As Debian's packages make them when they are installed: name -> home.
USERS: t.Final = {"_rpc": "/run/rpcbind", "statd": "/var/lib/nfs"}
#: Of the lab's profile, for containers: a guest's plug is pulled, and what was merged is to be there.
NO_SYNC: t.Final = " -merge-sync"
PROGRAMS: t.Final = {"mkfs.ext4": "e2fsprogs", "debugfs": "e2fsprogs", "cpio": "cpio", "ssh-keygen": "openssh-client"}

INIT: t.Final = """#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for module in {modules}; do
    /bin/busybox insmod /modules/$module.ko
done
until [ -b /dev/vda ]; do
    /bin/busybox sleep 0.1
done
/bin/busybox mount -t ext4 /dev/vda /root
/bin/busybox mount -o move /dev /root/dev
exec /bin/busybox switch_root /root "${{lab_init:-/sbin/init}}"
"""


def folder() -> Path:
    """Return where the image of this checkout is, or will be."""
    parts = (build.folder().name, KERNEL, *PACKAGES, HOSTS, HERE / "image.py", OVERLAY)
    return caches.folder() / f"vm-{recipe.digest(*parts)}"


def make() -> Path:
    """Return the folder of the image, after making it if need be.  Raises ``StageError``."""
    stage, path = build.build(), folder()
    if path.is_dir():
        return path
    missing = sorted({package for program, package in PROGRAMS.items() if not shutil.which(program)})
    if missing:
        raise StageError(f"missing on this machine: apt-get install {' '.join(missing)}")
    with caches.locked(caches.folder(), f"{path.name}.log") as cache:
        return cache.made(path.name, lambda into: _make(cache, stage / build.NAME, into))


def _make(cache: Cache, tarball: Path, into: Path) -> None:
    with cache.work() as work, cache.step("the virtual machines' image"):
        root = work / "root"
        root.mkdir()
        cache.run("tar", *build.TAR, "-C", root, "-xpf", tarball)
        (work / "debs").mkdir()
        # linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2)
        kernel = cache.output("apt-cache", "show", "--no-all-versions", KERNEL)
        name = next(line.split()[1] for line in kernel.splitlines() if line.startswith("Depends: linux-image-"))
        options = ("-qq", "-oAPT::Sandbox::User=root")
        cache.run("apt-get", *options, "download", *PACKAGES, name, cwd=work / "debs")
        for package in sorted((work / "debs").iterdir()):
            _unpack(cache, package, root)
        _settings(root)
        _keys(cache, root, into)
        _kernel(cache, root, work, into)
        disk(cache, root, into, SIZE)
        shell = f'tar {shlex.join(build.TAR)} -C "$1" -c . | zstd -q -T0 -1 -o "$2"'
        cache.run("bash", "-o", "pipefail", "-c", shell, "sh", root, into / ROOT)


def disk(cache: Cache, root: Path, into: Path, size: str) -> None:
    """Make the disk that holds ``root``, with a journal: a pulled plug costs what wasn't written, and nothing else."""
    cache.run("mkfs.ext4", "-q", "-E", "lazy_itable_init=1", "-d", root, into / DISK, size)
    script = into / "times"
    script.write_text("".join(_times(root)), errors="surrogateescape")
    cache.run("debugfs", "-w", "-f", script, into / DISK)
    script.unlink()


def _times(root: Path) -> Iterator[str]:
    """Yield debugfs' commands that give each file the nanoseconds of its time, which mkfs.ext4 1.47.0 leaves out.

    By them it is known whether a file is still the one that was looked at.  The field's lower two bits are the epoch's.
    """
    for folder, folders, files in os.walk(root):
        for path in (os.path.join(folder, name) for name in (*folders, *files)):
            if not os.path.islink(path):
                nanoseconds = os.lstat(path).st_mtime_ns % 10**9
                yield f'set_inode_field "/{os.path.relpath(path, root)}" mtime_extra {nanoseconds << 2}\n'


def _settings(root: Path) -> None:
    """Lay over the root what makes it a guest."""
    for script in (root / "etc/init.d").iterdir():  # Debian's; OpenRC would ask each what it depends on
        if script.name != "cgroups":
            script.unlink()
    shutil.copytree(OVERLAY, root, dirs_exist_ok=True, symlinks=True)
    _services(root)
    for unit in MASKED:
        (root / "etc/systemd/system" / unit).symlink_to("/dev/null")
    (root / CODE).mkdir(mode=0o700)
    for number, (name, home) in enumerate(USERS.items(), 110):
        add_user(root, name, number, home)
    with (root / "etc/hosts").open("a") as hosts:
        hosts.write(HOSTS)
    defaults = root / "var/db/repos/lab/profiles" / recipe.PROFILE / "make.defaults"
    text = defaults.read_text()
    if NO_SYNC not in text:
        raise StageError(f"{defaults}: expected{NO_SYNC} in it, found none")
    defaults.write_text(text.replace(NO_SYNC, ""))
    # @system is what the stage has anyway; to replace each by its binary takes an emulated machine most of a minute.
    (defaults.parent / "packages").write_text("")


def _services(root: Path) -> None:
    """Let OpenRC have its services, and start them."""
    for service in (OVERLAY / "etc/init.d").iterdir():
        there = root / "etc/init.d" / service.name
        there.write_text(OPENRC + service.read_text())
        there.chmod(0o755)
    for level, services in RUNLEVELS.items():
        folder = root / "etc/runlevels" / level
        folder.mkdir(parents=True, exist_ok=True)
        for name in services:
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to(f"/etc/init.d/{name}")


def _unpack(cache: Cache, package: Path, root: Path) -> None:
    """Unpack a package; the root's /lib and /bin are links, and stay so."""
    shell = 'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2"'
    cache.run("bash", "-o", "pipefail", "-c", shell, "sh", package, root)


def _keys(cache: Cache, root: Path, into: Path) -> None:
    for path in (into / "key", root / "etc/ssh/ssh_host_ed25519_key"):
        cache.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "larry-binhost-vm", "-f", path)
    shutil.copy(root / "etc/ssh/ssh_host_ed25519_key.pub", into / "host.pub")
    (root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
    shutil.copy(into / "key.pub", root / "root/.ssh/authorized_keys")


def _kernel(cache: Cache, root: Path, work: Path, into: Path) -> None:
    """Take the kernel out of the root, and make what finds the disk from its modules."""
    kernel = next((root / "boot").glob("vmlinuz-*"))
    shutil.copy(kernel, into / "vmlinuz")
    version = kernel.name.partition("-")[2]
    cache.run("chroot", root, "depmod", version)
    shutil.rmtree(root / "boot")
    first = work / "initrd"
    for name in ("bin", "dev", "modules", "root"):
        (first / name).mkdir(parents=True)
    shutil.copy(root / "bin/busybox", first / "bin")
    found = {path.stem: path for path in (root / "lib/modules" / version).rglob("*.ko")}
    for name in DRIVERS:
        shutil.copy(found[name], first / "modules")
    (first / "init").write_text(INIT.format(modules=" ".join(DRIVERS)))
    (first / "init").chmod(0o755)
    shell = 'find . | cpio --quiet -o -H newc -R 0:0 | gzip -1 >"$1"'
    cache.run("bash", "-o", "pipefail", "-c", shell, "sh", into / "initrd", cwd=first)
