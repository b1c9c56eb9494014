# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring hosts up, stop them, remove them."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from ipaddress import IPv4Network
from pathlib import Path

from lab.hosts import keys
from lab.hosts.names import (
    HOSTS,
    MASTER,
    STAGE_ON_MASTER,
    Lab,
    LabError,
    Stage,
    address,
    free_subnet,
    gateway,
    mac,
    variables,
)
from lab.hosts.podman import LABEL, STAGE_LABEL, configure, import_image, listed, network, podman, states, taken
from lab.hosts.reach import disconnect, own_network, present, wait

#: What a container must leave alone, since it would change the machine it runs on: kernel settings, devices, modules.
#: In a container systemd reads these words from its own arguments (kernel-command-line(7)).
MASKED: t.Final = (
    "dev-hugepages.mount",
    "getty.target",
    "kmod-static-nodes.service",
    "proc-sys-fs-binfmt_misc.automount",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-binfmt.service",
    "systemd-modules-load.service",
    "systemd-sysctl.service",
    "systemd-udev-trigger.service",
    "systemd-udevd-control.socket",
    "systemd-udevd-kernel.socket",
    "systemd-udevd.service",
)


@contextmanager
def alone(lab: Lab) -> Iterator[None]:
    """Hold the lab's lock: one command at a time changes a lab, the next one waits."""
    lab.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (lab.state / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def stage() -> Stage:
    """Return the stage, built now if no cache has it."""
    from lab.stage.build import build
    from lab.stage.cache import StageError

    try:
        folder = build()
    except StageError as exc:
        raise LabError(f"stage: {exc}") from exc
    tarballs = [path.name for path in folder.glob("stage3-lab.tar.*") if path.name.count(".") == 2]
    if len(tarballs) != 1:
        raise LabError(f"{folder}: expected one stage3-lab.tar.*, found {tarballs}")
    digests = folder / f"{tarballs[0]}.DIGESTS"
    tag = hashlib.sha256(digests.read_bytes()).hexdigest()[:12]
    return Stage(folder, tarballs[0], (folder / "fingerprint").read_text().strip(), tag)


def up(lab: Lab, hosts: Sequence[str], *, say: t.Callable[[str], None]) -> None:
    """Boot ``hosts`` and wait until ssh answers on each; what stands already is left as it is.  Raises ``LabError``."""
    built = stage()
    configure(lab)
    keys.make(lab)
    found = states(lab)
    one_stage(found, built)
    if not listed(lab, "image", f"reference=localhost/{lab.name}:{built.tag}"):
        say(f"importing {built.folder / built.tarball}")
        import_image(lab, built.folder / built.tarball, built.tag)
    subnet = network(lab) or create_network(lab)
    keys.trust(lab, subnet)
    write_variables(lab, variables(lab, subnet, built))
    for host in hosts:
        state = found.get(host, ("", ""))[0]
        say(f"{host} ({address(subnet, host)}) {'is up' if state == 'running' else 'boots'}")
        _boot(lab, host, state, subnet, built)
    for host in hosts:
        wait(lab, host, subnet)


def one_stage(found: Mapping[str, tuple[str, str]], built: Stage) -> None:
    """Raise ``LabError`` unless all hosts that are there were made from this stage."""
    for host, (_state, tag) in found.items():
        if tag != built.tag:
            raise LabError(f"{host}: expected a host of stage {built.tag}, found one of {tag}; run lab/lab down first")


def _boot(lab: Lab, host: str, state: str, subnet: IPv4Network, built: Stage) -> None:
    if not state:
        create(lab, host, subnet, built)
    if state in ("", "created"):  # an interrupted one may lack its keys
        podman(lab, "cp", "-", f"{lab.container(host)}:/", stdin=keys.archive(lab, host))
    if state == "paused":
        podman(lab, "unpause", lab.container(host))
    elif state != "running":
        podman(lab, "start", lab.container(host))


def create_network(lab: Lab) -> IPv4Network:
    """Make the lab's network, which has no way out of this machine, and return it.  Raises ``LabError``."""
    refused: list[IPv4Network] = []
    while True:
        subnet = free_subnet(lab.checkout, [*taken(lab), *refused])
        options = ["--internal", "--disable-dns", f"--subnet={subnet}", f"--gateway={gateway(subnet)}"]
        try:
            podman(lab, "network", "create", *options, f"--label={LABEL}={lab.name}", lab.name)
        except LabError as exc:
            if "already used" not in str(exc):  # another lab may have been quicker
                raise
            refused.append(subnet)
        else:
            return subnet


def create(lab: Lab, host: str, subnet: IPv4Network, built: Stage) -> None:
    """Make a host's container and volume, and start nothing."""
    podman(lab, "create", *_options(lab, host, subnet, built), f"localhost/{lab.name}:{built.tag}", *_init())


def _options(lab: Lab, host: str, subnet: IPv4Network, built: Stage) -> list[str]:
    name = lab.container(host)
    others = (f"--add-host={other}:{address(subnet, other)}" for other in HOSTS if other != host)
    options = [f"--name={name}", f"--hostname={host}"]
    options += [f"--label={LABEL}={lab.name}", f"--label={STAGE_LABEL}={built.tag}"]
    options += ["--privileged", "--systemd=always", "--pids-limit=-1", "--stop-timeout=20"]
    place = address(subnet, host)
    options += [f"--network={lab.name}", f"--ip={place}", f"--mac-address={mac(place)}", "--dns=none", *others]
    # A real file system: overlay can't lie on overlay, and a build root needs devices and setuid programs.
    options.append(f"--volume={name}:/var/lib/larry-binhost:suid,dev,exec")
    cpuinfo = lab.checkout / "lab/cpuinfo" / host
    if cpuinfo.exists():
        options.append(f"--volume={cpuinfo}:/proc/cpuinfo:ro")
    if host == MASTER:
        options.append(f"--volume={built.folder}:{STAGE_ON_MASTER}:ro")
    return options


def _init() -> list[str]:
    return ["/sbin/init", "systemd.unit=multi-user.target", *(f"systemd.mask={unit}" for unit in MASKED)]


def write_variables(lab: Lab, text: str) -> None:
    """Write lab.yml in one step, if it isn't that text already."""
    if lab.variables.exists() and lab.variables.read_text() == text:
        return
    lab.variables.parent.mkdir(parents=True, exist_ok=True)
    new = lab.variables.with_name(".lab.yml.new")
    new.write_text(text)
    new.replace(lab.variables)


def start(lab: Lab, host: str) -> None:
    """Start a stopped host, at the address it had, and wait until ssh answers."""
    if present(lab, host) == "paused":
        raise LabError(f"{host}: expected a host that is stopped, found it paused; see lab/lab unpause")
    podman(lab, "start", lab.container(host))
    wait(lab, host, own_network(lab))


def stop(lab: Lab, host: str) -> None:
    """Shut a host down."""
    present(lab, host)
    disconnect(lab, host)
    podman(lab, "stop", lab.container(host))


def freeze(lab: Lab, host: str, verb: t.Literal["pause", "unpause"]) -> None:
    """Halt every process of a host, as in a laptop that falls asleep, or let them go on."""
    present(lab, host, "running" if verb == "pause" else "paused")
    podman(lab, verb, lab.container(host))


def reset(lab: Lab, host: str, *, say: t.Callable[[str], None]) -> None:
    """Boot a host that knows nothing of what was done on it; its address and keys stay."""
    present(lab, host)
    one_stage(states(lab), stage())
    disconnect(lab, host)
    remove(lab, host)
    up(lab, [host], say=say)


def remove(lab: Lab, host: str) -> None:
    """Remove a host's container and volume, whatever their state."""
    podman(lab, "rm", "--force", "--ignore", "--time=0", lab.container(host))
    podman(lab, "volume", "rm", "--force", lab.container(host))


def down(lab: Lab) -> None:
    """Remove all that this checkout's lab left on the machine, complete or not.  The stage's cache stays."""
    if lab.variables.exists():  # then what runs kept beside the inventory is about the lab's hosts
        shutil.rmtree(lab.checkout / "inventory/.binhost", ignore_errors=True)
        lab.variables.unlink()
    if shutil.which("podman"):
        configure(lab)
        for host in HOSTS:
            disconnect(lab, host)
            remove(lab, host)
        podman(lab, "network", "rm", "--force", lab.name)
        images = listed(lab, "image", f"reference=localhost/{lab.name}")
        for name in sorted({name for image in images for name in image["Names"]}):
            if name.startswith(f"localhost/{lab.name}:"):  # an image has every lab's name that shares the stage
                podman(lab, "rmi", name)
    shutil.rmtree(lab.state)
    with suppress(OSError):  # another checkout's lab is there
        lab.state.parent.rmdir()


def checkout() -> Path:
    """Return the checkout this file is in."""
    return Path(__file__).resolve().parents[2]
