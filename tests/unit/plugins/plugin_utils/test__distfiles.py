# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a slave finds sources; that Portage understands it so is shown in tests/root."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.larry.binhost.plugins.plugin_utils import _distfiles

URI: t.Final = "http://192.0.2.1:8080"


def told(variables: dict[str, t.Any], spec: dict[str, t.Any] | None = None, **files: str) -> tuple[list[str], str]:
    """Return the names of the variables, and the line of the group."""
    configuration = {path.replace("_", "/"): text for path, text in files.items()}
    made = _distfiles.client("laptop", variables, spec or {}, {"configuration": configuration}, URI)
    conf, mirrors = (
        [line for line in made[path].splitlines() if line and line[0] != "#"]
        for path in (_distfiles.CONF, _distfiles.MIRRORS)
    )
    assert f'GENTOO_MIRRORS="{URI} ${{GENTOO_MIRRORS}}"' in conf
    return [line.partition("=")[0] for line in conf], mirrors[0]


OURS: t.Final = f"local {URI} {URI}/restricted"


def test_the_master_is_asked_first() -> None:
    assert told({}) == (["FETCHCOMMAND_HTTP", "GENTOO_MIRRORS", "RESUMECOMMAND_HTTP"], OURS)


def test_who_says_how_to_fetch_is_left_to_it() -> None:
    for variables in ({"slave_make_conf": {"FETCHCOMMAND": "x"}}, {"slave_client_conf": {"RESUMECOMMAND": "x"}}):
        assert told(variables)[0] == ["GENTOO_MIRRORS"]
    assert told({}, make_50mine='FETCHCOMMAND="aria2c"')[0] == ["GENTOO_MIRRORS"]


@pytest.mark.parametrize(
    ("variables", "spec", "files", "more"),
    [
        ({"slave_mirrors": {"local": ["/mine"]}}, {"mirrors": {"local": "/target"}}, {}, " /mine"),
        ({}, {"mirrors": {"local": "http://a /b"}}, {"mirrors": "local /person"}, " http://a /b"),
        ({}, {}, {"mirrors": "gnu http://gnu\nlocal /1\n", "mirrors_z": "local /2 /3"}, " /2 /3"),
        ({"slave_mirrors": {"gnu": ["/mine"]}}, {}, {"other": "local /4"}, ""),
    ],
)
def test_the_servers_that_counted_before_are_asked_afterwards(
    variables: dict[str, t.Any], spec: dict[str, t.Any], files: dict[str, str], more: str
) -> None:
    assert told(variables, spec, **files)[1] == OURS + more


def test_a_master_with_a_certificate_is_asked_by_its_protocol() -> None:
    made = _distfiles.client("laptop", {}, {}, {}, "https://master:8443")
    assert "FETCHCOMMAND_HTTPS=" in made[_distfiles.CONF] and "FETCHCOMMAND_HTTP=" not in made[_distfiles.CONF]


def test_a_slaves_own_file_of_mirrors_is_left_to_it() -> None:
    assert set(_distfiles.client("laptop", {"slave_files": {"mirrors": "x"}}, {}, {}, URI)) == {_distfiles.CONF}


def test_it_can_be_unwanted() -> None:
    assert _distfiles.client("laptop", {"slave_distfiles": False}, {}, {}, URI) == {}
