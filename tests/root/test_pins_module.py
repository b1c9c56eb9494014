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
from tests.root.upstream import DAY, NOON, Upstream

#: This machine's egencache: the stage's, which sees the state where it is.
EGENCACHE: t.Final = """\
#!/bin/sh
exec unshare --mount sh -euc '
root=$1
shift
for place in /dev /proc /tmp /var/lib; do mount --rbind "$place" "$root$place"; done
exec chroot "$root" egencache "$@"
' sh {root} "$@"
"""
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


@of_its_own
def test_snapshot_moves_and_tells_what_that_would_rebuild(pristine_root: Path, tmp_path: Path) -> None:
    upstream = Upstream(tmp_path / "upstream")
    first = upstream.plant({"x/a-1": planted.FILE})
    (tmp_path / "inventory").mkdir()
    place = inventory(tmp_path / "inventory")
    hosts = json.loads((place / "hosts.yml").read_text())
    for group in hosts["all"]["children"].values():
        for own in group["hosts"].values():
            own["binhost_repositories"] = {NAME: upstream.declared}
    (place / "hosts.yml").write_text(json.dumps(hosts))
    for folder in ("/var/lib", "/usr/local/sbin"):
        sh("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)
    egencache = Path("/usr/local/sbin/egencache")
    egencache.write_text(EGENCACHE.format(root=pristine_root))
    egencache.chmod(0o755)

    status, said = play(place, "snapshot")
    never = "target laptops: it was never built: everything"
    assert status == 0, said
    assert said["What that would rebuild"]["msg"] == [f"{NAME}: nowhere -> 2026-01-31 ({first[:12]})", never]
    second = upstream.plant({"x/a-2": planted.FILE}, NOON + DAY)
    moves = (("newest", "2026-01-31", first, "2026-02-01", second), (first, "2026-02-01", second, "2026-01-31", first))
    for to, was, old, day, new in moves:
        status, said = play(place, "snapshot", "-e", f"binhost_to={to}")
        words = f"{NAME}: {was} ({old[:12]}) -> {day} ({new[:12]})"
        assert (status, said["What that would rebuild"]["msg"][0]) == (0, words)
    made = (Path(STATE) / "pins" / NAME).resolve()
    assert (made / "metadata/md5-cache/x/a-1").exists()
    tags = sh("git", "--git-dir", f"{STATE}/git/{NAME}.git", "tag", "--list").split()
    assert tags == ["snapshot-20260131", "snapshot-20260201"]
    status, said = play(place, "snapshot", "-e", f"binhost_to={first}")
    assert said["What that would rebuild"]["msg"][0] == "nothing moves"
