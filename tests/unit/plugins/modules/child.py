# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs a module in a process that was forked off one that has imported Ansible: a start of Python takes longer."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import tempfile
import typing as t
from pathlib import Path

from ansible.module_utils.testing import patch_module_args

_SERVED: t.Final = multiprocessing.get_context("forkserver")
_SERVED.set_forkserver_preload(["__main__", __name__, "ansible.module_utils.basic"])
_NEW: t.Final = multiprocessing.get_context("spawn")
_IMPORTER: t.Final = os.getpid()


def run(name: str, options: t.Mapping[str, t.Any], folder: Path, environment: t.Mapping[str, str]) -> tuple[str, str]:
    """Return what a module of ours writes to its standard output and error, run in a folder."""
    with tempfile.TemporaryDirectory() as scratch:
        streams = [Path(scratch, each) for each in ("out", "err")]
        # The server is this process's child: a test that forked has none, and has mounts that the server doesn't see.
        context = _SERVED if os.getpid() == _IMPORTER else _NEW
        process = context.Process(target=_inside, args=(name, options, folder, environment, _umask(), streams))
        process.start()
        process.join()
        process.close()
        return streams[0].read_text(), streams[1].read_text()


def _umask() -> int:
    """Return this process's; os.umask would change it for its other threads meanwhile."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("\nUmask:")[2].split(maxsplit=1)[0], 8)


def _inside(
    name: str,
    options: t.Mapping[str, t.Any],
    folder: Path,
    environment: t.Mapping[str, str],
    umask: int,
    streams: t.Sequence[Path],
) -> None:
    os.umask(umask)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, path in enumerate(streams, 1):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, number)
        os.close(file)
    with patch_module_args(options):
        importlib.import_module(f"ansible_collections.larry.binhost.plugins.modules.{name}").main()
