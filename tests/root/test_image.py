# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A build root becomes an image, which is verified and unpacked as a stage is; gpg is real."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _image, _keys, _local, _lock, _repository, _stage
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place

from tests.root import planted
from tests.root.publishing import Host


def test_a_root_becomes_an_image_that_is_a_stage(tmp_path: Path, pristine_root: Path) -> None:
    state, images = tmp_path / "state", tmp_path / "images"
    host, root = Host(state, pristine_root), state / "roots/laptops"
    request = _image.Request("laptops", str(state), str(images), level=0)
    with pytest.raises(BinhostError, match="roots/laptops: expected a build root, found none"):
        _image.export(host.run, request)
    for name in ("etc/portage/bashrc", "usr/bin/su", "var/cache/binpkgs/secret", "proc/1", "var/lib/larry-binhost/x"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (root / "usr/bin/su").chmod(0o4711)
    os.chown(root / "etc/portage/bashrc", 250, 250)
    os.link(root / "usr/bin/su", root / "usr/bin/sux")
    (root / "bin").symlink_to("usr/bin")
    with pytest.raises(BinhostError, match="expected a key to sign with, found none"):
        _image.export(host.run, request)
    host.keys()
    repository = planted.repository(tmp_path / planted.NAME, {})
    _repository.snapshot(planted.NAME, str(repository), str(state))
    (images / ".new-laptops-20260131T120000Z.tar.xz").parent.mkdir()
    (images / ".new-laptops-20260131T120000Z.tar.xz").touch()  # a killed one's
    done = _image.export(host.run, request)

    path = Path(done["path"])
    assert sorted(each.name for each in images.iterdir()) == [path.name, f"{path.name}.DIGESTS", f"{path.name}.asc"]
    public, key = _keys.public_path(str(state)), _keys.current(str(state))
    assert key is not None
    offer = _stage.Offer(str(path), public, key.fingerprint)
    again = tmp_path / "again"
    promised = _stage.promised(host.run, offer)
    _stage.install(host.run, str(again), offer, promised)
    assert (again / "usr/bin/su").stat().st_mode & 0o7777 == 0o4711
    assert (again / "usr/bin/su").stat().st_ino == (again / "usr/bin/sux").stat().st_ino
    assert ((again / "etc/portage/bashrc").stat().st_uid, os.readlink(again / "bin")) == (250, "usr/bin")
    for folder in ("var/cache/binpkgs", "proc"):
        assert list((again / folder).iterdir()) == []
    # The ebuild repositories are where a slave has them, and give way to the first generation that comes.
    own = again / "var/lib/larry-binhost"
    assert (own / "current/repos/planted/profiles/repo_name").read_text() == "planted\n"
    assert not (own / "x").exists()
    here = _local.find(Place("laptops", str(own)))
    assert (here.number, here.complete) == (0, False)
    _local.prune(str(own), {("laptops", "1")})
    assert not (own / "generations/laptops").exists()

    data = path.read_bytes()
    path.write_bytes(data[:-9] + bytes(9))
    with pytest.raises(BinhostError, match="expected the tarball that was signed"):
        _stage.install(host.run, str(tmp_path / "other"), offer, promised)
    with (
        _lock.held("build-laptops", state=str(state), what="builds laptops"),
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(BinhostError, match="which builds laptops"),
    ):
        patch.setattr(_image, "_PATIENCE", 0)
        _image.export(host.run, request)
