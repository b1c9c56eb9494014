# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start gpg so that it never asks, and read what it lists.

Listings are its colon format (GnuPG doc/DETAILS, "Description of the main fields").
"""

from __future__ import annotations

import contextlib
import os
import re
import time
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._openpgp import Run

#: What Portage puts into a command line without quoting it (gpkg.py, ``checksum_helper``).
_PLAIN_PATH = re.compile(r"/[A-Za-z0-9_./+@:,-]*\Z")
DAY: t.Final = 86400  # seconds


@dataclass(frozen=True)
class Listed:
    """A key as gpg lists it."""

    fingerprint: str  # of the primary key
    validity: str  # "u" ultimate, "f" full, "r" revoked, "e" expired, "-" unknown …
    created: int  # seconds since the epoch
    expires: int | None  # the same; None: never
    keygrips: tuple[str, ...]  # of the primary key and its subkeys; empty unless they were asked for

    @property
    def revoked(self) -> bool:
        """Whether its revocation is known."""
        return self.validity == "r"


def argv(home: str, *words: str, passphrase_file: str | None = None) -> list[str]:
    """Return the command line of gpg in a home; without the passphrase a key needs it fails and doesn't ask."""
    secret = ["--pinentry-mode", "loopback", *(["--passphrase-file", passphrase_file] if passphrase_file else [])]
    return ["gpg", "--homedir", home, "--batch", "--no-tty", "--yes", "--no-permission-warning", *secret, *words]


def output(run: Run, command: list[str], wanted: str) -> str:
    """Return what gpg prints.  Raises ``BinhostError`` that begins with what was ``wanted`` if it fails."""
    status, stdout, stderr = run(command)
    if status != 0:
        said = "; ".join(line for line in stderr.splitlines() if line.strip() and not line.startswith("[GNUPG:]"))
        raise BinhostError(f"{wanted}, found status {status} of {command[0]}: {said or 'no words'}")
    return stdout


def listed(run: Run, home: str) -> dict[str, Listed]:
    """Return fingerprint to public key of what is in a home.  Raises ``BinhostError``."""
    command = argv(home, "--with-colons", "--with-keygrip", "--no-auto-check-trustdb", "--list-keys")
    return {key.fingerprint: key for key in parse(output(run, command, f"{home}: expected a list of keys"))}


def parse(text: str) -> list[Listed]:
    """Return the keys of a listing, in its order."""
    found: list[Listed] = []
    rows: list[list[str]] = []
    for line in [*text.splitlines(), "pub:"]:
        fields = line.split(":")
        if fields[0] in ("pub", "sec"):
            found += [_key(rows)] if rows else []
            rows = []
        if rows or fields[0] in ("pub", "sec"):
            rows.append(fields)
    return found


def _key(rows: t.Sequence[t.Sequence[str]]) -> Listed:
    primary = rows[0]
    prints = [row[9] for row in rows if row[0] == "fpr"]
    grips = tuple(row[9] for row in rows if row[0] == "grp")
    expires = int(primary[6]) if primary[6] else None
    return Listed(prints[0], primary[1], int(primary[5] or 0), expires, grips)


def agent_runs(run: Run, home: str) -> bool:
    """Return whether a home has an agent now; none is begun for that."""
    return "OK" in run(["gpg-connect-agent", "--homedir", home, "--no-autostart", "GETINFO pid", "/bye"])[1]


@contextlib.contextmanager
def agent_ends(run: Run, home: str, *, own: bool) -> t.Iterator[None]:
    """Let no agent outlive the block that began in it: what it has unlocked, others of this machine could use.

    In a home of our ``own`` one that a killed run has left ends too; in a person's, his stays.
    """
    there = not own and agent_runs(run, home)
    try:
        yield
    finally:
        if not there:
            run(["gpgconf", "--homedir", home, "--kill", "all"])


def plain(path: str, what: str) -> str:
    """Return a path that Portage can put into gpg's command line.  Raises ``BinhostError`` for another."""
    if not _PLAIN_PATH.match(path):
        raise BinhostError(
            f"{what}: expected an absolute path of letters, digits and _ . / + @ : , - (Portage doesn't quote it), "
            f"found {path!r}"
        )
    return path


def passphrase_file(path: str) -> str:
    """Return the path of a file whose first line is a passphrase and that only its owner can read.

    Raises ``BinhostError`` for another.
    """
    plain(path, "passphrase file")
    try:
        status = os.stat(path)
        with open(path, "rb") as handle:
            first = handle.readline().strip(b"\r\n")
    except OSError as exc:
        raise BinhostError(f"{path}: expected the file of a passphrase, found: {exc.strerror}") from exc
    if status.st_mode & 0o077:
        raise BinhostError(
            f"{path}: expected that only its owner can read the passphrase, found mode {status.st_mode & 0o7777:04o}; "
            f"run chmod 600 {path}"
        )
    if not first:
        raise BinhostError(f"{path}: expected a passphrase in the first line, found none")
    return path


def day(moment: int) -> str:
    """Return the day of a moment, UTC, as in 2026-01-31."""
    return time.strftime("%Y-%m-%d", time.gmtime(moment))
