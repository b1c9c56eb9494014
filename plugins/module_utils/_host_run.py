# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a program as ``AnsibleModule.run_command`` does, where there is no module."""

from __future__ import annotations

import os
import subprocess
import typing as t


def run(args: t.Any, /, environ_update: t.Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Return exit status, stdout and stderr; a program that isn't there ends with 127."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", **(environ_update or {})}
    text: t.Any = {"encoding": "utf-8", "errors": "surrogateescape"}
    try:
        done = subprocess.run(args, capture_output=True, check=False, stdin=subprocess.DEVNULL, env=environment, **text)
    except OSError as exc:
        return 127, "", str(exc)
    return done.returncode, done.stdout, done.stderr
