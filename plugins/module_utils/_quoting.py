# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How any text has to stand between the double quotes of make.conf, so that Portage reads it back.

Source: Portage 3.0.83 lib/portage/util/__init__.py, ``getconfig`` and ``varexpand``.
"""

from __future__ import annotations

import re

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

# What a file can't give back: a newline becomes a space, a lone CR a newline, NUL ends an environment variable.
_UNHOLDABLE = {"\n": "a line break", "\r": "a carriage return", "\0": "a NUL character"}


def quoted(value: str, name: str) -> str:
    """Return ``value`` as it must stand between double quotes."""
    for character, meaning in _UNHOLDABLE.items():
        if character in value:
            raise BinhostError(f"make.conf, {name}: expected one line, found {meaning} in {value!r}")
    encodable(value, f"make.conf, {name}")
    # shlex reads the quotes first: within them a backslash stays unless a backslash, a quote or the end follows.
    return re.sub(r'\\(?=[\\"]|\Z)', r"\\\\", _unexpanded(value)).replace('"', r"\"")


def _unexpanded(value: str) -> str:
    r"""Return the text that Portage's ``varexpand`` turns into ``value`` (portage lib/portage/util/__init__.py).

    It expands nothing after an odd ``'`` that is not itself between ``"``, and takes a quote after ``\\`` as a plain
    character that opens nothing.
    """
    result, single, double, escaped = [], False, False, False
    for character in value:
        if character in "'\"" and not escaped:
            single ^= character == "'" and not double
            double ^= character == '"' and not single
        escape = character in "\\$" and not single
        result.append("\\" + character if escape else character)
        escaped = character == "\\" and escape
    return "".join(result)


def encodable(value: str, where: str) -> None:
    """Raise ``BinhostError`` for text that no file can hold as UTF-8."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise BinhostError(f"{where}: expected text that UTF-8 can hold, found {value!r} ({exc.reason})") from None
