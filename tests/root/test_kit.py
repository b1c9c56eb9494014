# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stick with what one slave needs: what is on it, and a slave that installs from it with real Portage and gpg."""

from __future__ import annotations

import dataclasses
import shutil
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _kit, _kit_make, _program, _removal

from tests.root.house import STATE, TARGET, A, B, House
from tests.root.master import Master, build, run
from tests.root.planted import FILE
from tests.root.publishing import Host

MODULE: t.Final = {"x/module-1": {"module-1.txt": b"what it is made of\n"}}
EBUILDS: t.Final = {
    "x/lib-1": FILE,
    "x/app-1": 'RDEPEND="x/lib"\n' + FILE,
    "x/other-1": FILE,
    "x/module-1": 'SRC_URI="https://nowhere.invalid/module-1.txt"\n' + FILE,
}


@pytest.fixture
def published(master: Master, pristine_root: Path) -> Host:
    """Return a master that has built and published for two slaves, one of which compiles a module itself."""
    master.plant(EBUILDS, MODULE)
    distdir = master.folder / "distfiles"
    distdir.mkdir()
    (distdir / "module-1.txt").write_bytes(MODULE["x/module-1"]["module-1.txt"])
    target = master.target({"amd": ["x/app", "x/module"], "intel": ["x/other"]})
    variants = [dataclasses.replace(each, build_on_slave=["x/module"]) for each in target.variants]
    assert build(dataclasses.replace(target, variants=variants)).problems == []
    host = Host(master.folder, pristine_root)
    host.keys()
    host.publish(build_on_slave=["x/module"])
    return host


def request(host: Host, slave: str, dest: Path, **how: t.Any) -> _kit_make.Request:
    return _kit_make.Request(
        slave, TARGET, str(dest), distdir=str(host.state / "distfiles"), state=str(host.state), **how
    )


def test_a_kit_is_what_one_slave_needs(published: Host, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    wanted = request(published, "amd", stick, world=["x/app", "x/module"], build_on_slave=["x/module"])
    foreseen = _kit_make.run(run, wanted, check=True)
    assert (foreseen["changed"], list(stick.iterdir())) == (True, [])
    done = _kit_make.run(run, wanted)
    assert (done["copied"], done["remarks"]) == (foreseen["copied"], [])
    names = {path.removeprefix(f"packages/{TARGET}/1/") for path in done["copied"]}
    assert names == {
        *(f"x/{name}/{name}-1-1.gpkg.tar" for name in ("app", "lib", "plain")),
        *("Packages", "record.json", "seal.json", "seal.json.asc", "repos/planted.tar.xz"),
        *(f"packages/{TARGET}/current/seal.json", "distfiles/module-1.txt", "key.asc"),
    }
    assert not _kit_make.run(run, wanted)["changed"]
    assert _kit_make.run(run, request(published, "intel", stick))["remarks"] == []
    folder, kit = _kit.find(str(stick), slave="intel")
    assert [path for path in kit.files if path.endswith("other-1-1.gpkg.tar")]
    assert not [path for path in kit.files if "app" in path or "module" in path]
    assert _kit.problems(folder, kit) == []


@pytest.fixture
def stick(house: House) -> t.Iterator[Path]:
    """Return a stick with a kit of what the house has published, and a slave that has nothing yet."""
    house.forget()
    house.trust()
    (house.slave / "var/lib/portage/world").write_text(f"{A}\n")
    provided = house.slave / "etc/portage/profile/package.provided"
    provided.parent.mkdir(exist_ok=True)
    provided.write_text("x/plain-1\n")  # nothing is compiled here
    _program.present(str(house.slave / STATE / _program.NAME), state=str(house.slave / STATE))
    place = house.shared / "stick"
    place.mkdir()
    write(house, place)
    yield place
    provided.unlink()
    _removal.tree(str(place))


def write(house: House, place: Path) -> dict[str, t.Any]:
    return _kit_make.run(run, _kit_make.Request("laptop", TARGET, str(place), state=str(house.state)))


def install(house: House, place: Path, *words: str) -> tuple[int, str]:
    """Install from the stick on the slave; return the status and what it said."""
    program = f"/{STATE}/{_program.NAME}"
    status, out, err = run(house.argv(house.slave, "python3", program, "kit", str(place), *words))
    return status, out + err


def test_a_slave_without_a_network_installs_from_it(house: House, stick: Path) -> None:
    status, words = install(house, stick, "--check")
    assert (status, house.installed()) == (0, ""), words
    assert f"binary {A} 1-1" in words
    status, words = install(house, stick)
    assert (status, house.installed(), house.installed("b")) == (0, "a-1", ""), words
    status, words = install(house, stick)
    assert (status, "nothing is to be installed" in words) == (0, True), words


def test_one_that_is_not_whole_is_refused_before_anything_begins(house: House, stick: Path) -> None:
    (package,) = stick.rglob("a-1-1.gpkg.tar")
    data = package.read_bytes()
    for damaged in (data[:-1], data[:-1] + b"x"):
        package.write_bytes(damaged)
        status, words = install(house, stick)
        assert (status, house.installed(), house.here()) == (1, "", {})
        assert "The kit isn't whole" in words
    write(house, stick)
    assert install(house, stick)[0] == 1  # by its size it is what was written
    package.unlink()
    assert [Path(path).name for path in write(house, stick)["copied"]] == [package.name]
    assert install(house, stick)[0] == 0
    assert house.installed() == "a-1"


def another_key(stick: Path, folder: Path) -> None:
    """Put a key beside the master's, as somebody does who has the stick for a while, and say that it belongs there."""
    gpg = ["gpg", "--batch", "--quiet", "--homedir", str(folder)]
    folder.chmod(0o700)
    assert run([*gpg, "--passphrase=", "--quick-generate-key", "somebody else", "ed25519"])[0] == 0
    (path,) = stick.rglob(_kit.KEY)
    path.write_text(path.read_text() + run([*gpg, "--export", "--armor"])[1])
    kit = _kit.read(str(path.parent))
    assert kit
    files = {**kit.files, _kit.KEY: _kit.of_file(_kit.KEY, str(path)).file}
    (path.parent / _kit.NAME).write_bytes(_kit.dump(dataclasses.replace(kit, files=files)))
    run(["gpgconf", "--homedir", str(folder), "--kill", "all"])


def test_a_key_is_believed_that_somebody_has_read(house: House, stick: Path, tmp_path: Path) -> None:
    for path in (f"{STATE}/trusted.asc", f"{STATE}/trust.json", "etc/portage/gnupg"):
        target = house.slave / path
        shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
    status, words = install(house, stick)
    assert (status, "expected the master's public key" in words) == (1, True), words
    status, words = install(house, stick, "--trust", "0" * 40)
    assert (status, "expected a key with the fingerprint 0000" in words) == (1, True), words
    assert house.installed() == ""
    fingerprint = house.keys().fingerprint
    another_key(stick, tmp_path)
    status, words = install(house, stick, "--trust", fingerprint)
    assert (status, f"the fingerprint {fingerprint} and no other, found" in words) == (1, True), words
    assert not (house.slave / STATE / "trusted.asc").exists()
    write(house, stick)
    status, words = install(house, stick, "--trust", fingerprint)
    assert (status, house.installed()) == (0, "a-1"), words
    assert B not in words
