# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""config-sync against a real rsyncd with the role's configuration: what it brings, and what nobody makes it do."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time
import typing as t
from collections.abc import Iterator, Mapping
from pathlib import Path

import jinja2
import pytest
import yaml
from ansible_collections.larry.binhost.plugins.module_utils import _cli, _files, _tree
from ansible_collections.larry.binhost.plugins.plugin_utils import _export

from tests.root.build_root import TIMEOUT_S
from tests.root.repeat import repeats

CHECKOUT: t.Final = Path(__file__).resolve().parents[2]
ROLE: t.Final = CHECKOUT / "roles/master"
#: Places at which the link is cut.
CUTS: t.Final = repeats(15, 400)
FILES: t.Final[Mapping[str, str]] = {
    "make.conf/01-target.conf": 'USE="${USE} a"\n',
    "package.use/01-target": "app-misc/a x\n",
    "env/01-debug": 'CFLAGS="-g"\n',
    "repos.conf/zz-binhost.conf": "[lab]\nlocation = /var/lib/larry-binhost/current/repos/lab\n",
}
LINKS: t.Final = {"make.profile": "../../var/lib/larry-binhost/current/repos/lab/profiles/base"}
#: What a person and another owner have on the slave.
THEIRS: t.Final[Mapping[str, str]] = {
    "make.conf/02-host.conf": "A=1\n",
    "make.conf/50-mine.conf": "B=1\n",
    "package.use/02-host": "app-misc/b y\n",
    "env/mine": "C=1\n",
    "package.mask": "app-misc/old\n",
}


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Daemon:
    """A master's rsyncd and what it offers."""

    def __init__(self, state: Path) -> None:
        self.state, self.port = state, free_port()
        self.conf = state.parent / "rsyncd.conf"
        self.process: subprocess.Popen[bytes] | None = None

    def offer(self, files: Mapping[str, str], links: Mapping[str, str]) -> None:
        """Write what the role would, and nothing beside."""
        target = {"master": "desktop", "members": ["laptop"], "files": dict(files), "links": dict(links)}
        plan = {"targets": {"common": target}, "hosts": {"laptop": {"files": dict(files)}}}
        shutil.rmtree(self.state / "config", ignore_errors=True)
        for path, text in _export.files(plan, "desktop", state=str(self.state)).items():
            _files.write(path, text)

    def configure(self, networks: list[str]) -> None:
        """Write the role's configuration."""
        loader = jinja2.Environment(loader=jinja2.FileSystemLoader(ROLE / "templates"), trim_blocks=True)
        text = loader.get_template("rsyncd.conf.j2").render(
            master_rsync_port=self.port,
            binhost_networks=networks,
            _master_state=str(self.state),
            _master_all_targets=[{"key": "common"}],
        )
        self.conf.write_text(text)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = ["rsync", "--daemon", "--no-detach", "--address=127.0.0.1", f"--config={self.conf}"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as one:
                if one.recv(8) == b"@RSYNCD:":
                    return
        pytest.fail("rsyncd does not answer")

    def stop(self) -> None:
        """Stop it."""
        if self.process:
            self.process.terminate()
            self.process.wait(TIMEOUT_S)

    def uri(self, port: int = 0) -> str:
        """Return where a slave finds it."""
        return f"rsync://127.0.0.1:{port or self.port}/common"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """Return a running rsyncd that offers ``FILES``."""
    if os.geteuid() != 0:
        pytest.fail("expected to be root", pytrace=False)
    open_to_nobody(tmp_path)
    one = Daemon(tmp_path / "master")
    one.offer(FILES, LINKS)
    one.configure(["127.0.0.1/32"])
    one.start()
    yield one
    one.stop()


def open_to_nobody(path: Path) -> None:
    """Let rsyncd's user reach a folder of the test's."""
    for folder in [path, *path.parents]:
        if folder != Path("/tmp") and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)


@pytest.fixture
def slave(tmp_path: Path) -> Path:
    """Return a slave's root with its person's files."""
    root = tmp_path / "slave"
    for path, text in THEIRS.items():
        (root / "etc/portage" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "etc/portage" / path).write_text(text)
    return root


def run(root: Path, *args: str, timeout_s: int = TIMEOUT_S) -> int:
    """Run the command."""
    return _cli.main(["config-sync", "--root", str(root), "--timeout", str(timeout_s), *args])


def state(root: Path) -> dict[str, str]:
    """Return all of /etc/portage: texts, and where links lead."""
    base = root / "etc/portage"
    return {
        str(path.relative_to(base)): os.readlink(path) if path.is_symlink() else path.read_text()
        for path in sorted(base.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def test_it_adds_updates_and_deletes_and_nothing_else(
    daemon: Daemon, slave: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(slave, daemon.uri(), "--check") == 0
    assert state(slave) == THEIRS
    assert "would change: /etc/portage/env/01-debug" in capsys.readouterr().out
    assert run(slave, daemon.uri()) == 0
    # Without a generation the slave has neither those repositories nor that profile.
    first = {path: text for path, text in FILES.items() if not path.startswith("repos.conf")}
    assert state(slave) == {**THEIRS, **first}
    told = capsys.readouterr()
    assert "make.profile: left as it is: /var/lib/larry-binhost/current/repos/lab/profiles/base isn't here" in told.err
    assert run(slave, daemon.uri()) == 0
    assert capsys.readouterr().out == "in step with the master\n"

    daemon.offer({"make.conf/01-target.conf": 'USE="${USE} b"\n', "package.mask/01-target": "app-misc/z\n"}, {})
    assert run(slave, daemon.uri()) == 0
    left = {path: text for path, text in THEIRS.items() if path != "package.mask"}
    assert state(slave) == {
        **left,
        "make.conf/01-target.conf": 'USE="${USE} b"\n',
        "package.mask/00-adopted": "app-misc/old\n",
        "package.mask/01-target": "app-misc/z\n",
    }
    assert not list((slave / "var/lib/larry-binhost/config-sync").iterdir())


def test_with_a_generation_profile_and_repositories_follow(daemon: Daemon, slave: Path) -> None:
    (slave / "var/lib/larry-binhost/current/repos/lab/profiles/base").mkdir(parents=True)
    assert run(slave, daemon.uri()) == 0
    assert state(slave) == {**THEIRS, **FILES, **LINKS}
    shutil.rmtree(slave / "var/lib/larry-binhost/current")
    assert run(slave, daemon.uri()) == 0
    assert state(slave) == {**THEIRS, **FILES, **LINKS}


def test_what_a_controller_wrote_stays_a_controllers(daemon: Daemon, slave: Path) -> None:
    for path in ("make.conf/02-host.conf", "package.use/02-host"):
        (slave / "etc/portage" / path).unlink()
    ours = {**FILES, "make.conf/02-host.conf": "A=2\n", "make.conf/zz-binhost.conf": "F=1\n", "license_groups": "X y\n"}
    old = {**ours, "make.conf/01-old.conf": "old=1\n"}
    declare(slave, {path: text for path, text in old.items() if not path.startswith("repos.conf")})
    before = state(slave)
    assert run(slave, daemon.uri()) == 0
    assert state(slave) == {path: text for path, text in before.items() if path != "make.conf/01-old.conf"}
    # The controller's next run finds all in order.
    assert declare(slave, {path: text for path, text in ours.items() if not path.startswith("repos.conf")}) == []
    declare(slave, {"license_groups": "X y\n"})
    assert "make.conf/01-target.conf" not in state(slave)


def declare(root: Path, files: Mapping[str, str]) -> list[str]:
    """Do what a controller's portage_config does; return the paths that changed."""
    intent = _tree.intent(str(root), "larry-binhost", files=files, links={}, world_set=None)
    _tree.carry_out(str(root), intent)
    return [change.path for change in intent.changes]


def test_a_persons_file_of_the_same_name_stops_it(
    daemon: Daemon, slave: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon.offer({**FILES, "env/mine": "D=1\n"}, {})
    assert run(slave, daemon.uri()) == 1
    assert state(slave) == THEIRS
    assert "env/mine: expected no file of anybody else's where the master has one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("files", "links", "words"),
    [
        ({"make.conf/02-host.conf": "x\n"}, {}, "expected 01 files from the master, found one that is this machine's"),
        ({}, {"../passwd": "/etc/shadow"}, "expected a path below etc/portage without '..', found '../passwd'"),
    ],
)
def test_a_master_cannot_reach_beyond_01(
    daemon: Daemon,
    slave: Path,
    capsys: pytest.CaptureFixture[str],
    files: dict[str, str],
    links: dict[str, str],
    words: str,
) -> None:
    (slave / "etc/shadow").write_text("")
    daemon.offer({**FILES, **files}, links)
    assert run(slave, daemon.uri()) == 1
    assert state(slave) == THEIRS
    assert words in capsys.readouterr().err


def test_a_copy_that_is_not_whole_is_none(daemon: Daemon, slave: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (daemon.state / "config/common/files/package.use/01-target").write_text("half\n")
    assert run(slave, daemon.uri()) == 1
    assert state(slave) == THEIRS
    assert "expected what the master's manifest says, found a difference in package.use/01-target" in (
        capsys.readouterr().err
    )


# --- a master that is off, a link that breaks


class Cut:
    """A way to the master that ends after some bytes, or never brings one."""

    def __init__(self, port: int, bytes_left: int | None) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.server.getsockname()[1])
        self.to, self.left, self.passed = port, bytes_left, 0
        self.open: list[socket.socket] = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        """Take connections until closed."""
        with contextlib.suppress(OSError):
            while True:
                client = self.server.accept()[0]
                self.open.append(client)
                if self.left is not None:
                    server = socket.create_connection(("127.0.0.1", self.to))
                    self.open.append(server)
                    threading.Thread(target=self.carry, args=(client, server, False), daemon=True).start()
                    threading.Thread(target=self.carry, args=(server, client, True), daemon=True).start()

    def carry(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        """Pass bytes on; what the master sends is counted."""
        with contextlib.suppress(OSError):
            while data := source.recv(64):
                if counted:
                    data = data[: max(0, (self.left or 0) - self.passed)]
                    self.passed += len(data)
                if not data:
                    break
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End it."""
        for one in (self.server, *self.open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@contextlib.contextmanager
def cut(port: int, bytes_left: int | None) -> Iterator[Cut]:
    """Hold such a way."""
    one = Cut(port, bytes_left)
    try:
        yield one
    finally:
        one.close()


def test_a_link_that_breaks_anywhere_changes_nothing(daemon: Daemon, slave: Path) -> None:
    assert run(slave, daemon.uri()) == 0
    before = state(slave)
    # Random text does not shrink: many places to cut at.
    new = {f"package.use/01-{n}": f"app-misc/a {os.urandom(2000).hex()}\n" for n in range(20)}
    daemon.offer({**new, "make.conf/01-target.conf": "N=1\n"}, {})
    with cut(daemon.port, 1 << 30) as whole:
        shutil.copytree(slave, slave.parent / "other", symlinks=True)
        assert run(slave.parent / "other", daemon.uri(whole.port)) == 0
    for number in range(CUTS):
        # What has come so far would be used.
        shutil.rmtree(slave / "var/lib/larry-binhost/config-sync", ignore_errors=True)
        with cut(daemon.port, number * whole.passed // CUTS) as way:
            assert run(slave, daemon.uri(way.port)) == 1
        assert state(slave) == before
    assert run(slave, daemon.uri()) == 0
    assert state(slave) == state(slave.parent / "other") != before


def test_a_killed_master_changes_nothing(daemon: Daemon, slave: Path, capsys: pytest.CaptureFixture[str]) -> None:
    daemon.stop()
    assert run(slave, daemon.uri()) == 1
    assert state(slave) == THEIRS
    assert "Connection refused" in capsys.readouterr().err


def test_a_silent_master_does_not_hold_it_up(daemon: Daemon, slave: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with cut(daemon.port, None) as way:
        assert run(slave, daemon.uri(way.port), timeout_s=1) == 1
    assert state(slave) == THEIRS
    assert "Nothing was changed" in capsys.readouterr().err


@pytest.mark.parametrize(
    "uri", ["", "desktop", "rsync://desktop/", "rsync://-x/common", "rsync://d/common -e x", "http://d/c"]
)
def test_what_is_no_address(slave: Path, capsys: pytest.CaptureFixture[str], uri: str) -> None:
    assert run(slave, uri or "") == 1
    assert "expected" in capsys.readouterr().err


def test_the_address_is_kept(daemon: Daemon, slave: Path) -> None:
    assert run(slave) == 1
    (slave / "etc/larry-binhost").mkdir()
    (slave / "etc/larry-binhost/sync").write_text(f"# the master\n{daemon.uri()}\n")
    assert run(slave) == 0
    assert (slave / "etc/portage/env/01-debug").exists()


# --- what the daemon refuses


def rsync(*args: str) -> subprocess.CompletedProcess[str]:
    """Run rsync as anybody could."""
    return subprocess.run(
        ["rsync", f"--timeout={TIMEOUT_S}", *args], capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )


def test_nobody_writes(daemon: Daemon, tmp_path: Path) -> None:
    before = sorted((daemon.state / "config").rglob("*"))
    (tmp_path / "mine").write_text("x")
    done = rsync("-r", str(tmp_path / "mine"), f"{daemon.uri()}/files/mine")
    assert (done.returncode != 0, "read only" in done.stderr) == (True, True)
    done = rsync("-r", "--delete", f"{tmp_path}/", f"{daemon.uri()}/")
    assert done.returncode != 0
    assert sorted((daemon.state / "config").rglob("*")) == before


def test_strangers_are_turned_away(daemon: Daemon, slave: Path, tmp_path: Path) -> None:
    done = rsync("--address=127.0.0.2", "-r", f"{daemon.uri()}/", f"{tmp_path}/got/")
    assert done.returncode != 0
    assert "access denied to common from" in done.stdout + done.stderr
    assert not (tmp_path / "got/manifest.json").exists()
    daemon.configure(["10.0.0.0/8", "fd00::/8"])
    assert run(slave, daemon.uri()) == 1
    assert state(slave) == THEIRS
    daemon.configure(["10.0.0.0/8", "127.0.0.0/24"])
    assert run(slave, daemon.uri()) == 0


def test_nothing_else_of_the_master_can_be_read(daemon: Daemon, tmp_path: Path) -> None:
    secret = daemon.state / "config/secret"
    secret.write_text("secret")
    secret.chmod(0o644)
    inside = daemon.state / "config/common/files"
    (inside / "out").symlink_to(secret)
    (inside / "up").symlink_to("../../../config")
    (inside / ".draft").write_text("draft")
    got = tmp_path / "got"
    for source in ("../secret", "files/../../secret", "%2e%2e/secret", "files/out", "files/up/secret", "/../secret"):
        rsync("-rL", f"{daemon.uri()}/{source}", f"{got}/")
    rsync("-rL", f"{daemon.uri()}/", f"{got}/")
    rsync("-rL", "--relative", f"{daemon.uri()}/./../secret", f"{got}/")
    found = [path for path in got.rglob("*") if path.is_file()]
    assert [path for path in found if path.read_text() in ("secret", "draft")] == []
    assert got / "manifest.json" in found


def test_the_roles_check_tells_a_configuration_from_none(daemon: Daemon, tmp_path: Path) -> None:
    program = yaml.safe_load((ROLE / "vars/main.yml").read_text())["_master_rsync_program"]
    good = subprocess.run(["/usr/bin/python3", "-c", program, str(daemon.conf)], capture_output=True, check=False)
    assert good.returncode == 0, good.stderr
    (tmp_path / "bad.conf").write_text("port = 1\n[common\npath = /x\n")
    bad = subprocess.run(
        ["/usr/bin/python3", "-c", program, str(tmp_path / "bad.conf")], capture_output=True, text=True, check=False
    )
    assert bad.returncode != 0
    assert "expected a configuration, found" in bad.stderr


def test_what_portage_rejects_is_not_put_in_place(
    daemon: Daemon, stage_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = state(stage_root)
    daemon.offer({**FILES, "make.conf/01-target.conf": 'USE="no end\n'}, {})
    assert run(stage_root, daemon.uri()) == 1
    assert state(stage_root) == before
    assert "expected a configuration that Portage accepts, found that it says" in capsys.readouterr().err
    daemon.offer(FILES, {})
    assert run(stage_root, daemon.uri()) == 0
    assert state(stage_root)["make.conf/01-target.conf"] == FILES["make.conf/01-target.conf"]
