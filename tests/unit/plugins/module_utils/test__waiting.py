# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _last_plan, _notify, _waiting
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

FAILED = "emerge @world in /r: 1 failed, 2 installed\nx/a-1 failed in phase compile: "


@pytest.mark.parametrize(
    ("message", "what"),
    [
        (f"{FAILED}no space left on device (cc)", "room on the disk"),
        ("/p: expected to publish, found: [Errno 28] No space left on device", "room on the disk"),
        ("/r: expected 9 MiB for the unpacked stage, found 1 MiB free", "room on the disk"),
        (
            f"x/shy-1 may not be fetched by a program; put its files into /d.\n{FAILED}",
            "a file that a person has to fetch",
        ),
        ("/k: expected a key to sign with, found none", "the key that signs"),
        ("key AA: expected one that can sign, found that it expired on 2026-01-01.", "the key that signs"),
        ("/p: expected to sign it with AA of /h, found No passphrase given", "the key that signs"),
        ("emerge --pretend @world in /r: expected a merge list, found status 1:\nREQUIRED_USE", "meets REQUIRED_USE"),
        ("emerge --pretend @world in /r: expected a merge list, found status 1:\ncircular dependencies", "that circle"),
        ("emerge --pretend @world in /r: expected a merge list, found status 1:\nmasked", "Portage finds a way"),
        ("/s.DIGESTS: expected a text signed by AA, found no signature", "a sound stage"),
        (f"{FAILED}it is broken\n    no such passphrase, REQUIRED_USE", ""),
        ("job build-a: expected to finish, found it died", ""),
    ],
)
def test_what_is_waited_for(message: str, what: str) -> None:
    found = _waiting.reason(message)
    assert found.endswith(what) and bool(found) == bool(what)


def asked(folder: Path) -> None:
    state = str(folder / "state")
    (folder / "repository").mkdir(exist_ok=True)
    offer = {"source": str(folder / "stage.tar"), "key": "", "fingerprint": ""}
    build = {"distdir": str(folder), "root": str(folder / "root"), "repositories": {"r": str(folder / "repository")}}
    parts: dict[t.Any, t.Any] = {"stage": {"offer": offer}, "config": {}, "build": build, "publish": {}}
    for part, value in parts.items():
        _last_plan.remember(state, "a", part, value)
    _last_plan.settle(state, {"targets": ["a"]})


def waits(folder: Path, what: str) -> _waiting.Waiting:
    state = str(folder / "state")
    return _waiting.waiting(state, "a", "words", what, before=_waiting.asked(state, "a"), now="")


@pytest.mark.parametrize(
    "change",
    [
        "echo >stage.tar.DIGESTS",
        "echo >distfile",
        "mkdir -p root/etc/portage && echo >root/etc/portage/make.conf",
        "mkdir -p repository/x/y && echo >repository/x/y/y-1.ebuild",
        "echo '{}' >state/builder/a/publish.json && echo '{\"a\": 1}' >state/builder/a/config.json",
    ],
)
def test_it_is_over_when_something_is_another(tmp_path: Path, change: str) -> None:
    asked(tmp_path)
    known = waits(tmp_path, "a configuration")
    asked(tmp_path)  # the same again is no change
    assert not _waiting.over(str(tmp_path / "state"), known)
    subprocess.run(["sh", "-c", change], cwd=tmp_path, check=True)
    assert _waiting.over(str(tmp_path / "state"), known)


def test_what_changed_while_it_was_tried_counts(tmp_path: Path) -> None:
    asked(tmp_path)
    state = str(tmp_path / "state")
    before = _waiting.asked(state, "a")
    (tmp_path / "distfile").touch()  # by the build itself
    assert not _waiting.over(state, _waiting.waiting(state, "a", "words", "a configuration", before=before, now=""))
    (tmp_path / "stage.tar.asc").write_text("another")
    assert _waiting.over(state, _waiting.waiting(state, "a", "words", "a configuration", before=before, now=""))


def test_it_is_over_when_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked(tmp_path)
    free = {"/a": 1 << 20, "/b": 1 << 30}
    monkeypatch.setattr(_waiting, "free_in", lambda *_args: dict(free))
    known = waits(tmp_path, _waiting.DISK)
    free["/b"] -= 1 << 20
    free["/a"] += 1 << 20
    assert not _waiting.over(str(tmp_path / "state"), known)
    free["/a"] += 8 << 20
    assert _waiting.over(str(tmp_path / "state"), known)


def test_a_person_is_told_once_and_at_the_end(tmp_path: Path) -> None:
    told = tmp_path / "told"

    def run(args: t.Any, /) -> tuple[int, str, str]:
        done = subprocess.run(args, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    settings = {"command": ["sh", "-c", f'echo "$0" >>{told}; cat >>{told}'], "mail": ""}
    os.mkdir(tmp_path / "builder")
    for wrong in ("a waits\nlong", "a waits\nlong", "", ""):
        _notify.tell(run, str(tmp_path), settings, wrong)
    first, second, third, last, again = told.read_text().splitlines()
    assert first.endswith(": a waits") and (second, third) == ("a waits", "long")
    assert last.endswith(": all is well again") and again == last
    assert _notify.words({"mail": "larry@example.org"}) == ["/usr/sbin/sendmail", "-oi", "-t"]
    with pytest.raises(BinhostError, match="^notify: expected a command or an address, found both$"):
        _notify.words({"command": ["a"], "mail": "b"})
