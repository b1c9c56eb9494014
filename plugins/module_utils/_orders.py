# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this machine asks for when nobody tells it: the last run's request, in STATE/sync.json."""

from __future__ import annotations

import json
import os
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _files, _machine, _servers, _transport, _trust
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._openpgp import Run
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE
from ansible_collections.larry.binhost.plugins.module_utils._place import Place

NAME: t.Final = "sync.json"
VERSION: t.Final = 1
_KEYS: t.Final = frozenset({"version", "target", "sources", "timeout", "pinned", "verify"})


def text(request: _servers.Request) -> str:
    """Return the file's text; that something older may be taken once is no order for later."""
    record = {
        "version": VERSION,
        "target": request.place.target,
        "sources": [{"kind": source.kind, "uri": source.uri} for source in request.sources],
        "timeout": request.timeout,
        "pinned": request.pinned,
        "verify": request.trust is not None,
    }
    return json.dumps(record, indent=1) + "\n"


def kept(state: str = STATE) -> str:
    """Return the text that is there, empty if there is none."""
    try:
        return _files.read(os.path.join(state, NAME))
    except FileNotFoundError:
        return ""


def keep(request: _servers.Request) -> None:
    """Write it, unless it says so already."""
    if kept(request.place.state) != text(request):
        _files.write(os.path.join(request.place.state, NAME), text(request))


def ways(state: str = STATE) -> tuple[tuple[_transport.Source, ...], float]:
    """Return the ways that were told last, and for how many seconds one may be silent.  Raises ``BinhostError``."""
    record = _record(state)
    return _transport.sources(record["sources"]), float(record["timeout"])


def pinned(target: str, state: str = STATE) -> int | None:
    """Return the generation of a target with which this machine is to stay, if any.  Raises ``BinhostError``."""
    record = _record(state) if kept(state) else {}
    return t.cast("int | None", record["pinned"]) if record.get("target") == target else None


def _record(state: str) -> dict[str, t.Any]:
    path, said = os.path.join(state, NAME), kept(state)
    if not said:
        raise BinhostError(f"{path}: expected what to ask for, found no such file: run site.yml once for this machine")
    try:
        record = json.loads(said)
    except ValueError:
        record = None
    if not isinstance(record, dict) or record.get("version") != VERSION or set(record) != _KEYS:
        raise BinhostError(
            f"{path}: expected {', '.join(sorted(_KEYS))} of version {VERSION}, found {said[:60]!r}; run site.yml again"
        )
    return record


def load(run: Run, state: str = STATE) -> _servers.Request:
    """Return what was asked for last, by the keys that are believed here.  Raises ``BinhostError``."""
    record = _record(state)
    return _servers.Request(
        Place(str(record["target"]), state),
        _transport.sources(record["sources"]),
        float(record["timeout"]),
        pinned=record["pinned"],
        trust=_servers.Trust(run, _trust.trusted_path(state)) if record["verify"] else None,
        machine=_machine.here(state),
    )
