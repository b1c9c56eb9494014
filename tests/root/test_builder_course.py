# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The builder as its timer starts it: killed, without its key, and with pins that move. Real Portage and gpg."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import (
    _generation,
    _job_files,
    _last_plan,
    _lock,
    _pins,
    _process,
)

from tests.root import builder, planted
from tests.root.master import Master
from tests.root.planted import FILE
from tests.root.publishing import Host
from tests.root.upstream import Pinner

#: Says outside of the root's Portage that it is compiled, and goes on when it may.
SLOW = "src_compile() { echo ${PN} >>/var/tmp/tried; until [[ -e /var/tmp/go ]]; do sleep 0.1; done; }\n" + FILE
QUICK = "src_compile() { echo ${PN} >>/var/tmp/tried; }\n" + FILE


def test_a_builder_that_is_killed_is_followed_by_one_that_goes_on(master: Master) -> None:
    master.plant({"x/one-1": QUICK, "x/two-1": 'RDEPEND="x/one"\n' + SLOW})
    target = dataclasses.replace(master.target({"amd": ["x/two"]}), proof="x/plain", variants=[])
    builder.plan(master, target)
    state, tmp = str(master.folder), Path(target.root, "var/tmp")

    def tried() -> list[str]:
        return (tmp / "tried").read_text().split() if (tmp / "tried").exists() else []

    first = builder.begin(master)
    builder.until(lambda: tried() == ["one", "two"] or first.poll() is not None, "that it builds")
    first.kill()
    assert first.wait() == -9, first.communicate()
    # What it began goes on, as everybody can see, and the next one waits for that.
    job = _job_files.find("build-laptops", state)
    assert (builder.status(master)["doing"], job.phase) == ("building", "running")
    second = builder.begin(master)
    lock = Path(_lock.lock_path("builder", state))
    builder.until(lambda: lock.read_text().startswith(f"{second.pid} of"), "that it begins")
    # The machine loses its power.
    for each in [_process.process(second.pid), _process.process(job.pid), *_process.family(job.pid)]:
        if each:
            _process.send(each, 9)
    second.wait()
    (tmp / "go").touch()
    third = builder.begin(master, "--interrupted")
    assert builder.said(third) == "laptops: published generation 1\n"
    assert tried() == ["one", "two", "two"]
    assert builder.published(master) == {"x/one-1", "x/two-1", "x/plain-1"}
    stand = builder.status(master)
    assert (stand["doing"], stand["waiting"], stand["targets"]["laptops"]["generation"]) == ("idle", {}, 1)
    # That one came to its end: after the next boot there is nothing to go on with.
    assert builder.said(builder.begin(master, "--interrupted")) == ""


def _written(master: Master) -> str:
    path = master.folder / "status.json"
    return str(json.loads(path.read_text())["doing"]) if path.exists() else ""


def test_a_key_that_does_not_sign_is_waited_for_and_nothing_is_built_twice(master: Master) -> None:
    """Its passphrase is on a stick that isn't there; later an agent has forgotten one."""
    master.plant({"x/one-1": QUICK})
    target = dataclasses.replace(master.target({"amd": ["x/one"]}), proof="x/plain", variants=[])
    builder.plan(master, target, publish={"sign": True})
    secret, away = master.folder / "passphrase", master.folder / "away"
    secret.write_text("correct horse\n")
    secret.chmod(0o600)
    host = Host(master.folder, master.pristine)
    host.keys(passphrase_file=str(secret))
    secret.rename(away)
    idle = builder.begin(master, "--poll", "0.2")
    builder.until(lambda: _written(master) == "waiting" or idle.poll() is not None, "that it waits")
    (waiting,) = builder.status(master)["waiting"].values()
    assert waiting["what"] == "the key that signs"
    assert str(secret) in waiting["message"]
    away.rename(secret)
    assert builder.said(idle) == "laptops: published generation 1\n"
    assert (Path(target.root) / "var/tmp/tried").read_text() == "one\n"
    assert host.verify() == []

    # The key is a person's own now, whose agent has forgotten the passphrase: no file says when it knows that again.
    own = master.folder / "own"
    own.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(own), "--batch", "--pinentry-mode", "loopback", "--passphrase-file", str(secret)]

    def do(*words: str) -> str:
        status, said, told = host.run(words)
        assert status == 0, told
        return said

    unlock = (*gpg, "--yes", "--output", f"{secret}.asc", "--detach-sign", str(secret))
    do(*gpg, "--quick-gen-key", "me", "ed25519", "sign")
    mine = next((own / "openpgp-revocs.d").iterdir()).stem
    try:
        do(*unlock)
        host.keys(own=mine, own_home=str(own))
        do("gpgconf", "--homedir", str(own), "--kill", "all")
        idle = builder.begin(master, "--poll", "1")
        builder.until(lambda: _written(master) == "waiting" or idle.poll() is not None, "that it waits")
        assert builder.status(master)["waiting"]["laptops"]["what"] == "the key that signs"
        do(*unlock)
        assert builder.said(idle) == "laptops: published generation 2\n"
    finally:
        idle.kill()
        do("gpgconf", "--homedir", str(own), "--kill", "all")
    assert host.generation().seal.key == mine
    assert (Path(target.root) / "var/tmp/tried").read_text() == "one\n"


def test_pins_that_move_by_themselves(tmp_path: Path, master: Master) -> None:
    upstream = tmp_path / "upstream"
    planted.repository(upstream, {"x/one-1": FILE})
    declared = {planted.NAME: {"type": "local", "uri": str(upstream)}}
    pinner = Pinner(master.folder, master.pristine)
    first = pinner.pin(declared).pins[planted.NAME]
    link = _pins.link(planted.NAME, str(master.folder))
    target = master.target({"amd": ["x/one"]}, repositories={planted.NAME: link})
    target = dataclasses.replace(target, proof="x/plain", variants=[])
    asked = {**dataclasses.asdict(pinner.request(declared)), "targets": {}}
    _last_plan.remember_pins(str(master.folder), asked)
    builder.plan(master, target)
    planted.ebuild(upstream, "x/one-2", FILE)
    # Only where that is wanted.
    assert builder.said(builder.begin(master)) == "laptops: published generation 1\n"
    assert builder.published(master) == {"x/one-1", "x/plain-1"}
    builder.plan(master, target, move_pins=True)
    assert builder.said(builder.begin(master)) == "laptops: published generation 2\n"
    assert builder.published(master) == {"x/one-1", "x/one-2", "x/plain-1"}
    place = builder.place(master)
    seals = [_generation.seal_of(place.generation(number)).revisions()[planted.NAME] for number in (1, 2)]
    assert first["snapshot"].endswith(f"-{seals[0]}")
    assert seals[0] != seals[1]
    # Where they can't, that is told, and what is pinned is built.
    upstream.rename(tmp_path / "elsewhere")
    remark, end = builder.said(builder.begin(master)).splitlines()
    assert remark.startswith("the ebuild repositories stay as they are: ")
    assert end == "laptops: unchanged generation 2"
    assert builder.status(master)["remark"] == remark
