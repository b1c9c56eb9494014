# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is mounted, as the kernel tells it (proc_pid_mountinfo(5), fstab(5)).

::

    36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
"""

from __future__ import annotations

import os
import re
import typing as t
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _files
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

MOUNTINFO = "/proc/self/mountinfo"
_ESCAPED = re.compile(r"\\([0-7]{3})")
_BLANKS = re.compile(r"[ \t]+")


@dataclass(frozen=True)
class Mounted:
    """One mount; of an mtab's line the fields up to ``root`` are empty."""

    id: int
    parent: int  # the id of the mount that this one is mounted on
    device: str  # "8:1", of the file system
    root: str  # what of the file system is mounted; ends in "//deleted" once that is deleted
    target: str  # where it is mounted
    options: tuple[str, ...]  # of this mount
    fstype: str
    source: str  # "" where the kernel tells none
    tags: tuple[str, ...] = ()  # "shared:1", "master:2", "propagate_from:3", "unbindable"
    super_options: tuple[str, ...] = ()  # of the file system, wherever it is mounted

    @property
    def shared(self) -> bool:
        """Whether what is mounted below it appears in other places too."""
        return any(tag.startswith("shared:") for tag in self.tags)

    @property
    def propagation(self) -> str:
        """What findmnt(8) calls it: "shared" or "private", then "slave" and "unbindable" where it is."""
        words = ["shared" if self.shared else "private"]
        words += ["slave"] if any(tag.startswith("master:") for tag in self.tags) else []
        return ",".join([*words, *(["unbindable"] if "unbindable" in self.tags else [])])

    @property
    def all_options(self) -> str:
        """Both kinds of options, as an mtab has them: read-only if either says so (libmount, merge_optstr)."""
        if self.options == self.super_options:
            return ",".join(self.options)
        both = [*self.options, *self.super_options]
        words = [word for word in both if word not in ("rw", "ro")]
        return ",".join([*(["ro" if "ro" in both else "rw"] if both else []), *words])


def parse(text: str) -> list[Mounted]:
    """Return the mounts of a mountinfo's text, in its order, which is that of mounting.

    Raises ``BinhostError`` for a line that is none.
    """
    return [_mounted(number, line) for number, line in _lines(text)]


def parse_mtab(text: str) -> list[Mounted]:
    """Return the mounts of an mtab's text (also: /proc/mounts). Raises ``BinhostError`` for a line that is none."""
    return [_from_mtab(number, line) for number, line in _lines(text) if not line.lstrip().startswith("#")]


def _lines(text: str) -> t.Iterator[tuple[int, str]]:
    """Yield number and text of each line; only a newline ends one, a name may have a carriage return or form feed."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip(" \t"):
            yield number, line


def _mounted(number: int, line: str) -> Mounted:
    before, dash, after = line.partition(" - ")
    first = _BLANKS.split(before.strip(" \t"))
    # A space that the kernel didn't escape (cifs) ends the options; a source may be empty.
    last = after.lstrip(" \t").split(" ")
    if not dash or len(first) < 6 or len(last) < 2 or not (first[0].isdecimal() and first[1].isdecimal()):
        raise BinhostError(f"mountinfo, line {number}: expected a mount as proc(5) says, found {line!r}")
    return Mounted(
        id=int(first[0]),
        parent=int(first[1]),
        device=first[2],
        root=_plain(first[3]),
        target=_plain(first[4]),
        options=_options(first[5]),
        fstype=_plain(last[0]),
        source=_plain(last[1]),
        tags=tuple(first[6:]),
        super_options=_options(last[2] if len(last) > 2 else ""),
    )


def _from_mtab(number: int, line: str) -> Mounted:
    words = _BLANKS.split(line.strip(" \t"))
    if len(words) < 3:
        raise BinhostError(f"mtab, line {number}: expected source, place and type, found {line!r}")
    source, target, fstype = (_plain(word) for word in words[:3])
    return Mounted(0, 0, "", "", target, _options(words[3] if len(words) > 3 else ""), fstype, source)


def _plain(word: str) -> str:
    r"""Return a word without its escapes: the kernel writes space, tab, newline, ``\`` and ``#`` in octal."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), word)


def _options(word: str) -> tuple[str, ...]:
    plain = _plain(word)
    return tuple(plain.split(",")) if plain else ()


def read() -> list[Mounted]:
    """Return what is mounted now.  Raises ``OSError``."""
    return parse(_files.read(MOUNTINFO))


def is_below(place: str, path: str) -> bool:
    """Return whether ``place`` is ``path`` or lies below it; both absolute and without links."""
    return place == path or place.startswith(path.rstrip("/") + "/")


def below(mounts: Iterable[Mounted], path: str) -> list[Mounted]:
    """Return the mounts at or below ``path``, in their order, also those that another mount hides."""
    return [each for each in mounts if is_below(each.target, path)]


def leaf_first(mounts: Sequence[Mounted], chosen: Iterable[int]) -> list[Mounted]:
    """Return the mounts with the ids ``chosen`` so that each can be unmounted when its turn comes.

    That is: nothing is mounted on it and nothing hides it any longer.  Raises ``BinhostError`` where something that is
    not chosen is in the way.
    """
    left, wanted = list(mounts), set(chosen)
    order: list[Mounted] = []
    while wanted:
        for each in reversed(left):
            if each.id in wanted and not _in_the_way(left, each):
                break
        else:
            stuck = next(each for each in left if each.id in wanted)
            over = ", ".join(sorted({each.target for each in _in_the_way(left, stuck)}))
            raise BinhostError(f"{stuck.target}: expected nothing mounted on or over it, found {over}")
        left.remove(each)
        wanted.remove(each.id)
        order.append(each)
    return order


def _in_the_way(mounts: Sequence[Mounted], mount: Mounted) -> list[Mounted]:
    """Return what is mounted on ``mount``, and what hides it: mounted on a mount that leads to it, at a place above."""
    by_id = {each.id: each for each in mounts}
    leads = {mount.id: ""}  # id of each mount on the way -> where the next one on the way is mounted
    child = mount
    while child.parent in by_id and child.parent not in leads:
        leads[child.parent] = child.target
        child = by_id[child.parent]
    return [
        each
        for each in mounts
        if each.id not in leads
        and (each.parent == mount.id or (each.parent in leads and is_below(leads[each.parent], each.target)))
    ]


def holding(mounts: Iterable[Mounted], path: str) -> Mounted:
    """Return the mount in which ``path`` is seen now, by the kernel's own word (proc_pid_fdinfo(5)).

    Nothing is read of the file itself.  Raises ``OSError`` if it isn't there.
    """
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        number = mount_id(handle)
    finally:
        os.close(handle)
    for each in mounts:
        if each.id == number:
            return each
    raise BinhostError(f"{path}: expected it in a mount that mountinfo lists, found mount {number}")


def mount_id(handle: int) -> int:
    """Return the id of the mount in which a file was opened."""
    with open(f"/proc/self/fdinfo/{handle}", encoding="ascii") as info:
        for line in info:
            key, _colon, value = line.partition(":")
            if key == "mnt_id":
                return int(value)
    raise BinhostError("/proc/self/fdinfo: expected mnt_id, found none")


def identity(mounts: Iterable[Mounted], path: str) -> tuple[str, str]:
    """Return device and root that a bind of ``path`` would have.  Raises ``OSError`` if it isn't there."""
    real = os.path.realpath(path)
    mount = holding(mounts, real)
    inside = os.path.relpath(real, mount.target)
    return mount.device, os.path.normpath(os.path.join(mount.root, inside))
