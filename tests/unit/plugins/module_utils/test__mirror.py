# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mirror would do; that it does it is shown with sshd and rsync, in tests/root."""

from __future__ import annotations

import hashlib
import json
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _mirror, _mirror_link, _mirroring
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place


def digest(number: int) -> str:
    return hashlib.sha512(str(number).encode()).hexdigest()


def offer(current: int | None, *numbers: int) -> dict[str, t.Any]:
    return {"current": current, "numbers": {str(number): digest(number) for number in numbers}}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return a mirror's target with generations 3 and 4."""
    for number in (3, 4):
        (tmp_path / f"generations/laptops/{number}").mkdir(parents=True)
        (tmp_path / f"generations/laptops/{number}/seal.json").write_text(str(number))
    (tmp_path / "generations/laptops/current").symlink_to("4")
    return Place("laptops", str(tmp_path))


@pytest.mark.parametrize(
    ("theirs", "missing", "gone", "changed"),
    [
        (offer(4, 3, 4), [], [], False),
        (offer(6, 3, 4, 5, 6), [6, 5], [], True),
        (offer(5, 5), [5], [3, 4], True),
        (offer(4, 4), [], [3], True),
        (offer(5, 1, 2, 5), [5, 2, 1], [3, 4], True),
    ],
)
def test_a_wish(place: Place, theirs: t.Any, missing: list[int], gone: list[int], changed: bool) -> None:
    wish = _mirror.wish(place, theirs)
    assert (wish.current, wish.missing, wish.gone, wish.changed) == (theirs["current"], missing, gone, changed)


def test_a_newcomer_gets_all(tmp_path: Path) -> None:
    wish = _mirror.wish(Place("laptops", str(tmp_path)), offer(2, 1, 2))
    assert (wish.missing, wish.gone, wish.changed) == ([2, 1], [], True)


@pytest.mark.parametrize("theirs", [None, {}, {"current": None, "numbers": {"1": "x"}}])
def test_a_master_that_serves_nothing_takes_nothing_away(place: Place, theirs: t.Any) -> None:
    with pytest.raises(_mirror.NothingError, match="nothing published yet for target laptops at its master"):
        _mirror.wish(place, theirs)


@pytest.mark.parametrize(
    ("theirs", "message"),
    [
        (offer(3, 3), "laptops: expected generation 4 or later, found 3 at the master; if the master was set up anew"),
        (
            {"current": 5, "numbers": {"3": "x", "5": "y"}},
            "laptops: expected generation 3 as it is here, found another one at the master; if the master",
        ),
    ],
)
def test_no_step_back(place: Place, theirs: t.Any, message: str) -> None:
    with pytest.raises(BinhostError, match=message):
        _mirror.wish(place, theirs)
    assert _mirror.wish(place, theirs, allow_older=True).changed


@pytest.mark.parametrize("theirs", [{"current": 5, "numbers": {"4": "x"}}, {"current": 5, "numbers": {"../x": "x"}}])
def test_no_list_of_generations(place: Place, theirs: t.Any) -> None:
    with pytest.raises(BinhostError, match="laptops: expected the master's generation"):
        _mirror.wish(place, theirs, allow_older=True)


def source(tmp_path: Path) -> _mirror_link.Source:
    return _mirror_link.source("desktop", {"host": "10.0.0.1", "user": "root", "port": 23}, str(tmp_path))


def test_what_is_known_of_a_master_stays_when_it_is_off(tmp_path: Path) -> None:
    desktop = source(tmp_path)
    assert _mirror_link.remember(desktop, ["ssh-ed25519 AAAA"], "key\n")
    assert not _mirror_link.remember(desktop, [], "")
    assert not _mirror_link.remember(desktop, ["ssh-ed25519 AAAA"], "key\n")
    assert Path(desktop.file("hosts")).read_text() == "desktop ssh-ed25519 AAAA\n"
    assert Path(desktop.file("asc")).read_text() == "key\n"
    assert _mirror_link.remember(desktop, ["ssh-ed25519 BBBB"], "")


@pytest.mark.parametrize("said", [{}, {"host": "x"}, {"host": "-oProxyCommand=x", "user": "root"}, "x"])
def test_no_address_of_a_master(tmp_path: Path, said: t.Any) -> None:
    with pytest.raises(BinhostError, match="masters: desktop: expected its host and a user, found"):
        _mirror_link.source("desktop", said, str(tmp_path))


def test_a_master_that_is_off_or_never_seen_or_odd(tmp_path: Path) -> None:
    desktop = source(tmp_path)
    with pytest.raises(
        _mirror_link.SilentError, match=r"root@10.0.0.1:23 .desktop.: its host key isn't known here yet"
    ):
        _mirror_link.offers(lambda _args: (0, "{}", ""), desktop)
    _mirror_link.remember(desktop, ["ssh-ed25519 AAAA"], "")
    with pytest.raises(_mirror_link.SilentError, match="no answer: No route to host"):
        _mirror_link.offers(lambda _args: (255, "", "x\nNo route to host\n"), desktop)
    for answer in ((1, "", "expected 'list'"), (0, "hello", ""), (0, "[]", "")):
        with pytest.raises(BinhostError, match="desktop.: expected the list of its generations, found"):
            _mirror_link.offers(lambda _args, answer=answer: answer, desktop)


def test_each_master_is_asked_once_and_one_targets_trouble_is_its_own(place: Place, tmp_path: Path) -> None:
    desktop = source(tmp_path)
    _mirror_link.remember(desktop, ["ssh-ed25519 AAAA"], "")
    asked = []

    def run(args: t.Any) -> tuple[int, str, str]:
        asked.append(args)
        return 0, json.dumps({"laptops": offer(5, 4, 5), "odd": {"current": 9, "numbers": {}}}), ""

    targets = {"laptops": desktop, "odd": desktop, "new": desktop}
    states, wishes = _mirroring.look(run, targets, state=place.state)
    assert len(asked) == 1
    assert list(wishes) == ["laptops"]
    assert (states["laptops"].number, states["laptops"].wanted, states["laptops"].fetched) == (4, 5, [5])
    assert "generation 9 to be whole" in states["odd"].problem
    assert (states["new"].problem, "nothing published yet" in states["new"].message) == ("", True)
    assert _mirroring.diff(states)["after"] == "laptops: generation 5\nnew: no generation\nodd: no generation\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("     32,768,000  45%   12.34MB/s    0:00:03", "45% of a generation, at 12.34MB/s"),
        ("receiving incremental file list", None),
    ],
)
def test_doing(line: str, words: str | None) -> None:
    assert _mirroring.doing(line) == words
