# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a target's generations as one request that a job can carry: publish, go back, verify, prune."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.larry.binhost.plugins.module_utils import (
    _closure,
    _failed,
    _fitness,
    _generation,
    _intent,
    _lock,
    _prune,
    _publication,
    _record,
    _signer,
    _size,
)
from ansible_collections.larry.binhost.plugins.module_utils._closure import Asking
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._packages import Package
from ansible_collections.larry.binhost.plugins.module_utils._place import Place
from ansible_collections.larry.binhost.plugins.module_utils._process import Run
from ansible_collections.larry.binhost.plugins.module_utils._signer import Signer

_PATIENCE: t.Final = 60  # seconds to wait for a build to end


@dataclass(frozen=True)
class Request:
    """What is asked for, in values that JSON can carry."""

    target: str
    state: str
    repositories: t.Mapping[str, str] = field(default_factory=dict)  # name -> snapshot; none: the newest
    withhold: t.Sequence[str] = ()
    number: int | None = None  # the generation to go back to, or to verify
    latest: bool = False
    resign: bool = False
    sign: bool = True
    seal_days: int = 90
    keep: int = 5
    pinned: t.Sequence[int] = ()
    installed: t.Sequence[str] = ()  # CPVs that slaves have
    budget: int | None = None  # bytes
    build_on_slave: t.Sequence[str] = ()
    distdir: str = "/var/cache/distfiles"
    machines: t.Mapping[str, t.Mapping[str, t.Any]] = field(default_factory=dict)  # the slaves, as plans know them
    without: t.Sequence[str] = ()  # CPVs that failed to build, or weren't begun for that

    @property
    def place(self) -> Place:
        """Where the target is."""
        return Place(self.target, self.state)

    @property
    def wish(self) -> _intent.Wish:
        """What is asked for beyond what was built."""
        return _intent.Wish(self.number, self.latest, self.resign, self.seal_days, self.withhold)

    @property
    def kept(self) -> _prune.Kept:
        """Which generations stay."""
        return _prune.Kept(self.keep, self.pinned)

    def signer(self, run: Run) -> Signer | None:
        """Return who signs.  Raises ``BinhostError`` if nobody can."""
        return _signer.of(run, self.state) if self.sign else None

    def asking(self, run: Run) -> Asking:
        """Return how the build root is asked."""
        snapshots = self.repositories or _intent.snapshots(self.place)
        return Asking(run, self.place, snapshots, self.distdir, self.build_on_slave, self.without)


def request(asked: t.Mapping[str, t.Any]) -> Request:
    """Return what a module is asked for.  Raises ``BinhostError`` for what can't be."""
    for name in ("keep", "seal_days"):
        if asked[name] < 1:
            raise BinhostError(f"{name}: expected at least 1, found {asked[name]}")
    budget, number = asked["budget"], asked["number"]
    if budget is not None and budget < 0:
        raise BinhostError(f"budget: expected GiB from 0, found {budget}")
    if asked["state"] == "rolled_back" and (number is None or number < 1):
        raise BinhostError(
            f"number: expected the generation to go back to, found {'none' if number is None else number}"
        )
    same = {name: asked[name] for name in asked if name in Request.__dataclass_fields__}
    ours = {
        "state": Place(asked["target"], asked["state_dir"]).state,
        "number": number if asked["state"] in ("rolled_back", "verified") else None,
        "budget": None if budget is None else int(budget * _prune.GIB),
    }
    return Request(**{**same, **ours})


def foreseen(run: Run, request: Request, *, check: bool) -> dict[str, t.Any]:
    """Return what ``publish`` would do, as a module tells it; no program is run.

    Raises ``BinhostError`` where nobody can sign; in check mode the key may be what comes before.
    """
    signer: Signer | None = None
    try:
        signer = request.signer(run)
    except BinhostError:
        if not check:
            raise
    wanted = _intent.plan(request.place, request.repositories, request.wish, signer)
    closure = request.asking(run).possible
    place, machines = request.place, request.machines
    opened = check and wanted.changed  # publishing itself opens them
    fit = _fitness.foreseen(place, wanted, machines) if opened else _fitness.of_current(place, machines)
    return {**_intent.told(place, wanted), **fit, "over_budget": _over(request), "pruned": [], "closure": closure}


def warnings(request: Request, result: t.Mapping[str, t.Any]) -> list[str]:
    """Return what a person should know of a result of ``foreseen`` or ``publish``."""
    target, damage, over = request.target, result["damage"], result["over_budget"]
    found = [f"the current generation of {target} is damaged, another takes its place: {damage}"] if damage else []
    found += [result["said"]] if result.get("said") else []
    if over:
        found.append(f"target {target}: {_size.shown(over)} over the budget; playbooks/prune.yml says what can go")
    if result["waiting"]:
        found.append(
            f"target {target} stays at generation {result['restores']}, to which it was put back; what was built since "
            "waits until site.yml is run with -e binhost_generation=latest"
        )
    return found


def publish(run: Run, request: Request) -> dict[str, t.Any]:
    """Bring it about; return what a module tells of it.

    Where the budget is exceeded, packages that nobody needs go before; it is only then that Portage is asked for them.
    """
    asking, signer = request.asking(run), request.signer(run)
    pruned: list[str] = []
    said = ""
    intent = _intent.plan(request.place, request.repositories, request.wish, signer)
    changed = intent.changed
    if changed and request.number is None and _over(request):
        try:
            pruned = prune(run, request)["packages"]
        except BinhostError as exc:
            said = f"the budget is exceeded, and nothing could be removed: {exc}"

    def look(folder: str) -> list[str]:
        return _closure.missing(asking, folder)

    wanted = _publication.publish(
        request.place,
        request.repositories,
        wish=request.wish,
        signer=signer,
        look=look if asking.possible else lambda folder: [],
        kept=request.kept,
        record=_record_of(request, intent.repositories) if changed else None,
    )
    told = {**_intent.told(request.place, wanted), **_fitness.of_current(request.place, request.machines)}
    return {**told, "over_budget": _over(request), "pruned": pruned, "said": said, "closure": asking.possible}


def _record_of(request: Request, repositories: t.Mapping[str, str]) -> bytes | None:
    """Return what the packages that were built last were made from; None unless these repositories are part of that."""
    index = _generation.built(request.place, withhold=request.withhold)
    entries = _generation.by_path(index, where=request.place.pkgdir) if index else {}
    return _record.made(request.target, request.state, entries, repositories)


def verify(run: Run, request: Request) -> dict[str, t.Any]:
    """Read every byte of a generation, the current one unless one is named; return what is wrong with it."""
    place = request.place
    folder = place.generation(request.number or "current")
    problems = _generation.verify(folder, request.signer(run))
    asking = request.asking(run)
    current = request.number is None
    seal = None if problems else _generation.seal_of(folder)
    if current and asking.possible and seal and not seal.restores:
        failed, dropped = _failed.told(asking.target())
        asking = replace(asking, snapshots=_intent.snapshots(place, seal), without=[*failed, *dropped])
        problems = _closure.missing(asking, folder)
    return {"changed": False, "path": folder, "problems": problems, "closure": current and asking.possible}


def superfluous(run: Run, request: Request) -> list[Package]:
    """Return the packages in PKGDIR that go.  Raises ``BinhostError`` where Portage can't be asked what is needed."""
    index = _generation.built(request.place)
    if index is None:
        return []
    asking = request.asking(run)
    if not asking.possible:
        raise BinhostError(f"{request.place.root}: expected a build root, to be asked which packages are needed")
    wanted: set[tuple[str, int | None]] = set()
    for own in [[], *_closure.slaves(asking).values()]:
        found = _closure.merges(asking, request.place.pkgdir, own)
        wanted.update((merge.cpv, merge.build_id) for merge in found if merge.binary)
    entries = _generation.by_path(index, where=request.place.pkgdir).values()
    return _prune.needless(entries, _prune.Need(set(request.installed), wanted), over=_excess(request))


def prune(run: Run, request: Request, *, check: bool = False) -> dict[str, t.Any]:
    """Remove, or in check mode name, what nobody needs: packages of PKGDIR and generations."""
    place = request.place
    with _lock.held(f"build-{place.target}", state=place.state, wait=_PATIENCE, what=f"prunes {place.target}"):
        gone = superfluous(run, request)
        numbers = _prune.going(place, request.kept)
        if not check:
            _prune.packages(place, [entry.path for entry in gone])
    if not check and numbers:
        with _lock.held(f"generation-{place.target}", state=place.state, wait=_PATIENCE, what=f"prunes {place.target}"):
            _prune.generations(place, request.kept)
    size = sum(entry.size or 0 for entry in gone)
    lines = [f"{entry.path}: {_size.shown(entry.size or 0)}" for entry in gone]
    lines += [f"generation {number}" for number in numbers]
    return {
        "changed": bool(gone or numbers),
        "packages": [entry.path for entry in gone],
        "generations": numbers,
        "size": size,
        "over_budget": _over(request),
        "diff": {"before": "".join(f"{line}\n" for line in lines), "after": ""},
    }


def _excess(request: Request) -> int | None:
    """Return how many bytes are to be won, None for all that can be."""
    return None if request.budget is None else _over(request)


def _over(request: Request) -> int:
    """Return by how many bytes the budget is exceeded."""
    return 0 if request.budget is None else max(0, _prune.used(request.place) - request.budget)
