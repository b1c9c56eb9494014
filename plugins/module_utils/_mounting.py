# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mount and unmount below a root as ``_mount_plan`` says, by the kernel's own calls (mount(2), umount(2)).

Nothing is ever unmounted lazily.  What is to go is made private first: an unmount in a shared tree, say an rbind of
/dev that somebody forgot to make a slave, would take the host's own mounts along.

Places are looked up in open folders and links are refused: before the chroot they lead where they would on the host.
The places that are made stay when nothing is mounted there any more: they are empty, the next build makes the same
ones, and what never deletes can't delete too much.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import typing as t
from collections.abc import Sequence

from ansible_collections.larry.binhost.plugins.module_utils import _holders, _mount_plan, _mountinfo
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._mount_plan import Change
from ansible_collections.larry.binhost.plugins.module_utils._mountinfo import Mounted
from ansible_collections.larry.binhost.plugins.module_utils._mounts import DEV_LINKS, Mount

# sys/mount.h
_READ_ONLY, _REMOUNT, _BIND, _REC, _PRIVATE, _SLAVE = 1, 32, 1 << 12, 1 << 14, 1 << 18, 1 << 19
_FLAGS: t.Final[t.Mapping[str, int]] = {"ro": _READ_ONLY, "nosuid": 2, "nodev": 4, "noexec": 8}
_NO_FOLLOW = 8
#: What a remount would drop unless it is said again: statvfs.h -> sys/mount.h.
_KEPT: t.Final[t.Mapping[int, int]] = {2: 2, 4: 4, 8: 8, 1024: 1024, 2048: 2048, 4096: 1 << 21}
_FOLDER: t.Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PLACE: t.Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def planned(root: str, desired: Sequence[Mount] | None) -> list[Change]:
    """Return the changes after which exactly ``desired`` is mounted in ``root``, or with None nothing at all.

    ``root`` has no links in it.  Raises ``BinhostError`` if there is no root, or not what is to be bound.
    """
    current = _mountinfo.read()
    if desired is None:
        return _mount_plan.unmounted(current, root)
    if not os.path.isdir(root):
        raise BinhostError(f"{root}: expected a build root, found none")
    return _mount_plan.plan(current, desired, root, _mount_plan.identities(current, root, desired))


def apply(root: str, desired: Sequence[Mount] | None, changes: Sequence[Change]) -> None:
    """Make the changes that ``planned`` returned, and see that nothing is left to change.

    Raises ``BinhostError``, for a busy mount with the processes that hold it; then what was done until then stays, and
    the next run goes on from there.
    """
    _apply(root, changes)
    left = planned(root, desired)
    if left:
        raise BinhostError(f"{root}: expected all mounts to be as declared, found left: {'; '.join(map(str, left))}")


def _apply(root: str, changes: Sequence[Change]) -> None:
    leaving = [change.old for change in changes if change.action == "unmount" and change.old is not None]
    for change in changes:
        if change.action == "unmount" and change.old is not None:
            _unmount(change.old, leaving)
        elif change.new is not None:
            if change.action == "mount":
                _mount(root, change.new)
            with _opened(root, change.new) as place:
                _settle(place, change)


def _call(where: str, name: str, *arguments: t.Any) -> None:
    """Call libc.  Raises ``OSError``."""
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), where)


def _mount_call(where: str, place: str, *, source: str = "", kind: str = "", flags: int = 0, data: str = "") -> None:
    """Call mount(2).  Raises ``BinhostError`` that tells ``where``."""
    words = [os.fsencode(word) if word else None for word in (source, place, kind)]
    try:
        _call(where, "mount", *words, ctypes.c_ulong(flags), os.fsencode(data) if data else None)
    except OSError as exc:
        raise BinhostError(
            f"{where}: expected to mount {source or kind or 'it anew'} there, found: {exc.strerror}"
        ) from None


def _unmount(mount: Mounted, leaving: Sequence[Mounted]) -> None:
    """Unmount exactly this mount.  Raises ``BinhostError``."""
    for each in leaving:
        if each.shared:
            _make_private(each)
    folder, name = os.path.split(mount.target)
    with contextlib.ExitStack() as stack:
        parent = _walk(folder, stack)
        place = os.open(name, _PLACE, dir_fd=parent)
        found = _mountinfo.mount_id(place)
        os.close(place)  # else it would be busy
        if found != mount.id:
            raise BinhostError(
                f"{mount.target}: expected mount {mount.id} there, found {found}: somebody else mounts too"
            )
        try:
            _call(mount.target, "umount2", os.fsencode(f"/proc/self/fd/{parent}/{name}"), _NO_FOLLOW)
        except OSError as exc:
            words = _holders.told(mount) if exc.errno == errno.EBUSY else str(exc.strerror)
            raise BinhostError(f"{mount.target}: expected to unmount it, found: {words}") from None


def _make_private(mount: Mounted) -> None:
    """Keep what happens below a mount from happening elsewhere too; one that is hidden or gone can't be reached."""
    with contextlib.suppress(OSError, BinhostError), contextlib.ExitStack() as stack:
        place = _walk(os.path.dirname(mount.target), stack)
        place = os.open(os.path.basename(mount.target), _PLACE, dir_fd=place)
        stack.callback(os.close, place)
        if _mountinfo.mount_id(place) == mount.id:
            _mount_call(mount.target, f"/proc/self/fd/{place}", flags=_PRIVATE)


def _walk(path: str, stack: contextlib.ExitStack) -> int:
    """Return an absolute path opened without following a link.  Raises ``OSError``."""
    here = os.open("/", _FOLDER)
    stack.callback(os.close, here)
    for name in filter(None, path.split("/")):
        here = os.open(name, _PLACE | os.O_DIRECTORY, dir_fd=here)
        stack.callback(os.close, here)
    return here


def _mount(root: str, mount: Mount) -> None:
    """Make the place and mount there."""
    flags = sum(_FLAGS.get(option, 0) for option in mount.options)
    data = ",".join(option for option in mount.options if option not in _FLAGS)
    if mount.source:
        flags, data = _BIND | (_REC if mount.kind == "rbind" else 0), ""
    where = os.path.normpath(root + mount.target)
    with _opened(root, mount) as place:
        source, kind = mount.source or mount.kind, "" if mount.source else mount.kind
        _mount_call(where, f"/proc/self/fd/{place}", source=source, kind=kind, flags=flags, data=data)
    if mount.target == "/dev" and mount.kind == "tmpfs":
        with _opened(root, mount) as place:
            for link, target in DEV_LINKS.items():
                os.symlink(target, os.path.basename(link), dir_fd=place)


def _settle(place: int, change: Change) -> None:
    """Set options and propagation of the mount whose root is open as ``place``."""
    mount = t.cast(Mount, change.new)
    where, path = change.place, f"/proc/self/fd/{place}"
    flags = sum(_FLAGS.get(option, 0) for option in mount.options)
    if mount.source or change.action == "settle":
        now = os.fstatvfs(place).f_flag
        kept = sum(flag for bit, flag in _KEPT.items() if now & bit)
        if bool(now & _READ_ONLY) != bool(flags & _READ_ONLY) or flags & ~(kept | _READ_ONLY):
            _mount_call(where, path, flags=_REMOUNT | _BIND | kept | flags)
    if change.action == "settle" and mount.kind == "tmpfs":
        data = ",".join(option for option in mount.options if option.startswith("size="))
        _mount_call(where, path, flags=_REMOUNT | flags, data=data)
    _mount_call(where, path, flags=_REC | _SLAVE if mount.kind == "rbind" else _PRIVATE)


@contextlib.contextmanager
def _opened(root: str, mount: Mount) -> t.Iterator[int]:
    """Open the place of a mount, made where it is missing, or what is mounted there.  Raises ``BinhostError``."""
    names = [name for name in mount.target.split("/") if name]
    with contextlib.ExitStack() as stack:
        try:
            here = _walk(root, stack)
            for number, name in enumerate(names, start=1):
                here = _step(here, name, is_file=mount.is_file and number == len(names))
                stack.callback(os.close, here)
        except OSError as exc:
            raise BinhostError(f"{root}{mount.target}: expected to make this place, found: {exc.strerror}") from None
        yield here


def _step(folder: int, name: str, *, is_file: bool) -> int:
    """Return ``name`` opened in a folder, made if missing; a link that stands for a file (resolv.conf) goes."""
    with contextlib.suppress(FileExistsError):
        if is_file:
            if _is_link(folder, name):
                os.unlink(name, dir_fd=folder)
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=folder))
        else:
            os.mkdir(name, dir_fd=folder)
            os.chmod(name, 0o755, dir_fd=folder)
    if _is_link(folder, name):
        path = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), name)
        raise BinhostError(f"{path}: expected a place in the build root, found a link to {os.readlink(path)}")
    return os.open(name, _PLACE | (0 if is_file else os.O_DIRECTORY), dir_fd=folder)


def _is_link(folder: int, name: str) -> bool:
    try:
        os.readlink(name, dir_fd=folder)
    except OSError:
        return False
    return True
