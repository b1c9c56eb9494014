# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From Debian's root to the stage's: what a Gentoo stage3 has and Debian has not, and the other way round."""

from __future__ import annotations

import shutil
import typing as t
from pathlib import Path

from lab.stage import recipe

FOLDERS: t.Final = (
    *("etc/env.d", "etc/portage", "usr/lib64/pkgconfig", "var/cache/binpkgs", "var/cache/distfiles"),
    *("var/cache/edb", "var/db/pkg", "var/db/repos", "var/lib/gentoo/news", "var/lib/portage/home"),
    *("var/log/portage", "var/tmp/portage"),
)

TOOLS: t.Final = (
    *("addr2line", "ar", "as", "c++filt", "cpp", "gcc", "gcc-ar", "gcc-nm", "gcc-ranlib", "ld", "nm", "objcopy"),
    *("objdump", "ranlib", "readelf", "size", "strings", "strip"),
)

LINKS: t.Final = {
    **{f"{recipe.CHOST}-{name}": name for name in TOOLS},
    # GNU's tools have these names too in Gentoo, and Portage uses them.
    **{f"g{name}": name for name in ("find", "patch", "sed", "tar", "xargs")},
    "pkg-config": "pkgconf",
    f"{recipe.CHOST}-pkg-config": "pkgconf",
    "python": "python3",
}
"""Link below usr/bin -> its target."""

USERS: t.Final = {"portage": (250, "/var/lib/portage/home"), "nginx": (82, "/var/lib/nginx")}
"""As Gentoo's acct-user/<name> makes them: number of user and group, home."""

# Debian's own package management: a stage3 has one package manager.
REMOVED: t.Final = (
    *("etc/apt", "etc/cron.daily", "etc/dpkg", "usr/bin/apt*", "usr/bin/dpkg*", "usr/lib/apt", "usr/lib/dpkg"),
    *("usr/lib/systemd/system/apt-*", "usr/lib/systemd/system/dpkg-*", "usr/share/dpkg", "var/cache/apt"),
    *(
        "var/cache/debconf",
        "var/lib/apt",
        "var/lib/dpkg",
        "var/lib/systemd/deb-systemd-*",
        "var/log/*.log",
        "var/log/apt",
    ),
    # What starts by itself: timers would change a host between two looks of a test, nginx is the master role's.
    *("etc/systemd/system/timers.target.wants", "etc/systemd/system/*.wants/e2scrub*"),
    "etc/systemd/system/*.wants/nginx*",
    *("usr/lib/python3.11/test", "usr/lib/python3.11/lib2to3"),
    # Each machine makes its own.
    *("etc/ssh/ssh_host_*", "etc/hostname", "etc/resolv.conf", "var/lib/systemd/random-seed"),
)


def prepare(root: Path, portage_image: Path) -> None:
    """Make Debian's root one in which Portage runs."""
    for pattern in REMOVED:
        for path in root.glob(pattern):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for name in FOLDERS:
        (root / name).mkdir(parents=True, exist_ok=True)
    for name, (number, home) in USERS.items():
        add_user(root, name, number, home)
    for name in ("var/lib/portage", "var/cache/distfiles", "var/cache/binpkgs", "var/log/portage", "var/tmp/portage"):
        shutil.chown(root / name, 250, 250)
        (root / name).chmod(0o775)
    for name, target in LINKS.items():
        (root / "usr/bin" / name).symlink_to(target)
    shutil.copytree(portage_image, root, symlinks=True, dirs_exist_ok=True)
    shutil.copytree(recipe.OVERLAY, root, symlinks=True, dirs_exist_ok=True)
    (root / "etc/machine-id").write_text("", "ascii")
    (root / "etc/portage/make.profile").symlink_to(f"../../var/db/repos/lab/profiles/{recipe.PROFILE}")


def add_user(root: Path, name: str, number: int, home: str) -> None:
    """Append a system user, its group and its locked password."""
    lines = {
        "etc/passwd": f"{name}:x:{number}:{number}:{name}:{home}:/usr/sbin/nologin\n",
        "etc/group": f"{name}:x:{number}:{'portage' if name == 'portage' else ''}\n",
        "etc/shadow": f"{name}:!:19000::::::\n",
        "etc/gshadow": f"{name}:!::\n",
    }
    for file, line in lines.items():
        with (root / file).open("a", encoding="utf-8") as text:
            text.write(line)


def clean(root: Path) -> None:
    """Remove what building in the root left there and a stage3 doesn't hold."""
    for name in ("var/tmp", "var/log/portage", "tmp", "var/cache/edb", "var/cache/ldconfig"):
        for path in (root / name).iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for name in ("var/log/emerge.log", "var/log/emerge-fetch.log"):
        (root / name).unlink(missing_ok=True)
    (root / "var/tmp/portage").mkdir()
    shutil.chown(root / "var/tmp/portage", 250, 250)
