# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that others read while we write them: every change is one rename; and the record of which of them are ours.

A record is one JSON file, ``{"owners": {OWNER: {PATH: SHA256}}}``.  It is written before the files it lists, so that
what a killed run left behind is known to be ours.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

#: Owner -> path -> SHA-256 of what was to be there (of a link, of its target).
Record = dict[str, dict[str, str]]


def digest(text: str) -> str:
    """Return the SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def read(path: str) -> str:
    """Return a file's text; bytes that aren't UTF-8 survive ``write()``.  Raises ``OSError``."""
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as handle:
        return handle.read()


def write(path: str, text: str, mode: int = 0o644) -> None:
    """Make ``path`` a file with this text and mode, whatever the umask; readers see the old or the new one.

    Raises ``BinhostError`` if it can't be written; then the old file still stands.
    """
    draft = beside(path, "new")
    with _told(path):
        directory(os.path.dirname(path))
        try:
            write_new(draft, text, mode)
            os.rename(draft, path)
        except OSError:
            _forget(draft)
            raise
        sync(os.path.dirname(path))


def write_new(path: str, text: str, mode: int) -> None:
    """Write and sync a file that is not there yet; a left-over of that name goes first.  Raises ``OSError``."""
    _forget(path)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(text.encode("utf-8", "surrogateescape"))
        stream.flush()
        os.fchmod(stream.fileno(), mode)
        os.fsync(stream.fileno())


def link(path: str, target: str) -> None:
    """Make ``path`` a symbolic link, in place of a file, a link or an empty directory.  Raises ``BinhostError``."""
    draft = beside(path, "new")
    with _told(path):
        directory(os.path.dirname(path))
        _forget(draft)
        os.symlink(target, draft)
        if os.path.isdir(path) and not os.path.islink(path):
            os.rmdir(path)
        os.rename(draft, path)
        sync(os.path.dirname(path))


def remove(path: str) -> None:
    """Remove a file or a link; that it is gone already is no error.  Raises ``BinhostError``."""
    with _told(path):
        _forget(path)


def directory(path: str) -> None:
    """Make the directory and its parents, mode 0755 whatever the umask; those that are there stay as they are.

    Raises ``OSError``.
    """
    if path and not os.path.isdir(path):
        directory(os.path.dirname(path))
        os.mkdir(path)
        os.chmod(path, 0o755)


def beside(path: str, suffix: str) -> str:
    """Return a name in the same directory that neither Portage nor a service with a wildcard reads."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.{suffix}")


def load_record(path: str) -> Record:
    """Return a record; empty if there is none.  Raises ``BinhostError`` for a file that is no record."""
    try:
        owners = json.loads(read(path))["owners"]
        return {str(owner): {str(name): str(value) for name, value in files.items()} for owner, files in owners.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise BinhostError(
            f"{path}: expected the record of the files we own, found something else ({exc}). Move it away to go on; "
            "what is no longer declared then stays."
        ) from None


def record_text(record: Mapping[str, Mapping[str, str]]) -> str:
    """Return a record as it is written; owners of nothing are left out."""
    owners = {owner: dict(files) for owner, files in record.items() if files}
    return json.dumps({"owners": owners}, indent=1, sort_keys=True) + "\n"


def save_record(path: str, record: Mapping[str, Mapping[str, str]]) -> None:
    """Write a record.  Raises ``BinhostError``."""
    write(path, record_text(record))


def _forget(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def sync(folder: str) -> None:
    """Bring a rename to disk.  Raises ``OSError``."""
    handle = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _told(path: str) -> Iterator[None]:
    """Turn what the system refuses into an error that names the file."""
    try:
        yield
    except OSError as exc:
        raise BinhostError(f"{path}: expected to change it, found: {exc.strerror}") from exc
