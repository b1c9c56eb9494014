# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _ssh_access
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

ATTIC = "ssh-ed25519 AAAAattic="
CELLAR = "ssh-ed25519 AAAAcellar="
PERSONS = "# mine\nssh-rsa AAAAperson me@laptop\n\n# larry-binhost-mirror:attic\n"


def line(name: str, key: str) -> str:
    return f'restrict,command="/p mirror-source" {key} larry-binhost-mirror:{name}\n'


@pytest.mark.parametrize(
    ("before", "keys", "after"),
    [
        ("", {}, ""),
        (line("attic", ATTIC) + PERSONS, {}, PERSONS),
        (PERSONS, {"attic": f"{ATTIC} mirror attic"}, PERSONS + line("attic", ATTIC)),
        (PERSONS.rstrip("\n"), {"attic": ATTIC}, PERSONS + line("attic", ATTIC)),
        (PERSONS + line("attic", "ssh-ed25519 AAAAold"), {"attic": ATTIC}, PERSONS + line("attic", ATTIC)),
        (line("attic", ATTIC) + PERSONS, {"cellar": CELLAR}, PERSONS + line("cellar", CELLAR)),
        (
            line("attic", ATTIC) + PERSONS,
            {"attic": "", "cellar": CELLAR},
            line("attic", ATTIC) + PERSONS + line("cellar", CELLAR),
        ),
        (PERSONS, {"attic": ""}, PERSONS),
    ],
)
def test_only_the_mirrors_lines_are_ours(before: str, keys: dict[str, str], after: str) -> None:
    assert _ssh_access.wanted(before, keys, "/p mirror-source") == after
    assert _ssh_access.wanted(after, keys, "/p mirror-source") == after


def test_slaves_have_lines_of_their_own() -> None:
    both = PERSONS + line("attic", ATTIC) + line("laptop", CELLAR).replace("-mirror:", "-slave:")
    assert _ssh_access.wanted(PERSONS + line("attic", ATTIC), {"laptop": CELLAR}, "/p mirror-source", "slave") == both
    assert _ssh_access.wanted(both, {"attic": ATTIC, "laptop": ""}, "/p mirror-source") == (
        PERSONS + line("laptop", CELLAR).replace("-mirror:", "-slave:") + line("attic", ATTIC)
    )
    assert _ssh_access.wanted(both, {}, "/p mirror-source", "slave") == PERSONS + line("attic", ATTIC)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("attic", "no key"),
        ("attic", f"{ATTIC}\nssh-ed25519 AAAA"),
        ("an attic", ATTIC),
        ('a"', ATTIC),
        ("a", f'x="" {ATTIC}'),
    ],
)
def test_what_is_no_key_of_a_mirror(name: str, key: str) -> None:
    with pytest.raises(BinhostError, match="mirrors: expected a mirror's name and its public ssh key, found"):
        _ssh_access.wanted("", {name: key}, "/p")


def test_the_file_is_its_users_alone(tmp_path: Path) -> None:
    file = _ssh_access.File(str(tmp_path / ".ssh/authorized_keys"), 1234, 1235)
    assert _ssh_access.read(file) == ""
    _ssh_access.write(file, "x\n")
    assert _ssh_access.read(file) == "x\n"
    for path, mode in ((tmp_path / ".ssh", 0o700), (tmp_path / ".ssh/authorized_keys", 0o600)):
        known = path.stat()
        assert (known.st_mode & 0o7777, known.st_uid, known.st_gid) == (mode, 1234, 1235)
    os.chmod(file.path, 0o640)
    _ssh_access.write(file, "y\n")
    assert os.stat(file.path).st_mode & 0o7777 == 0o640


def test_a_user_that_there_is() -> None:
    assert _ssh_access.File.of("root").path.endswith("/.ssh/authorized_keys")
    with pytest.raises(BinhostError, match="user: expected a user of this machine, found 'no such'"):
        _ssh_access.File.of("no such")


def test_who_may_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _ssh_access.File(str(tmp_path / "authorized_keys"), 0, 0)
    monkeypatch.setattr(_ssh_access.File, "of", lambda user: file)
    assert _ssh_access.hosts() == []
    text = _ssh_access.wanted(PERSONS + line("attic", ATTIC), {"b": ATTIC, "a": CELLAR}, "/p", "slave")
    Path(file.path).write_text(text)
    assert (_ssh_access.hosts(), _ssh_access.hosts("mirror")) == (["a", "b"], ["attic"])


def test_host_keys(tmp_path: Path) -> None:
    (tmp_path / "ssh_host_ed25519_key.pub").write_text(f"{ATTIC} root@desktop\n")
    (tmp_path / "ssh_host_ed25519_key").write_text("secret\n")
    (tmp_path / "ssh_host_odd_key.pub").write_text("odd\n")
    assert _ssh_access.host_keys(str(tmp_path)) == [ATTIC]
