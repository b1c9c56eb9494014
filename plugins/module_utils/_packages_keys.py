# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of a ``Packages`` index, as Portage 3.0.83 has them in ``dbapi/bintree.py``, class ``binarytree``."""

from __future__ import annotations

import typing as t

#: What a stanza that lacks the key means (``_pkgindex_default_pkg_data``).
DEFAULTS: t.Final[t.Mapping[str, str]] = {
    "BDEPEND": "",
    "BUILD_ID": "",
    "BUILD_TIME": "",
    "DEFINED_PHASES": "",
    "DEPEND": "",
    "EAPI": "0",
    "IDEPEND": "",
    "IUSE": "",
    "KEYWORDS": "",
    "LICENSE": "",
    "PATH": "",
    "PDEPEND": "",
    "PROPERTIES": "",
    "PROVIDES": "",
    "RDEPEND": "",
    "REQUIRES": "",
    "RESTRICT": "",
    "SLOT": "0",
    "USE": "",
}
#: Keys a stanza omits when they equal the header's (``_pkgindex_inherited_keys``).
INHERITED: t.Final = ("CHOST", "REPO")
#: Key in the file -> Portage's own name, by which it sorts (``_pkgindex_translated_keys``).
TRANSLATED: t.Final[t.Mapping[str, str]] = {"DESC": "DESCRIPTION", "MTIME": "_mtime_", "REPO": "repository"}
#: The other way round: Portage takes its own names in a file too.
ALIASES: t.Final[t.Mapping[str, str]] = {name: key for key, name in TRANSLATED.items()}
#: Keys whose value is a decimal number.
NUMBERS: t.Final = ("BUILD_ID", "BUILD_TIME", "MTIME", "SIZE")
_MORE: t.Final = ("CPV", "MD5", "SHA1", "BASE_URI", "PKGINDEX_URI", "FETCHCOMMAND", "RESUMECOMMAND", "USER_PATCHES")
#: All keys of a package that Portage reads (``_pkgindex_allowed_pkg_keys``), in the file's names; it drops others.
KEYS: t.Final = frozenset((*DEFAULTS, *INHERITED, *TRANSLATED, *NUMBERS, *_MORE))
