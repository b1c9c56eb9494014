# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this machine's own kernel is too old for what is built in a root: no chroot has another one.

glibc says in its ABI note which Linux it is made for (``--enable-kernel``). On an older one programs end with "FATAL:
kernel too old"; later glibc (2.36, say) no longer looks at the note, and they end when they call what is missing.
"""

from __future__ import annotations

import glob
import os
import platform
import re
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _elf

FATAL: t.Final = "kernel too old"
#: Of a C library, in any ABI of a root.
_LIBRARIES: t.Final = ("lib*/libc.so.6", "lib/*/libc.so.6", "usr/lib*/libc.so.6", "usr/lib/*/libc.so.6")


def needed(root: str) -> tuple[tuple[int, int, int], str] | None:
    """Return the newest of the oldest kernels that a root's C libraries start on, and which one that is."""
    paths = {os.path.realpath(path) for name in _LIBRARIES for path in glob.glob(os.path.join(glob.escape(root), name))}
    found = []
    for path in sorted(paths):
        if path.startswith(os.path.realpath(root) + "/"):  # a link may lead to the host's own
            with open(path, "rb") as file:
                tag = _elf.kernel(file.read())
            found += [(tag, path)] if tag else []
    return max(found, default=None)


def running(release: str) -> tuple[int, int, int]:
    """Return the version of a kernel's release: 6.1.0 of ``6.1-13-amd64``."""
    digits = re.match(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?", release)
    return (int(digits[1]), int(digits[2] or 0), int(digits[3] or 0)) if digits else (0, 0, 0)


def too_old(root: str, *, said: str = "", release: str = "") -> str:
    """Return the sentence that says so, empty if it isn't; ``said`` is what a build that failed has said."""
    release = release or platform.release()
    asked = needed(root)
    if asked and asked[0] > running(release):
        version = ".".join(map(str, asked[0]))
        return (
            f"{asked[1]}: expected a C library for this machine's own kernel, Linux {release}, found one that asks for "
            f"Linux {version}: boot a newer kernel here"
        )
    if FATAL in said:
        return (
            f"{root}: expected programs that start on this machine's own kernel, Linux {release}, found one that says "
            f"{FATAL!r}: boot a newer kernel here"
        )
    return ""
