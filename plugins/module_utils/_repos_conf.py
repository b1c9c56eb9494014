# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a root's ebuild repositories are, without starting Portage.

Source: portage lib/portage/repository/config.py, ``load_repository_config`` and ``_parse``.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterator

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

#: The later has the last word; each may be a folder.
FILES = ("usr/share/portage/config/repos.conf", "etc/portage/repos.conf")


def locations(root: str = "/") -> dict[str, str]:
    """Return the place of each repository by its name, as paths of this host; those that aren't there are left out.

    Raises ``BinhostError`` for a file that can't be read.
    """
    parser = configparser.ConfigParser(strict=False)
    for path in [file for name in FILES for file in _files(os.path.join(root, name))]:
        try:
            with open(path, encoding="utf-8") as handle:
                parser.read_file(handle)
        except (OSError, UnicodeDecodeError, configparser.Error) as exc:
            raise BinhostError(f"{path}: expected repositories as portage(5) has them, found: {exc}") from None
    found = {name: parser.get(name, "location", fallback="", raw=True).strip() for name in parser.sections()}
    places = {name: os.path.join(root, place.lstrip("/")) for name, place in found.items() if place}
    return {name: place for name, place in places.items() if os.path.isdir(place)}


def _files(path: str) -> Iterator[str]:
    """Yield a file, or those of a folder in the order in which Portage reads them (_recursive_file_list)."""
    if os.path.isfile(path):
        yield path
    elif os.path.isdir(path):
        for name in sorted(os.listdir(path)):
            if not (name.startswith(".") or name.endswith("~") or name in ("CVS", "RCS", "SCCS")):
                yield from _files(os.path.join(path, name))
