# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a slave takes from a server and what it refuses, with nothing lost and a sentence that says what to do."""

from __future__ import annotations

import json
import re
import shutil
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _archive, _durable, _key_states, _verdict
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place

from tests.root.house import PATH, STATE, TARGET, A, B, House, Server, newer
from tests.root.repeat import repeats

#: They share one house.


def flip(data: bytes) -> bytes:
    """Return these bytes with one bit changed, in their middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def become(content: bytes) -> t.Callable[[bytes], bytes]:
    """Return the change of a file to this content."""
    return lambda _data: content


def refused(house: House, *uris: str, **more: t.Any) -> str:
    """Return why the slave takes nothing from these servers; what it has stays as it is."""
    before = house.here()
    with pytest.raises(BinhostError) as caught:
        house.sync(*uris, **more)
    assert house.here() == before
    return str(caught.value)


def test_all_is_well(house: House, server: Server) -> None:
    assert house.sync(server.uri).changed
    status, words = house.emerge(A)
    assert (status, house.installed()) == (0, "a-1"), words
    assert not house.sync(server.uri).changed


def test_a_package_with_one_flipped_byte_or_exchanged_for_another_signed_one(house: House, server: Server) -> None:
    house.sync(server.uri)
    path, other = PATH.format(name="a"), server.generations / "1" / PATH.format(name="b")
    for change in (flip, become(other.read_bytes())):
        server.copy()
        server.damage(path, change)
        status, words = house.emerge(A)
        assert (status != 0, house.installed()) == (True, "")
        assert "A package was refused: what came isn't the file that the signed index names" in _verdict.explain(words)
        assert f"{server.uri}/laptops/1/{path}" in words
    server.copy()
    status, words = house.emerge(A)
    assert (status, house.installed()) == (0, "a-1"), words


DAMAGE: list[tuple[str, t.Callable[[bytes], bytes], str]] = [
    (
        "seal.json",
        lambda data: data.replace(b"2.0", b"2.1").replace(b"-O2", b"-O3"),
        "seal.json: expected a signature by a key of .*changed after it was signed",
    ),
    ("seal.json.asc", flip, "seal.json: expected a signature by a key of .*, found "),
    ("seal.json.asc", become(b""), "seal.json: expected a signature by a key of .*, found a damaged signature"),
    (
        "Packages",
        flip,
        r"laptops/1/Packages: expected \d+ bytes with SHA-512 .* as the seal says, found \d+ bytes with",
    ),
    ("repos/planted.tar.xz", flip, "planted.tar.xz: expected .* bytes with SHA-512 .* as the seal says, found"),
]


@pytest.mark.parametrize(("path", "change", "why"), DAMAGE)
def test_what_is_not_as_it_was_signed(
    house: House, server: Server, path: str, change: t.Callable[[bytes], bytes], why: str
) -> None:
    server.damage(path, change)
    said = refused(house, server.uri)
    assert re.search(why, said), said
    assert "What is here stays in use: nothing yet" in said
    server.copy()
    assert house.sync(server.uri).changed


def test_a_flipped_byte_of_every_part_of_the_seal(house: House, server: Server) -> None:
    data = (server.generations / "current/seal.json").read_bytes()
    number = repeats(6, len(data))
    for place in range(0, len(data), max(1, len(data) // number)):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        server.damage("seal.json", become(changed))
        assert server.uri in refused(house, server.uri)


def test_an_older_generation_replayed(house: House, server: Server) -> None:
    with newer(house, server):
        assert house.sync(server.uri).number == 2
        (server.generations / "current").unlink()
        (server.generations / "current").symlink_to("1")
        assert "expected generation 2 or later, found 1; if the master" in refused(house, server.uri)
        # The old seal in the place of the new one is no way either.
        server.copy()
        for name in ("seal.json", "seal.json.asc"):
            server.damage(name, become((server.generations / "1" / name).read_bytes()))
        assert "expected generation 2 or later, found 1" in refused(house, server.uri)
        assert house.sync(server.uri, pinned=1).number == 1
        assert house.sync(server.uri, pinned=1).changed is False


def test_an_expired_seal(house: House, server: Server) -> None:
    house.sync(server.uri)
    with newer(house, server, days=0):
        said = refused(house, server.uri)
        assert re.search(
            "generation 2 expired: by the master's clock it was made .* and is good until .*, by this", said
        )
        assert "Run site.yml with the master on, which seals anew; or set the clock" in said
        assert "What is here stays in use: generation 1" in said
        assert house.emerge(A)[0] == 0
        remarks = house.sync(server.uri, pinned=2).answer.remarks
        assert any("its seal expired" in remark for remark in remarks)


def test_without_the_masters_key(house: House, server: Server) -> None:
    (house.slave / STATE / "trusted.asc").unlink()
    said = refused(house, server.uri)
    assert (
        "trusted.asc: expected the master's public key, found no such file: nothing can be verified. Run site" in said
    )
    house.trust()
    assert house.sync(server.uri).changed


def test_signed_by_somebody_else(house: House, server: Server) -> None:
    """Another master signs as well as ours, but nobody here knows its key."""
    other = Place(TARGET, str(house.shared / "other"))
    shutil.copytree(house.place.pkgdir, other.pkgdir)
    wanted = _key_states.Wanted("larry.binhost on desktop", state=other.state)
    _key_states.converge(house.on_master, "present", wanted)
    house.publish(place=other)
    shutil.rmtree(server.folder / "generations")
    shutil.copytree(Path(other.state) / "generations", server.folder / "generations", symlinks=True)
    assert "a key that isn't trusted here" in refused(house, server.uri)


def test_what_was_believed_unverified_is_not_believed_once_it_is_verified(house: House, server: Server) -> None:
    """While slave_verify was off, a liar left a number, and other content under the revision of a repository."""
    true, false = server.generations / "1", server.generations / "9"
    shutil.copytree(true, false)
    strange = house.shared / "strange"
    shutil.copytree(house.repository, strange)
    (strange / "profiles/package.mask").write_text(f"{A}\n")
    archive = false / "repos/planted.tar.xz"
    _archive.pack(str(strange), str(archive))
    record = json.loads((false / "seal.json").read_text())
    file = {"sha512": _durable.digests(str(archive), "sha512")["sha512"], "size": archive.stat().st_size}
    record = {**record, "number": 9, "repositories": {"planted": {**record["repositories"]["planted"], **file}}}
    (false / "seal.json").write_text(json.dumps(record))
    server.generations.joinpath("current").unlink()
    server.generations.joinpath("current").symlink_to("9")
    mask = house.slave / STATE / "current/repos/planted/profiles/package.mask"
    assert (house.sync(server.uri, trust=None).number, mask.exists()) == (9, True)
    server.copy()
    done = house.sync(server.uri)
    assert (done.changed, done.number, mask.exists()) == (True, 1, False)
    assert not house.sync(server.uri).changed
    assert not house.sync(server.uri, trust=None).changed
    # What was right all the time becomes believed, too.
    house.forget()
    house.trust()
    assert house.sync(server.uri, trust=None).changed
    assert house.sync(server.uri).changed
    assert not house.sync(server.uri).changed


def test_a_revoked_key(house: House, server: Server) -> None:
    house.sync(server.uri)
    house.emerge(A)
    old = house.keys().fingerprint
    with newer(house, server):
        new = house.keys("revoked", fingerprint=old)
        house.trust()
        said = refused(house, server.uri)
        assert "revoked" in said
        assert "What is here stays in use: generation 1" in said
        assert (new.fingerprint != old, house.installed()) == (True, "a-1")
        assert house.publish(resign=True) == 3
        server.copy()
        assert house.sync(server.uri).number == 3
        assert house.emerge(B)[0] == 0
