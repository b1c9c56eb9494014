# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a build root is still there on the host: its processes and mounts."""

from __future__ import annotations

import contextlib
import time
import typing as t
from pathlib import Path

#: More than a kernel takes to end the processes of a namespace, on a machine that is busy with something else too.
PATIENCE_S: t.Final = 60


def of(root: Path) -> dict[int, str]:
    """Return process -> command line of all that name the root or have it mounted, in whatever namespace."""
    # Its last parts only, the test's folder among them: in mountinfo a path begins at the root of its file system.
    mark = "/".join(root.parts[-4:])
    found = {}
    for entry in Path("/proc").iterdir():
        # Who has just ended isn't there any more.
        with contextlib.suppress(OSError):
            if entry.name.isdigit():
                words = (entry / "cmdline").read_text(errors="replace").replace("\0", " ").strip()
                if mark in words or mark in (entry / "mountinfo").read_text(errors="replace"):
                    found[int(entry.name)] = words
    return found


def mounts(root: Path) -> list[str]:
    """Return the lines of this process's mountinfo that name the root."""
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(root) in line]


def none_left(root: Path) -> None:
    """Return as soon as no process of the root is there, nor a mount; fail if that takes too long."""
    until(lambda: not of(root), lambda: f"still there: {of(root)}")
    assert mounts(root) == []


def until(condition: t.Callable[[], t.Any], why_not: t.Callable[[], str]) -> None:
    """Return as soon as the condition holds; fail with a reason if that takes too long."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(why_not())
        time.sleep(0.02)
