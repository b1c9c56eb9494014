# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _failure_words
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

#: A machine that is busy is no failure.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

CPV = "x/some-1"
DIED = """\
foo.c:1: error: no such header
 * ERROR: x/some-1::lab failed (compile phase):
 *   make failed
 * Call stack:
 *     ebuild.sh, line 143:  Called src_compile
 * S: '/var/tmp/portage/x/some-1/work'
"""
SILENT = """\
cc1: FAILED: foo.o
foo.c:2: error: too late
ninja: build stopped: subcommand failed.
 * ERROR: x/some-1::lab failed (compile phase):
 *   (no error message)
"""
FULL = """\
dd: error writing 'big': No space left on device
 * ERROR: x/some-1::lab failed (compile phase):
/usr/lib/portage/bin/isolated-functions.sh: line 249: echo: write error: No space left on device
 *   dd failed
"""
COLLIDING = """\
 * This package will overwrite one or more files that may belong to other
 * unless you have completely understood the above message.
 * package x/some-1 NOT merged
 * Detected file collision(s):
 *
 * \t/usr/share/coll/file
 * \t/usr/share/coll/other
 *
 * Searching all installed packages for file collisions...
 *
 * x/owner-1:0::lab
 * \t/usr/share/coll/file
"""
KILLED = """\
 * The ebuild phase 'compile' has been killed by signal 9.
"""
EXITED = """\
 * The ebuild phase 'test' has exited unexpectedly. This type of
 * behavior is known to be triggered by things
 * functioning properly.
"""
NOT_FETCHED = """\
wget: unable to resolve host address
!!! Couldn't download 'some-1.tar.gz'. Aborting.
"""
RESTRICTED = """\
!!! x/some-1 has fetch restriction turned on.
!!! This probably means that this ebuild's files must be downloaded

 * Buy it, and put it into DISTDIR.
"""
CHECKSUM = """\
!!! Fetched file: some-1.tar.gz VERIFY FAILED!
!!! Reason: Filesize does not match recorded size
!!! Got:      5
!!! Couldn't download 'some-1.tar.gz'. Aborting.
"""
DIGEST = """\
!!! Digest verification failed:
!!! /var/cache/binpkgs/x/some/some-1-1.gpkg.tar
!!! Reason: Failed on MD5 verification
"""
UNSIGNED = """\
 * Binary package is not usable (VERIFY):
 *  Summary:
 * \tbinpkg appears unsigned (missing any signature)
"""


@pytest.mark.parametrize(
    ("told", "phase", "reason"),
    [
        (DIED, "compile", "make failed"),
        (SILENT, "compile", "cc1: FAILED: foo.o"),
        (FULL, "compile", "no space left on device (dd failed)"),
        (
            COLLIDING,
            "merge",
            "it would overwrite files that belong to x/owner-1: /usr/share/coll/file and 1 more",
        ),
        (KILLED, "compile", "killed by signal 9"),
        (EXITED, "test", "exited unexpectedly"),
        (NOT_FETCHED, "fetch", "could not download some-1.tar.gz"),
        (RESTRICTED, "fetch", "x/some-1 may not be fetched by a program"),
        (CHECKSUM, "fetch", "some-1.tar.gz isn't the one it was: Filesize does not match recorded size"),
        (DIGEST, "fetch", "/var/cache/binpkgs/x/some/some-1-1.gpkg.tar: Failed on MD5 verification"),
        (UNSIGNED, "fetch", "the binary package is refused: binpkg appears unsigned (missing any signature)"),
        ("ERROR: x/some-1::lab failed:\n  no phase\n", "", "no phase"),
        (DIED.replace("x/some-1", "x/other-1"), "", "foo.c:1: error: no such header"),
        ("", "", ""),
    ],
)
def test_phase_and_reason(told: str, phase: str, reason: str) -> None:
    assert (_failure_words.phase(CPV, told), _failure_words.reason(CPV, told)) == (phase, reason)


def test_the_trace_is_left_out() -> None:
    kept = "foo.c:1: error: no such header\n * ERROR: x/some-1::lab failed (compile phase):\n *   make failed"
    assert _failure_words.without_trace(DIED) == kept
    assert _failure_words.without_trace(EXITED) == ""
    assert _failure_words.without_trace(COLLIDING).startswith(" * package x/some-1 NOT merged\n")


WORDS = f"""\
>>> Emerging (1 of 3) x/some-1.5::lab
about another version
>>> Failed to emerge x/some-1.5, Log file:
>>>  '/var/tmp/portage/x/some-1.5/temp/build.log'
>>> Emerging (2 of 3) x/some-1::lab
{DIED}
>>> Failed to emerge x/some-1, Log file:

>>>  '/var/tmp/portage/x/some-1/temp/build.log'
>>> Emerging binary (3 of 3) x/third-1::lab
>>> Failed to install x/third-1 to /mnt/root/

 * Messages for package x/some-1:

 * second
 * Messages for package x/third-1:

 * third
"""


def test_who_failed_and_what_was_said_of_it() -> None:
    assert _failure_words.failed(WORDS) == ["x/some-1.5", "x/some-1", "x/third-1"]
    assert _failure_words.said(CPV, WORDS) == f">>> Emerging (2 of 3) x/some-1::lab\n{DIED}\n"
    several = WORDS.replace(">>> Emerging (2 of 3) x/some-1::lab\n", "")
    assert _failure_words.said(CPV, several).strip() == "* second"
    assert _failure_words.said("x/nobody-1", WORDS) == ""


DROPPED = """\
*** Resuming merge...
 * emerge --keep-going: x/middle-1 dropped because it requires x/base
 * emerge --keep-going: x/top-with-a-long-name-that-wraps-somewhere-1 dropped
 * because it requires >=x/middle-1:0=, !<x/wide-
 * name-3[flag(-)?]
 * emerge --keep-going: x/gone-1 for /mnt/root/ dropped because it is masked
 * or unavailable
"""


def test_what_keep_going_dropped() -> None:
    assert _failure_words.dropped(DROPPED) == {
        "x/middle-1": ["x/base"],
        "x/top-with-a-long-name-that-wraps-somewhere-1": [">=x/middle-1:0=", "!<x/wide-name-3[flag(-)?]"],
        "x/gone-1": [],
    }
    names = ["x/base", ">=x/middle-1:0=", "!<x/wide-name-3[flag(-)?]", "=x/some-1.5_rc1-r3", "nonsense", ">=x/y"]
    assert [_failure_words.name_of(each) for each in names] == ["x/base", "x/middle", "x/wide-name", "x/some", "", ""]


PIECES = [
    *">*!' \n:/-19x[]()",
    "Failed to emerge x/some-1",
    " * ERROR: x/some-1",
    ">>> ",
    "Detected file collision(s):\n",
]


@PATIENT
@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_any_words_can_be_read(text: str) -> None:
    assert isinstance(_failure_words.phase(CPV, text) + _failure_words.reason(CPV, text), str)
    assert isinstance(_failure_words.said(CPV, text) + _failure_words.without_trace(text), str)
    assert all("/" in cpv for cpv in [*_failure_words.failed(text), *_failure_words.dropped(text)])
