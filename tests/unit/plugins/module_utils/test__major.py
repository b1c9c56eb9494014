# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _major, _merge_list

SAID = """\
[ebuild     U  ] dev-lang/perl-5.40.0:0/5.40::gentoo [5.38.2-r3:0/5.38::gentoo] USE="-debug" 0 KiB
[ebuild  rR    ] dev-perl/Locale-gettext-1.70.0::gentoo  USE="-test" 0 KiB
[binary  rR    ] dev-perl/XML-Parser-2.47.0-2::gentoo  USE="" 0 KiB
[ebuild  NS    ] dev-lang/python-3.12.8:3.12::gentoo [3.11.11:3.11::gentoo] USE="" 0 KiB
[ebuild   R    ] dev-python/pip-24.0::gentoo  PYTHON_TARGETS="python3_12* -python3_11*" 0 KiB
[ebuild  N     ] dev-python/six-1.16::gentoo  PYTHON_TARGETS="python3_12" 0 KiB
[ebuild     U  ] app-misc/hello-2.12::gentoo [2.10::gentoo] USE="nls" 0 KiB

The following packages are causing rebuilds:

  (dev-lang/perl-5.40.0:0/5.40::gentoo, ebuild scheduled for merge) causes rebuilds for:
    (dev-perl/XML-Parser-2.47.0-2:0/0::gentoo, binary scheduled for merge)
    (dev-perl/Locale-gettext-1.70.0:0/0::gentoo, ebuild scheduled for merge)
"""


def lines(said: str) -> list[str]:
    """Return the major upgrades as they are told."""
    return [str(each) for each in _major.upgrades(_merge_list.parse(said, whole=False), said)]


def test_what_is_built_again_is_told_by_its_cause() -> None:
    found = _major.upgrades(_merge_list.parse(SAID, whole=False), SAID)
    assert [(each.package, each.old, each.new, each.rebuilds) for each in found] == [
        (
            "dev-lang/perl",
            "5.38.2-r3:0/5.38",
            "5.40.0:0/5.40",
            ("dev-perl/Locale-gettext-1.70.0", "dev-perl/XML-Parser-2.47.0"),
        ),
        ("dev-lang/python", "3.11.11:3.11", "3.12.8:3.12", ("dev-python/pip-24.0",)),
    ]
    assert lines(SAID) == [
        "dev-lang/perl 5.38.2-r3:0/5.38 becomes 5.40.0:0/5.40: 2 packages built again for it",
        "dev-lang/python 3.11.11:3.11 becomes 3.12.8:3.12: 1 package built again for it",
    ]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("[ebuild  NS    ] sys-devel/gcc-14.2:14::g [13.2:13::g] 0 KiB", "sys-devel/gcc 13.2:13 becomes 14.2:14"),
        ("[ebuild     U  ] sys-devel/gcc-13.3:13::g [13.2:13::g] 0 KiB", ""),
        ("[ebuild  r  U  ] sys-libs/glibc-2.40-r1:2.2::g [2.39-r9:2.2::g] 0 KiB", "sys-libs/glibc 2.39-r9:2.2 becomes"),
        ("[ebuild     U  ] sys-libs/glibc-2.39-r9:2.2::g [2.39-r6:2.2::g] 0 KiB", ""),
        ("[ebuild   R    ] dev-lang/perl-5.40.0:0/5.40::g  0 KiB", ""),
        ("[ebuild  N     ] dev-lang/perl-5.40.0:0/5.40::g  0 KiB", ""),
        ("[ebuild     UD ] dev-lang/perl-5.38.2:0/5.38::g [5.40.0:0/5.40::g] 0 KiB", "dev-lang/perl 5.40.0:0/5.40 bec"),
        # Another slot of it is there already.
        ("[ebuild     U  ] dev-lang/python-3.12.9:3.12::g [3.12.8:3.12::g, 3.11.2:3.11::g] 0 KiB", ""),
        ("[ebuild     U  ] app-misc/hello-3:0/3::g [2:0/2::g] 0 KiB", ""),
    ],
)
def test_what_is_major(entry: str, expected: str) -> None:
    found = lines(entry)
    assert len(found) == bool(expected)
    assert not expected or found[0].startswith(expected)


def test_causes() -> None:
    assert _major.rebuilds(SAID) == {
        "dev-lang/perl-5.40.0": ["dev-perl/XML-Parser-2.47.0", "dev-perl/Locale-gettext-1.70.0"]
    }
