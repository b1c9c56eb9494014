# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""emerge in a build root: what it would do, what it needs from the network, and doing it.

Facts about Portage:

- Its sources come first, by ``--fetchonly`` with a network; then it builds with none. What it could not fetch is said
  by "Couldn't download" (package/ebuild/fetch.py), a RESTRICT=fetch by the ebuild's own pkg_nofetch.
- A build log stands in PORTAGE_TMPDIR, and where that is memory, is gone with the build: hence PORTAGE_LOGDIR.
- What the environment says beats package.env, so PORTAGE_TMPDIR and MAKEOPTS are left to configuration.
"""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.larry.binhost.plugins.module_utils import (
    _build_disk,
    _depclean,
    _emerge,
    _failure_text,
    _failure_words,
    _host,
    _live,
    _master_kernel,
    _merge_list,
    _mounts,
    _outcome,
    _patterns,
    _restricted,
    _rootrun,
    _run_mark,
    _say,
    _size,
    _timings,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._failure import Failure, Where
from ansible_collections.larry.binhost.plugins.module_utils._mounts import DISTDIR, PKGDIR, RESTRICTED, Mount
from ansible_collections.larry.binhost.plugins.module_utils._outcome import Outcome
from ansible_collections.larry.binhost.plugins.module_utils._portage_query import Run
from ansible_collections.larry.binhost.plugins.module_utils._target import Target

FEATURES: t.Final = f"buildpkg buildpkg-proactive -getbinpkg clean-logs {_live.FEATURE}"
#: Of the root; Portage itself cleans it of what is a week old.
LOGDIR: t.Final = "/var/log/portage"
#: Portage's own (cnf/make.globals): a slave's configuration is read here, and its FETCHCOMMAND would be run.
FETCH: t.Final = 'wget -t 3 -T 60 --passive-ftp -O "${DISTDIR}/${FILE}" "${URI}"'
WORLD: t.Final = ("@world",)
#: --usepkg turns them off unless told, and a root without them is not complete.
BDEPS: t.Final = "y"
#: Of a client: emerge, told that a binary is wanted of everything, would list to be built what only lacks one.
CLIENT: t.Final = "-buildpkg-proactive -getbinpkg"
UPDATE: t.Final[t.Mapping[str, t.Any]] = {"update": True, "deep": True, "newuse": True, "changed_deps": True}
Options = t.Mapping[str, t.Any]


class UnresolvedError(BinhostError):
    """Portage found no way to install all that it was asked for."""

    def __init__(self, words: str, said: str = "") -> None:
        """Take the message, and all that Portage said."""
        super().__init__(words)
        self.said = said


class FailedError(BinhostError):
    """Some packages failed; all that doesn't need them is built."""

    def __init__(self, words: str, outcome: Outcome, named: t.Iterable[str] = ()) -> None:
        """Take the message, what was done, and the packages of which emerge itself said that they failed."""
        super().__init__(words)
        self.outcome = outcome
        self.named = frozenset(named)


@dataclass(frozen=True)
class Place:
    """A root in which a target's packages are built, and what is seen there."""

    run: Run
    target: Target
    root: str
    snapshots: t.Mapping[str, str]  # repository -> the copy of it that is built from
    own: t.Sequence[Mount] = ()  # over what is in the root: a slave's configuration
    on_slave: t.Sequence[str] = ()  # no packages are made of these
    refused: t.Mapping[str, Failure] = field(default_factory=dict)  # what is made to fail at once -> how it did before


def inside(
    place: Place, command: t.Sequence[str], environment: t.Mapping[str, str], *, network: str = "none"
) -> tuple[int, str, str]:
    """Run a command in the root and return its status and what it said."""
    target = place.target
    mounts = _mounts.standard(
        repositories=place.snapshots,
        distdir=target.distdir,
        restricted=target.restricted or None,
        pkgdir=target.pkgdir,
        tmp_size=target.tmpfs,
        portage_run=target.live,
        cgroup=True,
        network=network == "host",
    )
    return place.run(_rootrun.argv(place.root, [*mounts, *place.own], command, environment, network=network))


def pending(
    place: Place, options: Options, atoms: t.Sequence[str] = WORLD, *, features: str = FEATURES
) -> list[_merge_list.Merge]:
    """Return what emerge would merge or remove.  Raises ``UnresolvedError`` with Portage's words."""
    return listed(_asked(place, options, atoms, features))


def listed(said: str) -> list[_merge_list.Merge]:
    """Return what emerge, which said this, would merge or remove."""
    # A soft blocker is settled by the merge itself; it is nothing to do.
    return [merge for merge in _merge_list.parse(said) if merge.kind not in ("nomerge", "blocks")]


def asked(place: Place, options: Options) -> str:
    """Return what emerge says that it would do for the world.  Raises ``UnresolvedError``."""
    return _asked(place, options, WORLD, FEATURES)


def _asked(place: Place, options: Options, atoms: t.Sequence[str], features: str) -> str:
    status, stdout, stderr = _emerge_in(place, options, atoms, pretend=True, features=features)
    if status != 0:
        told = [f"emerge --pretend {' '.join(atoms)} in {place.root}: expected a merge list, found status {status}:"]
        told += [_emerge.last_words(stdout + stderr)]
        if _master_kernel.FATAL in stderr:
            told.append(_master_kernel.too_old(place.root, said=stderr))
        raise UnresolvedError("\n".join(told), stdout + stderr)
    return stdout


def bring(
    place: Place,
    options: Options,
    atoms: t.Sequence[str] = WORLD,
    *,
    merges: t.Sequence[_merge_list.Merge] | None = None,
) -> list[str]:
    """Fetch and build what is pending, which is ``merges`` where that is known; return what was compiled.

    A file that can't be fetched keeps nothing else from being built. Raises ``FailedError`` afterwards, with what
    failed and why, ``UnresolvedError`` before anything is begun.
    """
    merges = pending(place, options, atoms) if merges is None else merges
    if not merges:
        return []
    lacking = _lacking(place, merges)
    unfetched = fetch(place, options, atoms) if any(merge.kind == "ebuild" for merge in merges) else ""
    try:
        wanted = {each.cpv: each.kind for each in merges if each.kind in ("ebuild", "binary")}
        return merge(place, options, atoms, wanted=wanted)
    except FailedError as exc:
        raise FailedError("\n".join(filter(None, (lacking, unfetched, str(exc)))), exc.outcome, exc.named) from None


def _lacking(place: Place, merges: t.Sequence[_merge_list.Merge]) -> str:
    """Return, and say before anything is built, which files only a person can bring; empty if they are there."""
    marked = _restricted.marked(merges)
    if not marked:
        return ""
    target = place.target
    folders = [target.distdir, *filter(None, [target.restricted])]
    lacks = _restricted.missing(lambda args: inside(place, args, environment()), marked, folders)
    told = _restricted.told(lacks, folders[-1])
    if told:
        _say.warn(told)
    return told


def fetch(place: Place, options: Options, atoms: t.Sequence[str] = WORLD) -> str:
    """Bring the sources of what is to be built to DISTDIR; return why some are not there, empty if they are."""
    network = place.target.network if place.target.network != "none" else "host"
    status, stdout, stderr = _emerge_in(place, {**options, "fetchonly": True}, atoms, network=network)
    return "" if status == 0 else unfetched(stdout + stderr, place.target.distdir, place.target.restricted)


def unfetched(text: str, distdir: str, restricted: str = "") -> str:
    """Return which files emerge could not fetch, of what it said.

    ``restricted``: the folder for what no program may fetch, where that is another one.
    """
    lines = []
    files = list(dict.fromkeys(_failure_words.NOT_FETCHED.findall(text)))
    if files:
        lines.append(f"{distdir}: expected to fetch {', '.join(files)}, found no place that has it")
    for package, words in dict(_failure_words.RESTRICTED.findall(text)).items():
        told = "\n".join(line.strip(" *") for line in words.splitlines() if line.strip(" *"))
        lines.append(
            f"{package} may not be fetched by a program; put its files into {restricted or distdir}. It says:\n{told}"
        )
    return "\n".join(lines) or f"emerge --fetchonly failed:\n{_emerge.last_words(text)}"


def merge(
    place: Place,
    options: Options,
    atoms: t.Sequence[str] = WORLD,
    *,
    wanted: t.Mapping[str, str] | None = None,
) -> list[str]:
    """Build what is pending and return what was compiled.  Raises ``FailedError`` with what failed and why.

    With ``wanted``, the merge list as ``_outcome.read`` has it, also with what was left out for that.
    """
    begun = _run_mark.mark(place.root, now=time.time())
    status, stdout, stderr = _emerge_in(place, options, atoms, network=place.target.network)
    words, where = stdout + stderr, Where(place.root, logdir=LOGDIR, since=begun.time)
    log = _run_mark.since(begun, place.root)
    phases = _outcome.seen(place.target.live) if status else {}
    done = _outcome.read(log, status=status, words=words, wanted=wanted or {}, begun=begun, where=where, phases=phases)
    _timings.note(place.target, log, done.done)
    if status != 0:
        done = replace(done, failures=[place.refused.get(each.cpv, each) for each in done.failures])
        told = _failure_text.told(done, status, words, what=what(place, atoms))
        reasons = "".join(each.reason for each in done.failures)
        kernel = filter(None, [_master_kernel.too_old(place.root, said=_ends(done) + words)])
        raise FailedError(
            "\n".join([told, *kernel, *_space(place, done.failed, reasons + words)]), done, _failure_words.failed(words)
        )
    return done.source


def _ends(done: Outcome) -> str:
    """Return how the logs of what failed end."""
    return "\n".join(line for each in done.failures for line in each.lines)


def what(place: Place, atoms: t.Sequence[str] = WORLD) -> str:
    """Return how a message calls the command."""
    return f"emerge {' '.join(atoms)} in {place.root}"


def depclean(place: Place) -> list[str]:
    """Remove what the worlds don't ask for and return it.  Raises ``BinhostError``."""

    def run(command: list[str]) -> tuple[int, str, str]:
        return inside(place, command, environment())

    try:
        return _depclean.remove(run, BDEPS)
    except BinhostError as exc:
        raise BinhostError(f"{place.root}: {exc}") from None


def _emerge_in(
    place: Place,
    options: Options,
    atoms: t.Sequence[str],
    *,
    pretend: bool = False,
    network: str = "none",
    features: str = FEATURES,
) -> tuple[int, str, str]:
    ours = {**place.target.options, "with_bdeps": BDEPS, "keep_going": True}
    if place.on_slave:
        ours["buildpkg_exclude"] = " ".join(place.on_slave)
    command = _emerge.argv(atoms, {**ours, **options}, pretend=pretend)
    return inside(place, command, environment(features), network=network)


def environment(features: str = FEATURES) -> dict[str, str]:
    """Return what Portage is told in the root."""
    return {
        **_emerge.ENVIRONMENT,
        "FEATURES": _timings.measured(features),
        "PKGDIR": PKGDIR,
        "DISTDIR": DISTDIR,
        "PORTAGE_RO_DISTDIRS": RESTRICTED,
        "PORTAGE_LOGDIR": LOGDIR,
        "FETCHCOMMAND": FETCH,
        "RESUMECOMMAND": FETCH.replace(" -O ", " -c -O "),
    }


def _space(place: Place, failed: t.Sequence[str], said: str) -> list[str]:
    """Return what was full, if that is what a build failed of."""
    if _failure_words.NO_SPACE.lower() not in said.lower():
        return []
    full = [
        f"{path}: expected room for the build, found {_size.shown(free)} free"
        for path in (place.root, place.target.pkgdir, place.target.distdir)
        if (free := _host.free_bytes(path)) < _build_disk.ALMOST_FULL
    ]
    in_memory = [cpv for cpv in failed if not _patterns.matches(place.target.on_disk, cpv)]
    if full or place.target.tmpfs is None or not in_memory:
        return full
    return [
        f"{', '.join(in_memory)}: expected to fit into the {_size.shown(place.target.tmpfs)} of memory that "
        "master_build_tmpfs gives to builds, found no space left: make that larger, or list the package in "
        "master_build_on_disk"
    ]
