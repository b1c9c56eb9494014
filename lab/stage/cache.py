# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cache folder: finished things under a name each, made beside it and renamed.

::

    larry-binhost/
      .lock                  one builder at a time
      .work/                 what is being made; removed by the next builder if one was killed
      distfiles/             upstream tarballs
      base-<digest>/         Debian root, Portage image ...
      portage-<version>-<digest>/
      stage-<digest>/        stage3-lab.tar.zst and its signature
      logs/                  stage-<digest>.log
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path


class StageError(Exception):
    """The stage can't be built; the message says what failed and where its log is."""


def folder() -> Path:
    """Return the cache folder, which may not exist yet (XDG Base Directory Specification)."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "larry-binhost"


class Cache:
    """A locked cache folder and the log of one build."""

    def __init__(self, root: Path, log: t.IO[bytes]) -> None:
        self.root = root
        self.log = log

    def run(self, *argv: str | Path, cwd: Path | None = None, env: t.Mapping[str, str] | None = None) -> None:
        """Run a program to its end, its output in the log.  Raises ``StageError`` with the log's end if it fails."""
        self.note("+ " + " ".join(str(word) for word in argv))
        start = self.log.tell()
        result = subprocess.run(
            argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT, check=False
        )
        if result.returncode:
            raise StageError(f"{argv[0]} ended with status {result.returncode}\n{self._tail(start)}")

    def output(self, *argv: str | Path, cwd: Path | None = None) -> str:
        """Return what a program writes to stdout.  Raises ``StageError`` if it fails."""
        self.note("+ " + " ".join(str(word) for word in argv))
        result = subprocess.run(argv, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        self.note(result.stdout + result.stderr)
        if result.returncode:
            raise StageError(f"{argv[0]} ended with status {result.returncode}\n{result.stderr.strip()}")
        return result.stdout

    def note(self, text: str) -> None:
        """Write a line into the log."""
        self.log.seek(0, os.SEEK_END)
        self.log.write(text.encode() + b"\n")
        self.log.flush()

    @contextlib.contextmanager
    def step(self, name: str) -> t.Iterator[None]:
        """Say what is being done and, at its end, how many seconds it took."""
        self.note(f"== {name}")
        start = time.monotonic()
        try:
            yield
        except StageError as exc:
            raise StageError(f"{name}: {exc}") from None
        print(f"stage: {name}: {time.monotonic() - start:.1f} s", file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def work(self) -> t.Iterator[Path]:
        """Yield an empty folder on the cache's file system that is gone afterwards."""
        (self.root / ".work").mkdir(exist_ok=True)
        path = Path(tempfile.mkdtemp(dir=self.root / ".work"))
        path.chmod(0o755)
        try:
            yield path
        finally:
            shutil.rmtree(path)

    def made(self, name: str, make: t.Callable[[Path], None]) -> Path:
        """Return the folder ``name``; ``make`` fills it, once, under another name."""
        path = self.root / name
        if not path.is_dir():
            with self.work() as work:
                (work / "new").mkdir()
                make(work / "new")
                (work / "new").rename(path)
        return path

    def _tail(self, start: int) -> str:
        self.log.flush()
        with open(self.log.name, "rb") as log:
            log.seek(start)
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-25:]) + f"\nlog: {self.log.name}"


@contextlib.contextmanager
def locked(root: Path, log_name: str) -> t.Iterator[Cache]:
    """Yield the cache, for this process alone; what a killed builder left is removed."""
    (root / "logs").mkdir(parents=True, exist_ok=True)
    with open(root / ".lock", "w", encoding="ascii") as lock, open(root / "logs" / log_name, "w+b") as log:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(root / ".work", ignore_errors=True)
        yield Cache(root, log)
