# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a mounted folder, and those that ssh and rsync read: another program gets them, which can be killed."""

from __future__ import annotations

import io
import os
import tempfile
import typing as t
from collections.abc import Sequence
from urllib.parse import urlsplit

from ansible_collections.larry.binhost.plugins.module_utils import (
    _answer,
    _child,
    _mirror_link,
    _mirror_source,
    _on_demand,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

SCHEMES: t.Final = ("file", "ssh", "rsync")
_NO_FILE: t.Final = "No such file or directory"
_SSH_LOST: t.Final = 255  # ssh(1)
#: rsync(1), EXIT VALUES: what says that the other side has no such file, or can't be reached; all else is wrong.
_RSYNC_PARTIAL: t.Final = 23
_RSYNC_LOST: t.Final = frozenset({5, 10, 12, 30, 35, 255})


class Limits(t.NamedTuple):
    """How long something may take, and how much it may be."""

    quiet: float  # seconds without a byte
    total: float  # seconds in all
    most: int  # bytes


def copy(url: str, sink: t.BinaryIO, limits: Limits, *, state: str) -> None:
    """Copy a file into ``sink``.  Raises what ``_fetch.text`` raises."""
    {"file": _copy_file, "ssh": _copy_ssh, "rsync": _copy_rsync}[urlsplit(url).scheme](url, sink, limits, state)


def _output(url: str, argv: Sequence[str], sink: t.BinaryIO, limits: Limits) -> tuple[int, str]:
    try:
        return _child.output(url, argv, sink, quiet=limits.quiet, total=limits.total, most=limits.most)
    except FileNotFoundError:
        raise BinhostError(f"{url}: expected the program timeout, found none") from None


def _copy_file(url: str, sink: t.BinaryIO, limits: Limits, _state: str) -> None:
    mount = _on_demand.command(path(url))
    if mount:  # what it says of a server that is off, the next line says too
        _output(url, mount, io.BytesIO(), limits)
    status, words = _output(url, ["cat", "--", path(url)], sink, limits)
    if status:
        # What is wrong with a mount, a stick that was pulled out among it, is no answer of the server's.
        kind = _answer.Absent if words.endswith(_NO_FILE) else _answer.Unanswered
        raise kind(f"{url}: expected the file, found: {words or f'status {status}'}")


def path(url: str) -> str:
    """Return the path of a ``file://`` URL."""
    return url[len("file://") :]


def _copy_ssh(url: str, sink: t.BinaryIO, limits: Limits, state: str) -> None:
    there = link(url, state)
    if not os.path.isfile(there.file("hosts")):
        raise _answer.Unanswered(f"{url}: its host key isn't known here yet: run site.yml with that master on")
    asked = f"{_mirror_source.GET} {url.partition('://')[2].partition('/')[2]}"
    status, words = _output(url, [*there.ssh(), there.name, asked], sink, limits)
    if status == _SSH_LOST:
        raise _answer.Unanswered(f"{url}: no answer: {_mirror_link.last(words)}")
    if status:
        kind = _answer.Absent if status == _mirror_source.ABSENT else BinhostError
        raise kind(f"{url}: expected the file, found: {_mirror_link.last(words) or f'status {status}'}")


def link(url: str, state: str) -> _mirror_link.Source:
    """Return how the host of an ``ssh://`` URL is reached."""
    parts = urlsplit(url)
    host = str(parts.hostname)
    return _mirror_link.source(host, {"host": host, "user": parts.username or "root", "port": parts.port or 22}, state)


def _copy_rsync(url: str, sink: t.BinaryIO, limits: Limits, _state: str) -> None:
    with tempfile.TemporaryDirectory(prefix="larry-binhost-rsync-", dir=_beside(sink)) as folder:
        place = os.path.join(folder, "file")
        seconds = str(max(1, round(limits.quiet)))
        argv = ["rsync", "--quiet", "--copy-links", "--inplace", f"--timeout={seconds}", f"--contimeout={seconds}"]
        argv += [f"--max-size={limits.most}", "--", url, place]
        status, words = _output(url, argv, io.BytesIO(), limits._replace(quiet=limits.total))
        if status:
            _rsync_failed(url, status, words)
        if not os.path.exists(place):
            raise _answer.too_large(url, limits.most)
        _given(place, sink)


def _beside(sink: t.BinaryIO) -> str | None:
    """Return the folder of the file that is written, whose disk has the room for it."""
    name = getattr(sink, "name", None)
    return os.path.dirname(name) if isinstance(name, str) else None


def _given(place: str, sink: t.BinaryIO) -> None:
    """Hand over what came."""
    with open(place, "rb") as file:
        for block in iter(lambda: file.read(1 << 16), b""):
            sink.write(block)


def _rsync_failed(url: str, status: int, words: str) -> t.NoReturn:
    said = f"{url}: expected the file, found: {(words.splitlines() or [f'status {status}'])[0]}"
    if status == _RSYNC_PARTIAL and _NO_FILE in words:
        raise _answer.Absent(said)
    raise (_answer.Unanswered if status in _RSYNC_LOST or status < 0 else BinhostError)(said)
