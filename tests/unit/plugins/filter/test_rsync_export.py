# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.larry.binhost.plugins.filter import rsync_export
from ansible_collections.larry.binhost.plugins.module_utils import _files

export = rsync_export.FilterModule().filters()["rsync_export"]
SHARED = {"make.conf/01-target.conf": "A=1\n", "env/01-debug": "B=1\n"}
TARGET = {
    "master": "desktop",
    "members": ["laptop", "asleep"],
    "files": {**SHARED, "make.conf/01-build.conf": "C=1\n"},
    "links": {"make.profile": "../../x"},
}
PLAN: dict[str, t.Any] = {
    "targets": {"common": TARGET, "other": {**TARGET, "master": "tower"}, "empty": {**TARGET, "members": []}},
    "hosts": {"laptop": {"files": {**SHARED, "make.conf/02-host.conf": "D=1\n"}}},
}


def test_what_slaves_have_of_a_target_is_offered() -> None:
    found = export(PLAN, "desktop")
    top = "/var/lib/larry-binhost/config"
    common = {path: one["content"] for path, one in found.items() if path.startswith(f"{top}/common/")}
    manifest = json.loads(common.pop(f"{top}/common/manifest.json"))
    assert common == {f"{top}/common/files/{path}": text for path, text in SHARED.items()}
    assert manifest == {
        "version": 1,
        "target": "common",
        "files": {path: _files.digest(text) for path, text in SHARED.items()},
        "links": {"make.profile": "../../x"},
    }
    assert f"{top}/empty/files/make.conf/01-build.conf" in found
    assert not [path for path in found if "/other/" in path]


def test_no_plan() -> None:
    with pytest.raises(AnsibleFilterError, match="rsync_export: expected a plan, found something without 'targets'"):
        export({}, "desktop")
