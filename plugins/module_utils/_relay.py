# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that leads from a build's network namespace to the fleet's mirror, and nowhere else.

It stays in the host's network and gets a socket that listens in the build's. Like ``_enter`` it is run as text; its
words are a descriptor, on which that socket comes, and the mirror's host and port. It is started before the root is
entered, and imports nothing and resolves no name afterwards: it would ask the root.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import typing as t

#: Family and what its connect() takes (socket.getaddrinfo).
Address = tuple[int, t.Any]
CHUNK = 1 << 16  # bytes
TIMEOUT_S = 30


def serve(listener: socket.socket, addresses: list[Address]) -> None:
    """Connect each that comes to the first of ``addresses`` that answers, for ever."""
    while True:
        inside, _address = listener.accept()
        threading.Thread(target=connect, args=(inside, addresses), daemon=True).start()


def connect(inside: socket.socket, addresses: list[Address]) -> None:
    """Carry one connection to its end; it is closed at once if no address answers."""
    with inside:
        for family, address in addresses:
            outside = socket.socket(family, socket.SOCK_STREAM)
            with outside, contextlib.suppress(OSError):
                outside.settimeout(TIMEOUT_S)
                outside.connect(address)
                outside.settimeout(None)
                back = threading.Thread(target=carry, args=(outside, inside), daemon=True)
                back.start()
                carry(inside, outside)
                back.join()
                return


def carry(source: socket.socket, sink: socket.socket) -> None:
    """Carry what comes from one to the other, its end included."""
    with contextlib.suppress(OSError):
        while True:
            data = source.recv(CHUNK)
            if not data:
                break
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def main(descriptor: int, host: str, port: int) -> int:
    """Say that it is ready, or why it can't be, take the listener and serve it."""
    control = socket.socket(fileno=descriptor)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as exc:
        control.sendall(f"{host}: expected the address of the mirror, found: {exc.strerror}".encode())
        return 1
    control.sendall(b"ready")
    message, descriptors, _flags, _address = socket.recv_fds(control, 16, 1)
    if not message:
        return 0
    control.close()
    serve(socket.socket(fileno=descriptors[0]), [(each[0], each[4]) for each in found])
    return 0


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
