# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import (
    _files,
    _kit,
    _kit_install,
    _orders,
    _servers,
    _services,
    _sync_hook,
    _transport,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place


def run(_args: t.Sequence[str]) -> tuple[int, str, str]:
    return 0, "", ""


def test_what_is_kept_is_asked_for_again(tmp_path: Path) -> None:
    state = str(tmp_path)
    trust = _servers.Trust(run, str(tmp_path / "trusted.asc"))
    ways = (_transport.Source("http://x", "http"), _transport.Source("file:///media/stick", "kit"))
    request = _servers.Request(Place("laptops", state), ways, 3.5, pinned=4, trust=trust, allow_older=True)
    _orders.keep(request)
    found = _orders.load(run, state)
    assert replace(found, machine=None) == replace(request, allow_older=False)
    assert found.machine is not None
    _orders.keep(replace(request, trust=None, pinned=None))
    assert (_orders.load(run, state).trust, _orders.load(run, state).pinned) == (None, None)


def test_a_stick_is_asked_for_what_the_machine_is_pinned_to(tmp_path: Path) -> None:
    state, kit = str(tmp_path), _kit.Kit("amd", "laptops", 1, "now", {})
    asked = _kit_install.request(run, "/media/kit", kit, state=state)
    assert (asked.pinned, [source.uri for source in asked.sources]) == (None, ["file:///media/kit/packages"])
    # Else what this machine can't run would come from there.
    assert asked.machine is not None
    for target, pinned in (("laptops", 4), ("servers", None)):
        _orders.keep(_servers.Request(Place(target, state), asked.sources, pinned=4))
        assert _kit_install.request(run, "/media/kit", kit, state=state).pinned == pinned


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2}', '{"version": 1, "target": "x"}'])
def test_what_is_no_order(tmp_path: Path, text: str) -> None:
    (tmp_path / _orders.NAME).write_text(text)
    with pytest.raises(BinhostError, match="sync.json: expected .* run site.yml"):
        _orders.load(run, str(tmp_path))


def test_who_runs_it() -> None:
    files = _sync_hook.files
    assert files(_sync_hook.Wanted(hook=False, timer=""), "systemd") == {}
    assert sorted(files(_sync_hook.Wanted(hook=True, timer="daily"), "systemd")) == [
        "/etc/systemd/system/larry-binhost-sync.service",
        "/etc/systemd/system/larry-binhost-sync.timer",
        "/usr/local/bin/emerge",
    ]
    cron = files(_sync_hook.Wanted(hook=False, timer="hourly"), "openrc")
    assert list(cron) == ["/etc/cron.d/larry-binhost-sync"]
    text = cron["/etc/cron.d/larry-binhost-sync"]["content"]
    assert text.endswith("@hourly root /var/lib/larry-binhost/larry-binhost.pyz binhost-sync --quiet\n")
    with pytest.raises(BinhostError, match="^timer: expected one of hourly, daily, weekly, or nothing, found 'often'$"):
        files(_sync_hook.Wanted(hook=False, timer="often"), "systemd")


def test_the_timer_is_what_is_started() -> None:
    wanted = _sync_hook.Wanted(hook=True, timer="daily")
    assert [service.name for service in _sync_hook.wish(wanted, _services.SYSTEMD).services] == [
        "larry-binhost-sync.timer"
    ]
    assert _sync_hook.wish(wanted, _services.OPENRC).services == []
    assert _sync_hook.wish(wanted, None).owner == "larry-binhost-sync"


def test_somebody_elses_file_stays(tmp_path: Path) -> None:
    state, path = str(tmp_path), str(tmp_path / "emerge")
    assert _sync_hook.foreign(path, state) == ""
    (tmp_path / "emerge").write_text("mine")
    assert _sync_hook.foreign(path, state).startswith(f"{path}: expected no file of anybody else's, found one")
    _files.save_record(str(tmp_path / "services.json"), {_sync_hook.OWNER: {path: "0"}})
    assert _sync_hook.foreign(path, state) == ""
