# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A slave's 02 fragments."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _cpu, _fragments, _host, _paths
from ansible_collections.larry.binhost.plugins.plugin_utils._inventory import Variables
from ansible_collections.larry.binhost.plugins.plugin_utils._target_files import (
    CFLAGS,
    LANGUAGES,
    PACKAGE_FILES,
    with_words,
)

#: FEATURES doesn't stack between two files unless both say so: a person's FEATURES="ccache" must not be the last word.
CLIENT_CONF: t.Final = "make.conf/zz-binhost.conf"
#: A dead master must not hold up a person's own emerge: wget gives up after two attempts of ten seconds.
FETCH: t.Final = 'wget --no-proxy --tries={tries} --timeout=10 --no-verbose -O "${{DISTDIR}}/${{FILE}}" "${{URI}}"'


def own(slave: str, variables: Variables) -> dict[str, str]:
    """Return the fragments that make this slave's packages what they are; its variants are built with them."""
    what = f"{slave}'s own."

    def header(variable: str) -> str:
        return _fragments.header(what, variable)

    settings = with_words(variables.get("slave_make_conf"), "USE", variables.get("slave_use"))
    return {
        "make.conf/02-host.conf": _fragments.make_conf(settings, header=header("slave_make_conf or slave_use")),
        "package.use/02-host": _fragments.package_use(
            variables.get("slave_package_use") or {}, header=header("slave_package_use")
        ),
        **{
            f"{file}/02-host": _fragments.package_lines(
                variables[f"slave_{variable}"], header=header(f"slave_{variable}")
            )
            for file, variable in PACKAGE_FILES.items()
            if variables.get(f"slave_{variable}")
        },
        **{path: text for path, text in _texts(variables) if _host.decides(path)},
    }


def _texts(variables: Variables) -> t.Iterable[tuple[str, str]]:
    return (variables.get("slave_files") or {}).items()


def client(slave: str, variables: Variables, cpu: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Return the fragments for this slave's own use of emerge; no build for others ever reads them."""
    what = f"How {slave} gets its packages."
    declared = {**_own_flags(variables, cpu), **(variables.get("slave_client_conf") or {})}
    settings = with_words(declared, "FEATURES", ["getbinpkg"])
    return {
        CLIENT_CONF: _fragments.make_conf(settings, header=_fragments.header(what, "slave_client_conf")),
        "binrepos.conf/02-binhost.conf": _fragments.header(what, "the group masters") + _binrepos(),
        **{path: text for path, text in _texts(variables) if not _host.decides(path)},
    }


def _own_flags(variables: Variables, cpu: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Return what the machine compiles itself with where that isn't to be the target's; no binary is refused for it."""
    flags = _cpu.own_cflags(cpu) if variables.get("slave_own_cflags") == "best" else ""
    return dict.fromkeys(LANGUAGES, f"{CFLAGS} {flags}") if flags else {}


@functools.cache
def _binrepos() -> str:
    repository = {
        "priority": "10",
        "sync-uri": f"file://{_paths.below('current')}",
        "fetchcommand": FETCH.format(tries=2),
        "resumecommand": FETCH.format(tries=2).replace(" -O ", " -c -O "),
        # Packages and seal are not signed: whoever answers at the master's address is believed.
        "verify-signature": "false",
    }
    return _fragments.ini({"binhost": repository}, header="")
