# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller keeps of the fleet between runs, beside the inventory: laptops sleep, and an absent one changes
no target.

::

    <inventory>/.binhost/
        facts/HOST.json    what host_facts said when the host was last seen
        plan.json          the last plan
        requests.json      what somebody asked for, see _requests
        report.txt         the last run's report
"""

from __future__ import annotations

import json
import os
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _files, _fingerprint
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import _requests, _schema

FOLDER: t.Final = ".binhost"
#: A person's make.conf may hold a password.
MODE: t.Final = 0o600
_ADVICE: t.Final = "Bring the file back from a copy, or remove it: then every automatic target is made anew."


def _private(inventory_dir: str) -> None:
    os.makedirs(folder(inventory_dir), mode=0o700, exist_ok=True)


def folder(inventory_dir: str) -> str:
    """Return the folder that everything is kept in."""
    return os.path.join(inventory_dir, FOLDER)


def facts(inventory_dir: str, host: str) -> dict[str, t.Any] | None:
    """Return the facts of a host that was seen before, or None."""
    return _fingerprint.recorded(_facts_file(inventory_dir, host)) or None


def keep_facts(inventory_dir: str, host: str, value: t.Mapping[str, t.Any]) -> None:
    """Keep a host's facts for the runs in which it is absent."""
    _private(inventory_dir)
    _fingerprint.record(_facts_file(inventory_dir, host), value, mode=MODE)


def _facts_file(inventory_dir: str, host: str) -> str:
    return os.path.join(folder(inventory_dir), "facts", f"{host}.json")


def plan(inventory_dir: str) -> t.Mapping[str, t.Any] | None:
    """Return the last plan, or None if there is none that this version could learn from.

    Raises ``BinhostError`` for a file that is no plan; what hosts it placed where would be lost by passing it over.
    """
    path = _plan_file(inventory_dir)
    try:
        with open(path, encoding="utf-8") as handle:
            return _schema.usable(json.load(handle), path)
    except FileNotFoundError:
        return None
    except ValueError as exc:
        raise BinhostError(f"{path}: expected JSON, found {exc}\n{_ADVICE}") from None
    except BinhostError as exc:
        raise BinhostError(f"{exc}\n{_ADVICE}") from None


def keep_plan(inventory_dir: str, plan: t.Mapping[str, t.Any]) -> None:
    """Keep the plan."""
    _private(inventory_dir)
    _fingerprint.record(_plan_file(inventory_dir), plan, mode=MODE)


def _plan_file(inventory_dir: str) -> str:
    return os.path.join(folder(inventory_dir), "plan.json")


def requests(inventory_dir: str) -> dict[str, dict[str, str]]:
    """Return what was asked for.  Raises ``BinhostError`` for a file that says something else."""
    path = _requests_file(inventory_dir)
    try:
        with open(path, encoding="utf-8") as handle:
            return _requests.checked(json.load(handle), path)
    except FileNotFoundError:
        return {}
    except ValueError as exc:
        raise BinhostError(f"{path}: expected JSON, found {exc}; bring it back from a copy, or remove it") from None


def keep_requests(inventory_dir: str, value: _requests.Requests) -> None:
    """Keep what was asked for."""
    _private(inventory_dir)
    _fingerprint.record(_requests_file(inventory_dir), value, mode=MODE)


def _requests_file(inventory_dir: str) -> str:
    return os.path.join(folder(inventory_dir), "requests.json")


def keep_report(inventory_dir: str, text: str) -> str:
    """Keep the report and return its path."""
    _private(inventory_dir)
    path = os.path.join(folder(inventory_dir), "report.txt")
    _files.write(path, text)
    return path
