# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop half way through a download and go on."""

from __future__ import annotations

import http.server
import re
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _download
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

DATA = bytes(range(256)) * 40


class Breaking(http.server.BaseHTTPRequestHandler):
    """Promises all, sends a part and hangs up, once; then continues from where it is asked to."""

    asked: t.ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        """Answer."""
        wanted = self.headers.get("Range")
        first = not self.asked
        self.asked.append(wanted)
        start = int((wanted or "bytes=0-")[6:-1])
        if start == len(DATA):
            self.send_error(416)
            return
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(DATA) - start))
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{len(DATA) - 1}/{len(DATA)}")
        self.end_headers()
        self.wfile.write(DATA[:5000] if first else DATA[start:])

    def log_message(self, *_args: t.Any) -> None:
        """Say nothing."""


def test_resumed(tmp_path: Path, serve: t.Callable[..., str]) -> None:
    Breaking.asked.clear()
    url, path = serve(handler=Breaking) + "/x", tmp_path / "x"
    told = f"{url}: expected {len(DATA)} bytes, found 5000 when the connection ended; run again to go on"
    with pytest.raises(BinhostError, match=f"^{re.escape(told)}$"):
        _download.fetch(url, str(path))
    _download.fetch(url, str(path))
    assert path.read_bytes() == DATA
    _download.fetch(url, str(path))
    assert path.read_bytes() == DATA
    assert Breaking.asked == [None, "bytes=5000-", f"bytes={len(DATA)}-"]


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(BinhostError, match="^http://127.0.0.1:1/x: expected to fetch it, found: .*Connection refused$"):
        _download.fetch("http://127.0.0.1:1/x", str(tmp_path / "x"))
