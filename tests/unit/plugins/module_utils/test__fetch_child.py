# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _fetch, _fetch_child, _probe
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError


def test_a_file_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a+b %20").write_bytes(b"seal")
    url = f"file://{tmp_path}/a+b %20"
    assert _fetch.text(url, timeout=5, most=4) == b"seal"
    with pytest.raises(BinhostError, match="expected at most 3 bytes, found more"):
        _fetch.text(url, timeout=5, most=3)
    with pytest.raises(_fetch.Absent, match="expected the file, found: cat: .*No such file or directory"):
        _fetch.text(f"file://{tmp_path}/none", timeout=5, most=3)
    with pytest.raises(_fetch.Unanswered, match="Is a directory"):
        _fetch.text(f"file://{tmp_path}", timeout=5, most=3)


def test_a_file_that_is_checked(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"seal")
    url, here = f"file://{tmp_path}/there", str(tmp_path / "here")
    _fetch.save(url, here, sha512=hashlib.sha512(b"seal").hexdigest(), size=4, timeout=5)
    assert Path(here).read_bytes() == b"seal"
    with pytest.raises(BinhostError, match="expected 4 bytes with SHA-512 0{16}… as the seal says, found 4"):
        _fetch.save(url, here, sha512="0" * 128, size=4, timeout=5)


def test_nobody_behind_ssh_or_rsync(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        there = f"127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(_fetch.Unanswered, match="its host key isn't known here yet"):
            _fetch.text(f"ssh://{there}/x", timeout=5, most=9, state=str(tmp_path))
        with pytest.raises(_fetch.Unanswered, match="expected the file, found: rsync: .*refused"):
            _fetch.text(f"rsync://{there}/m/x", timeout=5, most=9)


def test_how_ssh_reaches_it(tmp_path: Path) -> None:
    link = _fetch_child.link("ssh://larry@[fd00::1]:2222/t/1/seal.json", str(tmp_path))
    assert (link.host, link.user, link.port, link.name) == ("fd00::1", "larry", 2222, "fd00::1")
    assert _fetch_child.link("ssh://10.0.0.1", str(tmp_path)).user == "root"


def test_who_is_there(tmp_path: Path) -> None:
    (tmp_path / "laptops").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        uris = [f"ssh://127.0.0.1:{port}", f"file://{tmp_path}", f"file://{tmp_path}/none", f"http://127.0.0.1:{port}"]
        found = _probe.silent(uris, "laptops", seconds=1)
    assert list(found) == [uris[0], uris[2], uris[3]]
    assert found[uris[0]] == f"{uris[0]}/laptops/current/seal.json: no answer within 1 s"
    assert found[uris[2]].endswith(f"expected the folder {tmp_path}/none/laptops, found none: is it mounted?")


def test_who_says_something_else() -> None:
    """What greets as neither is neither."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        uri = f"rsync://127.0.0.1:{other.getsockname()[1]}/m"
        pid = os.fork()
        if not pid:
            there, _address = other.accept()
            there.sendall(b"SSH-2.0-x\r\n")
            os._exit(0)
        assert _probe.silent([uri], "laptops")[uri].endswith("expected @RSYNCD:, found b'SSH-2.0-x\\r\\n'")
        os.waitpid(pid, 0)
