# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A laptop is taken as it is: its /etc/portage and world become an inventory, and Portage reads what it read before."""

from __future__ import annotations

import json
import shutil
import typing as t
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.e2e.conftest import Site
from tests.e2e.harness import CHECKOUT, Machines

NEW: t.Final = "laptop-new"
#: What its person has, beside what the stage brought.
CLASSIC: t.Final[Mapping[str, str]] = {
    "/etc/portage/more.conf": '__own="-news"\nMAKEOPTS="-j3"\n',
    "/etc/portage/package.use": "app-misc/hello -nls\n*/* L10N: de\n",
    "/etc/portage/package.accept_keywords/mine": "app-text/tree ~amd64\n",
    "/etc/portage/package.mask/mine": ">=app-misc/words-99\n",
    "/etc/portage/package.license": "app-misc/words some-licence\n",
    "/etc/portage/package.env": "app-text/tree debug.conf\n",
    "/etc/portage/env/debug.conf": 'CFLAGS="-O0 -g"\n',
    "/etc/portage/sets/mine": "app-text/tree\n",
}
MAKE_CONF: t.Final = (
    'source /etc/portage/more.conf\nUSE="-ipv6 mine"\nFEATURES="${FEATURES} ${__own}"\nVIDEO_CARDS="intel"\n'
    'EMERGE_DEFAULT_OPTS="--quiet-build=y"\nCFLAGS="-O1 -pipe"\n'
)
#: Prints what Portage takes from the configuration.
EFFECTIVE: t.Final = r"""
import json, portage
from portage import settings
names = "USE FEATURES ACCEPT_KEYWORDS VIDEO_CARDS EMERGE_DEFAULT_OPTS CFLAGS MAKEOPTS CONFIG_PROTECT"
def plain(table):
    return {
        cp: {str(atom): sorted(set(words)) for atom, words in atoms.items()}
        for part in (table._normal, table._extended) for cp, atoms in part.items()
    }
print(json.dumps({
    **{name: sorted(settings.get(name, "").split()) for name in names.split()},
    "package.use": plain(settings._use_manager._pusedict),
    "package.accept_keywords": plain(settings._keywords_manager.pkeywordsdict),
    "package.license": plain(settings._license_manager._plicensedict),
    "package.mask": {
        cp: sorted(set(map(str, atoms))) for cp, atoms in settings._mask_manager._pmaskdict._normal.items()
    },
    "package.env": plain(settings._penvdict),
}))
"""


def effective(lab: Machines) -> dict[str, t.Any]:
    """Return what Portage takes from the newcomer's configuration, without what the target decides."""
    answer = lab.run(NEW, "python3", "-", stdin=EFFECTIVE)
    assert answer.rc == 0, answer.err
    found: dict[str, t.Any] = json.loads(answer.out)
    ours = ("cpu_flags_", "unicode")  # group_vars/all/fleet.yml
    found["USE"] = [flag for flag in found["USE"] if not flag.startswith(ours)]
    added = ("getbinpkg", "binpkg-request-signature")
    found["FEATURES"] = [word for word in found["FEATURES"] if word not in added]
    found["package.use"].pop("app-arch/lz4", None)  # the target's
    return found


@pytest.fixture(scope="module")
def before(lab: Machines) -> dict[str, t.Any]:
    """Boot it anew, make it a person's machine, and return what Portage reads there."""
    lab.up(NEW)
    lab.reset(NEW)
    for path, text in CLASSIC.items():
        lab.write(NEW, path, text)
    lab.write(NEW, "/etc/portage/make.conf", lab.read(NEW, "/etc/portage/make.conf") + MAKE_CONF)
    lab.write(NEW, "/var/lib/portage/world", "app-misc/hello\n")
    lab.write(NEW, "/var/lib/portage/world_sets", "@mine\n")
    return effective(lab)


@pytest.fixture(scope="module")
def inventory(lab: Machines, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the inventory that names the machine and says no more of it."""
    place = shutil.copytree(CHECKOUT / "inventory", tmp_path_factory.mktemp("import") / "inventory", symlinks=True)
    hosts = yaml.safe_load((place / "hosts.yml").read_text())
    hosts["slaves"]["hosts"][NEW] = None
    (place / "hosts.yml").write_text(yaml.safe_dump(hosts))
    with (place / "host_vars/desktop.yml").open("a") as own:
        own.write("master_rsync: true\n")
    return place


def test_the_machine_becomes_variables(lab: Machines, site: Site, before: dict[str, t.Any], inventory: Path) -> None:
    own = inventory / f"host_vars/{NEW}.yml"
    etc = lab.snapshot(NEW, "/etc", "/var/lib")
    run = site("--limit", NEW, "--check", "--diff", inventory=inventory, playbook="playbooks/import.yml")
    assert (run.rc, own.exists()) == (0, False), run.stdout
    assert "+slave_world:" in run.stdout
    run = site("--limit", NEW, inventory=inventory, playbook="playbooks/import.yml")
    assert run.rc == 0, run.stdout
    assert f"{own}: written" in run.stdout
    found = yaml.safe_load(own.read_text())
    assert found["binhost_target"] == "common"
    assert found["slave_world"] == ["app-misc/hello", "app-text/tree"]
    assert found["slave_package_use"] == {"app-misc/hello": ["-nls"], "*/*": ["L10N:", "de"]}
    assert found["slave_client_conf"]["CFLAGS"] == "-O1 -pipe"
    assert site("--limit", NEW, inventory=inventory, playbook="playbooks/import.yml").changed() == set()
    assert lab.snapshot(NEW, "/etc", "/var/lib") == etc


def test_the_run_changes_nothing_that_portage_reads(
    lab: Machines, site: Site, before: dict[str, t.Any], inventory: Path
) -> None:
    run = site(inventory=inventory)
    assert run.rc == 0, run.stdout
    assert effective(lab) == before


def test_the_masters_rsyncd_offers_what_the_slaves_have(lab: Machines) -> None:
    """The classic arrangement, for machines that no controller manages."""
    uri = f"rsync://{lab.address('desktop')}:8873/common"
    lab.sh(NEW, f"rsync --recursive {uri}/ /tmp/offered")
    manifest = json.loads(lab.read(NEW, "/tmp/offered/manifest.json"))
    assert "make.conf/01-target.conf" in manifest["files"]
    for path, digest in manifest["files"].items():
        told = lab.sh(NEW, f"cd /tmp/offered/files && cmp {path} /etc/portage/{path} && sha256sum {path}")
        assert told.split()[0] == digest
    assert lab.run(NEW, "rsync", "/etc/hostname", f"{uri}/mine").rc != 0
    assert lab.run("desktop", "rsync", "--recursive", "rsync://127.0.0.1:8873/common/", "/tmp/got").rc != 0


def test_the_inventory_alone_says_it(lab: Machines, before: dict[str, t.Any]) -> None:
    """Without the files that the import read, a machine with this inventory is the same to Portage."""
    lab.sh(NEW, "cd /etc/portage && rm -r more.conf */00-adopted package.accept_keywords/mine package.mask/mine")
    carried = "package.env/00-adopted"
    lab.write(NEW, f"/etc/portage/{carried}", CLASSIC["/etc/portage/package.env"])
    assert effective(lab) == before
