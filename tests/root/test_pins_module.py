# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module pins on a host, and snapshot.yml on this machine as the master."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

from tests.root import managed, planted
from tests.root.namespace import of_its_own, sh
from tests.root.test_generation_playbooks import inventory, play
from tests.root.upstream import Upstream

NAME: t.Final = planted.NAME
DECLARED: t.Final = {NAME: {"type": "local", "uri": f"/{managed.REPOSITORY}"}}


def test_check_run_check_run(stage_root: Path) -> None:
    with managed.host(stage_root) as host:
        host.ebuild("x/a-1", planted.FILE)
        for check, moves in ((True, True), (False, True), (True, False), (False, False)):
            result = host.module("pins", repositories=DECLARED, check=check)
            assert "msg" not in result, result
            assert (result["changed"], list(result["moved"])) == (moves, [NAME] if moves else [])
        snapshot = (stage_root / STATE[1:] / "pins" / NAME).resolve()
        assert (snapshot / "metadata/md5-cache/x/a-1").exists()
        ended = host.job("pins").ended
        host.ebuild("x/b-1", planted.FILE)
        told = host.module("pins", repositories=DECLARED)
        assert (told["changed"], told["text"]) == (False, ["nothing moves"])
        told = host.module("pins", repositories=DECLARED, to="newest", check=True)
        assert (told["changed"], list(told["moved"]), host.job("pins").ended) == (True, [NAME], ended)
        targets = {"laptops": {"repositories": {NAME: f"{STATE}/pins/{NAME}"}, "build_on_slave": [], "more": 1}}
        told = host.module("pins", repositories=DECLARED, to="newest", targets=targets)
        assert (told["changed"], list(told["moved"])) == (True, [NAME])
        assert told["text"][-1] == "target laptops: it was never built: everything"
        assert ((stage_root / STATE[1:] / "pins" / NAME).resolve() / "metadata/md5-cache/x/b-1").exists()
        wrong = host.module("pins", repositories={NAME: {"type": "cvs"}})
        assert wrong["msg"] == f"repository {NAME}: type: expected git, webrsync, local, found 'cvs'"


@of_its_own
def test_snapshot_tells_what_it_would_move_to(tmp_path: Path) -> None:
    upstream = Upstream(tmp_path / "upstream")
    commit = upstream.plant({"x/a-1": planted.FILE})
    (tmp_path / "inventory").mkdir()  # all that is in its folder is read
    place = inventory(tmp_path / "inventory")
    sh("mount", "-t", "tmpfs", "tmpfs", "/var/lib")
    status, said = play(place, "snapshot", "--check")
    assert (status, said["What that would rebuild"]["msg"]) == (0, ["binhost_repositories: no repository is pinned"])
    hosts = json.loads((place / "hosts.yml").read_text())
    for group in hosts["all"]["children"].values():
        for own in group["hosts"].values():
            own["binhost_repositories"] = {NAME: upstream.declared}
    (place / "hosts.yml").write_text(json.dumps(hosts))
    status, said = play(place, "snapshot", "--check")
    assert said["What that would rebuild"]["msg"] == [f"{NAME}: nowhere -> {commit}"]
    status, said = play(place, "snapshot", "--check", "-e", "binhost_repository=other")
    assert said["The pins are moved"]["msg"] == f"expected some of {NAME}, found other"
    # As a day it is none of YAML's.
    status, said = play(place, "snapshot", "--check", "-e", "binhost_to=20260131")
    assert said["What that would rebuild"]["msg"] == [f"{NAME}: nowhere -> 20260131"]
