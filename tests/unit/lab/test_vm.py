# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a checkout's virtual machines are named, what qemu is told of each, and how a process is known to be one."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from ansible_collections.larry.binhost.plugins.module_utils import _cpu

from lab.hosts.names import Lab, LabError, Stage, lab_of, subnets
from lab.vm import cli, names, process
from lab.vm.names import HOSTS, Guests

HOUSE = Path("/home/larry/binhost")
GUESTS = Guests(HOUSE, Path("/home/larry/.local/state/larry-binhost/b9d8fa7a-vm"))
STAGE = Stage(Path("/cache/stage-1"), "stage3-lab.tar.zst", "A" * 40, "0123456789ab")
CPUINFO = Path(names.__file__).parents[1] / "cpuinfo"


def test_they_stand_beside_the_containers() -> None:
    environment = {"HOME": "/home/larry"}
    guests, lab = names.guests_of(HOUSE, environment), lab_of(HOUSE, environment)
    assert guests.name == lab.name
    assert guests.state == lab.state.with_name(f"{lab.state.name}-vm")
    assert guests.variables == HOUSE / "lab/vm/inventory/group_vars/all/lab.yml"
    assert guests.namespace == Path("/run/netns") / guests.name
    assert not isinstance(lab, Guests)
    assert isinstance(guests, Lab)
    assert not any(subnet.overlaps(names.NETWORK) for subnet in subnets(HOUSE))


def test_addresses_and_taps() -> None:
    assert [str(names.address(host)) for host in HOSTS] == [f"10.77.0.{octet}" for octet in (10, 11, 12, 13)]
    assert all(len(host) < 16 for host in HOSTS)  # IFNAMSIZ
    assert names.known(["phenom", "phenom", "desktop"]) == ("phenom", "desktop")
    with pytest.raises(LabError) as caught:
        names.known(["laptop"])
    assert str(caught.value) == "lab: expected one of the guests desktop, phenom, nehalem, openrc, found 'laptop'"


def test_what_qemu_is_told() -> None:
    argv = names.qemu(GUESTS, "nehalem", Path("/cache/vm-1"))
    told = dict(zip(argv, argv[1:], strict=False))
    assert argv[0] == "qemu-system-x86_64"
    assert told["-cpu"] == "Nehalem"
    assert told["-kernel"] == "/cache/vm-1/vmlinuz"
    assert told["-drive"] == f"file={GUESTS.state}/nehalem.qcow2,format=qcow2,if=virtio,cache=writeback"
    assert told["-netdev"] == "tap,id=net,ifname=nehalem,script=no,downscript=no"
    assert told["-device"] == "virtio-net-pci,netdev=net,mac=02:4c:0a:4d:00:0c"
    assert told["-pidfile"] == f"{GUESTS.state}/nehalem.pid"
    words = told["-append"].split()
    assert {"lab_init=/sbin/init", "lab.host=nehalem", "lab.address=10.77.0.12"} <= set(words)
    assert "lab_init=/sbin/openrc-init" in names.kernel_words("openrc").split()


def test_each_is_told_of_apart() -> None:
    told = [names.qemu(GUESTS, host, Path("/cache/vm-1")) for host in HOSTS]
    for word in ("-drive", "-netdev", "-device", "-serial", "-name", "-pidfile"):
        assert len({argv[argv.index(word) + 1] for argv in told}) == len(HOSTS), word


def test_ssh_goes_through_the_namespace() -> None:
    argv = names.ssh(GUESTS, "phenom", "true")
    assert argv[:3] == [f"{GUESTS.state}/ssh", "-i", f"{GUESTS.state}/id_ed25519"]
    assert argv[-2:] == ["root@10.77.0.11", "true"]
    assert argv.index("ConnectTimeout=60") < argv.index("ConnectTimeout=5")  # the first counts
    assert names.inside(GUESTS, "ping") == ["nsenter", f"--net=/run/netns/{GUESTS.name}", "ping"]


def test_variables_are_yaml() -> None:
    told = yaml.safe_load(names.variables(GUESTS, STAGE, {"lab_cpus": {"phenom": "/x"}}))
    assert told["lab_addresses"]["openrc"] == "10.77.0.13"
    assert told["ansible_ssh_executable"] == f"{GUESTS.state}/ssh"
    assert told["binhost_networks"] == ["10.77.0.0/24"]
    assert told["master_stage_source"] == "/srv/stage/stage3-lab.tar.zst"
    assert told["lab_cpus"] == {"phenom": "/x"}


def test_known_hosts() -> None:
    lines = names.known_hosts("ssh-ed25519 AAAA larry\n").splitlines()
    assert lines == [f"10.77.0.{octet} ssh-ed25519 AAAA" for octet in (10, 11, 12, 13)]


@pytest.mark.parametrize(
    ("host", "has", "lacks"),
    [
        ("desktop", {"avx2", "bmi2", "fma3"}, {"avx512f", "3dnow", "sse4a"}),
        ("phenom", {"3dnow", "3dnowext", "sse4a"}, {"ssse3", "sse4_1", "avx"}),
        ("nehalem", {"sse4_2", "ssse3"}, {"avx", "sse4a", "3dnow"}),
        ("openrc", {"sse4a", "popcnt"}, {"ssse3", "3dnow", "avx"}),
    ],
)
def test_cpus_were_recorded(host: str, has: set[str], lacks: set[str]) -> None:
    """What is built before is built for these."""
    cpu = _cpu.parse((CPUINFO / f"qemu-{HOSTS[host].cpu}").read_text())
    flags = set(_cpu.cpu_flags(cpu.features))
    assert has <= flags
    assert not lacks & flags


@contextlib.contextmanager
def _waiting(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a process that runs, has these words, and ends with its input."""
    argv = [sys.executable, "-c", "print(flush=True); input()", *words]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        other.stdout.readline()  # before that it may not have its words
        yield other


def test_a_process_is_known_by_its_words(tmp_path: Path) -> None:
    guests = Guests(HOUSE, tmp_path)
    assert process.pid(guests, "phenom") == 0
    for words, ours in (("-name another-phenom", False), (f"-name {guests.name}-phenom", True)):
        with _waiting(*words.split()) as other:
            guests.pid("phenom").write_text(f"{other.pid}\n")
            assert process.pid(guests, "phenom") == (other.pid if ours else 0)
            process.kill(guests, "phenom")
            other.communicate(b"\n")
            assert other.returncode == (-9 if ours else 0)
    assert process.pid(guests, "phenom") == 0


def test_ended_says_what_still_runs(tmp_path: Path) -> None:
    guests = Guests(HOUSE, tmp_path)
    process.ended(guests, "phenom", 0)
    guests.console("phenom").write_text("Powering off\n")
    with _waiting(f"{guests.name}-phenom") as other:
        guests.pid("phenom").write_text(str(other.pid))
        with pytest.raises(LabError) as caught:
            process.ended(guests, "phenom", 0)
        other.communicate(b"\n")
    assert str(caught.value) == "phenom: expected it to be off within 0 s, found it on:\nPowering off\n"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["up"], {"command": "up", "hosts": []}),
        (["cable", "phenom", "down"], {"command": "cable", "host": "phenom", "state": "down"}),
        (["ssh", "openrc", "--", "rc-status"], {"command": "ssh", "host": "openrc", "words": ["rc-status"]}),
        (["kill", "nehalem"], {"command": "kill", "host": "nehalem"}),
    ],
)
def test_command_line(words: list[str], found: dict[str, object]) -> None:
    told = vars(cli.parser().parse_args(words))
    assert callable(told.pop("function"))
    assert told == found
