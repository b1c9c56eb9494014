# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The merge list that emerge shows before it does anything, as data.

Source: portage lib/_emerge/resolver/output.py, class Display, and output_helpers.py, PkgAttrDisplay and
_create_use_string. The forms that older versions of Portage print are read too; that of --columns is not.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _atom, _size
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._refusal import Proposal


@dataclass(frozen=True)
class Flag:
    """One USE flag as emerge shows it."""

    name: str  # without its group's prefix: "intel" of VIDEO_CARDS="intel"
    enabled: bool
    change: str = ""  # against what is installed: "changed", "new" or "removed" from IUSE; "" if none is told
    forced: bool = False  # by the profile: no configuration changes it
    group: str = "USE"  # or a variable of USE_EXPAND: "VIDEO_CARDS"

    @property
    def full(self) -> str:
        """The name that package.use knows: ``video_cards_intel``."""
        return self.name if self.group == "USE" else f"{self.group.lower()}_{self.name}"


@dataclass(frozen=True)
class Refused:
    """Why one binary package of the index was not taken where its package is compiled."""

    path: str  # of the file, below PKGDIR
    build_id: int | None
    # "use", "changed_deps", "patches", "slot" (built against another sub-slot), "repository", "version" (no other is
    # there), "masked", "keywords", "license", "chost", "excluded" (by build_on_slave), "unfit" (for this machine, see
    # _unfit), "unknown"
    kind: str
    reason: str  # Portage's words, where it has any
    fix: tuple[Proposal, ...] = ()  # the lines, mostly one, that would have it taken; () if none would


@dataclass(frozen=True)
class Merge:
    """One line of the merge list."""

    kind: str  # "ebuild", "binary", "uninstall", "nomerge" or "blocks"
    cpv: str  # "app-misc/hello-2.10-r1"; of a blocker, its atom
    build_id: int | None  # of a binary
    repository: str
    # The letters between kind and name: N new, S in a new slot, U another version, D an older one, R the same again,
    # r because of what it is linked to; f F fetch restriction, g to be downloaded, I asks; # * ~ masked; B b blocker.
    marks: str
    rest: str  # what follows the name, as emerge prints it
    # "new", "slot" (new, beside an installed slot), "upgrade", "downgrade", "reinstall" (the same version), "rebuild"
    # (the same version for the sake of what it is linked to), "uninstall", "nomerge" (shown as a parent alone),
    # "blocked" (emerge will not start), "settled" (a blocker that the merge itself removes)
    action: str = ""
    slot: str = ""  # "3.12", or with its sub-slot "0/1.2"; "" where emerge shows none: it is "0", or not --verbose
    old: tuple[str, ...] = ()  # what it replaces or comes beside, as printed: "2.78.3:2::gentoo"
    use: tuple[Flag, ...] = ()
    root: str = "/"
    size: int | None = None  # bytes to download, in steps of 1024; None where emerge shows none
    refused: tuple[Refused, ...] = ()  # filled by _candidates

    @property
    def package(self) -> str:
        """The package's ``category/name``.  Raises ``BinhostError`` for a blocker that is none."""
        return _atom.category_package(self.cpv if self.kind == "blocks" else f"={self.cpv}")


_KINDS: t.Final = "ebuild|binary|uninstall|nomerge|blocks"
# [ebuild  N     ] app-misc/hello-2.10::lab  USE="nls -static" 0 KiB
# [binary   R    ]  app-arch/pigz-2.6-2:0/1::lab [2.6:0/1::lab] to /mnt/ USE="" 31 KiB
# [blocks B      ] <sys-apps/foo-2 ("<sys-apps/foo-2" is soft blocking sys-apps/bar-1)
_ENTRY: t.Final = re.compile(rf"\[(?P<kind>{_KINDS})\b(?P<marks>[ A-Za-z~*#]*)\]\s+(?P<what>\S+)(?:\s+(?P<rest>.*))?$")
_LETTERS: t.Final[t.Mapping[str, str]] = {
    "ebuild": "INrSRFfgUD#*~",
    "binary": "INrSRFfgUD#*~",
    "blocks": "Bb",
    "uninstall": "",
    "nomerge": "",
}
# dev-libs/glib-2.80.5-r1-4:2/3::gentoo
_NAME: t.Final = re.compile(r"(?P<cpv>[\w+.-]+/[\w+.-]+)(?::(?P<slot>[\w+./-]+))?(?:::(?P<repository>[\w-]+))?$", re.A)
_BUILD_ID: t.Final = re.compile(r"-(?P<build_id>\d+)$")
# [2.6:0/1::lab, 2.5::lab] to /mnt/ USE="nls" VIDEO_CARDS="intel" 1,031 KiB [0=>1]
_REST: t.Final = re.compile(
    r"(?:\[(?P<old>[^]=>]*)\]\s*)?(?:to (?P<root>/\S*)\s*)?(?P<use>(?:[A-Z][A-Z0-9_]*=\"[^\"]*\"\s*)*)"
    r"(?:(?P<size>[\d.,']+) [Kk]i?B\s*)?(?:\[(?:\d+|\?)(?:=>(?:\d+|\?))?\])?$"
)
_BLOCKS: t.Final = re.compile(r'\((?:"\S+" )?is (?:(?:hard|soft) )?blocking .*\)$')
_VARIABLE: t.Final = re.compile(r'([A-Z][A-Z0-9_]*)="([^"]*)"')
# nls  -nls*  nls%*  (-nls)  (-nls%*)  {-test}
_FLAG: t.Final = re.compile(
    r"(?P<around>[({]?)(?P<off>-?)(?P<name>[A-Za-z0-9][A-Za-z0-9+_@.-]*)(?P<new>%?)(?P<other>\*?)[)}]?$"
)
_ACTIONS: t.Final = (
    ("S", "slot"),
    ("N", "new"),
    ("D", "downgrade"),
    ("U", "upgrade"),
    ("r", "rebuild"),
    ("R", "reinstall"),
    ("B", "blocked"),
    ("b", "settled"),
)

#: The other lines that emerge prints around its list, each on its own.
_KNOWN: t.Final = re.compile(
    r"\s*$|\.\.\. done!|These are the packages that would be |Calculating dependencies|Dependency resolution took "
    r"|Total: |Fetch Restriction: |Conflict: |Repositories:$| \[[\d?]+\] "
    r"|The following packages are causing rebuilds:|  \(.*\) causes rebuilds for:$|    \(.*\)$"
    r"|\s*\* (?!Error: )|>>> |Nothing to merge; quitting\.|Would you like to "
    r"|(?:\[\S+\] )?Local copy of |\[\S+\] WARNING: "
    r"|.{0,60}[#$] (?:sudo )?emerge "  # a shell's prompt, in what a person has copied
)
#: What begins an explanation, which may run over any number of lines: _refusal reads those.
_WORDS: t.Final = re.compile(
    r"!!! |\s*\* Error: |WARNING: |NOTE: |emerge: |\*\*\* |Performing Global Updates$"
    r"|Fetch instructions for |It might be possible to "
    r"|The following (?:keyword|mask|USE|license) changes are necessary|For more information|Error: "
)
_TOTAL: t.Final = re.compile(r"Total: (\d+) packages?\b")


def parse(text: str, *, whole: bool = True) -> list[Merge]:
    """Return what ``emerge --pretend`` printed as its merge list, in its order.

    Raises ``BinhostError`` with its number at a line that is neither an entry nor known beside one; and, unless the
    text is an excerpt and no ``whole``, where emerge's own count of the packages differs.
    """
    merges: list[Merge] = []
    counted = 0  # entries that a count has confirmed
    explaining = False
    for number, line in enumerate(text.splitlines(), start=1):
        if re.match(rf"\[(?:{_KINDS}) ", line):
            merges.append(_merge(line.rstrip(), number))
            explaining = False
        elif _WORDS.match(line):
            explaining = True
        elif not explaining and not _KNOWN.match(line):
            raise _unread(number, "a line of the merge list", line)
        total = _TOTAL.match(line)
        if total and whole:
            _confirm(int(total[1]), merges[counted:], number)
            counted = len(merges)
    return merges


def _unread(number: int, expected: str, found: str) -> BinhostError:
    return BinhostError(f"emerge --pretend, line {number}: expected {expected}, found {found!r}")


def _confirm(total: int, merges: t.Sequence[Merge], number: int) -> None:
    found = sum(merge.kind in ("ebuild", "binary") for merge in merges)
    if found != total:
        raise BinhostError(f"emerge --pretend, line {number}: expected {total} packages, as emerge says, found {found}")


def _merge(line: str, number: int) -> Merge:
    entry = _ENTRY.match(line)
    marks = "".join(entry["marks"].split()) if entry else ""
    if entry is None or set(marks) - set(_LETTERS[entry["kind"]]):
        raise _unread(number, f"'[{_KINDS} marks] package'", line)
    kind, rest = entry["kind"], (entry["rest"] or "").strip()
    action = next((action for letter, action in _ACTIONS if letter in marks), kind)
    if kind == "blocks":
        if not _BLOCKS.match(rest) or action == kind:
            raise _unread(number, "'[blocks B or b] atom (is blocking package)'", line)
        return Merge(kind, entry["what"], None, "", marks, rest, action)
    if action in ("ebuild", "binary"):
        raise _unread(number, "one of the marks N S U D R r", line)
    cpv, build_id, slot, repository = _named(entry["what"], number, binary=kind == "binary")
    tail = _REST.match(rest)
    if tail is None:
        raise _unread(number, "'[old] to /ROOT/ USE=\"flags\" size' after the package", rest)
    old = tuple(word.strip() for word in (tail["old"] or "").split(",") if word.strip())
    size = int(re.sub(r"\D", "", tail["size"])) * 1024 if tail["size"] else None
    use = tuple(_flags(tail["use"], number))
    return Merge(kind, cpv, build_id, repository, marks, rest, action, slot, old, use, tail["root"] or "/", size)


def _named(what: str, number: int, *, binary: bool) -> tuple[str, int | None, str, str]:
    """Return cpv, build id, slot and repository of a package as it stands in an entry."""
    name = _NAME.match(what)
    if name is not None:
        cpv, found = name["cpv"], _BUILD_ID.search(name["cpv"])
        slot, repository = name["slot"] or "", name["repository"] or ""
        if _atom.is_package(f"={cpv}"):
            return cpv, None, slot, repository
        # No package's name ends in what could be a version (PMS 3.1.2): a second number is the build's.
        if binary and found and _atom.is_package(f"={cpv[: found.start()]}"):
            return cpv[: found.start()], int(found["build_id"]), slot, repository
    raise _unread(number, "'category/name-version:slot::repository'", what)


def _flags(text: str, number: int) -> t.Iterator[Flag]:
    for group, words in _VARIABLE.findall(text):
        for word in words.split():
            flag = _FLAG.match(word)
            if flag is None:
                raise _unread(number, f"a USE flag in {group}", word)
            forced = flag["around"] == "("
            # Of a disabled flag in brackets, "%" is left out if it is new: it then says that the flag is gone.
            gone = forced and flag["off"] and flag["new"]
            change = "removed" if gone else "new" if flag["new"] else "changed" if flag["other"] else ""
            yield Flag(flag["name"], not flag["off"], change, forced and not gone, group)


def restored(values: t.Mapping[str, t.Any]) -> Merge:
    """Return an entry that ``dataclasses.asdict`` took apart, also by way of JSON, without fields of other versions."""
    known = {field.name: values[field.name] for field in dataclasses.fields(Merge) if field.name in values}
    refused = (
        Refused(**{**each, "fix": tuple(Proposal(**fix) for fix in each["fix"])}) for each in known.get("refused", ())
    )
    use = (Flag(**flag) for flag in known.get("use", ()))
    return Merge(**{**known, "old": tuple(known.get("old", ())), "use": tuple(use), "refused": tuple(refused)})


_ORIGIN: t.Final = {"ebuild": "source", "binary": "binary"}
_SIGNS: t.Final = {"changed": "*", "new": "%", "removed": "%", "": ""}


def shown(merges: t.Iterable[Merge]) -> str:
    """Return the merge list as a person reads it: a line each, and below it why no binary was taken.

    Of the USE flags those are shown that differ from what is installed.
    """
    return "".join(f"{line}\n" for merge in merges if merge.kind != "nomerge" for line in _shown(merge))


def _shown(merge: Merge) -> t.Iterator[str]:
    if merge.kind == "blocks":
        yield f"{merge.action:9} {merge.cpv} {merge.rest}"
        return
    name, version = merge.package, merge.cpv[len(merge.package) + 1 :]
    build = "" if merge.build_id is None else f"-{merge.build_id}"
    versions = f"{', '.join(merge.old)} -> {version}{build}" if merge.old else f"{version}{build}"
    slot = f":{merge.slot}" if merge.slot else ""
    changes = [flag for flag in merge.use if flag.change]
    words = [
        f"{merge.action:9}",
        f"{_ORIGIN.get(merge.kind, ''):6}",
        name + slot,
        versions,
        f"to {merge.root}" if merge.root != "/" else "",
        f'USE="{" ".join(_changed(flag) for flag in changes)}"' if changes else "",
        _size.shown(merge.size) if merge.size else "",
    ]
    yield " ".join(word for word in words if word)
    for refused in merge.refused:
        yield f"    {refused.path}: {refused.reason}"
        yield from (f"        taken with {fix.file}: {fix.line}" for fix in refused.fix)


def _changed(flag: Flag) -> str:
    word = f"{'' if flag.enabled else '-'}{flag.full}{_SIGNS[flag.change]}"
    return f"({word})" if flag.change == "removed" else word
