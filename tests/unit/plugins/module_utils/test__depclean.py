# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _depclean
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._tree_plan import Change, Entry

PRETENDED = """\
 app-misc/hello
    selected: 2.10
   protected: none
     omitted: none

All selected packages: =app-text/tree-2.1 =app-misc/hello-2.10

>>> 'Selected' packages are slated for removal.
"""


class Emerge:
    """Answers each call in turn."""

    def __init__(self, *answers: tuple[int, str, str]) -> None:
        self.answers = list(answers)
        self.asked: list[list[str]] = []

    def __call__(self, args: list[str]) -> tuple[int, str, str]:
        self.asked.append(args)
        return self.answers.pop(0)


def test_remove() -> None:
    emerge = Emerge((0, PRETENDED, ""), (0, "", ""))
    assert _depclean.remove(emerge, "n") == ["app-misc/hello-2.10", "app-text/tree-2.1"]
    assert emerge.asked == [_depclean.argv("n", pretend=True), _depclean.argv("n", pretend=False)]
    assert "--with-bdeps=n" in emerge.asked[1]


def test_foreseen() -> None:
    emerge = Emerge((0, PRETENDED, ""))
    use = Change("write", "etc/portage/package.use/02-host", None, Entry("file", "a/b c\n"))
    assert _depclean.foreseen(emerge, "n", [use], "/place") == ["app-misc/hello-2.10", "app-text/tree-2.1"]
    assert emerge.asked == [["env", "PORTAGE_CONFIGROOT=/place", *_depclean.argv("n", pretend=True)]]
    joins = Change("write", "var/lib/portage/world_sets", None, Entry("file", "@binhost\n"))
    with pytest.raises(BinhostError, match="^emerge --depclean: unknown before @binhost is part of the world"):
        _depclean.foreseen(emerge, "n", [use, joins], "/place")


def test_nothing_to_remove_starts_nothing() -> None:
    emerge = Emerge((0, ">>> No packages selected for removal by depclean\n", ""))
    assert _depclean.remove(emerge, "n") == []


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (
            [(1, "", " * Dependencies could not be completely resolved\n")],
            "emerge --depclean: expected what nothing needs, found status 1:\n"
            " * Dependencies could not be completely resolved",
        ),
        ([(0, PRETENDED, ""), (1, "", "it broke\n")], "emerge --depclean: expected status 0, found 1:\nit broke"),
    ],
)
def test_refused(answers: list[tuple[int, str, str]], message: str) -> None:
    with pytest.raises(BinhostError, match=f"^{re.escape(message)}$"):
        _depclean.remove(Emerge(*answers), "n")
