# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The builder without a controller: what it waits for and what goes on by itself. Real Portage, real jobs."""

from __future__ import annotations

import dataclasses
import json
import subprocess

import pytest
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

from tests.root import builder
from tests.root.master import Master, packages
from tests.root.planted import FILE
from tests.root.test_build_space import small

BLOB = FILE.replace("doins file", "head -c 3M /dev/urandom >blob; doins file blob")


def test_a_full_disk_is_waited_for_and_then_nothing_is_built_twice(master: Master) -> None:
    master.plant({"x/one-1": FILE, "x/two-1": 'RDEPEND="x/one"\n' + BLOB})
    target = dataclasses.replace(master.target({"amd": ["x/two"]}), proof="x/plain", variants=[])
    told = master.folder / "mail"
    command = ["/bin/sh", "-c", f'echo "$1" >>{told}; cat >>{told}', "tell"]
    builder.plan(master, target, notify={"command": command})
    with small(master.folder / "pkgdir", "1M"):
        idle = builder.Idle(master)
        idle.start()
        idle.until_it_waits()
        (waiting,) = builder.status(master)["waiting"].values()
        assert waiting["what"] == "room on the disk"
        assert json.loads((master.folder / "status.json").read_text())["waiting"]["laptops"]["what"] == waiting["what"]
        assert "laptops waits for room on the disk:" in told.read_text()
        # Whoever comes second says so.
        with pytest.raises(BinhostError, match="found it held by process .*, which builds what the last plan says"):
            builder.build(master)
        subprocess.run(["mount", "-o", "remount,size=64M", str(master.folder / "pkgdir")], check=True)
        idle.join(builder.PATIENCE)
        (outcome,) = idle.outcomes
        assert (outcome.state, outcome.number, outcome.built) == ("published", 1, 1)
        assert packages(target) == ["one-1", "plain-1", "two-1"]
        assert builder.published(master) == {"x/one-1", "x/plain-1", "x/two-1"}
        assert told.read_text().endswith(": all is well again\n")
        stand = builder.status(master)
        assert (stand["doing"], stand["waiting"], stand["targets"]["laptops"]["generation"]) == ("idle", {}, 1)
        assert builder.build(master).state == "unchanged"


def test_what_a_person_has_to_fetch_is_waited_for_although_the_rest_is_published(master: Master) -> None:
    shy = 'SRC_URI="shy-1.txt"\nRESTRICT="fetch"\nsrc_unpack() { cp "${DISTDIR}/shy-1.txt" . || die; }\n' + FILE
    master.plant({"x/one-1": FILE, "x/shy-1": shy}, {"x/shy-1": {"shy-1.txt": b"shy"}})
    restricted = master.folder / "restricted"
    target = master.target({"amd": ["x/one", "x/shy"]}, restricted=str(restricted), publish="partial")
    builder.plan(master, dataclasses.replace(target, proof="x/plain", variants=[]))
    idle = builder.Idle(master)
    idle.start()
    idle.until_it_waits()
    (waiting,) = builder.status(master)["waiting"].values()
    assert waiting["what"] == "a file that a person has to fetch"
    assert builder.published(master) == {"x/one-1", "x/plain-1"}
    (restricted / "shy-1.txt").write_bytes(b"shy")
    idle.join(builder.PATIENCE)
    assert [(outcome.state, outcome.number) for outcome in idle.outcomes] == [("published", 2)]
    assert builder.published(master) == {"x/one-1", "x/plain-1", "x/shy-1"}


def test_what_portage_refuses_is_waited_for_until_it_is_another(master: Master) -> None:
    master.plant({"x/two-1": 'IUSE="a b"\nREQUIRED_USE="|| ( a b )"\n' + FILE})
    target = dataclasses.replace(master.target({"amd": ["x/two"]}), proof="x/plain", variants=[])
    builder.plan(master, target)
    idle = builder.Idle(master)
    idle.start()
    idle.until_it_waits()
    (waiting,) = builder.status(master)["waiting"].values()
    assert waiting["what"] == "a configuration that meets REQUIRED_USE"
    # It is another, and still none: what is waited for is another, too. Each in a new version, since an ebuild that
    # changes in the second in which its metadata was cached is the old one to Portage (cache/flat_hash.py).
    master.plant({"x/three-1": 'DEPEND="x/two"\n' + FILE, "x/two-2": 'DEPEND="x/three"\n' + FILE})

    def waits() -> str:
        return "".join(each["what"] for each in builder.status(master)["waiting"].values())

    builder.until(
        lambda: waits().endswith("circle") or not idle.is_alive(),
        "that it waits for another one",
        lambda: builder.status(master),
    )
    assert waits() == "a configuration without that circle"
    master.plant({"x/two-3": 'IUSE="+a b"\nREQUIRED_USE="|| ( a b )"\n' + FILE})
    idle.join(builder.PATIENCE)
    assert [outcome.state for outcome in idle.outcomes] == ["published"]
    assert packages(target) == ["plain-1", "two-3 a"]


def test_a_target_is_published_without_what_failed_if_that_is_asked_for(master: Master) -> None:
    master.plant({"x/one-1": FILE, "x/broken-1": "src_compile() { die 'it is broken'; }\n"})
    target = dataclasses.replace(master.target({"amd": ["x/one", "x/broken"]}), proof="x/plain", variants=[])
    builder.plan(master, target)
    outcome = builder.build(master)
    assert outcome.state == "failed"
    assert "x/broken-1 failed in phase compile: it is broken" in outcome.message
    (failure,) = builder.status(master)["targets"]["laptops"]["failed"].values()
    assert failure["lines"]
    builder.plan(master, dataclasses.replace(target, publish="partial"))
    outcome = builder.build(master)
    assert (outcome.state, outcome.number) == ("partial", 1)
    assert "x/broken-1 failed in phase compile: it is broken" in outcome.message
    assert builder.published(master) == {"x/one-1", "x/plain-1"}
    again = builder.build(master)
    assert (again.state, again.number, again.built) == ("partial", 1, 0)
    master.plant({"x/broken-1": FILE})
    outcome = builder.build(master)
    assert (outcome.state, outcome.number, outcome.built) == ("published", 2, 1)
