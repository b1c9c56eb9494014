# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of the playbook last asked of a master, target by target, so that it can be done again without one.

::

    STATE/builder.json      of all: which targets, when, whom to tell
    STATE/builder/pins.json how the ebuild repositories are pinned, if they are
    STATE/builder/T/        what each module was asked for T: stage, config, build and publish, a JSON file each

The modules write it themselves: what a timer does later is what they were told, not what a second place thinks of it.
The mtime of ``builder.json`` is when a run last asked.
"""

from __future__ import annotations

import json
import os
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _files, _paths
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

NAME: t.Final = "builder"
What = t.Literal["stage", "config", "build", "publish"]
#: In the order in which it is done.
PARTS: t.Final[tuple[What, ...]] = ("stage", "config", "build", "publish")
_MODE: t.Final = 0o600  # slaves' configurations may have passwords


def target_of(root: str, state: str) -> str:
    """Return the target whose build root this is; empty if it is none's."""
    folder, name = os.path.split(os.path.normpath(root))
    ours = folder == os.path.join(state, "roots") and _paths.TARGET_NAME.match(name)
    return name if ours else ""


def remember(state: str, target: str, part: What, asked: t.Mapping[str, t.Any]) -> None:
    """Keep what was asked.  Raises ``BinhostError``."""
    _keep(os.path.join(state, NAME, target, f"{part}.json"), asked)


def recalled(state: str, target: str) -> dict[str, dict[str, t.Any]]:
    """Return what was asked for a target, by part.  Raises ``BinhostError`` if any part was not."""
    return {part: _read(os.path.join(state, NAME, target, f"{part}.json")) for part in PARTS}


def remember_pins(state: str, asked: t.Mapping[str, t.Any]) -> None:
    """Keep the parameters of a job of the kind ``pin``.  Raises ``BinhostError``."""
    _keep(os.path.join(state, NAME, "pins.json"), asked)


def pins(state: str) -> dict[str, t.Any]:
    """Return what ``remember_pins`` kept, empty if nothing.  Raises ``BinhostError``."""
    path = os.path.join(state, NAME, "pins.json")
    return _read(path) if os.path.exists(path) else {}


def settle(state: str, settings: t.Mapping[str, t.Any]) -> bool:
    """Keep what holds for all targets; return whether it is another one than before."""
    changed = _keep(settings_path(state), settings)
    os.utime(settings_path(state))
    return changed


def settings(state: str) -> dict[str, t.Any]:
    """Return what holds for all targets.  Raises ``BinhostError`` if no run has said so yet."""
    return _read(settings_path(state))


def settings_path(state: str) -> str:
    """Return the file of what holds for all targets; its time is that of the last run."""
    return os.path.join(state, f"{NAME}.json")


def differs(state: str, settings: t.Mapping[str, t.Any]) -> bool:
    """Return whether ``settle`` would change anything."""
    return _text(settings) != _found(settings_path(state))


def paths(state: str, target: str) -> list[str]:
    """Return all files that say what is to be done for a target."""
    return [settings_path(state), *(os.path.join(state, NAME, target, f"{part}.json") for part in PARTS)]


def _keep(path: str, value: t.Mapping[str, t.Any]) -> bool:
    text = _text(value)
    if text != _found(path):
        _files.write(path, text, _MODE)
        return True
    return False


def _text(value: t.Mapping[str, t.Any]) -> str:
    return json.dumps(value, indent=1, sort_keys=True) + "\n"


def _found(path: str) -> str:
    try:
        return _files.read(path)
    except OSError:
        return ""


def _read(path: str) -> dict[str, t.Any]:
    try:
        value = json.loads(_files.read(path))
    except (OSError, ValueError) as exc:
        raise BinhostError(
            f"{path}: expected what site.yml last asked of this master, found {exc}; run site.yml once"
        ) from None
    if not isinstance(value, dict):
        raise BinhostError(f"{path}: expected what site.yml last asked of this master, found {value!r}; run it once")
    return value
