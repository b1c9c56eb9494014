# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``larry-binhost.pyz``: this package as one program that needs neither Ansible nor a controller.

It is made of the very files that a module brought along; the same files make the same bytes. Beside each source stands
what Python compiles it to, or else each start would do that again, for most of a second; another Python passes it over.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
import marshal
import os
import re
import typing as t
import zipfile
from collections.abc import Iterator

from ansible_collections.larry.binhost.plugins.module_utils import (
    _cli,
    _durable,
    _files,
    _job_files,
    _jobs,
    _lock,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

NAME: t.Final = "larry-binhost.pyz"
_PACKAGE: t.Final = __name__.rpartition(".")[0]
# from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
_IMPORT = re.compile(
    rf"^[ \t]*from {re.escape(_PACKAGE)}(?:\.(?P<module>\w+))? import (?:\((?P<several>[^)]*)\)|(?P<names>[^#\n]+))",
    re.MULTILINE,
)
_START: t.Final = "__main__.py"
_SEAL: t.Final = 128  # bytes
_SHEBANG: t.Final = b"#!/usr/bin/env python3\n"
#: Read on from the file that is open: another may take its place before the last import.
_MAIN: t.Final = f"""\
import os, sys
sys.path[0] = "/proc/self/fd/%d" % os.open(sys.path[0], os.O_RDONLY)
from {_cli.__name__} import main
sys.exit(main())
"""
_GONE: t.Final = " (deleted)"  # what the kernel says of an open file that was replaced (proc(5), /proc/PID/fd)
_MODE: t.Final = 0o755
_PATIENCE: t.Final = 30  # seconds to wait for another who writes it


def path(state: str = STATE) -> str:
    """Return where the program stands."""
    return os.path.join(state, NAME)


def present(place: str, *, state: str = STATE) -> bool:
    """Make ``place`` the program that these files are, and return whether it was another.

    A job that runs keeps the one that it began with. Raises ``BinhostError``; then the old one still stands.
    """
    wanted = content()
    if _stands(place, wanted):
        return False
    made = _compiled(wanted)
    with _lock.held("program", state=state, wait=_PATIENCE):
        try:
            _files.directory(os.path.dirname(place))
            _durable.write(place, made, mode=_MODE)
        except OSError as exc:
            with contextlib.suppress(OSError):
                os.unlink(_durable.draft(place))
            raise BinhostError(f"{place}: expected to write it, found: {exc.strerror}") from exc
    return True


def _is_this(place: str) -> bool:
    """Return whether this code was read from the program at a place, whatever stands there now."""
    archive = os.path.realpath(__file__.partition(f"/{_PACKAGE.replace('.', '/')}/")[0])
    return os.path.isfile(place) and archive.removesuffix(_GONE) == os.path.realpath(place)


def _stands(place: str, wanted: bytes) -> bool:
    """Return whether what ``_compiled`` makes of these sources stands there whole."""
    try:
        with open(place, "rb") as handle:
            found = handle.read()
    except OSError:
        return False
    return found[-_SEAL:] == _seal(wanted, found[:-_SEAL])


def _seal(sources: bytes, body: bytes) -> bytes:
    """Return the last bytes of the program, by which it is known again without being made again."""
    digests = (hashlib.sha256(importlib.util.MAGIC_NUMBER + sources), hashlib.sha256(body))
    return "".join(digest.hexdigest() for digest in digests).encode()


def _compiled(sources: bytes) -> bytes:
    """Return an archive of sources with what this Python compiles them to, a seal for its comment."""
    stream = io.BytesIO(sources)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_STORED) as archive:
        for name in archive.namelist():
            text = archive.read(name)
            if name != _START:  # that is read as source, whatever stands beside it
                archive.writestr(zipfile.ZipInfo(f"{name}c"), _code(name, text))
        archive.comment = bytes(_SEAL)
    body = stream.getvalue()[:-_SEAL]
    return body + _seal(sources, body)


def _code(name: str, text: bytes) -> bytes:
    """Return the content of a .pyc that is not checked against its source (PEP 552)."""
    code = compile(text, name, "exec", dont_inherit=True)
    head = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + importlib.util.source_hash(text)
    return head + marshal.dumps(code)


def content() -> bytes:
    """Return the program: a zip archive of source texts, without times and in order."""
    texts = {_START: _MAIN, **_packages(), **_modules()}
    stream = io.BytesIO()
    stream.write(_SHEBANG)
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(texts):
            archive.writestr(zipfile.ZipInfo(name), texts[name])
    return stream.getvalue()


def _packages() -> dict[str, str]:
    parts = _PACKAGE.split(".")
    return {"/".join([*parts[: number + 1], "__init__.py"]): "" for number in range(len(parts))}


def _modules() -> dict[str, str]:
    """Return path to source of ``_cli`` and all that it needs of this package.

    A module brings only what it needs itself: which files are there differs, which the program needs does not.
    """
    found: dict[str, str] = {}
    ahead = [_cli.__name__.rpartition(".")[2]]
    while ahead:
        name = ahead.pop()
        if name not in found:
            found[name] = _source(name)
            ahead += _needs(found[name])
    folder = _PACKAGE.replace(".", "/")
    return {f"{folder}/{name}.py": text for name, text in found.items()}


def _source(name: str) -> str:
    spec = importlib.util.find_spec(f"{_PACKAGE}.{name}")
    text = spec.loader.get_source(spec.name) if spec and spec.loader else None  # type: ignore[attr-defined]
    if text is None:
        raise BinhostError(f"{_PACKAGE}.{name}: expected its source text, found none")
    return str(text)


def _needs(text: str) -> Iterator[str]:
    """Yield the modules of this package that a source text imports; it is not parsed, that takes ten times as long."""
    for found in _IMPORT.finditer(text):
        if found["module"]:
            yield found["module"]
        else:  # a name may be followed by " as another"
            yield from (name.split()[0] for name in (found["several"] or found["names"]).split(",") if name.strip())


def start(
    name: str, kind: str, parameters: t.Mapping[str, t.Any], *, holds: t.Sequence[str] = (), state: str = STATE
) -> _job_files.Job:
    """Start a job of this program, or join it; see ``_jobs.start``.

    The program itself, which may wait for long, starts what stands there by then: an older one brings nothing back.
    """
    if not _is_this(path(state)):
        present(path(state), state=state)
    return _jobs.start(name, kind, parameters, program=path(state), holds=holds, state=state)


def begin(
    name: str,
    kind: str,
    parameters: t.Mapping[str, t.Any],
    *,
    needed: bool,
    holds: t.Sequence[str] = (),
    state: str = STATE,
) -> str:
    """Return the name of the job to wait for: one that was started or joined, or one that has finished without anybody
    being told its result since; empty if no work is ``needed`` and none was done.
    """
    job = _job_files.find(name, state)
    if not needed and job.phase != "running":
        untold = job.phase == "finished" and not job.collected
        return name if untold and job.request == _job_files.digest(kind, parameters) else ""
    return start(name, kind, parameters, holds=holds, state=state).name


def run(
    name: str, kind: str, parameters: t.Mapping[str, t.Any], *, holds: t.Sequence[str] = (), state: str = STATE
) -> dict[str, t.Any]:
    """Start a job or join it, wait for its end and return its result; whoever waits may be killed.

    Raises ``BinhostError`` if it failed.
    """
    job = start(name, kind, parameters, holds=holds, state=state)
    return _jobs.outcome(_jobs.finish(job.name, state=state), state=state)
