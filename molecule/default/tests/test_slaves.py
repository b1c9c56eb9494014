# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every slave has the declared packages, from binaries, and the declared configuration."""

from __future__ import annotations

import typing as t

testinfra_hosts = ["ansible://slaves"]


def test_index_is_served(host: t.Any) -> None:
    """The slave reaches the index over the network."""
    index = host.check_output("wget -qO- http://desktop:8080/common/current/Packages")
    assert "CPV: app-misc/hello-" in index


def test_world_came_from_binaries(host: t.Any) -> None:
    """Portage leaves BINPKGMD5 with a package that it did not build here (dbapi/vartree.py)."""
    world = host.ansible.get_variables()["slave_world"]
    assert world
    for atom in world:
        assert host.run(f"ls /var/db/pkg/{atom}-[0-9]*/BINPKGMD5").rc == 0, atom


def test_fragments_are_there(host: t.Any) -> None:
    """01 is the target's, 02 is this host's own."""
    names = host.file("/etc/portage/make.conf").listdir()
    assert any(name.startswith("01-") for name in names)
    assert any(name.startswith("02-") for name in names)
    assert 'VIDEO_CARDS="' in host.check_output("cat /etc/portage/make.conf/02-*")
