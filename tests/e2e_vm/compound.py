# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks an NFS server for a file by its handle alone, as no mount would: run on a guest, as root.

``compound.py ADDRESS HANDLE…`` prints the status of ``PUTFH`` for each handle, which is in hexadecimal digits.  Source:
RFC 5531 (calls), RFC 7530 (version 4.0: operations, and the statuses 0 OK, 70 STALE, 10001 BADHANDLE).
"""

from __future__ import annotations

import socket
import struct
import sys

PUTFH = 22
COMPOUND = 1


def opaque(data: bytes) -> bytes:
    """Return bytes as XDR has them: with their length, filled up to a multiple of four."""
    return struct.pack(">I", len(data)) + data + bytes(-len(data) % 4)


def status(address: str, handle: bytes) -> int:
    """Return what the server says of a handle.  Raises ``OSError`` where it turns the call itself away."""
    root = struct.pack(">I", 0) + opaque(b"guest") + struct.pack(">III", 0, 0, 0)
    call = struct.pack(">IIIIII", 1, 0, 2, 100003, 4, COMPOUND)
    call += struct.pack(">I", 1) + opaque(root) + struct.pack(">II", 0, 0)
    call += opaque(b"") + struct.pack(">II", 0, 1) + struct.pack(">I", PUTFH) + opaque(handle)
    with socket.socket() as asking:
        asking.settimeout(60)
        asking.bind(("", next(port for port in range(1023, 600, -1) if free(port))))
        asking.connect((address, 2049))
        asking.sendall(struct.pack(">I", 1 << 31 | len(call)) + call)
        said = asking.recv(4096)[4:]
    _number, _reply, accepted, _flavor, _length, done = struct.unpack(">IIIIII", said[:24])
    if accepted or done:
        raise OSError(f"expected an answer, found {accepted} {done}")
    return int(struct.unpack(">I", said[24:28])[0])


def free(port: int) -> bool:
    """Return whether a port below 1024, which only root may have, can be used."""
    with socket.socket() as trying:
        try:
            trying.bind(("", port))
        except OSError:
            return False
        return True


if __name__ == "__main__":
    print(*(status(sys.argv[1], bytes.fromhex(each)) for each in sys.argv[2:]))
