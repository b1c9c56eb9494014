# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A slave's 02 fragments."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _cpu, _fragments, _paths
from ansible_collections.larry.binhost.plugins.plugin_utils import _declared, _sizes, _transports
from ansible_collections.larry.binhost.plugins.plugin_utils._inventory import Variables
from ansible_collections.larry.binhost.plugins.plugin_utils._target_files import CFLAGS, LANGUAGES

#: FEATURES doesn't stack between two files unless both say so: a person's FEATURES="ccache" must not be the last word.
CLIENT_CONF: t.Final = "make.conf/zz-binhost.conf"
#: What only a build needs is on the master. With ``y`` a changed BDEPEND alone refuses a binary (depgraph.py,
#: ``_changed_deps``), and what --depclean keeps has to be what an update would install.
NO_BDEPS: t.Final = "--with-bdeps=n"
#: Portage's default is to take a package that isn't signed where a person's binrepos.conf lets it.
VERIFY: t.Final = ("binpkg-request-signature",)
#: Goes down the ladder, a dead master holds up nothing, and Portage sees only what is as the seal says.
FETCH: t.Final = f'{_paths.below("larry-binhost.pyz")} fetch "${{URI}}" "${{DISTDIR}}/${{FILE}}"'


#: Portage's own, and on this machine's disk.
LOCAL: t.Final = {"DISTDIR": "/var/cache/distfiles", "PKGDIR": "/var/cache/binpkgs"}


def own(slave: str, variables: Variables, spec: Variables) -> dict[str, str]:
    """Return the fragments that make this slave's packages what they are; its variants are built with them.

    ``spec`` is its target's declaration, whose env package_env may name too.
    """
    what = f"{slave}'s own."

    def header(variable: str) -> str:
        return _fragments.header(what, variable)

    settings = _declared.settings(variables, "slave_")
    told = _declared.files(variables, layer(variables, spec, header))
    return {
        "make.conf/02-host.conf": _fragments.make_conf(settings, header=header("slave_make_conf or slave_use")),
        **{path: text for path, text in told.items() if not _for_client(path)},
    }


def layer(
    variables: Variables, spec: Variables, header: t.Callable[[str], str] = _declared.no_header
) -> _declared.Layer:
    """Return who declares what a slave's variables do."""
    env = {**_declared.env_names(spec, "01"), **_declared.env_names(variables, "02", "slave_")}
    return _declared.Layer("02", "host", "slave_", header, env)


def _for_client(path: str) -> bool:
    """Return whether a file concerns only how a machine gets its packages."""
    return path.startswith("binrepos.conf/")


def client(slave: str, variables: Variables, facts: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Return the fragments for this slave's own use of emerge; no build for others ever reads them."""
    what = f"How {slave} gets its packages."

    def header(variable: str) -> str:
        return _fragments.header(what, variable)

    declared = {**_own_flags(variables, facts["cpu"]), **(variables.get("slave_client_conf") or {})}
    verify = variables.get("slave_verify", True)
    settings = _declared.with_words(declared, "FEATURES", ["getbinpkg", *(VERIFY if verify else ())])
    # What Portage would run before it verifies; the keys that it needs are there, and a failure of it ends emerge.
    settings = {"PORTAGE_TRUST_HELPER": "", **settings} if verify else settings
    # Where the packages are mounted: what lies in PKGDIR is taken unsigned, and to both Portage writes.
    local = LOCAL if "nfs" in _transports.kinds(variables) else {}
    settings = {**local, **settings}
    # Before the person's own words, of which the last one counts.
    defaults = {"EMERGE_DEFAULT_OPTS": NO_BDEPS, "MAKEOPTS": _sizes.makeopts(facts)}
    free = {name: value for name, value in defaults.items() if name not in settings}
    where = _declared.Layer("02", "host", "slave_", header)
    told = {name: _declared.rendered(name, variables, where) for name in ("binrepos_conf", "files")}
    return {
        CLIENT_CONF: _fragments.make_conf(settings, header=header("slave_client_conf"), defaults=free),
        "binrepos.conf/02-binhost.conf": _fragments.header(what, "the group masters") + _binrepos(str(verify).lower()),
        **{path: text for files in told.values() for path, text in files.items() if _for_client(path)},
    }


def _own_flags(variables: Variables, cpu: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Return what the machine compiles itself with where that isn't to be the target's; no binary is refused for it."""
    flags = _cpu.own_cflags(cpu) if variables.get("slave_own_cflags") == "best" else ""
    return dict.fromkeys(LANGUAGES, f"{CFLAGS} {flags}") if flags else {}


@functools.cache
def _binrepos(verify: str) -> str:
    repository = {
        "priority": "10",
        "sync-uri": f"file://{_paths.below('current')}",
        "fetchcommand": FETCH,
        "resumecommand": FETCH,
        "verify-signature": verify,
    }
    return _fragments.ini({"binhost": repository}, header="")
