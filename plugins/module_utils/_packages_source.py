# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the bytes of a ``Packages`` index come from: a file, plain or gzip, or a URL; nothing else is taken for one."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import stat
import typing as t
import zlib

from ansible_collections.larry.binhost.plugins.module_utils import _fetch
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

#: Bytes of text; five times what an index of 40,000 packages has.
MOST: t.Final = 256 << 20
_GZIP: t.Final = b"\x1f\x8b"


class Text:
    """The text of an index, as a stream; an error in it says where, expected, found.  Raises ``BinhostError``."""

    def __init__(self, file: t.IO[bytes], where: str, most: int) -> None:
        """Take a stream of bytes, gzip or not, whose first ones tell what it is."""
        begin = file.read(2)
        file.seek(0)
        packed = begin == _GZIP or where.endswith(".gz")
        self._file = gzip.GzipFile(fileobj=file, mode="rb") if packed else file
        self._where = where
        self._most = most
        self._done = 0

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, none at the end."""
        try:
            data = self._file.read(size)
        except (OSError, EOFError, zlib.error) as exc:
            after = f"after {self._done} bytes of text"
            raise BinhostError(f"{self._where}: expected an index that is whole, found {after}: {exc}") from None
        if not self._done:
            self._recognise(data[:512])
        self._done += len(data)
        if self._done > self._most:
            raise BinhostError(f"{self._where}: expected an index of at most {self._most} bytes, found more")
        return data

    def _recognise(self, begin: bytes) -> None:
        """Raise ``BinhostError`` for what can be no index at all."""
        first = begin.lstrip(b"\xef\xbb\xbf \t\r\n")
        found = ""
        if not first and len(begin) < 512:
            found = "nothing in it"
        elif first.startswith(b"<"):
            found = f"HTML or XML: {first[:40].decode('utf-8', 'replace')!r}"
        elif b"\0" in begin:
            found = "binary data"
        if found:
            raise BinhostError(f"{self._where}: expected a Packages index (lines of KEY: value), found {found}")


@contextlib.contextmanager
def opened(path: str, *, most: int = MOST) -> t.Iterator[Text]:
    """Open an index, plain or gzip.  Raises ``BinhostError`` if it isn't there, is no file, or has too many bytes."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            kind = "a directory" if stat.S_ISDIR(status.st_mode) else "something else"
            raise BinhostError(f"{path}: expected a Packages index, found {kind}")
        if status.st_size > most:
            raise BinhostError(f"{path}: expected an index of at most {most} bytes, found {status.st_size}")
        file = open(path, "rb")  # noqa: SIM115 - closed below; what is done with it is no error of opening it
    except OSError as exc:
        raise BinhostError(f"{path}: expected a Packages index, found: {exc.strerror}") from None
    with file:
        yield Text(file, path, most)


def fetched(url: str, *, timeout: float, newer_than: int | None, most: int = MOST) -> Text | None:
    """Return what a URL answers, ``None`` if the server says that it has nothing newer (seconds since the epoch).

    Raises ``BinhostError`` as ``_fetch.text`` does.
    """
    if not url.startswith(("http://", "https://")):
        raise BinhostError(f"url: expected http://HOST/... or https://HOST/..., found {url!r}")
    try:
        data = _fetch.text(url, timeout=timeout, most=most, newer_than=newer_than)
    except _fetch.Unchanged:
        return None
    return Text(io.BytesIO(data), url, most)
