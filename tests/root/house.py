# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A master that signs and publishes, servers, and a slave that installs: Portage, gpg and nginx are real.

Programs run in roots of the lab's stage, in namespaces of their own; the folder ``shared`` stands at one path in all of
them and on this machine. Servers listen on the loopback.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import typing as t
from collections.abc import Iterator
from pathlib import Path

import jinja2
from ansible_collections.larry.binhost.plugins.module_utils import (
    _intent,
    _key_states,
    _keys,
    _mounts,
    _orders,
    _program,
    _publication,
    _repository,
    _rootrun,
    _servers,
    _signer,
    _sync,
    _transport,
    _trust,
)
from ansible_collections.larry.binhost.plugins.module_utils._place import Place
from ansible_collections.larry.binhost.plugins.plugin_utils import _host_files

from tests.e2e.harness import CHECKOUT
from tests.root import planted, processes
from tests.root.build_root import EMERGE, copy
from tests.root.master import configure, run

STATE: t.Final = "var/lib/larry-binhost"
TARGET: t.Final = "laptops"
A: t.Final = "app-planted/a"
B: t.Final = "app-planted/b"
#: Of a package, in a generation.
PATH: t.Final = "app-planted/{name}/{name}-1-1.gpkg.tar"
FACTS: t.Final = {"cpu": {"features": []}, "processors": 2, "memory_bytes": 1 << 32}


class House:
    """All that one machine of each kind needs."""

    def __init__(self, folder: Path, pristine: Path) -> None:
        self.shared = folder / "shared"
        self.state = self.shared / "master"
        self.place = Place(TARGET, str(self.state))
        for path in (self.shared, self.state, Path(self.place.pkgdir)):
            path.mkdir(parents=True)
            path.chmod(0o755)
        self.master, self.slave = (folder / name for name in ("root-master", "root-slave"))
        for root in (self.master, self.slave):
            copy(pristine, root)
            configure(root)
        self.repository = planted.repository(
            self.shared / planted.NAME, {f"{A}-1": planted.FILE, f"{B}-1": planted.FILE}
        )
        for name, text in _host_files.client("laptop", {}, FACTS).items():
            (self.slave / "etc/portage" / name).parent.mkdir(parents=True, exist_ok=True)
            (self.slave / "etc/portage" / name).write_text(text)

    def argv(self, root: Path, *command: str, **mounts: t.Any) -> list[str]:
        """Return the command line that runs a command in a root, on this machine's network."""
        here = _mounts.Mount(str(self.shared), "bind", str(self.shared))
        standard = _mounts.standard(**{"repositories": {}, **mounts})
        settings = {"LC_ALL": "C.UTF-8", "FEATURES": "-merge-sync", "TMPDIR": str(self.shared)}
        return _rootrun.argv(str(root), [*standard, here], command, settings, network="host")

    def on_master(self, args: t.Sequence[str], /) -> tuple[int, str, str]:
        """Run a program as the master's modules do."""
        return run(self.argv(self.master, *args))

    def build(self, *atoms: str) -> None:
        """Let the master build packages of what is planted."""
        repositories = {planted.NAME: str(self.repository)}
        argv = self.argv(
            self.master,
            *EMERGE,
            "--buildpkgonly",
            "--nodeps",
            *atoms,
            repositories=repositories,
            pkgdir=self.place.pkgdir,
        )
        status, out, err = run(argv)
        assert status == 0, out + err

    def keys(self, which: str = "present", **how: t.Any) -> _keys.Ring:
        """Bring the master's keys into a state."""
        wanted = _key_states.Wanted("larry.binhost on desktop", state=str(self.state), **how)
        return _key_states.converge(self.on_master, which, wanted).after

    def publish(self, *, place: Place | None = None, **wish: t.Any) -> int:
        """Publish what was built; return the number of the generation."""
        there = place or self.place
        snapshots = {planted.NAME: _repository.snapshot(planted.NAME, str(self.repository), there.state)}
        signer = _signer.of(self.on_master, there.state)
        return _publication.publish(there, snapshots, wish=_intent.Wish(**wish), signer=signer).number

    def trust(self) -> None:
        """Let the slave believe the master's keys as they are now."""
        wanted = _trust.Wanted(
            _keys.public(str(self.state)), home=str(self.slave / "etc/portage/gnupg"), state=str(self.slave / STATE)
        )
        _trust.converge(run, wanted)

    def request(self, *uris: str, **more: t.Any) -> _servers.Request:
        """Return what the slave asks these servers for."""
        state = str(self.slave / STATE)
        trust = _servers.Trust(run, _trust.trusted_path(state))
        return _servers.Request(Place(TARGET, state), ways(uris), **{"timeout": 2, "trust": trust, **more})

    def sync(self, *uris: str, **more: t.Any) -> _sync.Result:
        """Bring the slave into step with one of these servers, as ``index_sync`` does."""
        request = self.request(*uris, **more)
        done = _sync.run(request)
        _orders.keep(request)
        _program.present(_program.path(request.place.state), state=request.place.state)
        return done

    def emerge(self, *words: str) -> tuple[int, str]:
        """Run emerge on the slave; return its status and words."""
        status, out, err = run(self.argv(self.slave, *EMERGE, "--getbinpkgonly", "--oneshot", *words))
        return status, out + err

    def installed(self, name: str = "a") -> str:
        """Return what the slave's installed package says that it is; empty if it isn't there."""
        path = self.slave / "usr/share/planted" / name / "file"
        return path.read_text().strip() if path.exists() else ""

    def here(self) -> dict[str, object]:
        """Return all that the slave has of generations, as it can be compared."""
        top = self.slave / STATE
        paths = [top / "current", *(top / "generations").rglob("*"), *(top / "repos").glob("*")]
        found = [path for path in paths if os.path.lexists(path) and (path.is_symlink() or not path.is_dir())]
        return {str(path): (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in found}

    def forget(self) -> None:
        """Let the slave be one that has never heard of a master."""
        for path in (STATE, "etc/portage/gnupg", "usr/share/planted", "var/db/pkg/app-planted", "var/cache"):
            shutil.rmtree(self.slave / path, ignore_errors=True)

    def serve(self, name: str, *, port: int | None = None) -> Server:
        """Return a web server, of which nothing is there yet."""
        return Server(self, name, port or free_port())


def ways(uris: t.Iterable[str]) -> list[_transport.Source]:
    """Return these URIs as ways to the packages."""
    return [_transport.Source(uri) for uri in uris]


class Server:
    """nginx, with the configuration that the role writes."""

    def __init__(self, house: House, name: str, port: int) -> None:
        self.house = house
        self.folder = house.shared / name
        self.port = port
        self.uri = f"http://127.0.0.1:{port}"

    @property
    def generations(self) -> Path:
        return self.folder / "generations" / TARGET

    def copy(self) -> None:
        """Serve a copy of what the master has now; files stay shared until ``damage`` replaces one."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        subprocess.run(["cp", "-al", str(self.house.state / "generations"), str(self.folder)], check=True)

    def prepared(self) -> Server:
        """Return it, with a folder that something else fills."""
        (self.folder / "generations").mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        return self

    def damage(self, path: str, change: t.Callable[[bytes], bytes]) -> None:
        """Change the content of a file of the current generation; its times stay, and other copies are untouched."""
        file = self.generations / "current" / path
        status, data = file.stat(), file.read_bytes()
        file.unlink()
        file.write_bytes(change(data))
        file.chmod(0o644)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))

    @contextlib.contextmanager
    def up(self, **variables: t.Any) -> Iterator[str]:
        """Run it, with these variables of the role; yield its URI."""
        conf = self.folder / "nginx.conf"
        told = {
            "master_http_port": self.port,
            "binhost_networks": ["127.0.0.0/8"],
            "_master_state": str(self.folder),
            "_master_sources": True,
            "master_distdir": str(self.folder / "distfiles"),
            "master_restricted_distdir": str(self.folder / "restricted"),
            **variables,
        }
        template = jinja2.Environment(trim_blocks=True)  # as Ansible has it
        template.tests["search"] = lambda text, pattern: bool(re.search(pattern, text))
        text = (CHECKOUT / "roles/master/templates/nginx.conf.j2").read_text()
        text = template.from_string(text).render(told)
        conf.write_text(text.replace("/run/larry-binhost-http.pid", f"{self.folder}/pid"))
        argv = self.house.argv(self.house.master, "nginx", "-c", str(conf), "-g", "daemon off;")
        with service(argv, self.port):
            yield self.uri


@contextlib.contextmanager
def service(argv: t.Sequence[str], port: int) -> Iterator[int]:
    """Run a server while the block runs; yield its process id."""
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as server:
        try:
            processes.until(
                lambda: listens(port) or server.poll() is not None, lambda: f"{argv[-4:]}: nothing listens at {port}"
            )
            if server.poll() is not None and server.stdout:
                raise AssertionError(f"{argv[-4:]} ended: {server.stdout.read().decode()}")
            yield server.pid
        finally:
            server.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(10)
            server.kill()


def listens(port: int) -> bool:
    """Return whether somebody does."""
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """Return a port that nobody listens at now."""
    with socket.socket() as asking:
        asking.bind(("127.0.0.1", 0))
        return int(asking.getsockname()[1])


@contextlib.contextmanager
def newer(house: House, server: Server, **wish: t.Any) -> Iterator[None]:
    """Publish the next generation, without b, and serve it; afterwards the master is as it was."""
    saved = house.shared / "saved"
    subprocess.run(["cp", "-a", str(house.state), str(saved)], check=True)
    try:
        house.publish(withhold=[PATH.format(name="b")], **wish)
        server.copy()
        yield
    finally:
        shutil.rmtree(house.state)
        saved.rename(house.state)
