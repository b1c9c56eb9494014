# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A generation is made again from its record, by real Portage, and compared."""

from __future__ import annotations

import hashlib
import json
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _rebuild, _record, _stage
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

from tests.root.build_root import copy
from tests.root.master import Master, build, configure, run, variant
from tests.root.planted import FILE
from tests.root.publishing import Host

#: Two builds of it are never the same.
FICKLE: t.Final = """\
src_install() {
    dodir /usr/share/fickle
    date +%s%N >"${ED}/usr/share/fickle/when" || die
    echo steady >"${ED}/usr/share/fickle/steady" || die
    dosym "$(date +%s%N)" /usr/share/fickle/link
}
"""


def unpack(master: Master, sha512: str) -> t.Any:
    """Return what stands in for the unpacking of a stage: a copy of one that is unpacked, if it is the wanted one."""

    def instead(_run: t.Any, root: str, offer: _stage.Offer, expected: t.Mapping[str, str]) -> None:
        assert (Path(offer.source).name, expected) == ("stage3.tar", {"SHA512": sha512})
        copy(master.pristine, Path(root))
        configure(Path(root))

    return instead


def test_a_generation_is_made_again_from_its_record(master: Master) -> None:
    master.plant({"x/lib-1": 'IUSE="wayland"\n' + FILE, "x/app-1": 'RDEPEND="x/lib"\n' + FILE, "x/fickle-1": FICKLE})
    stage = master.folder / "stage3.tar"
    stage.write_bytes(b"stage")
    sha512 = hashlib.sha512(b"stage").hexdigest()
    place = master.root("laptops") / _stage.RECORD
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps({"file": stage.name, "sha512": sha512, "time": "2026-01-31T12:00:00Z"}))
    wayland = variant("intel", ["x/app"], {"package.use/02-host": "x/lib wayland\n", "secret": "of intel\n"})
    target = master.target({"amd": ["x/app", "x/fickle"]})
    own = [*target.variants, wayland]
    result = build(master.target({"amd": ["x/app", "x/fickle"]}, variants=own))
    assert set(result.seconds) == {"x/app-1", "x/lib-1", "x/fickle-1", "x/plain-1"}
    host = Host(master.folder, master.pristine)
    assert host.publish(sign=False)["number"] == 1

    # What it was made from is under the seal, and tells no slave's configuration.
    record = _record.of(str(host.folder(1)), host.generation(1).seal)
    assert record.tools[0].startswith("Portage 3.") and record.tools[1].startswith("gcc ")
    assert set(record.packages) == set(host.generation(1).packages)
    assert "of intel" not in (host.folder(1) / "record.json").read_text()
    inputs = _record.inputs(record, str(master.folder))
    assert inputs.target["variants"][1]["files"]["secret"] == "of intel\n"

    # Whatever becomes of the tree and of the root, it is made again as it was.
    master.plant({"x/app-1": 'RDEPEND="x/lib"\n' + FILE + "# changed\n", "x/lib-2": FILE})
    (master.root("laptops") / "etc/portage/make.conf/01-target.conf").write_text('CFLAGS="-O3"\n')
    request = _rebuild.Request("laptops", 1, str(master.folder), str(stage), target.distdir)
    done = _rebuild.rebuild(run, request, unpack=unpack(master, sha512))
    fickle = "x/fickle/fickle-1-1.gpkg.tar"
    assert sorted([*done["same"], fickle]) == sorted(record.packages)
    assert list(done["differs"]) == [fickle]
    link, when = done["differs"][fickle]
    assert link.startswith("usr/share/fickle/link: leads to ") and when == "usr/share/fickle/when: other content"
    assert (done["absent"], done["more"], done["problems"]) == ([], [], [])
    assert f"{fickle} differs:" in done["text"]
    assert list((master.folder / "rebuilds/laptops").iterdir()) == []

    # Nothing else than what is recorded will do.
    Path(_record.folder("laptops", str(master.folder)), f"{record.inputs[:16]}.json").write_text("{}")
    with pytest.raises(BinhostError, match="expected what the generation's record names, found another content"):
        _rebuild.rebuild(run, request, unpack=unpack(master, sha512))
    with pytest.raises(BinhostError, match=r"generation 7 of target laptops: expected a complete one .*there are 1$"):
        _rebuild.rebuild(run, _rebuild.Request("laptops", 7, str(master.folder), str(stage), target.distdir))
