# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kit.yml, on this machine as the master; its own state is out of sight."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import _kit
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

from tests.root.namespace import of_its_own, sh
from tests.root.publishing import APP, LIB, PLAIN, Host, build_again
from tests.root.test_generation_playbooks import inventory, play

WRITTEN = "What the slave needs is on the stick"


@of_its_own
def test_a_stick_is_written_once_and_completed(built: Path, pristine_root: Path, tmp_path: Path) -> None:
    place, stick = inventory(tmp_path), tmp_path / "stick"
    sh("mount", "-t", "tmpfs", "tmpfs", "/var/lib")
    host = Host.like(built, Path(STATE), pristine_root)
    host.publish()
    words = ("--limit", "amd", "-e", f"binhost_dest={stick}")

    status, said = play(place, "kit", "--limit", "amd", of="amd")
    assert status == 2
    assert said["The stick is named"]["msg"].startswith("binhost_dest: expected the folder")
    status, said = play(place, "kit", *words, of="amd")
    assert status == 2
    assert said[WRITTEN]["msg"] == f"dest: expected a folder, the stick's, found none at {stick}"

    stick.mkdir()
    status, said = play(place, "kit", *words, "--check", of="amd")
    assert (status, said[WRITTEN]["changed"], list(stick.iterdir())) == (0, True, []), said
    for changed in (True, False):
        status, said = play(place, "kit", *words, of="amd")
        assert (status, said[WRITTEN]["changed"]) == (0, changed), said
    folder, kit = _kit.find(str(stick), slave="amd")
    assert {path.rpartition("laptops/1/")[2] for path in kit.files if path.endswith(".gpkg.tar")} == {LIB, APP, PLAIN}
    assert _kit.PROGRAM in kit.files
    assert _kit.problems(folder, kit) == []
    assert said["What is on the stick is told"]["msg"].startswith(f"{folder}: generation 1, ")

    # This slave is pinned, and so the stick stays with what it has.
    build_again(host)
    host.publish()
    status, said = play(place, "kit", *words, of="amd")
    assert (status, said[WRITTEN]["changed"], said[WRITTEN]["number"]) == (0, False, 1), said
