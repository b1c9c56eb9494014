# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the lab's stage and print the folder that holds it.

The folder, ``stage-<digest of the recipe>`` below the cache folder, is made once::

    stage3-lab.tar.zst               the root
    stage3-lab.tar.zst.CONTENTS.gz   its files, as Gentoo lists them
    stage3-lab.tar.zst.DIGESTS       clear-signed checksums of both
    stage3-lab.tar.zst.asc           detached signature
    release-key.asc                  the public key
    fingerprint                      of that key
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

if not __package__:  # run as a file
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from lab.stage import cache as caches
from lab.stage import chroot, debian, portage, recipe, repository, root, sign

NAME: t.Final = "stage3-lab.tar.zst"
TAR: t.Final = ("--numeric-owner", "--xattrs", "--xattrs-include=*.*")
INSIDE: t.Final = "LARRY_BINHOST_STAGE_INSIDE"

PROGRAMS: t.Final = {
    "apt-get": "apt",
    "gpg": "gnupg",
    "mmdebstrap": "mmdebstrap",
    "tar": "tar",
    "unshare": "util-linux",
    "zstd": "zstd",
}
"""Program -> the Debian package that brings it."""


def folder() -> Path:
    """Return where the stage of this checkout is, or will be."""
    return caches.folder() / f"stage-{recipe.stage_digest()}"


def build() -> Path:
    """Return the folder of the stage, after building it if need be.  Raises ``StageError``."""
    path = folder()
    if path.is_dir():
        return path
    check()
    if INSIDE not in os.environ:
        # A killed builder's mounts and processes end with its namespaces.
        private = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
        command = ("setpriv", "--pdeathsig", "KILL", *private, sys.executable, __file__)
        env = {**os.environ, INSIDE: "1"}
        if subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=False).returncode or not path.is_dir():
            raise caches.StageError("no stage was built, for the reason above")
        return path
    with caches.locked(caches.folder(), f"{path.name}.log") as cache:
        return cache.made(path.name, lambda into: make(cache, into))


def check() -> None:
    """Raise ``StageError`` if this machine can't build a stage."""
    if os.geteuid():
        raise caches.StageError(f"expected to be root, found user {os.geteuid()}")
    missing = sorted({package for program, package in PROGRAMS.items() if not shutil.which(program)})
    if missing:
        raise caches.StageError(f"missing on this machine: apt-get install {' '.join(missing)}")


def make(cache: caches.Cache, into: Path) -> None:
    """Fill ``into`` with the stage."""
    base = cache.made(f"base-{recipe.base_digest()}", lambda new: debian.make_base(cache, new))
    image_name = f"portage-{recipe.PORTAGE}-{recipe.digest(*recipe.TOOLS, recipe.HERE / 'portage.py')}"
    image = cache.made(image_name, lambda new: portage.make_image(cache, new))
    distfiles = debian.distfiles(cache)
    with cache.work() as work:
        with cache.step("the root"):
            cache.run("tar", *TAR, "-C", work, "-xpf", base / "base.tar.zst")
            root.prepare(work, image)
            for name in repository.install(recipe.REPOSITORY, work / "var/db/repos/lab", distfiles):
                shutil.copy(distfiles / name, work / "var/cache/distfiles")
        with cache.step("the repository's metadata"):
            chroot.run(cache, work, "egencache", "--update", "--repo=lab", f"--jobs={os.cpu_count()}")
        with cache.step("emerge @system"):
            chroot.run(cache, work, "emerge", "--color=n", "--jobs=1", "--quiet-build=n", "@system")
        root.clean(work)
        with cache.step("the tarball"):
            pack(cache, work, into)
    sign.sign(cache, into, [into / NAME, into / f"{NAME}.CONTENTS.gz"])


def pack(cache: caches.Cache, tree: Path, into: Path) -> None:
    """Write the root's tarball, with numeric owners and extended attributes and without device nodes, and its list."""
    tar = f"tar {shlex.join(TAR)} --sort=name --exclude='./dev/*' --exclude='./run/*' -C \"$1\" -c ."
    shell = f'{tar} | zstd -q -T0 -3 -o "$2" && tar -tvvf "$2" | gzip -9n > "$2.CONTENTS.gz"'
    cache.run("bash", "-o", "pipefail", "-c", shell, "sh", tree, into / NAME)


def main() -> int:
    """Build the stage, print its folder; return the exit status."""
    try:
        print(build())
    except (caches.StageError, OSError) as exc:
        print(f"stage: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
