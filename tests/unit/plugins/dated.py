# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mirror with dated snapshots of an ebuild repository: http, tar and gpg are real."""

from __future__ import annotations

import contextlib
import functools
import http.server
import subprocess
import threading
import typing as t
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import _pins

from tests.unit.plugins import stages


class Mirror:
    """A mirror, and who signs what it has."""

    def __init__(self, folder: Path, signer: stages.Signer, uri: str, name: str) -> None:
        self.folder = folder / "snapshots"
        self.signer = signer
        self.uri = uri
        self.name = name
        self.folder.mkdir()

    def tree(self, day: str) -> Path:
        """Return what a day's snapshot is made of."""
        return self.folder.parent / f"tree-{day}" / self.name

    def add(self, day: str, moment: int | None = None, signer: stages.Signer | None = None) -> Path:
        """Put a day's snapshot there, with the timestamp that it has."""
        stamp = _pins.since(day) + _pins.DAY + 2700 if moment is None else moment
        tree = self.tree(day)
        (tree / "metadata").mkdir(parents=True, exist_ok=True)
        (tree / "metadata/timestamp.x").write_text(f"{stamp} Sun 01 Feb 2026 00:45:00 AM UTC\n")
        (tree / "metadata/timestamp.commit").write_text("0123456789abcdef 1769906700 2026-02-01T00:45:00Z\n")
        path = self.folder / f"{self.name}-{day}.tar.xz"
        subprocess.run(["tar", "-C", tree.parent, "-cJf", path, self.name], check=True)
        who = signer or self.signer
        who.gpg("--yes", "--output", f"{path}.gpgsig", "--detach-sign", path)
        return path


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: t.Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def mirror(folder: Path, signer: stages.Signer, name: str) -> Iterator[Mirror]:
    """Yield a mirror that has nothing yet."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Mirror(folder, signer, f"http://127.0.0.1:{server.server_port}/", name)
        finally:
            server.shutdown()
            thread.join()
