# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which state of each ebuild repository is built from, and where that is written down.

::

    STATE/pins.json            what is pinned, what was made of it, and how the repositories were declared last
    STATE/pins/NAME            -> ../repos/NAME-REVISION, what is pinned now
    STATE/repos/NAME-REVISION/ that state with its md5-cache, never changed once complete; 12 digits of ``identity``
    STATE/git/NAME.git         everything that is known of a repository of type git (see _git)
    STATE/webrsync/            the dated snapshots that are pinned (see _webrsync)

Pure, but for reading and writing the record.  What brings it about is ``_pinning``.
"""

from __future__ import annotations

import calendar
import json
import os
import re
import time
import typing as t
from dataclasses import asdict, dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import _files, _fingerprint, _seal
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

FORMAT: t.Final = 1
TYPES: t.Final = ("git", "webrsync", "local")
NEWEST: t.Final = "newest"
#: Whose signature a dated snapshot has; of sec-keys/openpgp-keys-gentoo-release, which Portage itself needs.
GENTOO_KEY: t.Final = "/usr/share/openpgp-keys/gentoo-release.asc"
DAY: t.Final = 86400  # seconds
_DIGITS: t.Final = 12
_DATE = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)\Z", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{7,64}\Z")
# As git-check-ref-format(1) has it, and never an option.
_REF = re.compile(r"(?!.*(?:\.\.|//|\.lock(?:/|\Z)|/\.|[./]\Z))[A-Za-z0-9][A-Za-z0-9._/+@-]*\Z")


class Want(t.NamedTuple):
    """What a repository is to be at."""

    kind: str  # newest, date, commit or ref
    value: str  # of a date, "20260131"

    @property
    def moves(self) -> bool:
        """Whether time alone makes it another state."""
        return self.kind == NEWEST


@dataclass(frozen=True)
class Spec:
    """An ebuild repository as it is declared."""

    name: str
    type: str
    uri: str  # of a clone, of a mirror that has snapshots/, or a folder of this machine
    pin: str = ""  # "": what it was moved to last
    branch: str = ""  # whose newest commit is the newest state; "": the remote's HEAD
    key: str = ""  # file with the public keys of which one has to have signed; "" of git: nobody has to
    fingerprint: str = ""  # of that very one; "": any of them
    masters: t.Sequence[str] | None = None  # in place of what its layout.conf says

    @property
    def keys(self) -> str:
        """The file with the keys of which one has to have signed; "" if nobody has to."""
        return self.key or (GENTOO_KEY if self.type == "webrsync" else "")


@dataclass(frozen=True)
class Pin:
    """The state that a repository is at."""

    type: str
    revision: str  # hexadecimal: the commit, the tarball's SHA-512, or of a folder what ``_repository.revision`` says
    date: str  # the day whose changes it contains, "20260131"
    asked: str = ""  # the declared pin that led to it, "" if none did


@dataclass(frozen=True)
class Made:
    """What a folder of STATE/repos was made of."""

    revision: str
    type: str
    date: str
    uri: str
    commit: str  # of git or, where a dated snapshot says it, of the tree that it was made of; else ""
    eclasses: str  # digest of its own
    masters: t.Mapping[str, str] = field(default_factory=dict)  # repository -> digest of its eclasses, then


@dataclass(frozen=True)
class Record:
    """What is written down."""

    declared: t.Mapping[str, Spec] = field(default_factory=dict)
    others: t.Mapping[str, str] = field(default_factory=dict)  # repositories that aren't pinned: name -> place
    pinned: t.Mapping[str, Pin] = field(default_factory=dict)
    made: t.Mapping[str, Made] = field(default_factory=dict)  # NAME-REVISION -> what it is


def want(text: str) -> Want:
    """Return what a pin says: ``newest``, a day, a commit, or the name of a tag or branch.

    Raises ``BinhostError`` for anything else.
    """
    if text in ("", NEWEST):
        return Want(NEWEST, "")
    date = _DATE.match(text)
    if date:
        day = "".join(date.groups())
        since(day)
        return Want("date", day)
    if _COMMIT.match(text):
        return Want("commit", text)
    if not _REF.match(text):
        raise BinhostError(f"expected newest, a day such as 2026-01-31, a commit, a tag or a branch, found {text!r}")
    return Want("ref", text)


def since(day: str) -> int:
    """Return when a day began, in seconds since the epoch, UTC.  Raises ``BinhostError`` if there is none such."""
    try:
        return calendar.timegm(time.strptime(day, "%Y%m%d"))
    except ValueError:
        raise BinhostError(f"expected a day such as 2026-01-31, found {day!r}") from None


def day(moment: float) -> str:
    """Return the day of a moment, UTC, as ``20260131``."""
    return time.strftime("%Y%m%d", time.gmtime(moment))


def spec(name: str, declared: t.Mapping[str, t.Any]) -> Spec:
    """Return a repository as it is declared.  Raises ``BinhostError`` for what can't be."""
    where = f"repository {name}"
    if not _seal.repository_name(name):
        raise BinhostError(f"expected the name of an ebuild repository, found {name!r}")
    unknown = sorted(set(declared) - {each for each in Spec.__dataclass_fields__ if each != "name"})
    if unknown:
        raise BinhostError(f"{where}: expected type, uri, pin and the like, found {', '.join(unknown)}")
    kind = declared.get("type")
    if kind not in TYPES:
        raise BinhostError(f"{where}: type: expected {', '.join(TYPES)}, found {kind!r}")
    made = Spec(**{"uri": "", **{key: value for key, value in declared.items() if value is not None}, "name": name})
    if not made.uri or made.uri.startswith("-"):
        raise BinhostError(f"{where}: uri: expected where it is, found {made.uri!r}")
    _check_pin(made, where)
    return made


def _check_pin(made: Spec, where: str) -> None:
    """Raise ``BinhostError`` for a pin that this type hasn't."""
    try:
        wanted = want(made.pin)
        if made.branch:
            want(made.branch)
    except BinhostError as exc:
        raise BinhostError(f"{where}: pin: {exc}") from None
    if made.pin and made.type == "webrsync" and wanted.kind not in ("date", NEWEST):
        raise BinhostError(f"{where}: pin: expected a day such as 2026-01-31, found {made.pin!r}")
    if made.pin and made.type == "local":
        raise BinhostError(f"{where}: pin: expected none, since a folder has no history, found {made.pin!r}")


def identity(made: Made) -> str:
    """Return the 12 digits of what decides a snapshot: the state, and the eclasses that its md5-cache tells of."""
    return _fingerprint.digest([FORMAT, made.type, made.revision, list(made.masters.items())])[:_DIGITS]


def path(state: str = STATE) -> str:
    """Return the record's file."""
    return os.path.join(state, "pins.json")


def link(name: str, state: str = STATE) -> str:
    """Return the place at which a pinned repository is built from."""
    return os.path.join(state, "pins", name)


def load(state: str = STATE) -> Record:
    """Return the record, an empty one if there is none.  Raises ``BinhostError`` for a file that is none."""
    try:
        found = json.loads(_files.read(path(state)))
        if found["format"] != FORMAT:
            raise ValueError(f"format {found['format']!r}")
        return Record(
            {name: Spec(**each) for name, each in found["declared"].items()},
            dict(found["others"]),
            {name: Pin(**each) for name, each in found["pinned"].items()},
            {name: Made(**each) for name, each in found["made"].items()},
        )
    except FileNotFoundError:
        return Record()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise BinhostError(
            f"{path(state)}: expected the record of pinned repositories, found something else ({exc}). "
            "Move it away to go on; what is not pinned in the inventory is then at its newest state."
        ) from None


def save(record: Record, state: str = STATE) -> None:
    """Write the record; of what was made, that which is still there.  Raises ``BinhostError``."""
    made = {name: each for name, each in record.made.items() if os.path.isdir(os.path.join(state, "repos", name))}
    text = json.dumps({"format": FORMAT, **asdict(record), "made": {n: asdict(m) for n, m in made.items()}}, indent=1)
    _files.write(path(state), text + "\n")


def origins(state: str = STATE) -> dict[str, Made]:
    """Return NAME-REVISION, as snapshots and seals have it, to what it was made of; none of what isn't pinned."""
    return dict(load(state).made)


def commits(snapshots: t.Mapping[str, str], state: str = STATE) -> dict[str, str]:
    """Return repository to commit, of those snapshots (name to path) that were made of one: REPO_REVISIONS."""
    known = origins(state)
    folders = {name: os.path.basename(place) for name, place in snapshots.items()}
    return {name: known[each].commit for name, each in sorted(folders.items()) if each in known and known[each].commit}
