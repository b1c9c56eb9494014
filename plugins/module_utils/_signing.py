# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sign packages with Portage's own signing, and files with detached signatures, on the master itself."""

from __future__ import annotations

import typing as t

from ansible_collections.larry.binhost.plugins.module_utils._keys import Key
from ansible_collections.larry.binhost.plugins.module_utils._openpgp import Run
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE


def packages(run: Run, key: Key, paths: t.Sequence[str], *, state: str = STATE) -> None:
    """Sign packages in place; those that are signed already are signed anew.

    Each file is replaced: it has another inode, size and digest afterwards.  A file must not be a second name of one
    that is in use.  Raises ``BinhostError`` at the first that can't be signed; those before it are signed.
    """
    raise NotImplementedError(run, key, paths, state)


def file(run: Run, key: Key, path: str, signature: str, *, state: str = STATE) -> None:
    """Write the armored detached signature of ``path`` to ``signature``, by one rename.  Raises ``BinhostError``."""
    raise NotImplementedError(run, key, path, signature, state)


def signers_of(run: Run, paths: t.Sequence[str], *, state: str = STATE) -> dict[str, str]:
    """Return path to the fingerprint of the primary key that signed it, whether that is still trusted or not.

    Empty for a package that isn't signed, or by none of the keys that this master ever published.
    """
    raise NotImplementedError(run, paths, state)


def signer_of(run: Run, path: str, *, state: str = STATE) -> str:
    """Return what ``signers_of`` says of one package: it needs to be signed anew if that isn't the current key."""
    return signers_of(run, [path], state=state)[path]
