# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _exports
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._exports import Client, Comment, Export

CORPUS = Path(os.environ.get("BINHOST_CORPUS", Path(__file__).resolve().parents[5] / "shared/corpus")) / "exports"


def one(path: str, *clients: Client) -> Export:
    return Export(path, clients)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("\n  \n#\n", []),
        ("/a h\n", [one("/a", Client("h"))]),
        ("  /a h(ro,sync)  10.0.0.0/8(rw)", [one("/a", Client("h", ("ro", "sync")), Client("10.0.0.0/8", ("rw",)))]),
        ("/a h(ro,) # why\n", [one("/a", Client("h", ("ro", ""))), Comment("why")]),
        ("/a h() i", [one("/a", Client("h", ("",)), Client("i"))]),
        ('"/a b" h\n"/a"\\040"c" i\n', [one("/a b", Client("h")), one("/a c", Client("i"))]),
        ("/a\\040b h\n/\\303\\244 h\n", [one("/a b", Client("h")), one("/ä", Client("h"))]),
        ('"/a\nb" h\n', [one("/a\nb", Client("h"))]),
        ("/a \\\n   h(ro) \\\n i\n/b j\n", [one("/a", Client("h", ("ro",)), Client("i")), one("/b", Client("j"))]),
        ("/a\\\nh\n", [one("/a", Client("h"))]),
        ("# a comment isn't continued \\\n/a h\n", [Comment("a comment isn't continued \\"), one("/a", Client("h"))]),
        ("/a h#1(ro)\n", [one("/a", Client("h#1", ("ro",)))]),
        (
            "/a -ro,sync h i(rw) -rw j\n",
            [
                one(
                    "/a",
                    Client("h", (), ("ro", "sync")),
                    Client("i", ("rw",), ("ro", "sync")),
                    Client("j", (), ("rw",)),
                )
            ],
        ),
        ("/a (ro)\n/b\n", [one("/a", Client("", ("ro",))), one("/b", Client(""))]),
        (
            "/a @group(ro) *.x.org(ro) h-[01]\n",
            [one("/a", *(Client(name, ("ro",)) for name in ("@group", "*.x.org")), Client("h-[01]"))],
        ),
    ],
)
def test_what_a_file_says(text: str, expected: list[Export | Comment]) -> None:
    assert list(_exports.entries(text)) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a h\n", "line 1: expected the absolute path of a directory, found 'a'"),
        ("/a \\\n h\n\nb\n", "line 4: expected the absolute path of a directory, found 'b'"),
        ("/a h(ro\n", "line 1: expected client(option,…) without a space in it, found 'h(ro'"),
        ("# x\n/a h(ro, sync)\n", "line 2: expected client(option,…) without a space in it, found 'h(ro,'"),
        ("/a h(ro)# x\n", "line 1: expected client(option,…) without a space in it, found 'h(ro)#'"),
    ],
)
def test_what_the_server_would_not_take(text: str, words: str) -> None:
    with pytest.raises(BinhostError) as error:
        list(_exports.entries(text))
    assert str(error.value) == words


def test_what_is_written_is_read_again() -> None:
    exports = [
        one("/srv/larry-binhost", Client("10.0.0.0/24", ("ro", "fsid=0")), Client("fd00::/64", ("ro",))),
        one('/a b#"c\\ä\n(', Client("laptop", ("ro",))),
    ]
    text = _exports.dump(exports, "Ours.\nChange nothing.")
    assert text.startswith("# Ours.\n# Change nothing.\n/srv/larry-binhost 10.0.0.0/24(ro,fsid=0)\n")
    assert list(_exports.entries(text)) == [
        Comment("Ours."),
        Comment("Change nothing."),
        *(one(export.path, client) for export in exports for client in export.clients),
    ]
    assert len(text.splitlines()) == 5


@pytest.mark.parametrize("host", ["", "-ro", "a b", "h(rw)", "a,b", "#", "h#"])
def test_who_is_no_client(host: str) -> None:
    with pytest.raises(BinhostError, match="exports: expected the name or network of a client, found"):
        _exports.dump([one("/a", Client(host, ("ro",)))])


WORLD = [
    "",
    "*",
    "*.*",
    "?*",
    "0.0.0.0/0",
    "0.0.0.0/0.0.0.0",
    "10.1.2.3/0",
    "128.0.0.0/1",
    "::/0",
    "::ffff:0:0/96",
    "2000::/3",
    "gss/krb5",
]
SOME = [
    "laptop",
    "10.0.0.0/8",
    "10.0.0.0/255.255.255.0",
    "fd00::1",
    "fd00::/8",
    "fc00::/7",
    "2001:db8::/32",
    "*.home.arpa",
    "@fleet",
]


def test_who_is_everybody() -> None:
    assert [host for host in [*WORLD, *SOME] if _exports.everybody(host)] == WORLD


def test_a_file_of_ours_beside_a_persons() -> None:
    ours, others = (
        "/srv/x 10.0.0.0/24(ro)\n",
        {"/etc/exports": "/home -fsid=0 *(rw)\n", "/etc/exports.d/a.exports": "b\n"},
    )
    _exports.check("/etc/exports.d/o.exports", ours, others)
    for text, more, words in (
        ("/srv/x 10.0.0.1 (ro)\n", {}, "/srv/x: expected the fleet's own networks, found *: everybody's"),
        ("/srv/x 0.0.0.0/1(ro)\n", {}, "/srv/x: expected the fleet's own networks, found 0.0.0.0/1: everybody's"),
        (
            ours,
            {"/etc/exports": "/srv/x h(ro)\nwrong\n"},
            "/srv/x: expected nobody else to export it, found it in /etc/exports",
        ),
        ("srv\n", {}, "line 1: expected the absolute path of a directory, found 'srv'"),
    ):
        with pytest.raises(BinhostError) as error:
            _exports.check("/etc/exports.d/o.exports", text, {**others, **more})
        assert str(error.value) == f"/etc/exports.d/o.exports: {words}"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", ""),
        ("/a h(fsid=1)\n/b h(fsid=0)\nwrong", "/b"),
        ("/home -ro,fsid=root,crossmnt h\n", "/home"),
        ("wrong\n/b h(fsid=0)\n", ""),
    ],
)
def test_the_root_of_what_version_4_shows(text: str, path: str) -> None:
    assert _exports.root(["/x h\n", text]) == path


@pytest.mark.parametrize("path", ["/etc/exports", "/etc/exports.d/x.exports"])
def test_files_that_the_server_reads(path: str) -> None:
    assert _exports.FILE.match(path)
    assert not _exports.FILE.match(path + "~")
    assert not _exports.FILE.match(path.replace("exports.d/x", "exports.d/.x") + ("" if "x" in path[12:] else "~"))


def tree(entries: list[Export | Comment]) -> list[str]:
    """Return what augeas says of them: each label counted where it isn't the only one of its kind."""
    lines = ["/files/etc/exports"]
    counts = {kind: sum(isinstance(entry, kind) for entry in entries) for kind in (Export, Comment)}
    seen = {Export: 0, Comment: 0}
    for entry in entries:
        seen[type(entry)] += 1
        label = f"/files/etc/exports/{'dir' if isinstance(entry, Export) else '#comment'}"
        label += f"[{seen[type(entry)]}]" if counts[type(entry)] > 1 else ""
        if isinstance(entry, Comment):
            lines.append(f"{label} = {quoted(entry.text)}")
        else:
            lines += [f"{label} = {quoted(entry.path)}", *clients(label, entry)]
    return lines


def clients(label: str, entry: Export) -> list[str]:
    lines = []
    for number, client in enumerate(entry.clients, start=1):
        here = f"{label}/client" + (f"[{number}]" if len(entry.clients) > 1 else "")
        lines.append(f"{here} = {quoted(client.host)}")
        for count, option in enumerate(client.options, start=1):
            index = f"[{count}]" if len(client.options) > 1 else ""
            lines.append(f"{here}/option{index} = {quoted(option)}")
    return lines


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def read(name: str) -> str:
    return (CORPUS / name).read_text(encoding="utf-8", errors="surrogateescape")


def oracle() -> dict[str, list[str]]:
    path = CORPUS / "augeas-oracle.given.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS}")
def test_the_corpus_is_read_as_augeas_reads_it() -> None:
    known = {name: [line for line in told if line] for name, told in oracle().items() if "ERR" not in told}
    found = {name: tree(list(_exports.entries(read(name)))) for name in known}
    assert len(found) > 10
    # What augeas keeps the quotes of is one path for the server.
    assert found == {
        name: [re.sub(r'= "\\"(.*)\\""\Z', r'= "\1"', line) for line in told] for name, told in known.items()
    }


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS}")
def test_the_corpus_is_written_and_read_again() -> None:
    for name in (name for name, told in oracle().items() if "ERR" not in told):
        exports = _exports.parse(read(name))
        apart = [
            one(export.path, Client(client.host, client.effective or ("",)))
            for export in exports
            for client in export.clients
        ]
        assert _exports.parse(_exports.dump(exports)) == apart, name
