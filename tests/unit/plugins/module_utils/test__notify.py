# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is told, how often, and what is done where that can't be kept or told."""

from __future__ import annotations

import email
import email.policy
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _host_run, _notify
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError


def test_it_is_told_once_and_again_where_it_could_not_be(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    box = tmp_path / "box"
    command = ["/bin/sh", "-c", f'test -d {box} && {{ echo "$1"; cat; }} >>{box}/mail', "tell"]
    how = {"command": command}
    _notify.tell(_host_run.run, str(tmp_path), how, "it is broken\nfor ever")
    assert "expected it to tell a person, found status 1" in "".join(capfd.readouterr())
    box.mkdir()
    for _time in range(2):
        _notify.tell(_host_run.run, str(tmp_path), how, "it is broken\nfor ever")
    subject, *text = (box / "mail").read_text().splitlines()
    assert subject.endswith(": it is broken")
    assert text == ["it is broken", "for ever"]


def test_a_full_disk_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: str, *_args: t.Any) -> None:
        raise BinhostError(f"{path}: No space left on device")

    monkeypatch.setattr(_notify._files, "write", full)
    how = {"command": ["/bin/sh", "-c", f"cat >>{tmp_path}/mail"]}
    _notify.tell(_host_run.run, str(tmp_path), how, "the disk is full")
    assert (tmp_path / "mail").read_text() == "the disk is full\n"


def test_mail_is_what_sendmail_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sendmail, told = tmp_path / "sendmail", tmp_path / "told"
    sendmail.write_text(f'#!/bin/sh\necho "$*" >>{told}.words\ncat >{told}\n')
    sendmail.chmod(0o755)
    monkeypatch.setattr(_notify, "SENDMAIL", str(sendmail))
    how = {"command": [], "mail": "larry@example.org"}
    long = "x" * 2000
    _notify.tell(
        _host_run.run,
        str(tmp_path),
        how,
        f"Gr\u00fc\u00dfe: it is broken\nfor \udcff ever\n.\nTo: other@example.org\n{long}",
    )
    assert Path(f"{told}.words").read_text() == "-oi -t\n"
    message = email.message_from_bytes(told.read_bytes(), policy=email.policy.default)
    assert [(name, message[name]) for name in ("To", "Auto-Submitted")] == [
        ("To", "larry@example.org"),
        ("Auto-Submitted", "auto-generated"),
    ]
    assert message["Subject"].startswith("larry.binhost on ")
    assert message["Subject"].endswith(": Gr\u00fc\u00dfe: it is broken")
    body = message.get_content()
    assert body == f"Gr\u00fc\u00dfe: it is broken\nfor \ufffd ever\n.\nTo: other@example.org\n{long}\n"
    # Of what a mail server may cut (RFC 5321, 4.5.3.1.6) nothing is left.
    assert max(map(len, told.read_bytes().splitlines())) < 998
    _notify.tell(_host_run.run, str(tmp_path), how, "")
    assert email.message_from_bytes(told.read_bytes(), policy=email.policy.default)["Subject"].endswith(
        ": all is well again"
    )
