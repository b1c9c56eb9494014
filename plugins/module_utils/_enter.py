# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that enters a build root and runs a command there.

``_rootrun.argv`` puts this file's text into a command line, so nothing of ours has to be imported, and what is
imported is little: entering a root has to be cheap. A stage3 may lack setpriv (util-linux with USE=-caps), so the
kernel is asked directly.

Two processes of it stay while the command runs::

    binhost-root   waits, passes SIGTERM and SIGHUP on; the kernel kills it with the process that started it
    binhost-init   the first of the pid namespace, killed with binhost-root; when it ends the kernel kills all others

so that, whichever of them is killed, no process is left, and with the last process the mounts are gone. Nothing is
imported once the root is entered: it would be the root's.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    import typing as t

    class Request(t.TypedDict):
        """What ``main`` is told."""

        root: str
        parent: int  # process that starts this one; 0: whoever it is
        mounts: list[tuple[str, str, str, int, str, bool]]  # target, kind, source, MS_* flags, data, whether a file
        links: list[tuple[str, str]]  # path in the root, what the link says
        cgroup: bool  # mount one of its own at CGROUPS
        private_network: bool
        relay: str  # text of the program that serves PORT; "" without
        address: tuple[str, int]  # of the mirror

else:
    import _signal as signal  # signal itself imports as much as all others here together


# Kernel interfaces: unshare(2), mount(2), umount(2), prctl(2), capabilities(7), netdevice(7).
CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
CLONE_NEWPID, CLONE_NEWNET = 0x20000000, 0x40000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
#: ro, nosuid, nodev, noexec: what a bind has from its source and a remount would take away (statvfs(3): same bits).
INHERITED = 15
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NAME, PR_CAPBSET_DROP = 1, 4, 15, 24
CAPABILITY_VERSION_3 = 0x20080522
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
#: What builds and Portage's own sandboxes need, of capabilities(7). SYS_ADMIN and NET_ADMIN: unshare, mount, loopback.
NET_ADMIN = 12
KEPT = {
    0: "CHOWN",
    1: "DAC_OVERRIDE",
    3: "FOWNER",
    4: "FSETID",
    5: "KILL",
    6: "SETGID",
    7: "SETUID",
    8: "SETPCAP",
    10: "NET_BIND_SERVICE",
    NET_ADMIN: "NET_ADMIN",
    14: "IPC_LOCK",
    15: "IPC_OWNER",
    18: "SYS_CHROOT",
    21: "SYS_ADMIN",
    23: "SYS_NICE",
    24: "SYS_RESOURCE",
    29: "AUDIT_WRITE",
    31: "SETFCAP",
}
LAST_CAPABILITY = 63
CGROUPS = "/sys/fs/cgroup"
OUR_CGROUPS = f"{CGROUPS}/larry-binhost"
PASSED_ON = (signal.SIGTERM, signal.SIGHUP)
#: A terminal sends these to the command too.
LEFT_TO_IT = (signal.SIGINT, signal.SIGQUIT)

libc = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):
    """The root can't be entered; the text says where, what was expected and what was found."""


def call(name: str, *words: str | int | None) -> None:
    """Call a function of the C library. Raises ``OSError``."""
    values = [
        os.fsencode(word) if isinstance(word, str) else word if word is None else ctypes.c_ulong(word) for word in words
    ]
    if getattr(libc, name)(*values) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)


def main(request: Request, command: list[str]) -> int:
    """Run the command in the root and return its exit status, 128 and the signal's number if it was killed by one.

    Why it could not be run is said on stderr; the status is 1 then.
    """
    return _reported(lambda: _outer(request, command))


def _outer(request: Request, command: list[str]) -> int:
    """Start the first process of a pid namespace and wait for it. Raises ``OSError``."""
    _name("binhost-root", request, command)
    call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if request["parent"] not in (0, os.getppid()):
        return 128 + signal.SIGKILL  # it died before the kernel was told to end this process with it
    os.closerange(3, 1 + max(int(name) for name in os.listdir("/proc/self/fd")))
    os.umask(0o022)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (*PASSED_ON, *LEFT_TO_IT))
    cgroup = _make_cgroup() if request["cgroup"] else ""
    call("unshare", CLONE_NEWPID)  # of its children
    alive, held = os.pipe()  # nobody writes: it ends with this process
    init = os.fork()
    if not init:
        os.close(held)
        os._exit(_reported(lambda: _init(request, command, cgroup, alive, before)))
    os.close(alive)
    status = _wait(init, before)
    _remove_cgroup(cgroup)
    return status


def _make_cgroup() -> str:
    """Return a new cgroup for this run; "" where the host has no cgroup2, or one that can't be written to.

    Portage kills what runs in the cgroups of an emerge whose process it doesn't find (util/cgroup.py, cleanup_stale),
    and in a pid namespace it finds no other's: each run has to see its own alone.
    """
    own = f"{OUR_CGROUPS}/{os.getpid()}"
    if not os.path.exists(f"{CGROUPS}/cgroup.controllers"):
        return ""
    try:
        _controllers(CGROUPS)
        os.makedirs(OUR_CGROUPS, exist_ok=True)
        for name in os.listdir(OUR_CGROUPS):
            if name.isdigit() and not os.path.exists(f"/proc/{name}"):
                _remove_cgroup(f"{OUR_CGROUPS}/{name}")  # a killed run's
        _controllers(OUR_CGROUPS)
        os.makedirs(own, exist_ok=True)
        os.setxattr(own, "trusted.delegate", b"1")  # as systemd says that Portage may divide it
    except OSError:  # read-only in most containers
        return ""
    return own


def _controllers(folder: str) -> None:
    """Let the cgroups below have what Portage measures, as far as they may."""
    for name in ("cpu", "io", "memory"):
        try:
            with open(f"{folder}/cgroup.subtree_control", "w", encoding="ascii") as file:
                file.write(f"+{name}")
        except OSError:  # Portage does without
            continue


def _remove_cgroup(path: str) -> None:
    """Remove a cgroup and those below, unless there is none or something runs in it."""
    for folder, _folders, _files in os.walk(path, topdown=False):
        try:
            os.rmdir(folder)
        except OSError:
            return


def _name(name: str, request: Request, command: list[str]) -> None:
    """Have ps show a name, the root and the command instead of this text (proc(5): arg_start, arg_end of stat)."""
    call("prctl", PR_SET_NAME, name, 0, 0, 0)
    with open("/proc/self/stat", encoding="utf-8", errors="surrogateescape") as file:
        fields = file.read().rpartition(") ")[2].split()
    start, end = int(fields[45]), int(fields[46])
    shown = os.fsencode(" ".join([name, request["root"], *command]))[: end - start - 1]
    ctypes.memmove(start, shown.ljust(end - start, b"\0"), end - start)


def _reported(action: t.Callable[[], int]) -> int:
    """Return what ``action`` returns, or 1 after saying why it can't."""
    try:
        return action()
    except (Refused, OSError) as exc:
        os.write(2, f"{exc}\n".encode(errors="surrogateescape"))
        return 1


def _wait(child: int, mask: set[int]) -> int:
    """Pass signals on to ``child`` until it ends, take in who else ends, and return its exit status."""
    for number in PASSED_ON:
        signal.signal(number, lambda received, _frame: os.kill(child, received))
    for number in LEFT_TO_IT:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _init(request: Request, command: list[str], cgroup: str, alive: int, mask: set[int]) -> int:
    """Be the first process of the pid namespace. Raises ``Refused`` and ``OSError``."""
    _name("binhost-init", request, command)
    call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.set_blocking(alive, False)
    try:
        os.read(alive, 1)
        return 128 + signal.SIGKILL
    except BlockingIOError:
        os.close(alive)
    # This process has the host's program mapped: nobody in there gets at it (proc(5), ptrace(2)).
    call("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0)
    call("unshare", CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC)
    call("mount", "none", "/", None, MS_REC | MS_PRIVATE, None)
    if cgroup:
        with open(f"{cgroup}/cgroup.procs", "w", encoding="ascii") as file:
            file.write("0")
        call("unshare", CLONE_NEWCGROUP)
        request["mounts"].append((CGROUPS, "cgroup2", "", 0, "", False))
    if request["private_network"]:
        _network(request)
    _mount_all(request)
    call("pivot_root", ".", ".")
    call("umount2", ".", MNT_DETACH)
    os.chdir("/")
    child = os.fork()
    if not child:
        os._exit(_reported(lambda: _execute(request, command, mask)))
    return _wait(child, mask)


def _network(request: Request) -> None:
    """Enter a network namespace that has a loopback interface and, on its port, what leads to the mirror."""
    import _socket

    relay = _relay(request) if request["relay"] else None
    call("unshare", CLONE_NEWNET)
    control = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    fcntl.ioctl(control.fileno(), SIOCSIFFLAGS, b"lo".ljust(16, b"\0") + IFF_UP.to_bytes(2, sys.byteorder) + bytes(22))
    control.close()
    if not relay:
        return
    listener = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", request["address"][1]))
    listener.listen(128)
    descriptor = listener.fileno().to_bytes(4, sys.byteorder)
    relay.sendmsg([b"listen"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptor)])
    listener.close()
    relay.close()


def _relay(request: Request) -> t.Any:
    """Start the relay, which stays in the host's network, and return the socket on which it takes its listener."""
    import _socket

    ours, its = _socket.socketpair()
    if not os.fork():
        os.set_inheritable(its.fileno(), True)
        words = [str(its.fileno()), request["address"][0], str(request["address"][1])]
        os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", request["relay"], *words])
    its.close()
    answer = ours.recv(4096).decode(errors="replace")
    if answer != "ready":
        raise Refused(answer or "the relay to the mirror has died")
    return ours


def _mount_all(request: Request) -> None:
    """Make the mounts in the root and stand in it. Raises ``Refused``."""
    root = request["root"]
    try:
        call("mount", root, root, None, MS_BIND, None)
        os.chdir(root)
    except OSError as exc:
        raise Refused(f"{root}: expected a build root, found: {exc.strerror}") from None
    for target, kind, source, flags, data, is_file in request["mounts"]:
        try:
            _mount(root, target, kind, source, flags, data, is_file)
        except OSError as exc:
            raise Refused(
                f"{root}{target}: expected {source or kind} to be mounted there, found: {exc.strerror}"
            ) from None
    for path, text in request["links"]:
        folder, _slash, name = path.rpartition("/")
        place = _place(root, folder, False)
        os.symlink(text, name, dir_fd=place)
        os.close(place)


def _mount(root: str, target: str, kind: str, source: str, flags: int, data: str, is_file: bool) -> None:
    """Make one mount. Raises ``OSError``, and ``Refused`` where a link stands in its way."""
    if kind not in ("bind", "rbind"):
        _mount_at(_place(root, target, is_file), kind, kind, flags, data or None)
        if kind == "proc":  # the kernel's settings are the host's
            _mount(root, f"{target}/sys", "bind", f".{target}/sys", MS_RDONLY, "", False)
        return
    _mount_at(_place(root, target, is_file), source, None, MS_BIND | (MS_REC if kind == "rbind" else 0), None)
    if flags:
        place = _place(root, target, is_file)
        _mount_at(place, None, None, MS_REMOUNT | MS_BIND | flags | (os.fstatvfs(place).f_flag & INHERITED), None)


def _mount_at(place: int, source: str | None, kind: str | None, flags: int, data: str | None) -> None:
    try:
        call("mount", source, f"/proc/self/fd/{place}", kind, flags, data)
    finally:
        os.close(place)


def _place(root: str, target: str, is_file: bool) -> int:
    """Return a descriptor of a place below the current folder, made if it is missing.

    A link is never followed: it would lead to where it leads on the host. One that stands where a file is wanted
    (resolv.conf) goes. Raises ``Refused`` at any other.
    """
    here, done = os.open(".", os.O_PATH), root
    names = target.strip("/").split("/")
    for number, name in enumerate(names, start=1):
        inner = _step(here, name, is_file and number == len(names))
        os.close(here)
        here, done = inner, f"{done}/{name}"
        if stat.S_ISLNK(os.fstat(here).st_mode):
            found = os.readlink("", dir_fd=here)
            raise Refused(f"{done}: expected a place in the build root, found a link to {found}")
    return here


def _step(folder: int, name: str, is_file: bool) -> int:
    """Return a descriptor of what is called ``name`` in a folder, or of the folder or file that is made there."""
    try:
        found = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=folder)
        if not (is_file and stat.S_ISLNK(os.fstat(found).st_mode)):
            return found
        os.close(found)
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        pass
    if is_file:
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644, dir_fd=folder))
    else:
        os.mkdir(name, 0o755, dir_fd=folder)
    return os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=folder)


def _execute(request: Request, command: list[str], mask: set[int]) -> int:
    """Become the command, without the capabilities that builds don't need."""
    for number in range(LAST_CAPABILITY + 1):
        if number not in KEPT or (number == NET_ADMIN and not request["private_network"]):
            try:
                call("prctl", PR_CAPBSET_DROP, number, 0, 0, 0)
            except OSError:  # later than the kernel's last one
                break
    # What is inheritable would pass the bounding set (capabilities(7)).
    header, sets = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    libc.capget(header, sets)
    sets[2] = sets[5] = 0
    libc.capset(header, sets)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    try:
        os.execv(command[0], command)
    except OSError as exc:
        raise Refused(f"{request['root']}{command[0]}: expected a program, found: {exc.strerror}") from None
    return 127
