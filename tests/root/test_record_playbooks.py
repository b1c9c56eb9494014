# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""status.yml, rebuild.yml and image.yml, on this machine as the master; its own state is out of sight."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import _durable, _stage
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

from tests.root.master import Master, build
from tests.root.namespace import of_its_own, sh
from tests.root.planted import FILE
from tests.root.publishing import Host
from tests.root.test_generation_playbooks import inventory, play

SOURCE: t.Final = ("-e", "master_stage_source=/nowhere/stage3.tar.xz")


@of_its_own
def test_build_again_and_export(built: Path, pristine_root: Path, tmp_path: Path) -> None:
    place = inventory(tmp_path)
    sh("mount", "-t", "tmpfs", "tmpfs", "/var/lib")
    host = Host.like(built, Path(STATE), pristine_root)
    host.publish()

    status, said = play(place, "status")
    doing, target, *_more, plan, disk, key = said["How the master stands"]["msg"]
    assert (status, doing, plan) == (0, "idle", "last plan: none")
    assert target.startswith("target laptops: generation 1 of 2")
    assert disk.startswith("disk: ") and key.startswith("key: ")

    status, said = play(place, "rebuild", *SOURCE)
    assert status == 2
    assert said["The generation is named, and one target"]["msg"].startswith("expected a generation's number and one")
    status, said = play(place, "rebuild", *SOURCE, "-e", "binhost_generation=7")
    words = said["The rebuild is begun"]["results"][0]["msg"]
    assert status == 2 and words.startswith("generation 7 of target laptops: expected a complete one to build again")
    # What the test's root began with nobody has noted.
    status, said = play(place, "rebuild", *SOURCE, "-e", "binhost_generation=1")
    words = said["What came of it"]["results"][0]["msg"][0]
    assert status == 2 and words.startswith(f"{STATE}/roots/laptops: expected a root that was unpacked from a stage")
    assert said["A rebuild that failed is a failure"]["results"][0]["msg"] == words

    (host.state / "roots").unlink()
    status, said = play(place, "image")
    words = said["The image is begun"]["results"][0]["msg"]
    assert status == 2 and words.startswith(f"{STATE}/roots/laptops: expected a build root, found none")
    (host.state / "roots/laptops/etc/portage").mkdir(parents=True)
    status, said = play(place, "image", "-e", f"binhost_folder={tmp_path}/images")
    assert status == 0, said
    (image,) = (tmp_path / "images").glob("laptops-*.tar.xz")
    assert said["Where it is"]["results"][0]["msg"] == str(image)


@of_its_own
def test_a_generation_is_built_again(stage_tarball: Path, pristine_root: Path, tmp_path: Path) -> None:
    place = inventory(tmp_path)
    sh("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/var/lib")
    master = Master(Path(STATE), pristine_root)
    master.plant({"x/lib-1": FILE, "x/app-1": 'RDEPEND="x/lib"\n' + FILE})
    record = master.root("laptops") / _stage.RECORD
    record.parent.mkdir(parents=True)
    sha512 = _durable.digests(str(stage_tarball), "sha512")["sha512"]
    record.write_text(json.dumps({"file": stage_tarball.name, "sha512": sha512, "time": "2026-01-31T12:00:00Z"}))
    build(master.target({"amd": ["x/app"]}, proof="x/plain"))
    Host(Path(STATE), pristine_root).publish(sign=False)

    stage = ("-e", f"master_stage_source={stage_tarball}")
    status, said = play(place, "rebuild", *stage, "-e", "binhost_generation=1")
    assert status == 0, said
    (words,) = said["What came of it"]["results"][0]["msg"]
    assert words.endswith(": 3 packages have the same files, 0 differ, 0 were not built again")
    assert not any((Path(STATE) / "rebuilds/laptops").iterdir())
