# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build can get at: a test ebuild tries what a careless or curious one might."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import subprocess
import threading
import typing as t
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.root import processes
from tests.root.build_root import EMERGE, BuildRoot, finished

SANDBOXES: t.Final = "ipc-sandbox mount-sandbox network-sandbox pid-sandbox"
#: Each is tried in pkg_postinst, which Portage runs in no sandbox; what it gets it notes.
THIEF: t.Final = """\
EAPI=8
DESCRIPTION="tries to get at the host"
SLOT="0"
LICENSE="GPL-3"
KEYWORDS="amd64"
S="${WORKDIR}"
loot() { echo "$1" >>"${EROOT}/var/tmp/loot"; }
pkg_postinst() {
    local each address
    echo done >"${EROOT}/var/tmp/loot"
    for each in "" /proc/[0-9]*/root /proc/[0-9]*/cwd; do
        grep -qs secret "${each}@KEY@" && loot key && break
    done
    for each in /proc/[0-9]*/fd/*; do
        [[ $(readlink "${each}") == @KEY@ ]] && grep -qs secret "${each}" && loot descriptor && break
    done
    for each in /proc/[0-9]*; do
        nsenter --target "${each#/proc/}" --mount --root grep -qs secret "@KEY@" && loot namespace && break
    done
    mknod "${T}/disk" b @DISK@ && loot disk
    for address in @ADDRESSES@; do
        read -r -t 10 each <"/dev/tcp/${address}" && loot network
        for each in /proc/[0-9]*; do
            nsenter --target "${each#/proc/}" --net bash -c "read -r -t 10 </dev/tcp/${address}" || continue
            loot network
            break
        done
    done
    [[ -n ${PLANTED} ]] && loot environment
    [[ -n $(ls /sys/class/net | grep -v '^lo$') && $(wc -l </proc/net/route) -gt 1 ]] && loot route
    (echo 1 >/proc/sys/vm/drop_caches) 2>/dev/null && loot kernel
    hostname changed-by-a-build && loot hostname
    return 0
}
"""


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Return a file that only root reads."""
    path = tmp_path / "signing-key"
    path.write_text("secret\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def talker() -> Iterator[int]:
    """Return the port on all of this machine's addresses at which somebody talks to whoever comes."""
    with socket.create_server(("0.0.0.0", 0)) as listener:

        def talk() -> None:
            while True:
                try:
                    visitor, _address = listener.accept()
                except OSError:
                    return
                with visitor:
                    visitor.sendall(b"hello\n")

        threading.Thread(target=talk, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def addresses(port: int) -> str:
    """Return where the port is reached, as bash's /dev/tcp takes it: the loopback and this machine's own addresses."""
    own = re.findall(r"inet ([\d.]+)/", subprocess.check_output(["ip", "-4", "addr"], text=True))
    return " ".join(f"{address}/{port}" for address in own)


def plant(build_root: BuildRoot, key: Path, port: int) -> None:
    device = os.stat(key).st_dev
    words = {"KEY": str(key), "DISK": f"{os.major(device)} {os.minor(device)}", "ADDRESSES": addresses(port)}
    text = THIEF
    for name, word in words.items():
        text = text.replace(f"@{name}@", word)
    build_root.ebuild("app-misc/thief-1", text)


def loot(build_root: BuildRoot) -> set[str]:
    lines = (build_root.path / "var/tmp/loot").read_text().split()
    assert lines[0] == "done"
    return set(lines[1:])


def test_a_build_gets_at_nothing_of_the_host(
    build_root: BuildRoot, key: Path, talker: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(build_root, key, talker)
    monkeypatch.setenv("PLANTED", "1")
    name = socket.gethostname()
    with key.open():  # nor is a descriptor of the caller's handed down
        build_root.emerge("app-misc/thief")
    # Its own name, that is, and not the host's.
    assert loot(build_root) == {"hostname"}
    assert socket.gethostname() == name


def test_the_same_ebuild_gets_at_the_host_where_a_mount_namespace_alone_is_around_it(
    build_root: BuildRoot, key: Path, talker: int
) -> None:
    """Shows that the test above could fail; what could do harm here is left out of the ebuild."""
    plant(build_root, key, talker)
    ebuild = build_root.repository / "app-misc/thief/thief-1.ebuild"
    harmless = [
        line for line in ebuild.read_text().splitlines() if "hostname" not in line and "drop_caches" not in line
    ]
    ebuild.write_text("\n".join(harmless) + "\n")
    script = (
        'mount --bind "$0" "$0"; cd "$0"; mount -t proc proc proc; mount --rbind /dev dev; '
        'mount --rbind /sys sys; PLANTED=1 exec chroot . "$@"'
    )
    finished(
        ["unshare", "--mount", "--propagation=private", "sh", "-ec", script, str(build_root.path), *EMERGE]
        + ["app-misc/thief"]
    )
    assert {"disk", "environment", "key", "namespace", "network"} <= loot(build_root)


#: All phases of PMS 9.1 that a build and its removal go through, each trying what it must not get.
PHASES: t.Final = (
    *("pkg_pretend", "pkg_setup", "src_unpack", "src_prepare", "src_configure", "src_compile", "src_test"),
    *("src_install", "pkg_preinst", "pkg_postinst", "pkg_prerm", "pkg_postrm"),
)
CURIOUS: t.Final = """\
EAPI=8
DESCRIPTION="looks around in every phase"
SLOT="0"
LICENSE="GPL-3"
KEYWORDS="amd64"
PROPERTIES="live"
RESTRICT="network-sandbox"
S="${WORKDIR}"
look() {
    local address
    echo "phase $1"
    for address in @ADDRESSES@; do
        (read -r -t 10 word <"/dev/tcp/${address}") 2>/dev/null && echo "phase $1 got the network"
    done
    [[ -n ${PLANTED} ]] && echo "phase $1 got the environment"
    return 0
}
"""


def test_no_phase_has_a_network_or_the_callers_environment(
    build_root: BuildRoot, talker: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = CURIOUS.replace("@ADDRESSES@", addresses(talker))
    own = {"src_prepare": "eapply_user; "}
    text += "".join(f"{phase}() {{ {own.get(phase, '')}look {phase}; }}\n" for phase in PHASES)
    build_root.ebuild("app-misc/curious-1", text)
    monkeypatch.setenv("PLANTED", "1")
    features = {"FEATURES": "test -network-sandbox"}
    said = build_root.emerge("app-misc/curious", environment=features).stdout
    said += build_root.run("emerge", "--unmerge", "--quiet=n", "--color=n", "app-misc/curious").stdout
    found = re.findall(r"^phase (\w+)(.*)$", said, re.MULTILINE)
    assert {phase for phase, _got in found} == set(PHASES)
    assert {got for _phase, got in found} == {""}
    # While sources are fetched there is a network, and no phase.
    assert "phase" not in build_root.emerge("--fetchonly", "app-misc/curious", network="host").stdout


SAY: t.Final = 'for each in ipc mnt net pid; do echo "ns {} ${{each}} $(readlink /proc/self/ns/${{each}})"; done'
SANDBOXED: t.Final = f"""\
EAPI=8
DESCRIPTION="says in which namespaces it is compiled"
SLOT="0"
LICENSE="GPL-3"
KEYWORDS="amd64"
S="${{WORKDIR}}"
src_compile() {{ {SAY.format("inside")}; }}
"""


def test_portages_own_sandboxes_work_in_there(build_root: BuildRoot) -> None:
    build_root.ebuild("app-misc/sandboxed-1", SANDBOXED)
    script = f'{SAY.format("outside")}; exec "$@"'
    command = ("sh", "-c", script, "sh", *EMERGE, "app-misc/sandboxed")
    done = build_root.run(*command, environment={"FEATURES": SANDBOXES})
    assert not re.search(r"(?i)unshare|unable|loopback", done.stdout + done.stderr)
    found = re.findall(r"^ns (\w+) (\w+) (\S+)$", done.stdout, re.MULTILINE)
    names = {where: {name: link for each, name, link in found if each == where} for where in ("outside", "inside")}
    assert set(names["outside"]) == {"ipc", "mnt", "net", "pid"}
    assert [name for name, link in names["outside"].items() if names["inside"][name] == link] == []


def test_a_real_package_is_built_in_all_sandboxes(build_root: BuildRoot) -> None:
    build_root.emerge("app-misc/hello", environment={"FEATURES": f"{SANDBOXES} buildpkg"})
    assert build_root.run("hello").stdout == "Hello, world!\n"
    assert [path.name for path in build_root.pkgdir.glob("app-misc/hello/*")] == ["hello-2.10-1.gpkg.tar"]
    processes.none_left(build_root.path)


class Handler(BaseHTTPRequestHandler):
    """Answers with its server's words."""

    def do_GET(self) -> None:
        """Send them."""
        words = t.cast(Server, self.server).words
        self.send_response(200)
        self.send_header("Content-Length", str(len(words)))
        self.end_headers()
        self.wfile.write(words)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """A server of one answer."""

    def __init__(self, words: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.words = words


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    """Return two servers on this machine: the mirror, and one that nobody asked for."""
    made = [Server(os.urandom(8 << 20)), Server(b"elsewhere")]
    for server in made:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    for server in made:
        server.shutdown()
        server.server_close()


FETCH: t.Final = """\
import concurrent.futures, hashlib, sys, urllib.request
def fetch(_number):
    with urllib.request.urlopen(sys.argv[1], timeout=60) as answer:
        return hashlib.sha256(answer.read()).hexdigest()
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    print(*set(pool.map(fetch, range(int(sys.argv[2])))))
"""


def test_the_mirror_is_reached_and_nothing_else(build_root: BuildRoot, servers: list[Server]) -> None:
    mirror, other = servers
    network = f"localhost:{mirror.server_port}"
    url = f"http://127.0.0.1:{mirror.server_port}/file"
    done = build_root.run("python3", "-c", FETCH, url, "16", network=network)
    assert done.stdout.split() == [hashlib.sha256(mirror.words).hexdigest()]

    url = f"http://127.0.0.1:{other.server_port}/file"
    done = build_root.run("python3", "-c", FETCH, url, "1", network=network, check=False)
    assert "Connection refused" in done.stderr
    enter = (
        "for each in /proc/[0-9]*; do nsenter --target ${each#/proc/} --net python3 -c '"
        f'import urllib.request; print(urllib.request.urlopen("{url}").read())'
        "'; done 2>&1; ps -eo comm="
    )
    done = build_root.run("sh", "-c", enter, network=network)
    assert "elsewhere" not in done.stdout
    assert done.stdout.count("Permission denied") >= 2, done.stdout  # the first process and the relay
    processes.none_left(build_root.path)

    done = build_root.run("python3", "-c", FETCH, url, "1", network="host")
    assert done.stdout.split() == [hashlib.sha256(b"elsewhere").hexdigest()]


def test_a_mirror_that_is_down_or_unknown(build_root: BuildRoot, servers: list[Server]) -> None:
    port = servers[0].server_port
    servers[0].shutdown()
    servers[0].server_close()
    done = build_root.run(
        "python3", "-c", FETCH, f"http://127.0.0.1:{port}/", "1", network=f"localhost:{port}", check=False
    )
    assert re.search("(Remote end closed connection|Connection reset)", done.stderr)
    done = build_root.run("true", network="no-such-host.invalid:80", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("no-such-host.invalid: expected the address of the mirror, found: ")
