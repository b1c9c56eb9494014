# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every slave has the declared packages, from binaries; one line of fstab is behind that."""

from __future__ import annotations

import typing as t

testinfra_hosts = ["ansible://slaves"]


def test_it_is_whole(host: t.Any) -> None:
    """One command, since each is a remote execution: BINPKGMD5 is with what Portage didn't build here."""
    world = host.ansible.get_variables()["slave_world"]
    assert world
    places = " ".join(f"/var/db/pkg/{atom}-[0-9]*/BINPKGMD5" for atom in world)
    lines = host.check_output(f"ls {places}; grep x-larry-binhost /etc/fstab").splitlines()
    assert len(lines) == len(world) + 1
    assert lines[-1].split()[1:3] == ["/srv/larry-binhost/packages", "nfs"]
