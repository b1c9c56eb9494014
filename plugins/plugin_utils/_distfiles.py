# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A slave's fragments with which it takes sources from its master first: the fleet's own mirror.

Facts about Portage:

- It appends ``/distfiles/FILE`` to each of GENTOO_MIRRORS, of which the first is asked first.
- RESTRICT=fetch and RESTRICT=mirror files are never taken from there, but are from the group ``local`` in
  /etc/portage/mirrors (package/ebuild/fetch.py), which is asked in the same way.
- Of a group that several files there name, the last file counts (util/__init__.py, ``grabdict``).
- What is told to fetch by waits a minute, three times, for a server that says nothing (cnf/make.globals).
"""

from __future__ import annotations

import os
import typing as t
from collections.abc import Iterator, Mapping

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.larry.binhost.plugins.module_utils import _fragments

GROUP: t.Final = "local"
#: Where a master serves sources: no target may be called so.
PATHS: t.Final = frozenset({"distfiles", "restricted"})
#: Of the mirrors that are asked after the person's own.
MIRRORS: t.Final = "mirrors/zz-distfiles"
CONF: t.Final = "make.conf/zz-distfiles.conf"
#: A master that sleeps keeps nobody waiting: two attempts of five seconds to reach it.
FETCH: t.Final = 'wget --tries=2 --connect-timeout=5 --read-timeout=60 --passive-ftp -O "${DISTDIR}/${FILE}" "${URI}"'
_VARIABLES: t.Final = ("FETCHCOMMAND", "RESUMECOMMAND")


def client(
    slave: str, variables: Mapping[str, t.Any], spec: Mapping[str, t.Any], facts: Mapping[str, t.Any], uri: str
) -> dict[str, str]:
    """Return the fragments, none if none are wanted.

    ``spec`` is what declares its target, ``uri`` where its master serves.
    """
    if not boolean(variables.get("slave_distfiles", True)):
        return {}
    header = _fragments.header(f"Where {slave} finds sources.", "slave_distfiles")
    configuration = facts.get("configuration") or {}
    own = {**(variables.get("slave_make_conf") or {}), **(variables.get("slave_client_conf") or {})}
    fetches = any(name in own for name in _VARIABLES) or any(map(_fetches, configuration.values()))
    by = uri.partition(":")[0].upper()
    ours = {} if fetches else {f"FETCHCOMMAND_{by}": FETCH, f"RESUMECOMMAND_{by}": FETCH.replace(" -O ", " -c -O ")}
    files = {CONF: _fragments.make_conf(ours, header=header, defaults={"GENTOO_MIRRORS": uri})}
    declared = variables.get("slave_files") or {}
    if MIRRORS not in declared and os.path.dirname(MIRRORS) not in declared:  # or else that is all there is to be
        groups = {GROUP: [uri, f"{uri}/restricted", *_local(variables, spec, configuration)]}
        files[MIRRORS] = _fragments.mirrors(groups, header=header)
    return files


def _fetches(text: str) -> bool:
    """Return whether a person's file says how files are fetched."""
    return any(name in text for name in _VARIABLES)


def _local(variables: Mapping[str, t.Any], spec: Mapping[str, t.Any], configuration: Mapping[str, str]) -> list[str]:
    """Return the servers of the group that would have counted: the slave's, its target's, or its person's."""
    for declared in (variables.get("slave_mirrors"), spec.get("mirrors")):
        servers = (declared or {}).get(GROUP)
        if servers:
            return list(_fragments.split(servers, f"mirrors, {GROUP}"))
    return list(_of_person(configuration))


def _of_person(configuration: Mapping[str, str]) -> Iterator[str]:
    texts = [text for path, text in sorted(configuration.items()) if path.split("/")[0] == "mirrors"]
    lines = [line.split() for text in texts for line in text.splitlines()]
    found = [words[1:] for words in lines if words[:1] == [GROUP]]
    yield from (found[-1] if found else ())
