# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetch files in bounded time, whatever the server does: no answer, silence, a byte now and then.

Over HTTP the whole exchange, the name's resolution included (which no timeout reaches), runs in a thread that is left
behind when its time is over.  Proxies are not used and redirections not followed: the server is one of the fleet's
own, and an answer by anybody else, a hotel's login page say, must not count.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import io
import os
import threading
import time
import typing as t
import urllib.error
import urllib.request
from email.utils import formatdate

from ansible_collections.larry.binhost.plugins.module_utils import _answer, _fetch_child
from ansible_collections.larry.binhost.plugins.module_utils._answer import Absent, Unanswered, Unchanged
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

__all__ = ["SLOWEST", "Absent", "Unanswered", "Unchanged", "save", "text", "verify"]

SLOWEST: t.Final = 32768  # bytes per second below which a transfer is given up
_CHUNK: t.Final = 1 << 16
_OURS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})  # this machine's fault, not the server's
_BUSY = frozenset({408, 429})  # with all from 500: the server is there and can't answer now


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Takes a redirection for what it is: not the file."""

    def redirect_request(self, *_args: t.Any, **_named: t.Any) -> None:
        """Return that there is nothing to follow."""


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)


def text(url: str, *, timeout: float, most: int, newer_than: int | None = None, state: str = STATE) -> bytes:
    """Return a body of at most ``most`` bytes that is complete ``timeout`` seconds from now.

    With ``newer_than``, in seconds since the epoch, the server is asked for a newer one only; it may not care.
    The URL may be of any scheme in ``_transport``; below ``state`` is what ssh needs.
    Raises ``Unanswered``, ``Absent``, ``Unchanged``, or ``BinhostError`` for any other answer than the file.
    """
    sink = io.BytesIO()
    if _is_child(url):
        _fetch_child.copy(url, sink, _fetch_child.Limits(timeout, timeout, most), state=state)
    else:
        _bounded(url, sink, timeout=timeout, total=timeout, most=most, newer_than=newer_than)
    return sink.getvalue()


def _is_child(url: str) -> bool:
    return url.partition(":")[0] in _fetch_child.SCHEMES


def save(url: str, path: str, *, sha512: str, size: int, timeout: float, state: str = STATE) -> None:
    """Write a file of known content; ``timeout`` seconds are given to every step and the size's time to the whole.

    Raises what ``text`` raises, and ``BinhostError`` if the content is another.  What is at ``path`` then is no use.
    """
    with open(path, "wb") as sink:
        seconds = timeout + size / SLOWEST
        if _is_child(url):
            _fetch_child.copy(url, sink, _fetch_child.Limits(timeout, seconds, size), state=state)
        else:
            _bounded(url, sink, timeout=timeout, total=seconds, most=size)
    with open(path, "rb") as file:
        total = hashlib.sha512()
        for block in iter(lambda: file.read(_CHUNK), b""):
            total.update(block)
    verify(url, (total.hexdigest(), os.path.getsize(path)), (sha512, size))


def verify(url: str, found: tuple[str, int], expected: tuple[str, int]) -> None:
    """Raise ``BinhostError`` unless SHA-512 and size are the expected ones."""
    if found != expected:
        wanted, got = (f"{size} bytes with SHA-512 {sha512[:16]}…" for sha512, size in (expected, found))
        raise BinhostError(f"{url}: expected {wanted} {_answer.AS_SEALED} {got}")


def _bounded(
    url: str, sink: t.BinaryIO, *, timeout: float, total: float, most: int, newer_than: int | None = None
) -> None:
    """Run a transfer, at most ``total`` seconds long."""
    errors: list[Exception] = []
    since = {} if newer_than is None else {"If-Modified-Since": formatdate(newer_than, usegmt=True)}
    request = urllib.request.Request(url, headers=since)
    deadline = time.monotonic() + total
    thread = threading.Thread(target=_record, args=(errors, request, sink, timeout, deadline, most), daemon=True)
    thread.start()
    thread.join(total)
    if thread.is_alive():
        raise _answer.unfinished(url, total)
    if errors:
        raise _explained(url, errors[0])


def _record(errors: list[Exception], *args: t.Any) -> None:
    """Keep for the caller what goes wrong in the thread."""
    try:
        _transfer(*args)
    except Exception as exc:
        errors.append(exc)


def _transfer(request: urllib.request.Request, sink: t.BinaryIO, timeout: float, deadline: float, most: int) -> None:
    """Copy the body, stopping by itself when the time is over."""
    with _OPENER.open(request, timeout=timeout) as answer:
        length, done = answer.headers.get("Content-Length", ""), 0
        while block := answer.read1(_CHUNK):  # at most one receive, so that the deadline is looked at
            done += len(block)
            if done > most:
                raise _answer.too_large(request.full_url, most)
            if time.monotonic() > deadline:
                raise TimeoutError("too slow")
            sink.write(block)
    if length.isdigit() and done < int(length):
        raise ConnectionError(f"the connection ended after {done} of {length} bytes")


def _explained(url: str, error: Exception) -> Exception:
    """Return the error to raise for what happened in the transfer."""
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        if error.code == 304:
            return Unchanged(f"{url}: not modified")
        kind = Absent if error.code in (404, 410) else BinhostError
        kind = Unanswered if error.code >= 500 or error.code in _BUSY else kind
        return kind(f"{url}: expected the file, found status {error.code} {error.reason}")
    if isinstance(error, urllib.error.URLError):
        return Unanswered(f"{url}: no answer: {error.reason}")
    if isinstance(error, OSError) and error.errno in _OURS:
        return error
    if isinstance(error, (OSError, http.client.HTTPException)):
        return Unanswered(f"{url}: no complete answer: {error or type(error).__name__}")
    return error
