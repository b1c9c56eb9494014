# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A master's state folder with something built in it, and a web server that serves it."""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import os
import tarfile
import threading
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _place, _repository
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._signer import Signer

HEADER = """\
ARCH: amd64
CHOST: x86_64-pc-linux-gnu
PACKAGES: {}
TIMESTAMP: 1700000000
TTL: 600
URI: http://old
VERSION: 0
"""


def gpkg(name: str, content: str, cflags: str = "-O2 -pipe") -> bytes:
    """Return a package that holds a file with this content, as far as a gpkg is a tar archive of two others."""
    parts = {"metadata": {"metadata/CFLAGS": f"{cflags}\n"}, "image": {"image/usr/share/file": content}}
    inner = {f"{name}/{part}.tar.gz": _tar(files, "w:gz") for part, files in parts.items()}
    return _tar({f"{name}/gpkg-1": b"", **inner, f"{name}/Manifest": b""}, "w:")


def _tar(files: t.Mapping[str, str | bytes], mode: t.Any) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for path, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


class Master:
    """A state folder, its target ``laptops`` and what was built for that."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.place = _place.Place("laptops", str(state))
        self.source = state.parent / "lab"
        self.built: dict[str, bytes] = {}

    def build(self, *paths: str, content: str = "") -> None:
        """Add packages ``category/name/name-1-1.gpkg.tar`` and write PKGDIR's index of all of them."""
        pkgdir = Path(self.place.pkgdir)
        for path in paths:
            self.built[path] = gpkg(Path(path).name[: -len(".gpkg.tar")], content or path)
            (pkgdir / path).parent.mkdir(parents=True, exist_ok=True)
            (pkgdir / path).write_bytes(self.built[path])
            os.utime(pkgdir / path, (1690000000, 1690000000))
            (pkgdir / path).chmod(0o600)
        self.index()

    def index(self) -> None:
        """Write PKGDIR's index."""
        stanzas = [self.stanza(path, data) for path, data in sorted(self.built.items())]
        text = "\n".join([HEADER.format(len(stanzas)), *stanzas]) + "\n"
        Path(self.place.pkgdir, "Packages").write_text(text)

    @staticmethod
    def stanza(path: str, data: bytes) -> str:
        """Return what Portage writes of a package."""
        category, _name, file = path.split("/")
        cpv = f"{category}/{file.rsplit('-', 1)[0]}"
        md5, sha1 = hashlib.md5(data).hexdigest(), hashlib.sha1(data).hexdigest()
        return (
            f"BUILD_ID: 1\nBUILD_TIME: 1690000000\nCPV: {cpv}\nMD5: {md5}\nPATH: {path}\nSHA1: {sha1}\n"
            f"SIZE: {len(data)}\nMTIME: 1690000000\nREPO: lab\n"
        )

    def ebuild(self, name: str, text: str) -> None:
        """Write a file of the ebuild repository."""
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def snapshot(self) -> dict[str, str]:
        """Take a snapshot of the repository; return what the module takes as ``repositories``."""
        return {"lab": _repository.snapshot("lab", str(self.source), str(self.state))}


@pytest.fixture
def master(tmp_path: Path) -> Master:
    """Return a master that has built two packages from a repository with one ebuild."""
    umask = os.umask(0o077)  # modes must not depend on it
    try:
        one = Master(tmp_path / "master")
        one.ebuild("profiles/repo_name", "lab\n")
        one.ebuild("app-misc/a/a-1.ebuild", "EAPI=8\n")
        one.build("app-misc/a/a-1-1.gpkg.tar", "app-misc/b/b-1-1.gpkg.tar")
        yield one
    finally:
        os.umask(umask)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, *_args: t.Any) -> None:
        """Say nothing."""


@pytest.fixture
def serve() -> t.Iterator[t.Callable[..., str]]:
    """Return ``serve(folder)`` or ``serve(handler=class)``, which returns the URI of a server on the loopback."""
    servers: list[http.server.ThreadingHTTPServer] = []

    def start(folder: Path | None = None, handler: t.Any = None) -> str:
        made = handler or functools.partial(_Quiet, directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), made)
        server.daemon_threads = True
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


class FakeSigner:
    """Signs by writing behind the end of a file who did; what it says of signatures follows from that."""

    def __init__(self, key: str, *also_valid: str) -> None:
        self.key = key
        self.also_valid = also_valid
        self.signed: list[list[str]] = []  # the names of the files of each call

    def packages(self, paths: t.Sequence[str]) -> None:
        """Sign packages, as new files."""
        self.signed.append(sorted(os.path.basename(path) for path in paths))
        for path in paths:
            data = Path(path).read_bytes().partition(b"signed by ")[0]
            Path(path).unlink()
            Path(path).write_bytes(data + b"signed by " + self.key.encode())

    def by(self, paths: t.Sequence[str]) -> dict[str, str]:
        """Return who signed."""
        return {path: Path(path).read_bytes().partition(b"signed by ")[2].decode() for path in paths}

    def file(self, path: str, signature: str) -> None:
        """Sign a file."""
        Path(signature).write_text(f"{self.key} {hashlib.sha512(Path(path).read_bytes()).hexdigest()}")

    def file_by(self, path: str, signature: str) -> str:
        """Return who signed a file."""
        key, digest = Path(signature).read_text().split()
        if digest != hashlib.sha512(Path(path).read_bytes()).hexdigest():
            raise BinhostError(f"{path}: expected to be as it was signed, found that it was changed")
        return key

    def signer(self) -> Signer:
        """Return what publishing is given."""
        valid = frozenset({self.key, *self.also_valid})
        return Signer(self.key, None, valid, self.packages, self.file, self.by, self.file_by)
