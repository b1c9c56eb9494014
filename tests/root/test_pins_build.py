# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is built and published of pinned repositories."""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import (
    _closure,
    _generation,
    _packages,
    _pins,
    _publication,
    _rebuilds,
)
from ansible_collections.larry.binhost.plugins.module_utils._place import Place
from ansible_collections.larry.binhost.plugins.module_utils._target import Target

from tests.root import planted
from tests.root.master import PKG, Master, build, run
from tests.root.planted import FILE
from tests.root.repeat import repeats
from tests.root.upstream import DAY, NOON, Pinner, Upstream

FIRST, SECOND = NOON, NOON + DAY
WORLD: t.Final = {"laptop": [f"{PKG}/app"]}


def installed(target: Target) -> list[str]:
    """Return what is installed in the build root."""
    folder = Path(target.root) / "var/db/pkg" / PKG
    return sorted(os.listdir(folder))


def fresh(target: Target, snapshots: dict[str, str]) -> list[tuple[str, bool]]:
    """Return what a slave without anything would install of the packages, and whether each is a binary."""
    asking = _closure.Asking(run, Place(target.name, target.state_dir), snapshots, target.distdir)
    return sorted((each.cpv, each.binary) for each in _closure.merges(asking, target.pkgdir))


def test_back_and_forth_gives_the_same_packages(tmp_path: Path, master: Master) -> None:
    upstream = Upstream(tmp_path / "upstream")
    upstream.plant({f"{PKG}/lib-1": FILE, f"{PKG}/app-1": f'RDEPEND="{PKG}/lib"\n{FILE}'}, FIRST)
    old = upstream.git("rev-parse", "HEAD")
    upstream.plant({f"{PKG}/app-2": f'RDEPEND="{PKG}/lib"\n{FILE}'}, SECOND)
    new = upstream.git("rev-parse", "HEAD")
    pinner, declared = Pinner(master.folder, master.root("system")), {planted.NAME: upstream.declared}
    target = master.target(WORLD, repositories={planted.NAME: _pins.link(planted.NAME, str(master.folder))})
    place, asked = Place(target.name, target.state_dir), _rebuilds.Target(target.repositories, target.distdir)
    seen: list[t.Any] = []
    moves = (("20260131", old, 1), ("newest", new, 2), ("2026-01-31", old, 1), ("newest", new, 2))
    for to, commit, version in moves[: repeats(3, 4)]:
        result = pinner.pin(declared, to=to)
        assert result.pins[planted.NAME]["revision"] == commit
        ahead = _rebuilds.foreseen(run, target.name, asked, target.state_dir)
        done = build(target)
        assert (not done.problems, done.snapshots) == (True, {planted.NAME: result.pins[planted.NAME]["snapshot"]})
        # What was foreseen is what was built; before the first build there is nobody to ask.
        assert ahead.why == "it was never built: everything" if not seen else ahead.packages == sorted(done.built)
        published = _publication.publish(place, done.snapshots)
        header = _packages.parse((Path(place.generation("current")) / "Packages").read_text()).header.values()
        assert json.loads(header["REPO_REVISIONS"]) == {planted.NAME: commit}
        assert _generation.verify(place.generation(published.number), None) == []
        assert (Path(place.generation("current")) / f"repos/{planted.NAME}/{PKG}/app/app-2.ebuild").exists() == (
            version == 2
        )
        seen.append((installed(target), fresh(target, done.snapshots)))
    assert seen[0][0] == ["app-1", "lib-1"]
    assert seen[1][0] == ["app-2", "lib-1"]
    assert seen[0] == seen[2]
    assert seen[3:] in ([], seen[1:2])
    assert all(binary for _installed, merges in seen for _cpv, binary in merges)
