# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nginx, rsyncd and sshd serve with the role's configuration, and what none of them lets anybody have."""

from __future__ import annotations

import contextlib
import email.utils
import filecmp
import http.client
import os
import shutil
import ssl
import subprocess
import sys
import typing as t
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest
from ansible_collections.larry.binhost.plugins.module_utils import (
    _keys,
    _mirror_source,
    _program,
    _removal,
    _ssh_access,
)
from ansible_collections.larry.binhost.plugins.plugin_utils import _outsiders

from tests.e2e.harness import CHECKOUT
from tests.root import planted
from tests.root.build_root import EMERGE, copy
from tests.root.house import PATH, TARGET, A, House, Server, free_port, service
from tests.root.master import configure, run

ROLE: t.Final = Path(__file__).resolve().parents[2] / "roles/master"
INDEX: t.Final = f"/{TARGET}/current/Packages"


def ask(uri: str, path: str, *, source: str = "127.0.0.1", **headers: str) -> tuple[int, str]:
    """Return status and body of a web server's answer."""
    host, port = uri.rpartition("/")[2].split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10, source_address=(source, 0))
    with contextlib.closing(connection):
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read().decode("latin-1")


def test_what_nginx_answers(house: House, server: Server) -> None:
    status, listing = ask(server.uri, f"/{TARGET}/current/")
    assert (status, 'href="Packages"' in listing, 'href="app-planted/"' in listing) == (200, True, True)
    stamp = (server.generations / "current/Packages").stat().st_mtime

    def date(seconds: float) -> str:
        return email.utils.formatdate(seconds, usegmt=True)

    whole = (server.generations / "current/Packages").read_text()
    # Portage adds 5 seconds to the TIMESTAMP that it has (_urlopen.py).
    assert ask(server.uri, INDEX, If_Modified_Since=date(stamp + 5)) == (304, "")
    assert ask(server.uri, INDEX, If_Modified_Since=date(stamp - 1)) == (200, whole)
    assert ask(server.uri, INDEX, Range="bytes=10-19") == (206, whole[10:20])
    (server.generations / ".new-9").mkdir()
    (server.generations / ".new-9/x").touch()
    assert ask(server.uri, f"/{TARGET}/.new-9/x")[0] == 403


def test_nginx_turns_strangers_away(house: House) -> None:
    server = house.serve("fenced")
    server.copy()
    with server.up(binhost_networks=["127.0.0.1/32", "10.0.0.0/8"]) as uri:
        assert [ask(uri, INDEX, source=address)[0] for address in ("127.0.0.1", "127.0.0.2")] == [200, 403]


def test_a_certificate_of_the_owners(house: House) -> None:
    server = house.serve("encrypted")
    server.copy()
    certificate, key = (str(house.shared / f"tls.{suffix}") for suffix in ("crt", "key"))
    words = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=desktop"]
    words += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run(["openssl", "req", "-x509", *words], check=True, capture_output=True)
    with server.up(master_http_tls_certificate=certificate, master_http_tls_key=key) as uri:
        assert ask(uri, INDEX)[0] == 400
        with pytest.raises(ssl.SSLCertVerificationError):
            encrypted(server.port, None)
        index = (server.generations / "current/Packages").read_bytes()
        assert encrypted(server.port, certificate) == index
        url = f"https://127.0.0.1:{server.port}{INDEX}"
        assert fetched(url, certificate).stdout == index
        refused = fetched(url, None)
        assert refused.returncode == 1
        assert b"CERTIFICATE_VERIFY_FAILED" in refused.stderr


def fetched(url: str, trusted: str | None) -> subprocess.CompletedProcess[bytes]:
    """Ask as a slave does whose system trusts this certificate, or only those that everybody does."""
    program = "import sys; from ansible_collections.larry.binhost.plugins.module_utils import _fetch; "
    program += "sys.stdout.buffer.write(_fetch.text(sys.argv[1], timeout=10, most=1 << 26))"
    trust = {"SSL_CERT_FILE": trusted} if trusted else {}
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "collections"), **trust}
    return subprocess.run([sys.executable, "-c", program, url], env=environment, capture_output=True, check=False)


def encrypted(port: int, trusted: str | None) -> bytes:
    """Return the index as one gets it who trusts this certificate, or only those that everybody does."""
    context = ssl.create_default_context(cafile=trusted)
    with contextlib.closing(http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)) as one:
        one.request("GET", INDEX)
        return one.getresponse().read()


# --- rsync


@pytest.fixture
def daemon(house: House, server: Server) -> Iterator[str]:
    """Run rsyncd over what the web server has; yield where it is."""
    port = free_port()
    loader = jinja2.Environment(loader=jinja2.FileSystemLoader(ROLE / "templates"), trim_blocks=True)
    text = loader.get_template("rsyncd.conf.j2").render(
        master_rsync_port=port,
        binhost_networks=["127.0.0.1/32"],
        _master_state=str(server.folder),
        _master_all_targets=[],
    )
    conf = server.folder / "rsyncd.conf"
    conf.write_text(text.replace("/run/", f"{server.folder}/"))
    for folder in (server.folder, *server.folder.parents):
        folder.chmod(folder.stat().st_mode | 0o011)
    argv = ["rsync", "--daemon", "--no-detach", "--address=127.0.0.1", f"--config={conf}"]
    with service(argv, port):
        yield f"rsync://127.0.0.1:{port}"


def rsync(*words: str) -> tuple[int, str]:
    """Run rsync as anybody could; return its status and words."""
    status, out, err = run(["rsync", "--timeout=10", *words])
    return status, out + err


def test_rsync_has_the_packages(server: Server, daemon: str, tmp_path: Path) -> None:
    (server.generations / ".new-9").mkdir()
    for number in ("1", "current"):
        status, words = rsync("-rlt", f"{daemon}/packages/{TARGET}/{number}/", f"{tmp_path}/{number}/")
        assert status == 0, words
        assert same(tmp_path / number, server.generations / "1")
    status, words = rsync(f"{daemon}/packages/{TARGET}/")
    assert (status, ".new-9" in words, "current" in words) == (0, False, True)
    (tmp_path / "mine").touch()
    assert rsync(str(tmp_path / "mine"), f"{daemon}/packages/{TARGET}/mine")[0] != 0
    assert rsync("-r", f"{daemon}/packages/../keys", f"{tmp_path}/out/")[0] != 0 or not (tmp_path / "out").exists()
    status, words = rsync("--address=127.0.0.2", f"{daemon}/packages/")
    assert (status != 0, "access denied to packages" in words) == (True, True)


def same(one: Path, other: Path) -> bool:
    """Return whether two folders hold the same files; what links lead to isn't looked at."""
    names = [
        sorted(str(path.relative_to(top)) for path in top.rglob("*") if not path.is_symlink()) for top in (one, other)
    ]
    files = [name for name in names[0] if (other / name).is_file()]
    return names[0] == names[1] and filecmp.cmpfiles(one, other, files, shallow=False)[1:] == ([], [])


def test_emerge_sync_brings_the_tree_from_the_master(house: House, daemon: str, tmp_path: Path) -> None:
    uri = f"{daemon}/tree/{TARGET}/current/repos/{planted.NAME}"
    place = house.shared / "synced"
    conf = house.slave / "etc/portage/repos.conf/zzz-synced.conf"
    options = f"sync-type = rsync\nsync-uri = {uri}\nsync-rsync-verify-metamanifest = no\n"
    conf.write_text(f"[{planted.NAME}]\nlocation = {place}\n{options}")
    try:
        status, out, err = run(house.argv(house.slave, "emerge", "--sync", planted.NAME))
        assert status == 0, out + err
        (place / "metadata/timestamp.chk").unlink()  # what only a server needs
        assert same(place, house.repository)
    finally:
        conf.unlink()
        shutil.rmtree(place, ignore_errors=True)
    # Of a generation it has nothing else.
    status, words = rsync(f"{daemon}/tree/{TARGET}/current/")
    assert [line.split()[-1] for line in words.splitlines() if ":" in line] == [".", "repos"], words
    for path in ("current/Packages", "current/seal.json", "1/" + PATH.format(name="a"), f"repos/{planted.NAME}"):
        rsync("-rL", f"{daemon}/tree/{TARGET}/{path}", f"{tmp_path}/got/")
    assert [path for path in (tmp_path / "got").rglob("*") if path.is_file()] == []


# --- ssh


@contextlib.contextmanager
def sshd(house: House) -> Iterator[list[str]]:
    """Let a slave's key in, as the role does; yield the command that connects."""
    folder, port = house.shared / "ssh", free_port()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    for name in ("key", "host"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    program, state = _program.path(str(house.state)), str(house.state)
    _program.present(program, state=state)
    file = _ssh_access.File(str(house.master / "root/.ssh/authorized_keys"), 0, 0)
    keys = {"laptop": (folder / "key.pub").read_text()}
    _ssh_access.write(
        file, _ssh_access.wanted("", keys, f"{program} --state={state} {_mirror_source.COMMAND}", "slave")
    )
    words = [
        "-D",
        "-e",
        "-p",
        str(port),
        "-h",
        str(folder / "host"),
        "-o",
        "ListenAddress=127.0.0.1",
        "-o",
        "UsePAM=no",
    ]
    argv = ["sh", "-c", 'mkdir -p /run/sshd; exec /usr/sbin/sshd "$@"', "sh", *words]
    options = {
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": "/dev/null",
        "LogLevel": "ERROR",
        "BatchMode": "yes",
    }
    said = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    with service(house.argv(house.master, *argv), port):
        yield ["ssh", "-F", "none", *said, "-i", str(folder / "key"), "-p", str(port)]


def test_a_slaves_key_reads_files_and_nothing_else(house: House, tmp_path: Path) -> None:
    generation = house.state / "generations" / TARGET / "1"
    with sshd(house) as ssh:

        def say(*words: str) -> tuple[int, bytes]:
            done = subprocess.run([*ssh, "root@127.0.0.1", *words], capture_output=True, check=False, timeout=60)
            return done.returncode, done.stdout

        for path in ("Packages", PATH.format(name="a")):
            assert say("get", f"{TARGET}/current/{path}") == (0, (generation / path).read_bytes())
        (generation / "out").symlink_to(house.state / "keys")
        for asked in ("id", "", "cat /etc/passwd", f"get {TARGET}/../../keys/signing.json", "get x;id"):
            assert say(asked) == (1, b"")
        for asked in ("get none/current/Packages", f"get {TARGET}/1/out/signing.json"):
            assert say(asked) == (4, b"")
        (generation / "out").unlink()
        (tmp_path / "mine").touch()
        assert rsync(f"--rsh={' '.join(ssh)}", f"{tmp_path}/mine", f"root@127.0.0.1:{TARGET}/1/mine")[0] != 0
        assert not (generation / "mine").exists()


# --- a machine that no inventory knows


def test_an_outsider_follows_the_file_and_has_the_packages(house: House, server: Server, pristine_root: Path) -> None:
    key = {"public": _keys.public(str(house.state)), "fingerprint": house.keys().fingerprint}
    target = {
        "master": "desktop",
        "uri": server.uri,
        "links": {"make.profile": "x/profiles/base"},
        "cpu": {"cflags": "-O2"},
    }
    for path, text in _outsiders.files({"targets": {TARGET: target}}, "desktop", key).items():
        (server.generations / Path(path).name).write_text(text)
    stanza = ask(server.uri, f"/{TARGET}/binrepos.conf")[1]
    todo = [line[5:] for line in stanza.splitlines() if line.startswith("#     ")]
    # What a person reads and compares is no command of the script.
    script = [line.replace("      and compare: it has to be", " #") for line in todo]
    root = house.shared / "outsider"
    copy(pristine_root, root)
    try:
        configure(root)
        portage = root / "etc/portage"
        (portage / "make.profile").unlink()
        (portage / "make.profile").symlink_to(house.repository / "profiles" / planted.PROFILE)
        (portage / "repos.conf/zzz-own.conf").write_text(f"[{planted.NAME}]\nlocation = {house.repository}\n")
        features = 'FEATURES="${FEATURES} getbinpkg binpkg-request-signature"\nPORTAGE_TRUST_HELPER=""\n'
        (portage / "make.conf/99-outsider.conf").write_text(features)
        status, out, err = run(house.argv(root, "sh", "-exc", "\n".join(script)))
        assert status == 0, out + err
        install = house.argv(root, *EMERGE, "--getbinpkgonly", "--oneshot", A)
        server.damage(PATH.format(name="a"), lambda data: data.replace(b"a-1", b"a-2"))
        status, out, err = run(install)
        assert (status != 0, (root / "usr/share/planted/a").exists()) == (True, False), out + err
        server.copy()
        status, out, err = run(install)
        assert (status, (root / "usr/share/planted/a/file").exists()) == (0, True), out + err
    finally:
        _removal.tree(str(root))
    assert os.path.isdir(server.generations)
