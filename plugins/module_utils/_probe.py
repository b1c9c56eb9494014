# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether anybody is there at all, known in two seconds of however many ways to the packages there are.

Each way is tried in a process of its own, all at once, and what hasn't answered by then is killed: a mount whose server
is gone lets nothing in this process hang, nor does a name server that says nothing.
"""

from __future__ import annotations

import os
import socket
import subprocess
import typing as t
from collections.abc import Iterable
from urllib.parse import urlsplit

from ansible_collections.larry.binhost.plugins.module_utils import _answer, _child, _fetch, _fetch_child, _on_demand
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

SECONDS: t.Final = 2.0
_PORTS: t.Final = {"ssh": 22, "rsync": 873}
#: What a server says first.  Source: RFC 4253, 4.2; rsync clientserver.c, exchange_protocols.
_GREETINGS: t.Final = {"ssh": b"SSH-", "rsync": b"@RSYNCD:"}


def silent(uris: Iterable[str], target: str, *, seconds: float = SECONDS) -> dict[str, str]:
    """Return those ways behind which nobody answers, each with the reason; what is answered doesn't matter here."""
    places = {f"{uri}/{target}/current/seal.json": uri for uri in uris}
    said = _child.each(places, _says, seconds)
    return {uri: f"{url}: {said[url]}" for url, uri in places.items() if said[url]}


def _says(url: str) -> str:
    """Return why nobody is there; empty if somebody is."""
    try:
        _TRIALS[urlsplit(url).scheme](url)
    except _answer.Unanswered as exc:
        return str(exc).partition(f"{url}: ")[2] or str(exc)
    except OSError as exc:
        return f"no answer: {exc.strerror or exc}"
    except BinhostError:
        return ""
    return ""


def _try_http(url: str) -> None:
    _fetch.text(url, timeout=SECONDS, most=1)  # more comes than that, and so something does


def _try_greeting(url: str) -> None:
    parts = urlsplit(url)
    there = (str(parts.hostname), parts.port or _PORTS[parts.scheme])
    with socket.create_connection(there, timeout=SECONDS) as asking:
        said = asking.recv(64)
    wanted = _GREETINGS[parts.scheme]
    if not said.startswith(wanted):
        raise _answer.Unanswered(f"{url}: expected {wanted.decode()}, found {said[:20]!r}")


def _try_file(url: str) -> None:
    folder = os.path.dirname(os.path.dirname(_fetch_child.path(url)))
    mount = _on_demand.command(folder)
    if mount:  # goes on if this process is killed, and ends by itself; the next time it is there
        subprocess.run(mount, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if not os.path.isdir(folder):
        raise _answer.Unanswered(f"{url}: expected the folder {folder}, found none: is it mounted?")
    os.listdir(folder)


_TRIALS: t.Final = {
    "http": _try_http,
    "https": _try_http,
    "file": _try_file,
    "ssh": _try_greeting,
    "rsync": _try_greeting,
}
