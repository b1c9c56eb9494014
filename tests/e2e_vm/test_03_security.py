# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is root on a slave reads what is published, and nothing more; who isn't in the inventory not even that."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from lab.vm.names import MASTER, NETWORK
from tests.e2e.harness import Answer
from tests.e2e_vm.fleet import CURRENT, EXPORT, GENERATIONS, HANGS, PROGRAM, STATE, TARGET
from tests.e2e_vm.harness import Guests

#: A slave whose root is the attacker.
EVE: t.Final = "phenom"
STRANGER: t.Final = NETWORK[77]
OK, STALE = 0, 70
#: Of an ext4, whichever; the generation 0 is taken for any.
ROOT_INODE: t.Final = 2
MOUNT: t.Final = "mount -t nfs -o {options},soft,retry=0,timeo=20,retrans=1 {address}:{path} /mnt"


def mount(lab: Guests, path: str, options: str = "ro,nfsvers=4") -> Answer:
    """Try to mount a folder of the master's at /mnt, as root of the slave may."""
    line = MOUNT.format(options=options, address=lab.address(MASTER), path=path)
    return lab.run(EVE, "sh", "-c", line, timeout_s=HANGS)


@pytest.fixture(autouse=True)
def nothing_at_mnt(lab: Guests) -> t.Iterator[None]:
    """Leave nothing mounted, and the slave's own mount to be made anew."""
    yield
    lab.run(EVE, "umount", "--all", "--types", "nfs,nfs4")  # not the automount that is beneath


def test_nobody_can_write_where_the_packages_are(lab: Guests) -> None:
    before = lab.snapshot(MASTER, GENERATIONS)
    assert mount(lab, EXPORT, "rw,nfsvers=4").rc == 0
    assert "rw" in lab.sh(EVE, "findmnt --noheadings --output OPTIONS /mnt").strip().split(","), "it is the server's no"
    here = f"/mnt/{TARGET}"
    for attempt in (
        f"touch {here}/mine",
        f"echo more >>{here}/current/Packages",
        f"rm {here}/current/seal.json",
        f"ln -sfn 1 {here}/current",
        f"chmod 777 {here}",
        f"mknod {here}/sda b 8 0",
    ):
        refused = lab.run(EVE, "sh", "-c", attempt)
        assert refused.rc != 0, attempt
        # What the server grants nobody the kernel doesn't ask it for (NFS 4's ACCESS).
        assert "Read-only file system" in refused.err or "Permission denied" in refused.err, (attempt, refused.err)
    assert lab.snapshot(MASTER, GENERATIONS) == before


@pytest.mark.parametrize("path", [f"{STATE}/keys", STATE, "/etc", "/root", "/srv/master"])
def test_what_is_not_exported_cannot_be_mounted(lab: Guests, path: str) -> None:
    refused = mount(lab, path)
    assert refused.rc != 0
    assert "No such file or directory" in refused.err or "access denied" in refused.err, refused.err


def test_what_is_not_exported_cannot_be_mounted_by_version_3(lab: Guests) -> None:
    """It has another way there, which the server speaks besides."""
    old = "ro,nfsvers=3,nolock"
    assert mount(lab, EXPORT, old).rc == 0
    lab.sh(EVE, "umount /mnt")
    assert "access denied" in mount(lab, STATE, old).err


def test_the_root_of_all_shows_the_way_there_and_nothing_else(lab: Guests) -> None:
    assert mount(lab, "/").rc == 0
    found = lab.sh(EVE, "cd /mnt; find . -maxdepth 3 -not -type l").split()
    assert sorted(found) == [".", "./srv", "./srv/larry-binhost", "./srv/larry-binhost/packages"]


def test_a_handle_that_nobody_was_given_opens_nothing(lab: Guests) -> None:
    """What is exported is one folder of a file system, whose other files a forged handle would name (subtree_check)."""
    client = lab.address(EVE)
    ask = f"exec 3<>/proc/fs/nfsd/filehandle; echo '{client} {EXPORT}/{TARGET} 64' >&3; cat <&3"
    lab.sh(EVE, f"ls {EXPORT}/{TARGET}")  # the server knows the client by name once it has asked
    right = bytes.fromhex(lab.sh(MASTER, ask).strip().replace("\\x", ""))
    inode = int(lab.sh(MASTER, f"stat -c %i {EXPORT}/{TARGET}"))
    at = right.index(inode.to_bytes(4, "little"), 4)

    def forged(inode: int) -> str:
        return (right[:3] + b"\x01" + right[4:at] + inode.to_bytes(4, "little") + bytes(4)).hex()

    script = Path(__file__).with_name("compound.py").read_text()
    handles = [right.hex(), forged(inode), forged(ROOT_INODE)]
    said = lab.run(EVE, "python3", "-", lab.address(MASTER), *handles, stdin=script)
    assert said.out.split() == [str(OK), str(OK), str(STALE)], (said, handles)


def test_whose_address_is_not_in_the_inventory_mounts_nothing(lab: Guests) -> None:
    master = lab.address(MASTER)
    lab.sh(EVE, f"ip address add {STRANGER}/32 dev eth0; ip route add {master} dev eth0 src {STRANGER}")
    try:
        assert lab.sh(EVE, f"ip route get {master}").split()[4] == str(STRANGER)
        refused = mount(lab, EXPORT)
    finally:
        lab.run(EVE, "sh", "-c", f"ip route del {master}; ip address del {STRANGER}/32 dev eth0")
    assert refused.rc != 0
    assert mount(lab, EXPORT).rc == 0, "by its own address it does"


def test_one_port_of_the_master_is_all_that_nfs_needs(lab: Guests) -> None:
    """As README tells who has a firewall; the wall stands, or 8080 would answer."""
    knock = f"timeout 10 bash -c 'exec 3<>/dev/tcp/{lab.address(MASTER)}/8080'"
    assert lab.run(EVE, "sh", "-c", knock).rc == 0
    with lab.wall(MASTER, 2049):
        assert lab.run(EVE, "sh", "-c", knock).rc != 0
        for slave in (EVE, "openrc"):
            lab.sh(slave, f"umount --all --types nfs4; {PROGRAM} binhost-sync; findmnt --types nfs4 {EXPORT}")
            lab.sh(slave, f"cat {EXPORT}/{TARGET}/current/app-misc/after/*.gpkg.tar | wc -c")


def test_the_key_that_signs_is_nowhere_to_be_had(lab: Guests) -> None:
    secret = lab.sh(MASTER, f"find {STATE}/keys -name '*.key' -type f").split()
    assert secret
    names = {Path(path).name for path in secret}
    modes = lab.sh(MASTER, f"stat -c '%a %U' {STATE}/keys {' '.join(secret)}").split("\n")
    assert {mode for mode in modes if mode} == {"700 root", "600 root"}
    sums = {line.split()[0] for line in lab.sh(MASTER, f"sha256sum {' '.join(secret)}").splitlines()}
    # All that a slave can read of the master, and all that it has of its own.
    told = lab.sh(EVE, f"find -L {EXPORT} -type f -size -64k -exec sha256sum {{}} +").splitlines()
    assert len(told) > 10
    assert not {line.split()[0] for line in told} & sums
    find = " -o ".join(f"-name {name}" for name in sorted(names))
    assert lab.sh(EVE, f"find / -xdev \\( {find} \\)") == ""
    assert lab.sh(MASTER, f"find {STATE}/roots {STATE}/generations {CURRENT}/ -xdev \\( {find} \\)") == ""
    for where in ("/../keys/", "/%2e%2e/keys/", "/laptops/../../keys/"):
        url = f"http://{lab.address(MASTER)}:8080{where}"
        program = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).status)"
        assert "HTTP Error" in lab.run(EVE, "python3", "-c", program, url).err
    assert lab.run(EVE, "ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", lab.address(MASTER), "true").rc
