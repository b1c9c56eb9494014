# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways on which a slave's packages come to it: a ladder of kinds, each as URIs below which targets stand as T/N.

What is on a server that may be absent is mounted so that nothing waits for it long: see ``mounts``.
"""

from __future__ import annotations

import functools
import typing as t
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.larry.binhost.plugins.plugin_utils import _inventory

if t.TYPE_CHECKING:
    from ansible_collections.larry.binhost.plugins.plugin_utils._inventory import Fleet, Variables

Plan = dict[str, t.Any]
#: Kind -> the variable of a master that says whether it serves so, and what that is unless said. A mirror has http.
SERVED: t.Final[Mapping[str, tuple[str, bool] | None]] = {
    "nfs": ("master_nfs", False),
    "http": None,
    "ssh": ("master_ssh", False),
    "rsync": ("master_rsync", False),
    "kit": None,
}
#: Kind -> the program without which a slave can't use it, and the package that brings it.
PROGRAMS: t.Final[Mapping[str, tuple[str, str]]] = {
    "nfs": ("mount.nfs", "net-fs/nfs-utils"),
    "ssh": ("ssh", "virtual/openssh"),
    "rsync": ("rsync", "net-misc/rsync"),
}
DEFAULT: t.Final = ("http",)
#: What a slave does that has something to install and reaches nobody who has it.
WITHOUT_MASTER: t.Final = ("fail", "skip", "source")
#: Where the master exports from, and a slave mounts at.
EXPORT: t.Final = "/srv/larry-binhost"
#: What a master shares -> the folders that it exports there.
SHARES: t.Final[Mapping[str, Sequence[str]]] = {"packages": ("packages",), "tree": ("packages", "distfiles")}
#: The folder with the targets, there and in a kit.
PACKAGES: t.Final = "packages"
KIT: t.Final = "larry-binhost"
KIT_PATH: t.Final = "/media/larry-binhost"
SSH_PORT: t.Final = 22
RSYNC_PORT: t.Final = 8873
#: Whatever waits for a server that is gone gets an error after 2 + 4 + 6 seconds (nfs(5), timeo, retrans, soft); by
#: version 4, on a connection that falls silent in use, once TCP gives that up: 121 s were seen with Linux 6.1.
#: Nothing there is a program or a device; a kernel that mounts for a slow network is not to keep anybody waiting.
_ABSENT: t.Final = ("ro", "soft", "timeo=20", "retrans=2", "retry=0", "nosuid", "nodev", "noexec", "_netdev", "nofail")
#: Service manager -> how it is kept from mounting before somebody asks, beside the role's noauto (fstab(5)):
#: systemd.mount(5); on OpenRC binhost-sync mounts what nobody else does, and netmount unmounts it before the network
#: goes. By itself only systemd makes the folder that is mounted on (mount(8), X-mount.mkdir).
_ON_DEMAND: t.Final[Mapping[str, tuple[str, ...]]] = {
    "systemd": ("x-systemd.automount", "x-systemd.idle-timeout=60", "x-systemd.mount-timeout={seconds}"),
}
#: Seconds in which systemd has to have mounted it, unless the slave lets those who have packages be silent for longer.
_MOUNTED: t.Final = 15
_BY_HAND: t.Final = ("X-mount.mkdir",)
#: By which our lines are known again in the facts, as ``_fstab`` has it.
_MARK: t.Final = "x-larry-binhost"


def problems(fleet: Fleet) -> Iterator[str]:
    """Yield what is wrong with the ladders of a fleet's slaves."""
    for host in fleet.slaves:
        variables = fleet.variables[host]
        policy = variables.get("slave_without_master", WITHOUT_MASTER[0])
        if policy not in WITHOUT_MASTER:
            yield f"{host}: slave_without_master: expected one of {', '.join(WITHOUT_MASTER)}, found {policy!r}"
        path = variables.get("slave_kit_path", KIT_PATH)
        if isinstance(path, str) and not path.startswith("/"):
            yield f"{host}: slave_kit_path: expected an absolute path, found {path!r}"
        seconds = variables.get("slave_sync_timeout", 1)
        if isinstance(seconds, int) and seconds < 1:
            yield f"{host}: slave_sync_timeout: expected at least 1 second, found {seconds}"
        yield from _ladder(host, variables)
        yield from _served(host, fleet)
        yield from _writable(host, variables)


def _ladder(host: str, variables: Variables) -> Iterator[str]:
    said = variables.get("slave_transports")
    if not isinstance(said, (list, tuple)):
        return  # not of its type, which is said elsewhere
    if not said:
        yield f"{host}: slave_transports: expected at least one of {', '.join(SERVED)}, found none"
    strange = [str(kind) for kind in said if kind not in SERVED]
    if strange:
        yield f"{host}: slave_transports: expected some of {', '.join(SERVED)}, found {', '.join(strange)}"
    twice = sorted({str(kind) for kind in said if list(said).count(kind) > 1})
    if twice:
        yield f"{host}: slave_transports: expected each once, found {', '.join(twice)} more than once"


def _served(host: str, fleet: Fleet) -> Iterator[str]:
    """Yield each rung that has nobody at its other end."""
    for kind in kinds(fleet.variables[host]):
        switch = SERVED.get(kind)
        if switch and not any(_serves(fleet, master, kind) for master in fleet.masters):
            masters = ", ".join(fleet.masters)
            yield f"{host}: slave_transports: expected {switch[0]}: true on {masters}, since {kind} is asked for"


def _serves(fleet: Fleet, server: str, kind: str) -> bool:
    switch = SERVED[kind]
    if switch is None:
        return True
    return server in fleet.masters and fleet.variables[server].get(switch[0], switch[1]) is True


def _writable(host: str, variables: Variables) -> Iterator[str]:
    """Portage writes there; and what lies in PKGDIR it takes unsigned."""
    conf = variables.get("slave_client_conf")
    for name in ("PKGDIR", "DISTDIR"):
        value = str(conf.get(name, "")) if isinstance(conf, Mapping) else ""
        if f"{value}/".startswith(f"{EXPORT}/"):
            yield f"{host}: slave_client_conf.{name}: expected a folder of this machine, found {value!r}, the master's"


def kinds(variables: Variables) -> list[str]:
    """Return a slave's ladder, what isn't a kind left out."""
    said = variables.get("slave_transports", DEFAULT)
    return [str(kind) for kind in said if kind in SERVED] if isinstance(said, (list, tuple)) else []


def ladder(slave: str, fleet: Fleet, servers: Sequence[str], http: t.Callable[[str], str]) -> list[Plan]:
    """Return what a slave tries in order, each its kind and the URI below which the targets are.

    ``servers`` are whom it asks, in order; ``http`` returns where one serves by HTTP.
    """
    uris: Mapping[str, t.Callable[[str], str]] = {
        "nfs": lambda _server: f"file://{EXPORT}/{PACKAGES}",
        "http": http,
        "ssh": functools.partial(_ssh, fleet),
        "rsync": functools.partial(_rsync, fleet),
    }
    found = []
    for kind in kinds(fleet.variables[slave]):
        if kind == "kit":
            path = str(fleet.variables[slave].get("slave_kit_path") or KIT_PATH).rstrip("/")
            found.append({"kind": kind, "uri": f"file://{path}/{KIT}/{slave}/{PACKAGES}"})
        else:
            there = [server for server in servers if _serves(fleet, server, kind)]
            found += [{"kind": kind, "uri": uris[kind](server)} for server in there]
    return found


def _place(fleet: Fleet, server: str, port: t.Any) -> str:
    host = _inventory.address(fleet.variables[server], server)
    return f"{f'[{host}]' if ':' in host else host}:{port}"


def _ssh(fleet: Fleet, server: str) -> str:
    variables = fleet.variables[server]
    return f"ssh://{variables.get('ansible_user') or 'root'}@" + _place(
        fleet, server, variables.get("ansible_port") or SSH_PORT
    )


def _rsync(fleet: Fleet, server: str) -> str:
    port = fleet.variables[server].get("master_rsync_port") or RSYNC_PORT
    return f"rsync://{_place(fleet, server, port)}/{PACKAGES}"


def mounts(slave: str, fleet: Fleet, servers: Sequence[str], facts: Mapping[str, t.Any]) -> list[Plan]:
    """Return the lines of fstab that a slave's ladder needs, each as ``ansible.posix.mount`` takes it.

    One of ours that is there and no longer needed is to go; its mount is left to whoever uses it.
    """
    wanted = _wanted(slave, fleet, servers, facts)
    paths = {mount["path"] for mount in wanted}
    gone = [str(path) for path in facts.get("fstab", ()) if path not in paths]
    nothing = {"src": "none", "fstype": "none", "opts": "defaults", "state": "absent_from_fstab"}
    return [*wanted, *({"path": path, **nothing} for path in gone)]


def _wanted(slave: str, fleet: Fleet, servers: Sequence[str], facts: Mapping[str, t.Any]) -> list[Plan]:
    there = [server for server in servers if _serves(fleet, server, "nfs")]
    if "nfs" not in kinds(fleet.variables[slave]) or not there:
        return []
    host = _inventory.address(fleet.variables[there[0]], there[0])
    versions = fleet.variables[there[0]].get("master_nfs_versions") or [4]
    # Version 3 would need a service for locks, which nobody who only reads takes.
    version = ("nfsvers=4",) if 4 in versions else ("nfsvers=3", "nolock")
    demand = _ON_DEMAND.get(str(facts.get("service_mgr")), _BY_HAND)
    seconds = max(_MOUNTED, fleet.variables[slave].get("slave_sync_timeout", 0))
    options = ",".join([*_ABSENT, *version, *(option.format(seconds=seconds) for option in demand), _MARK])
    source = f"[{host}]" if ":" in host else host
    shared = SHARES.get(str(fleet.variables[there[0]].get("master_nfs_share")), SHARES["packages"])
    paths = [f"{EXPORT}/{name}" for name in shared]
    how = {"fstype": "nfs", "opts": options, "state": "present"}
    return [{"src": f"{source}:{path}", "path": path, **how} for path in paths]


def needed(variables: Variables, facts: Mapping[str, t.Any]) -> list[str]:
    """Return the packages that a slave's ladder needs and that Portage is to have installed there, sorted.

    One whose program came otherwise, and one of a machine that didn't say what it has, is left to its person.
    """
    programs, installed = facts.get("programs"), facts.get("installed", ())
    if programs is None:
        return []
    wanted = [PROGRAMS[kind] for kind in kinds(variables) if kind in PROGRAMS]
    return sorted(
        package
        for program, package in wanted
        if program not in programs or any(str(cpv).startswith(f"{package}-") for cpv in installed)
    )
