# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where builds happen: in memory, and on disk what is too large for that.

PORTAGE_TMPDIR may differ per package (portage(5), package.env). These files are of build roots alone: no slave has
them.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _files, _fragments
from ansible_collections.larry.binhost.plugins.module_utils._target import Target

TMPDIR: t.Final = "/var/tmp"
#: PORTAGE_TMPDIR of what is built on disk; a folder of the root.
ON_DISK: t.Final = "/var/tmp/on-disk"
#: A file system with less than this is full, whatever its reserve.
ALMOST_FULL: t.Final = 4 * 1024**2
_NAME: t.Final = "zz-build"


def files(target: Target) -> dict[str, str]:
    """Return what belongs below etc/portage of a root in which this target is built; empty text: no such file.

    A slave's own PORTAGE_TMPDIR, which a clone reads, is of a place that the root lacks.
    """
    header = _fragments.header(f"Where target {target.name} is built.", "master_build_on_disk")
    large = list(target.on_disk) if target.tmpfs is not None else []
    return {
        f"make.conf/zz-{_NAME}.conf": _fragments.make_conf({"PORTAGE_TMPDIR": TMPDIR}, header=header),
        f"package.env/{_NAME}": _fragments.package_lines({name: [_NAME] for name in large}, header=header)
        if large
        else "",
        f"env/{_NAME}": _fragments.make_conf({"PORTAGE_TMPDIR": ON_DISK}, header=header) if large else "",
    }


def place(target: Target) -> None:
    """Make the root build where it is told to.  Raises ``BinhostError``."""
    for path, text in files(target).items():
        whole = os.path.join(target.root, "etc/portage", path)
        if path.startswith("make.conf/") and not os.path.isdir(os.path.dirname(whole)):
            continue  # a root that isn't configured has no PORTAGE_TMPDIR to be kept from
        if text:
            _files.write(whole, text)
        else:
            _files.remove(whole)
    _files.directory(os.path.join(target.root, ON_DISK.lstrip("/")))
