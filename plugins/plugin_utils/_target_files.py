# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target's 01 fragments, and the words in them that its CPU decides."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

from ansible_collections.larry.binhost.plugins.module_utils import _fragments, _paths
from ansible_collections.larry.binhost.plugins.plugin_utils import _inventory
from ansible_collections.larry.binhost.plugins.plugin_utils._cpus import Features, Isa
from ansible_collections.larry.binhost.plugins.plugin_utils._inventory import Variables

#: package.* file -> the variable of a target; a slave's is the same with ``slave_`` before it.
PACKAGE_FILES: t.Final[Mapping[str, str]] = {
    "package.accept_keywords": "package_accept_keywords",
    "package.license": "package_license",
    "package.mask": "package_mask",
    "package.unmask": "package_unmask",
}
#: repos.conf is read in the order of names and the last word counts: the person's own gentoo.conf must not be it.
REPOS_CONF: t.Final = "repos.conf/zz-binhost.conf"
#: In a variant the target's say about the CPU is the last: what is built there is published for all.
LAST_WORD: t.Final = "make.conf/zz-target.conf"
CFLAGS: t.Final = "-O2 -pipe"
LANGUAGES: t.Final = ("COMMON_FLAGS", "CFLAGS", "CXXFLAGS", "FCFLAGS", "FFLAGS")
#: What no index names and no binary shows: packages made with other values have to be made again.
_CPU_FLAGS: t.Final = ("CPU_FLAGS_X86", "CPU_FLAGS_ARM", "CPU_FLAGS_PPC")
COMPILE: t.Final = ("CHOST", *LANGUAGES, "LDFLAGS", *_CPU_FLAGS, "RUSTFLAGS", "GOAMD64")
#: Of these a slave may have its own and the target none.
_UNSET: t.Final = ("RUSTFLAGS", "GOAMD64")
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
        **with_words(spec.get("make_conf"), "USE", spec.get("use")),
    }


def with_words(settings: Variables | None, name: str, words: t.Any) -> dict[str, t.Any]:
    """Return the settings with further words in one of them."""
    found = dict(settings or {})
    there = found.get(name, [])
    further = [*([there] if isinstance(there, str) else there), *(words or [])]
    return {**found, name: further} if further else found


def last_word(settings: Mapping[str, t.Any]) -> dict[str, str]:
    """Return the fragment that a variant reads after all of a slave's own."""
    header = _fragments.header("What every package of this target is compiled for.", "binhost_targets")
    chosen = {name: settings.get(name, "") for name in COMPILE if name in settings or name in _UNSET}
    return {LAST_WORD: _fragments.make_conf(chosen, header=header)}


def files(
    name: str, declared: str, spec: Variables, settings: Mapping[str, t.Any], repositories: Mapping[str, str]
) -> dict[str, str]:
    """Return the 01 fragments: the same in the target's build root and on all its slaves."""
    what = f"Target {name}: the same in its build root and on all its slaves."

    def header(variable: str) -> str:
        return _fragments.header(what, f"binhost_targets.{declared}.{variable}")

    places = {
        repository: {"location": f"{_paths.REPOSITORIES}/{repository}", "auto-sync": "no"}
        for repository in repositories
    }
    return {
        "make.conf/01-target.conf": _fragments.make_conf(settings, header=header("make_conf")),
        "package.use/01-target": _fragments.package_use(spec.get("package_use") or {}, header=header("package_use")),
        **{
            f"{file}/01-target": _fragments.package_lines(spec[variable], header=header(variable))
            for file, variable in PACKAGE_FILES.items()
            if spec.get(variable)
        },
        REPOS_CONF: _fragments.ini(places, header=header("repositories")),
    }


def profile_link(profile: str) -> str:
    """Return what make.profile points at."""
    repository, path = _inventory.split_profile(profile)
    return f"../..{_paths.REPOSITORIES}/{repository}/profiles/{path}"
