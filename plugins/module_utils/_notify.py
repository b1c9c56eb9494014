# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell a person that something is wrong on this master, and that it no longer is: by any command, or by mail."""

from __future__ import annotations

import os
import socket
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _files, _say
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._portage_query import Run

#: The command is a shell's, so that the text can be its standard input: ``run`` gives none.
_COMMAND: t.Final = 'exec "$@" <"$0"'
_NAME: t.Final = "told.txt"


def tell(run: Run, state: str, settings: t.Mapping[str, t.Any], wrong: str) -> None:
    """Tell what is wrong, empty for nothing, unless the same was told last; that it can't be told is only said."""
    path = os.path.join(state, "builder", _NAME)
    if wrong == _known(path):
        return
    _files.write(path, wrong, 0o600)
    command = words(settings)
    if not command:
        return
    host = socket.gethostname()
    subject = f"larry.binhost on {host}: " + (wrong.partition("\n")[0] if wrong else "all is well again")
    draft = os.path.join(state, "builder", "message.txt")
    head = f"To: {settings['mail']}\nSubject: {subject}\n\n" if settings.get("mail") else ""
    _files.write(draft, f"{head}{wrong or subject}\n", 0o600)
    argv = command if settings.get("mail") else [*command, subject]
    status, stdout, stderr = run(["/bin/sh", "-c", _COMMAND, draft, *argv])
    if status != 0:
        _say.warn(
            f"{' '.join(command)}: expected it to tell a person, found status {status}: {(stdout + stderr)[-500:]}"
        )


def words(settings: t.Mapping[str, t.Any]) -> list[str]:
    """Return the command by which somebody is told; none if nobody is.  Raises ``BinhostError`` for both ways."""
    command, mail = list(settings.get("command") or ()), settings.get("mail")
    if command and mail:
        raise BinhostError("notify: expected a command or an address, found both")
    return ["/usr/sbin/sendmail", "-oi", "-t"] if mail else command


def _known(path: str) -> str:
    try:
        return _files.read(path)
    except OSError:
        return ""
