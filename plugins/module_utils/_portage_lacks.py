# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the Portage that we use an older one lacks, and what is lost there.

Source: Portage's NEWS and RELEASE-NOTES and its sources at 3.0.83. 2026-11.
"""

from __future__ import annotations

import re

#: Feature -> first version, what is lost without it.
SINCE: dict[str, tuple[tuple[int, int, int], str]] = {
    "repo-revisions": ((3, 0, 65), "an index doesn't name the revisions of the repositories its packages come from"),
    "frozen": ((3, 0, 65), "a binary repository can't be frozen: each emerge asks for its index again"),
    "index-ttl": ((3, 0, 69), "an index that is still fresh is asked for again"),
    "binrepo-location": ((3, 0, 77), "what is fetched lies in PKGDIR among what was built here"),
    "verify-signature": ((3, 0, 78), "binary packages are not verified unless binrepos.conf says so itself"),
    "getbinpkg-exclude": ((3, 0, 78), "no package can be excluded from one repository's binaries"),
    "buildpkg-proactive": ((3, 0, 80), "a package whose binary is missing or doesn't fit isn't built again by itself"),
    "observability": ((3, 0, 82), "a running emerge doesn't tell its progress, which is read from its output instead"),
    "cgroup": ((3, 0, 82), "processor time and memory of single builds are not known"),
    "patches": ((3, 0, 83), "a binary is taken though /etc/portage/patches here differ from what it was built with"),
}


def version(text: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with, empty for a live or unknown one."""
    match = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(number) for number in match[0].split(".")) if match else ()


def lacks(text: str) -> list[dict[str, str]]:
    """Return what a Portage of this version lacks, oldest first, each as ``{"feature", "since", "lost"}``.

    Nothing of a version that isn't a number: that is a live one, newer than all.
    """
    here = version(text)
    return [
        {"feature": feature, "since": ".".join(map(str, since)), "lost": lost}
        for feature, (since, lost) in SINCE.items()
        if here and here < since
    ]
