# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What publishing would do, and why.  Nothing is written and no program is run.

What is published is what was built, or what an older generation was made of: going back publishes its content under a
new number.  A target that went back stays there, whatever is built meanwhile, until it is told to be at the latest:
a run that undid it by itself would bring back what somebody has just taken away.
"""

from __future__ import annotations

import os
import time
import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.larry.binhost.plugins.module_utils import _generation, _packages, _repository, _seal
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._generation import Content, Generation
from ansible_collections.larry.binhost.plugins.module_utils._place import Place
from ansible_collections.larry.binhost.plugins.module_utils._signer import Signer

DAY: t.Final = 86400  # seconds


@dataclass(frozen=True)
class Wish:
    """What is asked for beyond what was built."""

    number: int | None = None  # the generation to go back to
    latest: bool = False  # no longer stay where the target went back to
    resign: bool = False  # sign everything anew that isn't by the key that signs now
    days: int = 90  # that a seal lasts
    withhold: t.Sequence[str] = ()  # paths in PKGDIR that are not to be published


@dataclass(frozen=True)
class Plan:
    """What publishing would do."""

    current: Generation | None  # None where there is none, or it is damaged
    damage: str  # what is wrong with the current one, "" if nothing is
    index: _packages.Index | None  # of what is to be published; None before the first build
    folder: str  # where the files are that it names
    content: Content
    repositories: t.Mapping[str, str]  # name to 12 digits of the revision
    snapshots: t.Mapping[str, str]  # name to snapshot; none where archives are taken from ``restores``
    restores: int  # the generation whose content it is, 0: what was built last
    waiting: bool  # whether something else was built and is not published, since the target went back
    reasons: t.Sequence[str] = field(default=())  # why there is something to publish, empty if there isn't
    number: int = 0  # of the generation that is current afterwards

    @property
    def before(self) -> Content:
        """What is published."""
        return self.current.content() if self.current else {}

    @property
    def changed(self) -> bool:
        """Whether there is anything to publish."""
        return bool(self.reasons)

    def added(self) -> list[str]:
        """Return the paths that are new or have new content, sorted."""
        return news(self.content, self.before)

    def removed(self) -> list[str]:
        """Return the paths that will be missing or have other content, sorted."""
        return news(self.before, self.content) if self.current else []


def news(these: Content, those: Content) -> list[str]:
    """Return the paths of ``these`` that ``those`` lacks or has otherwise, sorted."""
    return sorted(path for path, what in these.items() if those.get(path) != what)


def plan(
    place: Place,
    repositories: t.Mapping[str, str] | None = None,
    wish: Wish = Wish(),  # noqa: B008
    signer: Signer | None = None,
) -> Plan:
    """Compare what is to be published with what is.

    ``repositories`` maps names to snapshots, by default the newest of each.  Raises ``BinhostError`` where PKGDIR's
    index, or the generation to go back to, can't be published as it stands.
    """
    now, damage = _generation.current(place)
    back = _goes_back_to(place, now, wish)
    draft = _old(place, now, back, wish) if back else _new(place, repositories, now, wish)
    draft = replace(draft, damage=damage, number=now.seal.number if now else 0)
    reasons = [*_reasons(draft, back), *_signing_reasons(draft, wish, signer)]
    return replace(draft, reasons=reasons, number=max([0, *place.numbers()]) + 1) if reasons else draft


def snapshots(place: Place, seal: _seal.Seal | None = None) -> dict[str, str]:
    """Return the newest snapshot of each repository, or the one that a generation was made of if it is there still."""
    own = {name: each.folder(name) for name, each in seal.repositories.items()} if seal else {}
    places = {name: os.path.join(place.state, "repos", folder) for name, folder in own.items()}
    return {**_repository.newest(place.state), **{name: path for name, path in places.items() if os.path.isdir(path)}}


def _goes_back_to(place: Place, now: Generation | None, wish: Wish) -> int:
    """Return the generation whose content is wanted, 0 for what was built last."""
    if wish.latest:
        return 0
    stays = now.seal.restores if now else _restores(place)
    if wish.number is None or (now and stays and wish.number == now.seal.number):
        return stays
    return wish.number


def _restores(place: Place) -> int:
    """Return what the current generation, of which something is damaged, went back to."""
    try:
        return _generation.seal_of(place.generation("current")).restores
    except (BinhostError, OSError):
        return 0


def _new(place: Place, repositories: t.Mapping[str, str] | None, now: Generation | None, wish: Wish) -> Plan:
    """Return the plan to publish what was built, without reasons."""
    copies = repositories or snapshots(place)
    revisions = {name: _repository.revision_of(name, path) for name, path in sorted(copies.items())}
    index = _generation.built(place, withhold=wish.withhold)
    before = now.content() if now else {}
    content = _generation.content(_generation.by_path(index, where=place.pkgdir)) if index else before
    return Plan(now, "", index, place.pkgdir, content, revisions, copies, restores=0, waiting=False)


def _old(place: Place, now: Generation | None, number: int, wish: Wish) -> Plan:
    """Return the plan to publish an older generation's content, without reasons.

    Where that is what is current, it is taken from there: the older one itself may be gone by now.
    """
    same = now is not None and now.seal.restores == number
    folder = place.generation(now.seal.number if now and same else number)
    try:
        old = now if now and same else _generation.check(folder)
    except (BinhostError, OSError, EOFError) as exc:
        have = ", ".join(map(str, place.numbers())) or "none"
        raise BinhostError(
            f"generation {number} of target {place.target}: expected a complete one to go back to, found: {exc}; "
            f"there are {have}"
        ) from None
    index = _generation.parsed(_generation.read(os.path.join(folder, "Packages")), where=folder)
    revisions = {name: revision[:12] for name, revision in old.seal.revisions().items()}
    waiting = _waits(place, old, wish)
    return Plan(now, "", index, folder, old.content(), revisions, {}, restores=number, waiting=waiting)


def _waits(place: Place, old: Generation, wish: Wish) -> bool:
    """Return whether what was built is not what ``old`` is made of."""
    try:
        index = _generation.built(place, withhold=wish.withhold)
        entries = _generation.by_path(index, where=place.pkgdir) if index else None
    except (BinhostError, OSError):
        return True
    return entries is not None and _generation.content(entries) != old.content()


def _reasons(draft: Plan, back: int) -> t.Iterator[str]:
    """Yield what makes content or kind of the current generation another than what is wanted."""
    if draft.current is None:
        yield draft.damage or "nothing is published yet"
        return
    if draft.index is None:
        yield "nothing is built"
        return
    added, removed = draft.added(), draft.removed()
    if added or removed:
        yield f"{len(added)} packages are new or another, {len(set(removed) - set(added))} are gone"
    seal = draft.current.seal
    others = {name: revision[:12] for name, revision in seal.revisions().items()}
    if others != draft.repositories:
        yield "the ebuild repositories are at other revisions"
    if seal.restores != back:
        yield f"the target goes back to generation {back}" if back else "the target is at what was built last again"


def _signing_reasons(draft: Plan, wish: Wish, signer: Signer | None) -> t.Iterator[str]:
    """Yield what makes the current generation's signatures too old."""
    if draft.current is None or signer is None:
        return
    seal = draft.current.seal
    if seal.key != signer.fingerprint:
        yield f"another key signs now, {signer.fingerprint}"
    stale = [path for path, package in seal.packages.items() if package.key not in valid(wish, signer)]
    if stale:
        yield f"{len(stale)} packages are signed by a key that is not to be used any more"
    if seal.left(time.time()) < wish.days * DAY / 2:
        yield f"its seal expires at {seal.expires}"


def valid(wish: Wish, signer: Signer) -> frozenset[str]:
    """Return the keys whose signatures stay."""
    return frozenset({signer.fingerprint}) if wish.resign else signer.valid


def told(place: Place, wanted: Plan) -> dict[str, t.Any]:
    """Return what a module tells of a plan; ``damage`` is what is wrong with the current generation, if anything is."""
    before, after = describe(wanted)
    known = wanted.index is not None
    return {
        "changed": wanted.changed,
        "number": wanted.number if known else None,
        "path": place.generation(wanted.number) if known else None,
        "packages": len(wanted.content) if known else None,
        "added": wanted.added(),
        "removed": wanted.removed(),
        "repositories": dict(wanted.repositories),
        "restores": wanted.restores,
        "waiting": wanted.waiting,
        "reasons": list(wanted.reasons),
        "diff": {"before_header": place.folder, "after_header": place.folder, "before": before, "after": after},
        "damage": wanted.damage,
    }


def describe(wanted: Plan) -> tuple[str, str]:
    """Return before and after as text, for a diff."""
    old = _text(*_state(wanted.current), wanted.before)
    if wanted.index is None:
        return old, "unknown before the target is built\n"
    seal = wanted.current.seal if wanted.current else None
    sealed = [f"signed anew: {reason}" for reason in wanted.reasons] if seal and wanted.content == wanted.before else []
    return old, _text(wanted.number, wanted.repositories, wanted.content, sealed)


def _state(generation: Generation | None) -> tuple[int | None, dict[str, str]]:
    """Return number and revisions."""
    return (generation.seal.number, generation.seal.revisions()) if generation else (None, {})


def _text(number: int | None, revisions: t.Mapping[str, str], content: Content, more: t.Sequence[str] = ()) -> str:
    """Return one state in lines."""
    lines = [f"generation {number}" if number else "no generation", *more]
    lines += [f"repository {name} {revision[:12]}" for name, revision in revisions.items()]
    entries = sorted((cpv, path) for path, (cpv, _source) in content.items())
    return "".join(line + "\n" for line in [*lines, *(f"{cpv} {path}" for cpv, path in entries)])
