# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is recorded of a master's keys."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _gnupg, _keys
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._keys import Old, Ring

NOW = 1_800_000_000
DAY = 86400


@pytest.fixture
def ring(tmp_path: Path) -> Ring:
    """Return a record whose private key is there."""
    home = tmp_path / "keys/gnupg"
    (home / "private-keys-v1.d").mkdir(parents=True)
    (home / "private-keys-v1.d/GRIP.key").touch()
    return Ring("A" * 40, str(home), NOW, NOW + 100 * DAY, None, ("GRIP",), (Old("B" * 40, str(home), NOW + DAY),))


def test_what_is_saved_is_loaded(ring: Ring, tmp_path: Path) -> None:
    assert _keys.load(str(tmp_path)) is None
    _keys.save(ring, str(tmp_path))
    assert _keys.load(str(tmp_path)) == ring
    assert _keys.current(str(tmp_path)) == ring.key()
    assert (tmp_path / "keys/signing.json").stat().st_mode & 0o777 == 0o600


def test_no_key_signs_after_ones_own_was_revoked(ring: Ring, tmp_path: Path) -> None:
    _keys.save(replace(ring, fingerprint="", keygrips=()), str(tmp_path))
    assert _keys.current(str(tmp_path)) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"fingerprint": "x"}'])
def test_a_damaged_record(ring: Ring, tmp_path: Path, text: str) -> None:
    _keys.save(ring, str(tmp_path))
    (tmp_path / "keys/signing.json").write_text(text)
    with pytest.raises(BinhostError, match=r"signing\.json: expected the record of this master's keys.*from a backup"):
        _keys.load(str(tmp_path))


def test_a_record_with_more_in_it(ring: Ring, tmp_path: Path) -> None:
    _keys.save(ring, str(tmp_path))
    path = tmp_path / "keys/signing.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "later": 1}))
    with pytest.raises(BinhostError, match="later"):
        _keys.load(str(tmp_path))


def test_what_slaves_are_to_know(ring: Ring) -> None:
    known = replace(ring, revoked=(Old("C" * 40, ring.home),))
    assert [old.fingerprint[0] for old in known.published(NOW)] == ["A", "B", "C"]
    assert [old.fingerprint[0] for old in known.published(NOW + 2 * DAY)] == ["A", "C"]


@pytest.mark.parametrize(
    ("left", "said"),
    [(31 * DAY, ""), (30 * DAY, "expires on"), (0, "expired on"), (-DAY, "expired on"), (None, "")],
)
def test_warning(ring: Ring, left: int | None, said: str) -> None:
    found = _keys.warning(replace(ring, expires=None if left is None else NOW + left), NOW)
    assert said in found
    assert bool(found) == bool(said)


def test_an_expired_key_is_not_usable(ring: Ring) -> None:
    assert _keys.usable(ring.key(), NOW) == ring.key()
    with pytest.raises(BinhostError, match="-e binhost_key=extend"):
        _keys.usable(ring.key(), NOW + 100 * DAY)


@pytest.mark.parametrize("path", ["relative", "/a b", "/a$b", "/a;b", "/a'b", ""])
def test_what_portage_would_not_quote_is_refused(path: str) -> None:
    with pytest.raises(BinhostError, match="expected an absolute path"):
        _gnupg.plain(path, "home")
