# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The GnuPG home that Portage verifies with: which of our keys are in it, and trusted (see _trust)."""

from __future__ import annotations

import hashlib
import os
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _files, _gnupg
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._gnupg import Listed
from ansible_collections.larry.binhost.plugins.module_utils._openpgp import Run

#: What nobody has to read in a home, as far as it is there.
_READ: t.Final = ("pubring.kbx", "pubring.gpg", "trustdb.gpg", "gpg.conf", "common.conf")
_ULTIMATE: t.Final = 6  # gpg --export-ownertrust
_UNDEFINED: t.Final = 2
_SETTLED: t.Final = ("u", "r", "e")  # trusted, and what no trust can change: revoked, expired


@dataclass(frozen=True)
class Plan:
    """What is to be done to Portage's home."""

    offered: t.Mapping[str, Listed]
    learn: t.Sequence[str]  # fingerprints of keys to import
    trust: t.Sequence[str]
    forget: t.Sequence[str]
    foreign: t.Container[str]  # that a person has there himself

    @property
    def changes(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.learn or self.trust or self.forget)


def plan_for(ours: t.Sequence[str], offered: t.Mapping[str, Listed], there: t.Mapping[str, Listed]) -> Plan:
    """Return what makes a home with the keys ``there`` believe those that are ``offered``, and of ours no others."""

    def same(one: str) -> bool:
        old, new = there.get(one), offered[one]
        return old is not None and (old.revoked, old.expires) == (new.revoked, new.expires)

    return Plan(
        offered=offered,
        learn=[one for one in offered if not same(one)],
        trust=[one for one in offered if one not in there or there[one].validity not in _SETTLED],
        forget=[one for one in ours if one in there and one not in offered],
        foreign={one for one in there if one not in ours},
    )


def apply(run: Run, home: str, plan: Plan, file: str) -> None:
    """Let gpg do it, and let nobody read what he has to.  Raises ``BinhostError``."""

    def gpg(wanted: str, *words: str) -> None:
        _gnupg.output(run, _gnupg.argv(home, "--no-auto-check-trustdb", *words), f"{home}: expected to {wanted}")

    trust = f"{file}.trust"
    levels = {**dict.fromkeys(plan.forget, _UNDEFINED), **dict.fromkeys(plan.offered, _ULTIMATE)}
    _files.write(trust, "".join(f"{one}:{level}:\n" for one, level in levels.items()))
    gpg("import the keys", "--import", file)
    gpg("trust them", "--import-ownertrust", trust)
    for fingerprint in plan.forget:
        gpg(f"forget {fingerprint}", "--delete-keys", fingerprint)
    gpg("check the trust database", "--check-trustdb")
    wrong = plan_for((), plan.offered, present(run, home))
    if wrong.changes:
        raise BinhostError(
            f"{home}: expected that {', '.join({*wrong.learn, *wrong.trust})} is trusted now, found that it isn't; "
            "move the folder away and run again"
        )
    for name in _READ:
        path = os.path.join(home, name)
        if os.path.isfile(path):
            os.chmod(path, 0o644)
    os.chmod(home, 0o755)


def present(run: Run, home: str) -> dict[str, Listed]:
    """Return the keys in a home; none if there is no home."""
    rings = ("pubring.kbx", "pubring.gpg", "public-keys.d")
    return _gnupg.listed(run, home) if any(os.path.exists(os.path.join(home, name)) for name in rings) else {}


def looks(home: str) -> str:
    """Return a digest of what Portage reads in its home, and of who may; empty if there is no home."""
    if not os.path.isdir(home):
        return ""
    parts = [home, f"{os.stat(home).st_mode:o}"]
    for name in _READ:
        path = os.path.join(home, name)
        if os.path.isfile(path):
            with open(path, "rb") as handle:
                parts += [name, f"{os.stat(path).st_mode:o}", hashlib.sha512(handle.read()).hexdigest()]
    return hashlib.sha512("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def readable(home: str) -> bool:
    """Return whether nobody can read what he has to."""
    places = [home, *(os.path.join(home, name) for name in _READ)]
    return all(os.stat(place).st_mode & 0o004 for place in places if os.path.exists(place))
