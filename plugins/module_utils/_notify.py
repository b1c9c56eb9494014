# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell a person that something is wrong on this master, and that it no longer is: by any command, or by mail."""

from __future__ import annotations

import email.message
import email.policy
import os
import socket
import tempfile
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _files, _say
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._portage_query import Run

#: The command is a shell's, so that the text can be its standard input: ``run`` gives none.
_COMMAND: t.Final = 'exec "$@" <"$0"'
SENDMAIL: t.Final = "/usr/sbin/sendmail"
_NAME: t.Final = "told.txt"
#: In memory.
_PLACE: t.Final = "/run"


def tell(run: Run, state: str, settings: t.Mapping[str, t.Any], wrong: str) -> None:
    """Tell what is wrong, empty for nothing, unless the same was told last; that it can't be told is only said."""
    path = os.path.join(state, "builder", _NAME)
    if wrong == _known(path):
        return
    command = words(settings)
    if command and not _sent(run, command, settings, wrong):
        return  # the next round tries again
    try:
        _files.write(path, wrong, 0o600)
    except BinhostError as exc:
        _say.warn(f"it will be told again: {exc}")


def _sent(run: Run, command: t.Sequence[str], settings: t.Mapping[str, t.Any], wrong: str) -> bool:
    """Return whether the command took it; the text is not in the state folder, whose disk may be what is full."""
    host = socket.gethostname()
    subject = f"larry.binhost on {host}: " + (wrong.partition("\n")[0] if wrong else "all is well again")
    body = f"{wrong or subject}\n"
    address = settings.get("mail")
    argv = list(command) if address else [*command, subject]
    content = _mail(address, subject, body) if address else body.encode(errors="surrogateescape")
    try:
        with tempfile.NamedTemporaryFile(dir=_PLACE, prefix="larry-binhost-") as text:
            text.write(content)
            text.flush()
            status, stdout, stderr = run(["/bin/sh", "-c", _COMMAND, text.name, *argv])
    except OSError as exc:
        status, stdout, stderr = 1, "", str(exc)
    if status != 0:
        _say.warn(
            f"{' '.join(command)}: expected it to tell a person, found status {status}: {(stdout + stderr)[-500:]}"
        )
    return status == 0


def _mail(address: str, subject: str, body: str) -> bytes:
    """Return a message as sendmail takes it (RFC 5322); what is no text in it is marked."""
    message = email.message.EmailMessage(email.policy.default)
    message["To"] = address
    message["Subject"] = _plain(subject)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody answers it for his holidays
    message.set_content(_plain(body))
    return message.as_bytes()


def _plain(text: str) -> str:
    return text.encode(errors="surrogateescape").decode(errors="replace")


def words(settings: t.Mapping[str, t.Any]) -> list[str]:
    """Return the command by which somebody is told; none if nobody is.  Raises ``BinhostError`` for both ways."""
    command, mail = list(settings.get("command") or ()), settings.get("mail")
    if command and mail:
        raise BinhostError("notify: expected a command or an address, found both")
    return [SENDMAIL, "-oi", "-t"] if mail else command


def _known(path: str) -> str:
    try:
        return _files.read(path)
    except OSError:
        return ""
