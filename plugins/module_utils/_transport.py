# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to a target's generations: one tree of files, ``T/N/…``, behind each of them.

::

    http, https   http://HOST:PORT                a web server's document root
    file          file:///srv/larry-binhost       a mounted export, or a stick
    ssh           ssh://USER@HOST:PORT            what the master lets this machine's own key read
    rsync         rsync://HOST:PORT/packages      a module of rsyncd
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

_HOST: t.Final = r"(?:\[[0-9A-Fa-f:.]+(?:%\w+)?\]|[A-Za-z0-9_][A-Za-z0-9._-]*)(?::\d+)?"
_URI: t.Final = re.compile(
    rf"(?:https?://{_HOST}(?:/[^\s?#]*)?"
    r"|file://(?:/[^\s?#]+)"
    rf"|ssh://(?:[A-Za-z0-9_][A-Za-z0-9._-]*@)?{_HOST}/?"
    rf"|rsync://{_HOST}/[A-Za-z0-9_][^\s?#]*)\Z"
)
#: Portage copies from ``file://`` by itself, and waits for ever where a mount is gone; what it has no name for, it
#: leaves to the fetchcommand, which is ours (_emerge/BinpkgFetcher.py).
_OURS: t.Final = "larry-binhost+"
EXPECTED: t.Final = "http://HOST, https://HOST, file:///PATH, ssh://USER@HOST or rsync://HOST/MODULE"


@dataclass(frozen=True)
class Source:
    """One way to the packages."""

    uri: str
    kind: str = ""  # how the inventory calls it, for words alone

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.kind} ({self.uri})" if self.kind else self.uri


def base(uri: str) -> str:
    """Return the URI without trailing slashes.  Raises ``BinhostError`` if it is none that is known here."""
    if not _URI.match(uri):
        raise BinhostError(f"sources: expected {EXPECTED}, found {uri!r}")
    return uri.rstrip("/")


def for_portage(uri: str) -> str:
    """Return what the index says, of which the fetchcommand makes this again with ``from_portage``."""
    return _OURS + uri if uri.startswith("file:") else uri


def from_portage(uri: str) -> str:
    """Return the URI that ``for_portage`` was given."""
    return uri[len(_OURS) :] if uri.startswith(_OURS) else uri


def kind(told: Iterable[Source], uri: str | None) -> str:
    """Return what the inventory calls the way with this URI."""
    return next((source.kind for source in told if source.uri == uri), "")


def sources(said: t.Any) -> tuple[Source, ...]:
    """Return the ways in the order in which they are told, as a module or a file says them.

    Raises ``BinhostError`` for what is none.
    """
    if not isinstance(said, Iterable) or isinstance(said, (str, dict)):
        raise BinhostError(f"sources: expected a list of kind and uri, found {said!r}")
    found = []
    for one in said:
        if not isinstance(one, dict) or not isinstance(one.get("uri"), str) or set(one) - {"kind", "uri"}:
            raise BinhostError(f"sources: expected kind and uri, found {one!r}")
        found.append(Source(base(one["uri"]), str(one.get("kind") or "")))
    return tuple(found)
