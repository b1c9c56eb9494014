# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what the inventory declares of Portage's configuration can be written, and will do what it says.

Every function yields sentences of the form ``host: variable: expected ..., found ...``.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.larry.binhost.plugins.module_utils import _atom, _fragments, _tree_plan
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import _declared, _remarks

Variables = t.Mapping[str, t.Any]
#: What is for builds alone, or for one machine alone, would be for the slaves too -> where it belongs.
_NOT_SHARED: t.Final[Mapping[str, str]] = {
    "MAKEOPTS": "master_makeopts for builds, slave_client_conf for a slave",
    "EMERGE_DEFAULT_OPTS": "slave_client_conf",
    "PKGDIR": "slave_client_conf",
    "DISTDIR": "slave_client_conf",
    "PORTAGE_TMPDIR": "slave_client_conf",
}
#: The build root has these anyway; a slave would package what it compiles.
_BUILDS: t.Final = frozenset({"buildpkg", "buildpkg-live", "buildpkg-proactive", "buildsyspkg"})

#: What is written in any case -> what decides it.
_OURS: t.Final[Mapping[str, str]] = {
    "make.conf/01-target.conf": "make_conf",
    "make.conf/zz-target.conf": "make_conf",
    "make.conf/zz-build.conf": "master_makeopts",
    "make.conf/02-host.conf": "slave_make_conf",
    "make.conf/zz-binhost.conf": "slave_client_conf",
    "make.conf/zz-distfiles.conf": "slave_distfiles",
    "repos.conf/zz-binhost.conf": "repos_conf",
    "binrepos.conf/02-binhost.conf": "the group masters",
    "package.use/01-target": "package_use",
    "package.use/02-host": "slave_package_use",
    "sets/binhost": "slave_world",
    "make.profile": "profile",
}


def of_target(where: str, target: Variables) -> Iterator[str]:
    """Yield what is wrong with a target's declarations."""
    layer = _declared.Layer("01", "target", env=_names(target, "env", "01"))
    yield from _renders(where, target, layer)
    yield from _twice(where, _declared_paths(target, layer), _OURS)
    yield from _repos_conf(where, target)
    try:
        settings = _declared.settings(target)
    except (TypeError, ValueError):
        return  # not of its type, which is said elsewhere
    for name, place in _NOT_SHARED.items():
        if name in settings:
            yield f"{where}.make_conf.{name}: expected what the slaves share too, found it: it belongs into {place}"
    builds = [word for word in _words(settings.get("FEATURES")) if word in _BUILDS]
    if builds:
        yield (
            f"{where}: FEATURES: expected what the slaves share too, found {' '.join(builds)}: "
            "builds have it anyway, and a slave would package what it compiles"
        )
    yield from _defeats(where, {**_conf("01-target", settings), **_files(target, layer)}, "package.use/01-target")


def of_slave(host: str, variables: Variables, spec: Variables) -> Iterator[str]:
    """Yield what is wrong with a slave's declarations; ``spec`` is the declaration of its target."""
    shared = _names(spec, "env", "01")
    layer = _declared.Layer("02", "host", "slave_", env={**shared, **_names(variables, "slave_env", "02")})
    yield from _world(host, variables, spec)
    yield from _renders(host, variables, layer)
    theirs = _declared_paths(spec, _declared.Layer("01", "target", env=shared))
    yield from _twice(host, _declared_paths(variables, layer), {**dict(theirs), **_OURS})
    yield from _cpu_flags(host, variables)
    try:
        settings = {**_declared.settings(spec), **_declared.settings(variables, "slave_")}
    except (TypeError, ValueError):
        return
    yield from _defeats(host, {**_conf("02-host", settings), **_files(variables, layer)}, "package.use/02-host")


def _names(variables: Variables, name: str, number: str) -> dict[str, str]:
    value = variables.get(name)
    return {str(each): f"{number}-{each}" for each in value} if isinstance(value, Mapping) else {}


def _renders(where: str, variables: Variables, layer: _declared.Layer) -> Iterator[str]:
    """Try each variable that becomes a file: what the file cannot hold is found before any host is asked."""
    for name in ("make_conf", "client_conf", *_declared.WORDS, *_declared.VARIABLES):
        value = variables.get(f"{layer.prefix}{name}")
        try:
            if _is_of_its_type(name, value):  # which is said elsewhere
                _try(name, value, variables, layer)
        except BinhostError as exc:
            yield f"{where}: {layer.prefix}{name}: {exc}"
        except (TypeError, AttributeError, ValueError):
            yield f"{where}: {layer.prefix}{name}: expected what is documented, found {value!r}"


def _declared_paths(variables: Variables, layer: _declared.Layer) -> list[tuple[str, str]]:
    """Return each path that a variable declares, with its variable; none of one that cannot be written."""
    found = []
    for name in _declared.VARIABLES:
        value = variables.get(f"{layer.prefix}{name}")
        try:
            files = _declared.rendered(name, variables, layer) if _is_of_its_type(name, value) else {}
        except (BinhostError, TypeError, AttributeError, ValueError):
            continue  # which is said elsewhere
        found += [(path, f"{layer.prefix}{name}") for path in files]
    return found


def _twice(where: str, own: list[tuple[str, str]], others: Mapping[str, str]) -> Iterator[str]:
    """Yield each path that two declare, or that has to be a file for one and a folder for the other.

    A slave's may take the place of its target's of the same variable: a set, a saved configuration.
    """
    taken = dict(others)
    for path, variable in own:
        other = taken.get(path, variable)
        if other != variable and (path in _OURS or variable != f"slave_{other}"):
            yield f"{where}: {variable}: expected a path that nothing else declares, found {path}, as in {other}"
        taken[path] = variable
    folders = {above: f"{each} of {variable}" for each, variable in taken.items() for above in _above(each)}
    mine = {variable for _path, variable in own}
    for path in sorted(set(folders) & set(taken)):
        if taken[path] in mine or any(folders[path].endswith(f" of {variable}") for variable in mine):
            yield f"{where}: {taken[path]}: expected {path} to be a folder, as for {folders[path]}, found it as a file"


def _above(path: str) -> list[str]:
    return [each[len(_tree_plan.CONFIG) + 1 :] for each in _tree_plan.parents(f"{_tree_plan.CONFIG}/{path}")]


def _try(name: str, value: t.Any, variables: Variables, layer: _declared.Layer) -> None:
    if name in _declared.VARIABLES:
        _declared.rendered(name, variables, layer)
    else:
        _fragments.make_conf({_declared.WORDS[name]: value} if name in _declared.WORDS else value, header="")


def _is_of_its_type(name: str, value: t.Any) -> bool:
    """Return whether only what is within the value can be wrong."""
    kinds: dict[str, t.Any] = {"dict": Mapping, "list": (list, tuple), "text": str}
    of = _declared.VARIABLES[name].of if name in _declared.VARIABLES else "list" if name in _declared.WORDS else "dict"
    return isinstance(value, kinds[of])


def _files(variables: Variables, layer: _declared.Layer) -> dict[str, str]:
    """Return the files that package.use alone becomes; none if it can't."""
    try:
        return _declared.rendered("package_use", variables, layer)
    except (BinhostError, TypeError, AttributeError):
        return {}


def _conf(name: str, settings: Variables) -> dict[str, str]:
    return {f"make.conf/{name}.conf": "".join(f"{variable}=\n" for variable in settings)}


def _defeats(where: str, files: Mapping[str, str], path: str) -> Iterator[str]:
    """Yield each line ``*/*`` of a file of ours that has no effect; what the CPU can do, every target says."""
    ours = {"make.conf/00-target": "".join(f"{name}=\n" for name in _remarks.CPU_FLAGS)}
    variable_of = f"{'slave_' if '02' in path else ''}package_use"
    for found, variable, _conf_path in _remarks.defeated({**ours, **files}):
        if found == path:
            yield (
                f"{where}: {variable_of}: expected no {variable} in the line */*, found it: "
                f"make.conf says {variable}, and only lines for single packages win against that"
            )


def _repos_conf(where: str, target: Variables) -> Iterator[str]:
    value = target.get("repos_conf")
    for section, options in value.items() if isinstance(value, Mapping) else ():
        try:
            _fragments.ini({section: options}, header="")
        except BinhostError as exc:
            yield f"{where}.repos_conf: {exc}"
        except (TypeError, AttributeError):
            yield f"{where}.repos_conf.{section}: expected a mapping, found {options!r}"
        else:
            for option in ("location", "auto-sync", "sync-uri", "sync-type"):
                if option in options:
                    yield f"{where}.repos_conf.{section}: expected no {option}: a generation brings its repositories"


def _cpu_flags(host: str, variables: Variables) -> Iterator[str]:
    """What packages are made for is the target's to say: a binary for other flags would be refused."""
    for name in ("slave_make_conf", "slave_client_conf"):
        value = variables.get(name)
        conf = value if isinstance(value, Mapping) else {}
        for variable in sorted(set(conf) & set(_remarks.CPU_FLAGS)):
            yield f"{host}: {name}: expected no {variable}, which is the target's, found {conf[variable]!r}"
    said: dict[str, t.Any] = {"slave_use": variables.get("slave_use"), "slave_package_use": []}
    uses, env = variables.get("slave_package_use"), variables.get("slave_env")
    for words in uses.values() if isinstance(uses, Mapping) else ():
        said["slave_package_use"] += _words(words)
    said["slave_env"] = [
        name for settings in (env.values() if isinstance(env, Mapping) else ()) for name in _assigned(settings)
    ]
    for name, words in said.items():
        found = _remarks.cpu_flags(_words(words))
        if found:
            yield f"{host}: {name}: expected nothing of what the CPU can do, which is the target's, found {found[0]!r}"


def _assigned(settings: t.Any) -> list[str]:
    return [str(name) for name in settings] if isinstance(settings, Mapping) else []


def _words(value: t.Any) -> list[str]:
    texts = [value] if isinstance(value, str) else value if isinstance(value, (list, tuple)) else []
    return [word for text in texts if isinstance(text, str) for word in text.split()]


def _world(host: str, variables: Variables, spec: Variables) -> Iterator[str]:
    world = variables.get("slave_world")
    known = [sets for sets in (variables.get("slave_sets"), spec.get("sets")) if isinstance(sets, Mapping)]
    for atom in world if isinstance(world, (list, tuple)) else ():
        if not isinstance(atom, str):
            yield f"{host}: slave_world: expected package atoms, found {atom!r}"
            continue
        try:
            for each in _declared.atoms([atom], *known):
                _atom.check(each)
        except BinhostError as exc:
            yield f"{host}: slave_world: expected package atoms, found {exc}"
        except TypeError:
            pass  # the set isn't one, which is said of it
