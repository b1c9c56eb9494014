# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write what an NFS server exports: exports(5), as nfs-utils reads it (support/nfs/exports.c and xio.c)."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import typing as t
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import _files
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

#: The files that ``exportfs -a`` reads; of the folder only those with this ending.
FILE: t.Final = re.compile(r"/etc/exports(?:\.d/[^/.][^/]*\.exports)?\Z")
#: A character, or the end of a line that goes on, with the spaces that the next one begins with.
_PIECE = re.compile(r"\\\n[ \t]*|[\s\S]")
_CONTINUED: t.Final = "\\\n"
_OCTAL = re.compile(rb"\\([0-7]{3})")
# nfs-utils, support/export/client.c, client_gettype: what has one of these is no name of one host.
_PATTERN = re.compile(r"[*?\[]")
_ROOT: t.Final = frozenset({"fsid=0", "fsid=root"})
#: Bits of a network that is larger than any fleet's.
_WIDE: t.Final = {4: 8, 6: 16}
_LOCAL6: t.Final = ipaddress.IPv6Network("fc00::/7")
_MAPPED: t.Final = ipaddress.IPv6Network("::ffff:0:0/96")  # all of IPv4


@dataclass(frozen=True)
class Client:
    """Who may mount it."""

    host: str  # a name, a pattern, an address, a network, "@netgroup"; empty and "*" are everybody
    options: tuple[str, ...] = ()  # its own, in brackets
    defaults: tuple[str, ...] = ()  # those that the line has for all that follow them

    @property
    def effective(self) -> tuple[str, ...]:
        """What counts, in order: of two that contradict each other the later one."""
        return (*self.defaults, *self.options)


@dataclass(frozen=True)
class Export:
    """One directory, and who may mount it."""

    path: str
    clients: tuple[Client, ...]


@dataclass(frozen=True)
class Comment:
    """What a person wrote beside it, without the sign."""

    text: str


def entries(text: str) -> Iterator[Export | Comment]:
    """Yield exports and comments in their order.

    Raises ``BinhostError`` with the number of the line for what nfs-utils doesn't take either.
    """
    for line in _lines(text):
        if line.words:
            yield _export([_plain(word) for word in line.words], line.number)
        if line.comment.strip():
            yield Comment(line.comment.strip())


def parse(text: str) -> list[Export]:
    """Return the exports of a file, in its order.  Raises ``BinhostError`` with the number of a line."""
    return [entry for entry in entries(text) if isinstance(entry, Export)]


@dataclass
class _Line:
    """A line that is read, piece by piece: a character, or the end of a line that is none."""

    number: int
    words: list[str] = field(default_factory=list)
    comment: str = ""
    commented: bool = False
    quoted: bool = False
    inside: bool = False  # a word

    def ends_with(self, piece: str) -> bool:
        """Take a piece; return whether it ends the line, which in a comment every end of a line does."""
        if self.commented:
            self.comment += piece
            return "\n" in piece
        if piece == '"':
            self.quoted = not self.quoted
            self._add("")
        elif self.quoted or not (piece.isspace() or piece.startswith(_CONTINUED)):
            self.commented = piece == "#" and not self.inside
            if not self.commented:
                self._add(" " if piece.startswith(_CONTINUED) else piece)
        else:
            self.inside = False
            return piece == "\n"
        return False

    def _add(self, piece: str) -> None:
        if not self.inside:
            self.words.append("")
        self.inside = True
        self.words[-1] += piece


def _lines(text: str) -> Iterator[_Line]:
    """Yield the lines, those that a backslash continues as one (xio.c, xgetc and xgettok)."""
    number, line = 1, _Line(1)
    for piece in _PIECE.findall(text):
        ends = line.ends_with(piece)
        number += piece.count("\n")
        if ends:
            yield line
            line = _Line(number)
    yield line


def _plain(word: str) -> str:
    """Return what a token says: three octal digits after a backslash are a byte."""
    data = word.encode("utf-8", "surrogateescape")
    return _OCTAL.sub(lambda match: bytes([int(match[1], 8) & 0xFF]), data).decode("utf-8", "surrogateescape")


def _export(words: list[str], line: int) -> Export:
    path, *rest = words
    if not path.startswith("/"):
        raise BinhostError(f"line {line}: expected the absolute path of a directory, found {path!r}")
    defaults: tuple[str, ...] = ()
    clients = []
    for word in rest:
        if word.startswith("-"):
            defaults = tuple(word[1:].split(","))
        else:
            clients.append(_client(word, defaults, line))
    return Export(path, tuple(clients) or (Client("", (), defaults),))


def _client(word: str, defaults: tuple[str, ...], line: int) -> Client:
    host, bracket, options = word.partition("(")
    if not bracket:
        return Client(host, (), defaults)
    said, end, more = options.partition(")")
    if not end or more:
        raise BinhostError(f"line {line}: expected client(option,…) without a space in it, found {word!r}")
    return Client(host, tuple(said.split(",")), defaults)


def dump(exports: Iterable[Export], header: str = "") -> str:
    """Return the text of a file with these exports, one line for each client of each; ``header`` is comment."""
    lines = [f"# {line}\n" for line in header.splitlines()]
    for export in exports:
        lines += [f"{_quoted(export.path)} {_written(client)}\n" for client in export.clients]
    return "".join(lines)


def _quoted(path: str) -> str:
    return re.sub(r'[\s"#\\()]', lambda match: "".join(f"\\{byte:03o}" for byte in match[0].encode()), path)


def _written(client: Client) -> str:
    if not re.match(r"[^\s\"#(),\\-][^\s\"#(),\\]*\Z", client.host):
        raise BinhostError(f"exports: expected the name or network of a client, found {client.host!r}")
    return f"{client.host}({','.join(client.effective)})"


def everybody(host: str) -> bool:
    """Return whether a client stands for more hosts than any fleet has: all, or a network or pattern like it."""
    network = _network(host)
    if network:
        local = isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_LOCAL6)
        mapped = isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED)
        return network.prefixlen < (_MAPPED.prefixlen + _WIDE[4] if mapped else _WIDE[network.version]) and not local
    return host == "" or host.startswith("gss/") or (bool(_PATTERN.search(host)) and not re.search(r"\w", host))


def _network(host: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(host, strict=False)
    except ValueError:
        return None


def files(root: str = "/") -> dict[str, str]:
    """Return path to text of all that the server on this machine reads; what can't be read says nothing."""
    folder = os.path.join(root, "etc/exports.d")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    found = {}
    for path in ("/etc/exports", *(f"/etc/exports.d/{name}" for name in names)):
        if FILE.match(path):
            with contextlib.suppress(OSError):
                found[path] = _files.read(os.path.join(root, path[1:]))
    return found


def check(where: str, text: str, others: Mapping[str, str]) -> None:
    """Raise ``BinhostError`` unless a file of ours may stand beside the machine's other ones, path to text.

    Nothing is exported to everybody, and nothing that a person exports already; a mistake of theirs is theirs.
    """
    try:
        ours = parse(text)
    except BinhostError as exc:
        raise BinhostError(f"{where}: {exc}") from None
    theirs = {export.path: path for path, other in others.items() for export in _readable(other)}
    for export in ours:
        world = [client.host or "*" for client in export.clients if everybody(client.host)]
        if world:
            raise BinhostError(
                f"{where}: {export.path}: expected the fleet's own networks, found {world[0]}: everybody's"
            )
        if export.path in theirs:
            raise BinhostError(
                f"{where}: {export.path}: expected nobody else to export it, found it in {theirs[export.path]}"
            )


def _readable(text: str) -> list[Export]:
    """Return what can be read of a person's file: its lines up to the first that is wrong."""
    found = []
    try:
        for entry in entries(text):
            if isinstance(entry, Export):
                found.append(entry)
    except BinhostError:
        pass
    return found


def root(texts: Iterable[str]) -> str:
    """Return the path that these files make the root of all that NFSv4 shows, empty if none does (``fsid=0``)."""
    for text in texts:
        for export in _readable(text):
            if any(_ROOT & set(client.effective) for client in export.clients):
                return export.path
    return ""
