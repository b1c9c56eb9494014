# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``larry-binhost.pyz kit``: bring a machine up to date from a stick, without its master.

All of the stick is read before anything is begun. What it says is believed as far as a key that is trusted here signed
it, as if the master itself had said so.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import (
    _emerge,
    _files,
    _guard,
    _kit,
    _local,
    _machine,
    _merge_list,
    _orders,
    _say,
    _servers,
    _size,
    _sync,
    _transport,
    _trust,
    _world,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place

COMMAND: t.Final = "kit"
#: What the module emerge has where nothing else is said.
OPTIONS: t.Final[t.Mapping[str, t.Any]] = {
    **dict.fromkeys(("update", "deep", "newuse", "usepkg", "getbinpkg", "rebuilt_binaries", "keep_going"), True),
    "with_bdeps": "n",
}
WORLD: t.Final = ("@world",)
#: A folder of distfiles that Portage only reads (make.conf(5)).
READ_ONLY: t.Final = "PORTAGE_RO_DISTDIRS"
REMEDY: t.Final = "Let the master build them and write the kit again, or raise slave_max_source."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Tell a parser what may be on the command line."""
    parser.add_argument("place", help="where the stick is mounted")
    parser.add_argument("--name", default="", help="which machine's kit, where there are several for its target")
    parser.add_argument("--check", action="store_true", help="say what would be installed, and install nothing")
    parser.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="FINGERPRINT",
        help="believe the kit's key, if it is this one; once for each key that it has",
    )
    parser.set_defaults(act=act)


def act(asked: argparse.Namespace) -> int:
    """Install from a stick; return emerge's status.  Raises ``BinhostError`` with nothing installed."""
    reads = _local.reading(asked.state)
    folder, kit = _kit.find(os.path.abspath(asked.place), slave=asked.name, target=reads[0] if reads else "")
    _say.tell(f"{folder}: target {kit.target}, generation {kit.number}, written {kit.time}: {_size.shown(kit.size)}")
    _kit.check(folder, kit)
    if asked.trust:
        believe(_run, folder, asked.trust, state=asked.state)
    result = _sync.run(request(_run, folder, kit, state=asked.state))
    for remark in result.answer.remarks:
        _say.warn(remark)
    if result.answer.offer is None:
        raise BinhostError(result.answer.message)
    _say.tell(f"generation {result.number} {'is new' if result.changed else 'was'} here")
    return install(kit, folder, check=asked.check)


def request(run: t.Any, folder: str, kit: _kit.Kit, *, state: str) -> _servers.Request:
    """Return what is asked of a kit: what its master signed, and no step back but to what this machine is pinned to."""
    return _servers.Request(
        Place(kit.target, state),
        (_transport.Source(f"file://{folder}/{_kit.PACKAGES}", "kit"),),
        timeout=60,
        pinned=_orders.pinned(kit.target, state),
        trust=_servers.Trust(run, _trust.trusted_path(state)),
        machine=_machine.here(state),
    )


def believe(run: t.Any, folder: str, fingerprints: t.Sequence[str], *, state: str) -> None:
    """Let the kit's keys be believed.  Raises ``BinhostError`` unless these, and no others, are they.

    Whoever had the stick may have put a key of his own beside the master's.
    """
    text = _files.read(os.path.join(folder, _kit.KEY))
    found = _trust.converge(run, _trust.Wanted(text, state=state, check=True)).after
    wanted = {fingerprint.replace(" ", "").upper() for fingerprint in fingerprints}
    if wanted != set(found):
        raise BinhostError(
            f"{folder}/{_kit.KEY}: expected a key with the fingerprint {', '.join(sorted(wanted))} and no other, found "
            f"{', '.join(found) or 'none'}. Say --trust for each that playbooks/keys.yml shows, too"
        )
    _trust.converge(run, _trust.Wanted(text, state=state))


def install(kit: _kit.Kit, folder: str, *, check: bool) -> int:
    """Install what is new; return emerge's status.  Raises ``BinhostError`` where too much would be compiled."""
    options = {**OPTIONS, "usepkg_exclude": " ".join(kit.build_on_slave)}
    merges = _world.ask(_emerge_run(folder), WORLD, options).merges
    breaches = _guard.breaches(merges, _guard.Rules(kit.max_source, kit.build_on_slave, REMEDY))
    if breaches:
        raise BinhostError("\n".join(breach.words for breach in breaches))
    if not merges:
        _say.tell("nothing is to be installed")
        return 0
    _say.tell(_merge_list.shown(merges).rstrip("\n"))
    if check:
        return 0
    command = _emerge.argv(WORLD, options, pretend=False)
    return subprocess.run(command, env=environment(folder), check=False).returncode


def environment(folder: str) -> dict[str, str]:
    """Return what emerge is told: sources are on the stick, too."""
    return {**os.environ, **_emerge.ENVIRONMENT, READ_ONLY: os.path.join(folder, _kit.DISTFILES)}


def _run(args: t.Sequence[str], /) -> tuple[int, str, str]:
    done = subprocess.run(list(args), capture_output=True, text=True, errors="replace", check=False)
    return done.returncode, done.stdout, done.stderr


def _emerge_run(folder: str) -> t.Any:
    def run(args: t.Sequence[str], *, environ_update: t.Mapping[str, str]) -> tuple[int, str, str]:
        told = {**environment(folder), **environ_update}
        done = subprocess.run(list(args), env=told, capture_output=True, text=True, errors="replace", check=False)
        return done.returncode, done.stdout, done.stderr

    return run
