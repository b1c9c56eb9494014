# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be mounted and unmounted below a root, and which of it nobody is to have left there.

The root is bound onto itself first: Portage's sandboxes need a mount point to pivot on, and a private one keeps all
that is mounted below it from appearing anywhere else.

A mount is recognised by what of which file system it shows (device and root in mountinfo), so that a bind of one disk's
folders is told from another's; of proc, tmpfs and devpts any one is as good as another.
"""

from __future__ import annotations

import os
import typing as t
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _mountinfo
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._mountinfo import Mounted, is_below
from ansible_collections.larry.binhost.plugins.module_utils._mounts import Mount

#: Options that every mount has of its own, and not its file system.
FLAGS: t.Final = frozenset({"ro", "nosuid", "nodev", "noexec"})
#: Path on the host -> device and root of a bind of it.
Identities = Mapping[str, tuple[str, str]]
_PAGE = os.sysconf("SC_PAGESIZE")
Action = t.Literal["unmount", "mount", "settle"]


@dataclass(frozen=True)
class Change:
    """One mount to take away, to make, or whose options and propagation to set."""

    action: Action
    place: str  # absolute path on the host
    old: Mounted | None = None
    new: Mount | None = None

    def __str__(self) -> str:
        """Say it in a line."""
        if self.new is None:
            return f"{self.action} {self.place}"
        what = self.new.source or self.new.kind
        return f"{self.action} {self.place}: {what} {','.join(self.new.options)}".rstrip()


def identities(current: Sequence[Mounted], root: str, desired: Iterable[Mount]) -> dict[str, tuple[str, str]]:
    """Return device and root of everything that is to be bound.  Raises ``BinhostError`` for what isn't there."""
    found: dict[str, tuple[str, str]] = {}
    for source in [root, *(mount.source for mount in desired if mount.source)]:
        try:
            found[source] = _mountinfo.identity(current, source)
        except OSError as exc:
            raise BinhostError(f"{source}: expected it to be mounted in {root}, found: {exc.strerror}") from None
    return found


def below(current: Sequence[Mounted], root: str) -> list[Mounted]:
    """Return what is mounted at or below ``root``, except the file system that the root itself may be.

    At the root that is: whatever shows something else than the folder it is mounted on.
    """
    by_id = {each.id: each for each in current}
    return [each for each in _mountinfo.below(current, root) if each.target != root or _is_itself(each, by_id)]


def _is_itself(mount: Mounted, by_id: Mapping[int, Mounted]) -> bool:
    parent = by_id.get(mount.parent)
    if parent is None:
        return False
    inside = os.path.relpath(mount.target, parent.target)
    return (mount.device, mount.root) == (parent.device, os.path.normpath(os.path.join(parent.root, inside)))


def unmounted(current: Sequence[Mounted], root: str) -> list[Change]:
    """Return the changes after which nothing is mounted below ``root``, in an order that can be gone through."""
    return _gone(current, below(current, root))


def _gone(current: Sequence[Mounted], chosen: Iterable[Mounted]) -> list[Change]:
    order = _mountinfo.leaf_first(current, [each.id for each in chosen])
    return [Change("unmount", each.target, old=each) for each in order]


def plan(current: Sequence[Mounted], desired: Sequence[Mount], root: str, known: Identities) -> list[Change]:
    """Return the changes after which exactly ``desired`` is mounted in ``root``, over the root itself.

    What is mounted at other places below it stays, unless it hides one of these.  ``root`` has no links in it;
    ``known`` is what ``identities`` returns.
    """
    there = below(current, root)
    wanted = {_place(root, mount): mount for mount in [Mount("/", "bind", root), *desired]}
    at: dict[str, list[Mounted]] = {}
    for each in there:
        at.setdefault(each.target, []).append(each)
    wrong = {place for place, mount in wanted.items() if not _is(at.get(place, []), mount, known)}
    wrong |= {each.target for each in there if each.target not in wanted and _hides(each.target, wanted)}
    redone = {place for place in wanted if any(is_below(place, other) for other in wrong)}
    gone = [each for each in there if any(is_below(each.target, other) for other in wrong)]
    return [
        *_gone(current, gone),
        *(Change("mount", place, new=mount) for place, mount in wanted.items() if place in redone),
        *(
            Change("settle", place, old=at[place][0], new=mount)
            for place, mount in wanted.items()
            if place not in redone and not _is_settled(at[place][0], mount, _within(there, place, mount))
        ),
    ]


def _place(root: str, mount: Mount) -> str:
    return os.path.normpath(root + mount.target)


def _hides(target: str, places: Iterable[str]) -> bool:
    return any(is_below(place, target) for place in places)


def _is(stack: Sequence[Mounted], mount: Mount, known: Identities) -> bool:
    """Return whether one mount stands there, and it is this one."""
    if len(stack) != 1:
        return False
    if mount.source:
        return (stack[0].device, stack[0].root) == known[mount.source]
    return stack[0].fstype == mount.kind


def _within(there: Sequence[Mounted], place: str, mount: Mount) -> list[Mounted]:
    """Return what came with the mount: of an rbind also what is mounted below its source."""
    return _mountinfo.below(there, place) if mount.kind == "rbind" else []


def _is_settled(found: Mounted, mount: Mount, within: Iterable[Mounted]) -> bool:
    """Return whether the mount's own options are as declared, and nothing of it appears elsewhere."""
    flags, size = FLAGS & set(mount.options), _size(mount.options)
    return (
        flags <= set(found.options)
        and ("ro" in flags) == ("ro" in found.options)
        and size in (None, _size(found.super_options))
        and not any(each.shared for each in (found, *within))
    )


def _size(options: Iterable[str]) -> int | None:
    """Return the bytes of ``size=``, in whole pages as the kernel tells it; None where there is no such option."""
    for option in options:
        name, _equals, value = option.partition("=")
        if name == "size":
            size = int(value[:-1]) << 10 if value.endswith("k") else int(value)
            return -(-size // _PAGE) * _PAGE
    return None


def after(lines: Sequence[str], changes: Iterable[Change]) -> list[str]:
    """Return the places, a line each, that are mounted on after the changes, for a diff."""
    places = list(lines)
    for change in changes:
        if change.action == "unmount":
            places.remove(f"{change.place}\n")
        elif change.action == "mount":
            places.append(f"{change.place}\n")
    return places


def leaks(current: Sequence[Mounted], state: str, held: Collection[str]) -> list[Mounted]:
    """Return what is mounted below any root of ours that no running job holds.

    ``state``: our state folder, without links; ``held``: the roots that running jobs hold.
    """
    roots, variants = os.path.join(state, "roots"), os.path.join(state, "variants")
    ours = {os.path.join(roots, os.path.relpath(each.target, roots).split("/")[0]) for each in _of(current, roots)}
    found = [each for root in sorted(ours) for each in below(current, root)]
    found += _of(current, variants)
    return [each for each in found if not any(is_below(each.target, root) for root in held)]


def _of(current: Iterable[Mounted], folder: str) -> list[Mounted]:
    return [each for each in _mountinfo.below(current, folder) if each.target != folder]
