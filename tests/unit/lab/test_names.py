# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a checkout's lab is named, where its hosts stand, and the texts of its files."""

from __future__ import annotations

import re
import shlex
from ipaddress import IPv4Network
from pathlib import Path

import pytest
import yaml
from ansible_collections.larry.binhost.plugins.module_utils import _cpu

from lab.hosts import names
from lab.hosts.names import Lab, LabError, Stage

HOUSE = Path("/home/larry/binhost")
LAB = Lab(HOUSE, Path("/home/larry/.local/state/larry-binhost/b9d8fa7a"))
STAGE = Stage(Path("/cache/stage-1"), "stage3-lab.tar.zst", "A" * 40, "0123456789ab")
SUBNET = IPv4Network("10.77.5.0/24")
CPUINFO = Path(names.__file__).parents[1] / "cpuinfo"


def test_names_come_from_the_checkout(tmp_path: Path) -> None:
    """A link leads to the same lab; another path is another lab."""
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "b").mkdir()
    environment = {"HOME": "/home/larry"}
    lab, linked, other = (names.lab_of(tmp_path / name, environment) for name in ("a", "link", "b"))
    assert lab == linked
    assert re.fullmatch("larry-binhost-[0-9a-f]{8}", lab.name)
    assert lab.container("desktop") == f"{lab.name}-desktop"
    assert lab.state == Path("/home/larry/.local/state/larry-binhost") / lab.name[-8:]
    assert lab.variables == tmp_path / "a/inventory/group_vars/all/lab.yml"
    assert (lab.name, lab.state) != (other.name, other.state)


def test_state_follows_xdg(tmp_path: Path) -> None:
    """$XDG_STATE_HOME counts, an empty one does not."""
    assert names.lab_of(tmp_path, {"HOME": "/h", "XDG_STATE_HOME": "/x"}).state.parent == Path("/x/larry-binhost")
    assert names.lab_of(tmp_path, {"HOME": "/h", "XDG_STATE_HOME": ""}).state.parent == Path(
        "/h/.local/state/larry-binhost"
    )


def test_subnets_are_each_tried_once() -> None:
    """A checkout has its own first choice and can get every other."""
    found = list(names.subnets(HOUSE))
    assert sorted(found) == [IPv4Network(f"10.77.{octet}.0/24") for octet in range(1, 251)]
    assert found == list(names.subnets(HOUSE))
    assert found[0] != next(names.subnets(Path("/home/larry/other")))


def test_free_subnet() -> None:
    """What meets a network in use is left out; wider networks don't count."""
    first, second, third = list(names.subnets(HOUSE))[:3]
    wide = [IPv4Network("0.0.0.0/0"), IPv4Network("10.0.0.0/8"), IPv4Network("192.168.1.0/24")]
    assert names.free_subnet(HOUSE, wide) == first
    assert names.free_subnet(HOUSE, [*wide, IPv4Network(f"{first[1]}/32"), second]) == third


def test_no_free_subnet() -> None:
    """A machine that uses all of 10.77.0.0/16 is told so."""
    text = "lab: expected a free network between 10.77.1.0/24 and 10.77.250.0/24, found all of them in use"
    with pytest.raises(LabError, match=f"^{re.escape(text)}$"):
        names.free_subnet(HOUSE, [IPv4Network("10.77.0.0/16")])


def test_addresses_differ() -> None:
    """No host has the address of another or of this machine."""
    found = [names.gateway(SUBNET), *(names.address(SUBNET, host) for host in names.HOSTS)]
    assert len(set(found)) == len(names.HOSTS) + 1
    assert set(names.DEFAULT) < set(names.HOSTS)
    assert names.mac(names.address(SUBNET, "desktop")) == "02:4c:0a:4d:05:0a"


def test_known_hosts_are_named_once() -> None:
    """A host may be named twice; one that isn't there is an error."""
    assert names.known(["laptop-new", "desktop", "laptop-new"]) == ("laptop-new", "desktop")
    text = "lab: expected one of the hosts desktop, laptop-amd, laptop-intel, laptop-new, found 'toaster'"
    with pytest.raises(LabError, match=f"^{re.escape(text)}$"):
        names.known(["desktop", "toaster"])


@pytest.mark.parametrize(
    ("hard", "limits"),
    [
        ({"nofile": 1048576, "nproc": -1}, '["nofile=16384:16384", "nproc=16384:16384"]'),
        ({"nofile": 4096, "nproc": 96365}, '["nofile=4096:4096", "nproc=16384:16384"]'),
    ],
)
def test_containers_conf(hard: dict[str, int], limits: str) -> None:
    """No limit is above the one this process has."""
    assert f"default_ulimits = {limits}\n" in names.containers_conf(hard)


def test_known_hosts_file() -> None:
    """One line per host: address, type and key, without the comment."""
    keys = {"laptop-amd": "ssh-ed25519 BBBB lab b\n", "desktop": "ssh-ed25519 AAAA lab a\n"}
    assert names.known_hosts(SUBNET, keys) == "10.77.5.10 ssh-ed25519 AAAA\n10.77.5.11 ssh-ed25519 BBBB\n"


def test_variables() -> None:
    """lab.yml says all that Ansible and the master need to know of the lab."""
    found = yaml.safe_load(names.variables(LAB, SUBNET, STAGE))
    assert shlex.split(found.pop("ansible_ssh_common_args")) == names.ssh_options(LAB)
    assert found == {
        "lab_addresses": {
            "desktop": "10.77.5.10",
            "laptop-amd": "10.77.5.11",
            "laptop-intel": "10.77.5.12",
            "laptop-new": "10.77.5.13",
        },
        "ansible_host": "{{ lab_addresses[inventory_hostname] | default(inventory_hostname) }}",
        "ansible_user": "root",
        "ansible_ssh_private_key_file": f"{LAB.state}/id_ed25519",
        "ansible_python_interpreter": "/usr/bin/python3",
        "binhost_networks": ["10.77.5.0/24"],
        "master_stage_source": "/srv/stage/stage3-lab.tar.zst",
        "master_stage_key": "/srv/stage/release-key.asc",
        "master_stage_fingerprint": "A" * 40,
    }


def test_ssh_reads_nothing_of_the_user() -> None:
    """A person's own ssh configuration and known hosts play no part."""
    options = names.ssh_options(LAB)
    assert options[:2] == ["-F", "none"]
    assert f"UserKnownHostsFile={LAB.state}/known_hosts" in options
    assert "StrictHostKeyChecking=yes" in options


@pytest.mark.parametrize(
    ("host", "level", "has", "lacks"),
    [
        ("laptop-amd", "x86-64-v2", {"avx", "fma", "f16c", "fma4", "xop", "bmi1"}, {"avx2", "bmi2", "movbe"}),
        ("laptop-intel", "x86-64-v3", {"avx2", "bmi2", "fma", "movbe"}, {"fma4", "xop", "sse4a", "adx"}),
        ("laptop-new", "x86-64-v3", {"avx2", "bmi2", "adx", "rdseed"}, {"fma4", "xop", "avx512f"}),
    ],
)
def test_cpus(host: str, level: str, has: set[str], lacks: set[str]) -> None:
    """The laptops' CPUs are what the scenario needs, on all their processors."""
    cpu = _cpu.parse((CPUINFO / host).read_text())
    assert _cpu.level(cpu.features) == level
    assert has <= cpu.features
    assert not lacks & cpu.features
    assert not cpu.uneven
