# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import io
import os
import time

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _answer, _child
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError


def output(script: str, *, quiet: float = 5, total: float = 5, most: int = 9) -> tuple[bytes, int, str]:
    sink = io.BytesIO()
    status, words = _child.output("x://x", ["sh", "-c", script], sink, quiet=quiet, total=total, most=most)
    return sink.getvalue(), status, words


def test_what_it_writes_and_says() -> None:
    assert output("printf seal; echo oh >&2; exit 3") == (b"seal", 3, "oh")


def test_too_much() -> None:
    with pytest.raises(BinhostError, match="^x://x: expected at most 9 bytes, found more$"):
        output("yes")


@pytest.mark.parametrize(
    ("script", "limits"),
    [
        ("sleep 60", {"quiet": 0.2}),
        ("printf x; exec sleep 60", {"quiet": 0.2}),
        ("while sleep 0.05; do printf x; done", {"total": 0.3, "most": 999}),
        # What it leaves behind holds the output open.
        ("sleep 60 & exit", {"quiet": 0.2}),
        ("exec >&- 2>&-; sleep 60", {"total": 0.3}),
    ],
)
def test_it_is_ended(script: str, limits: dict[str, float]) -> None:
    begin = time.monotonic()
    with pytest.raises(_answer.Unanswered, match="^x://x: no complete answer within 0.[23] s$|within"):
        output(script, **limits)  # type: ignore[arg-type]
    assert time.monotonic() - begin < 4


def say(thing: str) -> str:
    """Say something of a thing, if one is patient."""
    if thing == "hangs":
        time.sleep(60)
    if thing == "dies":
        os._exit(1)
    return f"it is {thing}" if thing != "well" else ""


def test_each_is_asked_at_once_and_none_is_waited_for() -> None:
    begin = time.monotonic()
    found = _child.each(["hangs", "well", "odd", "dies"], say, 1)
    assert found == {"hangs": "no answer within 1 s", "well": "", "odd": "it is odd", "dies": "no answer within 1 s"}
    assert time.monotonic() - begin < 3
    with pytest.raises(ChildProcessError):  # none is left behind
        os.waitpid(-1, os.WNOHANG)
