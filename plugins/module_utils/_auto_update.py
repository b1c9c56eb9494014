# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine that installs by itself what its master has published, as the last run of the playbook asked of it.

Each hour a timer asks; the answer is no outside of the part of the day that was said, and without AC power. Which that
is, /sys/class/power_supply tells: a supply that is no battery and on line, or no battery at all (Linux,
Documentation/ABI/testing/sysfs-class-power).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _files, _host_run, _say, _schedule
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

NAME: t.Final = "update.json"
POWER: t.Final = "/sys/class/power_supply"
VARIABLE: t.Final = "slave_auto_update"
_OFTEN: t.Final = "1h"
_MODE: t.Final = 0o600  # what is configured may have passwords
#: Of a run of the playbook, what is another thing without one.
_WITHOUT_A_RUN: t.Final[t.Mapping[str, t.Any]] = {
    "settled": True,
    "online": True,
    "state": "present",
    "begun": None,
    "wait": True,
    "configuration": None,
}


def add_options(command: argparse.ArgumentParser) -> None:
    """Add what the command line may say."""
    command.add_argument("--now", action="store_true", help="whatever the time of the day and the power")
    command.set_defaults(act=act)


def converge(run: t.Any, params: t.Mapping[str, t.Any], *, check: bool) -> list[dict[str, str]]:
    """Keep what is asked of emerge and have the timer, or neither; return differences as Ansible shows them.

    Raises ``BinhostError``.
    """
    from ansible_collections.larry.binhost.plugins.module_utils import _builder_files

    state, wanted = params["state_dir"], params["auto_update"]
    path = os.path.join(state, NAME)
    if wanted:
        _schedule.window(wanted, VARIABLE)
    timer = _builder_files.Timer(
        "larry-binhost-update",
        "What the master has published is installed",
        "update",
        _OFTEN if wanted else "",
        VARIABLE,
    )
    diff = _builder_files.converge(run, timer, check=check, state=state)
    if not check and wanted:
        kept = {name: value for name, value in params.items() if not name.startswith("_")}
        _files.write(path, json.dumps({**kept, **_WITHOUT_A_RUN}, indent=1, sort_keys=True) + "\n", _MODE)
    elif not check and os.path.exists(path):
        _files.remove(path)
    return diff


def act(options: argparse.Namespace) -> int:
    """Bring the newest generation here and install it, if it is time."""
    params = _kept(options.state)
    why = "" if options.now else hindrance(params["auto_update"], time.time())
    if why:
        _say.tell(f"nothing is installed: {why}")
        return 0
    sync = [sys.executable, os.path.realpath(sys.argv[0]), "--state", options.state, "binhost-sync", "--quiet"]
    if subprocess.run(sync, check=False, stdin=subprocess.DEVNULL).returncode != 0:
        _say.warn("binhost-sync: expected the newest packages, found that they could not be had")
        return 1
    done = install(params)
    told = ", ".join(f"{len(done[name])} {words}" for name, words in _TOLD.items())
    _say.tell("\n".join([told, *done.get("words", [])]))
    return 0


_TOLD: t.Final = {"binary": "installed from binaries", "source": "compiled", "failed": "failed"}


def install(params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what emerge did, as the module of that name tells it.  Raises ``BinhostError``."""
    from ansible_collections.larry.binhost.plugins.module_utils import (
        _emerge_asked,
        _emerge_begin,
        _emerge_collect,
        _jobs,
    )

    with tempfile.TemporaryDirectory(prefix="larry-binhost-") as folder:
        host = _emerge_asked.Host(_host_run.run, False, folder)
        begun = _emerge_begin.begin(host, params)
        while begun["job"]:
            _jobs.finish(begun["job"], state=params["state_dir"])
            begun = _emerge_collect.collect(host, params, begun)
        return _emerge_collect.finished(begun)


def hindrance(window: str, now: float, power: str = POWER) -> str:
    """Return why nothing is to be installed at a time (seconds since the epoch); empty if it may be."""
    if not _schedule.window(window, VARIABLE).holds(now):
        return f"it is not between {window.replace('-', ' and ')}"
    return "" if on_line(power) else "there is no AC power"


def on_line(power: str = POWER) -> bool:
    """Return whether the machine has AC power; one that tells of no battery has."""
    names = sorted(os.listdir(power)) if os.path.isdir(power) else []
    supplies = [os.path.join(power, name) for name in names]
    kinds = {each: _word(each, "type") for each in supplies}
    # A mouse has a battery too, of scope Device.
    batteries = [each for each in supplies if kinds[each] == "Battery" and _word(each, "scope") != "Device"]
    if not batteries:
        return True
    mains = [each for each in supplies if kinds[each] not in ("Battery", "")]
    if mains:
        return any(_word(each, "online") not in ("", "0") for each in mains)
    return not any(_word(each, "status") == "Discharging" for each in batteries)


def _word(folder: str, name: str) -> str:
    try:
        return _files.read(os.path.join(folder, name)).strip()
    except OSError:
        return ""


def _kept(state: str) -> dict[str, t.Any]:
    path = os.path.join(state, NAME)
    try:
        value = json.loads(_files.read(path))
    except (OSError, ValueError) as exc:
        raise BinhostError(
            f"{path}: expected what site.yml asked of this machine with {VARIABLE}, found {exc}; run it once"
        ) from None
    return t.cast("dict[str, t.Any]", value)
