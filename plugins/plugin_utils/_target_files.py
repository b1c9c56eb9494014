# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target's 01 fragments, and the words in them that its CPU decides."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

from ansible_collections.larry.binhost.plugins.module_utils import _fragments, _paths
from ansible_collections.larry.binhost.plugins.plugin_utils import _declared, _inventory
from ansible_collections.larry.binhost.plugins.plugin_utils._cpus import Features, Isa
from ansible_collections.larry.binhost.plugins.plugin_utils._inventory import Variables

#: repos.conf is read in the order of names and the last word counts: the person's own gentoo.conf must not be it.
REPOS_CONF: t.Final = "repos.conf/zz-binhost.conf"
#: In a variant the target's say about the CPU is the last: what is built there is published for all.
LAST_WORD: t.Final = "make.conf/zz-target.conf"
#: In the build root alone.
BUILD_CONF: t.Final = "make.conf/zz-build.conf"
CFLAGS: t.Final = "-O2 -pipe"
LANGUAGES: t.Final = ("COMMON_FLAGS", "CFLAGS", "CXXFLAGS", "FCFLAGS", "FFLAGS")
#: What no index names and no binary shows: packages made with other values have to be made again.
_CPU_FLAGS: t.Final = ("CPU_FLAGS_X86", "CPU_FLAGS_ARM", "CPU_FLAGS_PPC")
COMPILE: t.Final = ("CHOST", *LANGUAGES, "LDFLAGS", *_CPU_FLAGS, "RUSTFLAGS", "GOAMD64")
#: Of these a slave may have its own and the target none.
_UNSET: t.Final = ("RUSTFLAGS", "GOAMD64")
#: Of how a slave emerges nothing reaches a build: what isn't there would stop it, or the package would be elsewhere.
OPERATION: t.Final[Mapping[str, str]] = {
    "BINPKG_FORMAT": "gpkg",
    "BINPKG_GPG_SIGNING_KEY": "",
    "CCACHE_DIR": "",
    "EMERGE_DEFAULT_OPTS": "",
    "PORTAGE_BINHOST": "",
    "PORTAGE_ELOG_SYSTEM": "",
    "PORTAGE_IONICE_COMMAND": "",
    "PORTAGE_NICENESS": "0",
    "PORTAGE_SCHEDULING_POLICY": "",
    "PORTAGE_TRUST_HELPER": "",
}
#: FEATURES that keep a build to itself and its package findable: Portage's defaults that a slave may have taken away.
SOUND: t.Final = (
    "binpkg-multi-instance ebuild-locks ipc-sandbox network-sandbox pid-sandbox pkgdir-index-trusted sandbox "
    "strict userpriv usersandbox"
)
#: FEATURES (make.conf(5)) that need a program, a key or a folder of that machine, keep what fills the disk, or refuse.
#: None changes what is in a package; ``test``, ``nostrip``, ``splitdebug`` and the like do and are the slave's.
UNSOUND: t.Final = (
    "-binpkg-request-signature -binpkg-signing -buildsyspkg -ccache -collision-protect -distcc -distcc-pump "
    "-fail-clean -fakeroot -force-mirror -gpg-keepalive -icecream -keeptemp -keepwork -lmirror -mirror "
    "-mount-sandbox -noclean -protect-owned -stricter -unmerge-backup -userfetch"
)
#: psABI level -> the names of rustc (``rustc --print target-cpus``) and of Go (go.dev/wiki/MinimumRequirements#amd64).
_RUST: t.Final[Mapping[str, str]] = {
    "x86-64-v1": "x86-64",
    "x86-64-v2": "x86-64-v2",
    "x86-64-v3": "x86-64-v3",
    "x86-64-v4": "x86-64-v4",
}
_GO: t.Final[Mapping[str, str]] = {"x86-64-v1": "v1", "x86-64-v2": "v2", "x86-64-v3": "v3", "x86-64-v4": "v4"}
_OWN_MACHINE = re.compile(r"(?:^|\s)-m(?:arch|cpu)=")


def cpu(spec: Variables, isa: Isa, features: Features) -> dict[str, t.Any]:
    """Return a target's CPU: its features, and what each compiler is told of them.

    Raises ``BinhostError`` where no -march follows from the features and the declared cflags have none.
    """
    level = isa.level(features) or ""
    declared = str(spec.get("cflags", CFLAGS))
    return {
        "features": sorted(features),
        "flags": sorted(isa.flags(features)),
        "flags_variable": isa.flags_variable,
        "level": level or None,
        "cflags": declared if _OWN_MACHINE.search(declared) else f"{declared} {isa.march(features)}",
        "rustflags": f"-C target-cpu={_RUST[level]}" if level in _RUST else None,
        "goamd64": _GO.get(level),
    }


def settings(spec: Variables, chost: str, cpu: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the variables of make.conf; what the owner declares has the last word."""
    languages = {"RUSTFLAGS": cpu["rustflags"], "GOAMD64": cpu["goamd64"]}
    return {
        "CHOST": chost,
        **dict.fromkeys(LANGUAGES, cpu["cflags"]),
        cpu["flags_variable"]: " ".join(cpu["flags"]),
        **{name: value for name, value in languages.items() if value},
        "BINPKG_FORMAT": "gpkg",
        **_declared.settings(spec),
    }


def last_word(settings: Mapping[str, t.Any]) -> dict[str, str]:
    """Return the fragment that a variant reads after all of a slave's own."""
    header = _fragments.header("What every package of this target is compiled for.", "binhost_targets")
    chosen = {name: settings.get(name, "") for name in COMPILE if name in settings or name in _UNSET}
    return {LAST_WORD: _fragments.make_conf(chosen, header=header)}


def build_files(makeopts: str) -> dict[str, str]:
    """Return the fragments that the build root alone has; no slave ever sees them.

    They are files, since a variable of the environment would defeat what package.env says of one package.
    """
    header = _fragments.header("How much the builds may take at a time.", "master_makeopts")
    return {BUILD_CONF: _fragments.make_conf({"MAKEOPTS": makeopts}, header=header)}


def variant_files(settings: Mapping[str, t.Any], makeopts: str) -> dict[str, str]:
    """Return what takes the place of these in a variant, where a slave's own files are read too."""
    header = _fragments.header("How the master builds; of how this slave emerges, nothing.", "master_makeopts")
    how = {**OPERATION, "MAKEOPTS": makeopts, "FEATURES": _features(settings)}
    return {BUILD_CONF: _fragments.make_conf(how, header=header)}


def _features(settings: Mapping[str, t.Any]) -> list[str]:
    """Return the words that undo what a slave's FEATURES would do to the build; the target's own are left."""
    declared = settings.get("FEATURES") or []
    return [SOUND, UNSOUND, *([declared] if isinstance(declared, str) else declared)]


def files(
    name: str,
    declared: str,
    spec: Variables,
    settings: Mapping[str, t.Any],
    repositories: Mapping[str, Mapping[str, str]],
) -> dict[str, str]:
    """Return the 01 fragments: the same in its build root and on all its slaves.

    ``repositories``: name to what else repos.conf says of it.
    """
    what = f"Target {name}: the same in its build root and on all its slaves."

    def header(variable: str) -> str:
        return _fragments.header(what, f"binhost_targets.{declared}.{variable}")

    return {
        "make.conf/01-target.conf": _fragments.make_conf(settings, header=header("make_conf")),
        **_declared.files(spec, layer(spec, header)),
        REPOS_CONF: _fragments.ini(_repos_conf(spec, repositories), header=header("repositories or repos_conf")),
    }


def layer(spec: Variables, header: t.Callable[[str], str] = _declared.no_header) -> _declared.Layer:
    """Return who declares what a target's variables do."""
    return _declared.Layer("01", "target", "", header, _declared.env_names(spec, "01"))


def _repos_conf(spec: Variables, repositories: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Return what repos.conf says of each repository; where it is and who brings it isn't the owner's to say."""
    declared = spec.get("repos_conf") or {}
    whole = {"DEFAULT": declared["DEFAULT"]} if "DEFAULT" in declared else {}
    for name, further in repositories.items():
        ours = {"location": f"{_paths.REPOSITORIES}/{name}", "auto-sync": "no"}
        whole[name] = {**further, **(declared.get(name) or {}), **ours}
    return whole


def profile_link(profile: str) -> str:
    """Return what make.profile points at."""
    repository, path = _inventory.split_profile(profile)
    return f"../..{_paths.REPOSITORIES}/{repository}/profiles/{path}"
