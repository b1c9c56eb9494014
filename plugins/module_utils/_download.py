# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Get a file by HTTP, going on where an earlier try ended."""

from __future__ import annotations

import os
import shutil
import typing as t
import urllib.error
import urllib.request

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

TIMEOUT_S: t.Final = 30  # without a byte
_CHUNK = 1 << 20
_MISSING: t.Final = (404, 410)


class MissingError(BinhostError):
    """The server answered, and has no such file."""


def is_url(source: str) -> bool:
    """Return whether a source is to be fetched."""
    return source.startswith(("http://", "https://"))


def fetch(url: str, path: str) -> None:
    """Fetch ``url`` into ``path``; what an earlier try left in ``path`` is continued where the server can.

    Raises ``BinhostError``; what was fetched until then stays.
    """
    have = os.path.getsize(path) if os.path.exists(path) else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.build_opener().open(request, timeout=TIMEOUT_S) as answer:
            with open(path, "ab" if answer.status == 206 else "wb") as file:
                shutil.copyfileobj(answer, file, _CHUNK)
            _complete(url, path, answer.headers.get("Content-Range") or answer.headers.get("Content-Length"))
    except urllib.error.HTTPError as exc:
        # 416: there is nothing after what we have.
        if exc.code in _MISSING:
            raise MissingError(f"{url}: expected a file, found: {exc.code} {exc.reason}") from None
        if exc.code != 416:
            raise BinhostError(f"{url}: expected a file, found: {exc.code} {exc.reason}") from None
    except (OSError, ValueError) as exc:
        raise BinhostError(f"{url}: expected to fetch it, found: {getattr(exc, 'reason', exc)}") from None


def _complete(url: str, path: str, length: str | None) -> None:
    """Raise ``BinhostError`` if a connection ended early: ``length`` is "100" or "bytes 50-99/100"."""
    total = (length or "").rpartition("/")[2]
    have = os.path.getsize(path)
    if total.isdigit() and int(total) != have:
        raise BinhostError(f"{url}: expected {total} bytes, found {have} when the connection ended; run again to go on")
