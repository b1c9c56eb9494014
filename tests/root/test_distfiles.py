# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources: what no program may fetch is named before a build and served to the fleet, with the rest that was kept."""

from __future__ import annotations

import dataclasses
import hashlib
import typing as t
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import _distfiles

from tests.root import planted
from tests.root.build_root import EMERGE
from tests.root.house import House, Server
from tests.root.master import Master, build, packages, run
from tests.root.planted import FILE

UNPACKED: t.Final = "src_unpack() { :; }\n" + FILE
#: A file that a USE flag would need is not asked for without it.
SHY: t.Final = (
    'IUSE="docs"\nSRC_URI="shy-1.txt docs? ( shy-docs-1.txt )"\nRESTRICT="fetch"\n'
    'src_unpack() { cp "${DISTDIR}/shy-1.txt" . || die; }\n' + FILE
)
SHY_FILES: t.Final = {"shy-1.txt": b"shy", "shy-docs-1.txt": b"docs"}


def test_what_no_program_may_fetch_is_named_before_anything_is_built(
    master: Master, capfd: pytest.CaptureFixture[str]
) -> None:
    master.plant({"x/shy-1": SHY, "x/needs-1": 'RDEPEND="x/shy"\n' + FILE}, {"x/shy-1": SHY_FILES})
    restricted = master.folder / "restricted"
    target = master.target({"amd": ["x/needs"]}, restricted=str(restricted))
    digest = f"BLAKE2B {hashlib.blake2b(b'shy').hexdigest()}"
    words = f"x/shy-1 needs shy-1.txt (3 bytes, {digest}), which no program may fetch: found none in {restricted}"
    with pytest.raises(BinhostError) as caught:
        build(target)
    assert str(caught.value).splitlines()[0] == words
    assert capfd.readouterr().err.splitlines()[0] == words
    assert "shy-docs" not in str(caught.value).partition("may not be fetched")[0]
    assert packages(target) == ["plain-1"]

    # The wrong file is none.
    (restricted / "shy-1.txt").write_bytes(b"sly")
    with pytest.raises(BinhostError, match="found one of that size and other content in .*/restricted\n"):
        build(dataclasses.replace(target, retry=True))
    (restricted / "shy-1.txt").write_bytes(b"shy")
    assert build(dataclasses.replace(target, retry=True)).problems == []
    assert packages(target) == ["needs-1", "plain-1", "shy-1"]
    assert not (Path(target.distdir) / "shy-1.txt").is_file()  # a link that leads nowhere but in the root


def test_slaves_have_their_sources_from_the_master(house: House, server: Server, tmp_path: Path) -> None:
    ebuilds = {
        "y/free-1": 'SRC_URI="http://127.0.0.1:9/free-1.txt"\n' + UNPACKED,
        "y/home-1": 'SRC_URI="http://127.0.0.1:9/home-1.txt"\nRESTRICT="mirror"\n' + UNPACKED,
        "y/shy-1": 'SRC_URI="shy-1.txt"\nRESTRICT="fetch"\n' + UNPACKED,
    }
    names = {cpv: f"{cpv.partition('/')[2]}.txt" for cpv in ebuilds}
    place = tmp_path / planted.NAME
    planted.repository(place, ebuilds, {cpv: {name: name.encode()} for cpv, name in names.items()})
    for folder, cpvs in {"distfiles": ["y/free-1", "y/home-1"], "restricted": ["y/shy-1"]}.items():
        (server.folder / folder).mkdir()
        for cpv in cpvs:
            (server.folder / folder / names[cpv]).write_bytes(names[cpv].encode())
    (server.folder / "distfiles/link").symlink_to("../restricted/shy-1.txt")
    fragments = _distfiles.client("laptop", {}, {}, {}, server.uri)
    for path, text in fragments.items():
        (house.slave / "etc/portage" / path).parent.mkdir(parents=True, exist_ok=True)
        (house.slave / "etc/portage" / path).write_text(text)
    try:
        fetch = [*EMERGE, "--usepkg=n", "--getbinpkg=n", "--fetchonly", "--nodeps"]
        for cpv, name in names.items():
            status, out, err = run(house.argv(house.slave, *fetch, f"={cpv}", repositories={planted.NAME: str(place)}))
            assert status == 0, out + err
            assert (house.slave / "var/cache/distfiles" / name).read_bytes() == name.encode()
        asked = ["portageq", "envvar", "GENTOO_MIRRORS"]
        status, out, err = run(house.argv(house.slave, *asked, repositories={planted.NAME: str(place)}))
        assert out.split()[0] == server.uri, out + err
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"{server.uri}/distfiles/link", timeout=10)
    finally:
        for path in fragments:
            (house.slave / "etc/portage" / path).unlink()
