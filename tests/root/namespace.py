# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mount namespace for one test: whatever it mounts, this machine never sees it."""

from __future__ import annotations

import ctypes
import functools
import os
import subprocess
import sys
import traceback
import typing as t
from collections.abc import Callable

import pytest

_NEW_MOUNTS = 0x00020000  # linux/sched.h, CLONE_NEWNS


def of_its_own(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test in a child with its own mount namespace; its failure is the test's."""

    @functools.wraps(test)
    def run(*arguments: t.Any, **named: t.Any) -> None:
        there, here = os.pipe()
        child = os.fork()
        if child == 0:
            os._exit(_in_child(here, lambda: test(*arguments, **named)))
        os.close(here)
        with os.fdopen(there) as told:
            words = told.read()
        _pid, status = os.waitpid(child, 0)
        if status:
            pytest.fail(words or f"the test's process ended with {status}", pytrace=False)

    return run


def enter() -> None:
    """Give this process a mount namespace of its own."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_MOUNTS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    sh("mount", "--make-rprivate", "/")


def _in_child(pipe: int, act: Callable[[], None]) -> int:
    try:
        enter()
        act()
    except BaseException:
        os.write(pipe, traceback.format_exc().encode()[-60_000:])
        return 1
    finally:
        sys.stdout.flush()
    return 0


def sh(*words: t.Any) -> str:
    """Run a program to its end and return its words; a failure raises."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{words}: status {done.returncode}: {done.stderr}")
    return done.stdout
