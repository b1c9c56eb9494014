# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The master serves what it built."""

from __future__ import annotations

import typing as t

testinfra_hosts = ["ansible://masters"]


def test_web_server_runs(host: t.Any) -> None:
    """It runs now and after a boot."""
    service = host.service("larry-binhost-http")
    assert service.is_running
    assert service.is_enabled


def test_a_generation_is_current(host: t.Any) -> None:
    """What is served is a numbered generation with an index."""
    current = host.file("/var/lib/larry-binhost/generations/common/current")
    assert current.is_symlink
    assert "PACKAGES: " in host.file(f"{current.path}/Packages").content_string
