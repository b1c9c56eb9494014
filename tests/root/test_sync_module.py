# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""index_sync on a host of its own: what it leaves there to go on without a controller."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import _publication

from tests.root import managed
from tests.unit.plugins.conftest import Master, master, serve

__all__ = ["master", "serve"]
Serve = t.Callable[..., str]


def test_check_run_check_run_and_off_again(stage_root: Path, master: Master, serve: Serve) -> None:
    _publication.publish(master.place, master.snapshot())
    sources = [
        {"kind": "kit", "uri": "file:///media/none"},
        {"kind": "http", "uri": serve(master.state / "generations")},
    ]
    asked: dict[str, t.Any] = {
        "target": "laptops",
        "sources": sources,
        "verify": False,
        "hook": True,
        "timer": "hourly",
    }
    hook, cron = stage_root / "usr/local/bin/emerge", stage_root / "etc/cron.d/larry-binhost-sync"
    with managed.host(stage_root) as host:
        for check in (True, False):
            done = host.module("index_sync", check=check, **asked)
            assert (done["changed"], done["number"], done["kind"], done["excluded"]) == (True, 1, "http", {}), done
            named = {each["after_header"] for each in done["diff"]}
            assert {str(Path("/") / path.relative_to(stage_root)) for path in (hook, cron)} <= named
            assert (hook.exists(), cron.exists()) == (not check, not check)
        for check in (True, False):
            assert not host.module("index_sync", check=check, **asked)["changed"]
        # What cron and a person would run.
        command = cron.read_text().splitlines()[-1].split(" ", 2)[2]
        assert host.sh(command).stdout == ""
        assert host.sh("emerge --version").stdout.startswith("Portage ")
        off = {**asked, "hook": False, "timer": ""}
        assert host.module("index_sync", **off)["changed"]
        assert (hook.exists(), cron.exists(), host.module("index_sync", **off)["changed"]) == (False, False, False)
        hook.write_text("#!/bin/sh\necho mine\n")
        done = host.module("index_sync", **asked)
        assert (hook.read_text(), done["changed"]) == ("#!/bin/sh\necho mine\n", True)
        assert any("expected no file of anybody else's, found one" in words for words in done["warnings"])
