# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernels without their modules, and modules without their kernel.

Kernels are found by their names in /boot, /efi and below, as installkernel, dracut, kernel-install and genkernel choose
them: the version is part of the name, or of its folder's.
"""

from __future__ import annotations

import os
import re
import typing as t
from collections.abc import Iterable

#: Where kernels stand; depth below that (``/efi/EFI/Linux/x.efi``, ``/boot/<machine-id>/<version>/linux``).
PLACES: t.Final = ("boot", "efi")
_DEPTH: t.Final = 3
# vmlinuz-6.12.1-gentoo-dist, kernel-6.12.1-gentoo-dist.old, kernel-genkernel-x86_64-6.12.1-gentoo
_KERNEL = re.compile(
    r"(?:vmlinu[xz]|kernel|bzImage|Image|uImage|linux)-(?:genkernel-[^-]+-)?(?P<version>\d+\.\d+\S*?)(?:\.old|\.efi)?\Z"
)
#: What stands beside kernels.
_OTHER = re.compile(r"initr|System\.map|config|amd-uc|intel-uc|microcode")


def look(root: str = "/", running: str = "") -> list[str]:
    """Return what doesn't fit, a line each; ``running`` is the kernel's release, empty if it is none of this root's."""
    versions = [name for name in _names(root, "lib/modules") if _is_whole(root, name)]
    files = [path for place in PLACES for path in _below(root, place, _DEPTH)]
    return compare(versions, files, running)


def compare(modules: Iterable[str], files: Iterable[str], running: str) -> list[str]:
    """Return the same of the versions that have modules and the paths below PLACES.

    Without any modules the kernel has none, or it is a container's. Where no kernel is found, /boot isn't mounted.
    """
    have = sorted(modules)
    kernels = [path for path in files if not _OTHER.match(path.rpartition("/")[2])]
    versions = {
        path: found["version"] for path in kernels for found in [_KERNEL.match(path.rpartition("/")[2])] if found
    }
    with_kernel = [version for version in have if any(_names_it(path, version) for path in kernels)]
    texts = [f"/{path}: its modules are not in /lib/modules" for path in versions if versions[path] not in have]
    if running and running not in have:
        texts.append(f"the running kernel {running} has no modules any more: restart before one is needed")
    if versions or with_kernel:
        gone = [version for version in have if version not in (*with_kernel, running)]
        texts += [f"/lib/modules/{version}: its kernel is not in /boot" for version in gone]
    return sorted(texts) if have else []


def _names_it(path: str, version: str) -> bool:
    """Return whether a path names this very version, and none that begins or ends like it."""
    return bool(re.search(rf"(?<![\w.]){re.escape(version)}(?![\w-]|\.\d)", path))


def _is_whole(root: str, version: str) -> bool:
    """Return whether a kernel's modules are there, and not only a folder that something has left."""
    folder = os.path.join(root, "lib/modules", version)
    return any(os.path.exists(os.path.join(folder, name)) for name in ("kernel", "modules.dep", "modules.builtin"))


def _names(root: str, folder: str) -> list[str]:
    try:
        return sorted(os.listdir(os.path.join(root, folder)))
    except OSError:
        return []


def _below(root: str, folder: str, depth: int) -> list[str]:
    """Return the paths of files below a folder, relative to the root."""
    found = []
    for name in _names(root, folder):
        path = os.path.join(folder, name)
        if os.path.isdir(os.path.join(root, path)):
            found += _below(root, path, depth - 1) if depth else []
        else:
            found.append(path)
    return found
