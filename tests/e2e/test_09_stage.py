# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stage that somebody else made, or changed, is refused before it is unpacked."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.e2e.conftest import Site
from tests.e2e.harness import CHECKOUT, Machines

COPY = "/var/tmp/stage"
ROOT = "/var/lib/larry-binhost/roots/refused"
OTHER_KEY = """
export GNUPGHOME=$(mktemp -d); trap 'rm -rf $GNUPGHOME' EXIT
gpg --batch --quiet --passphrase '' --quick-generate-key 'Somebody else <else@example.org>' ed25519 sign never
gpg --batch --quiet --output - --decrypt {source}.DIGESTS 2>/dev/null | gpg --batch --quiet --clearsign >{copy}.DIGESTS
"""


@pytest.fixture
def stage(lab: Machines) -> str:
    """Return the path of a copy of the stage on the master, to be spoilt."""
    source = yaml.safe_load((CHECKOUT / "inventory/group_vars/all/lab.yml").read_text())["master_stage_source"]
    lab.sh("desktop", f"rm -rf {COPY} {ROOT}; mkdir {COPY}; cp {source}* {COPY}")
    return f"{COPY}/{source.rpartition('/')[2]}"


def unpacked(site: Site, folder: Path, source: str) -> str:
    """Try to unpack a stage on the master and return what is said."""
    play = {
        "name": "A root is wanted",
        "hosts": "masters",
        "gather_facts": False,
        "tasks": [
            {
                "name": "It is unpacked",
                "larry.binhost.stage": {
                    "root": ROOT,
                    "source": source,
                    "key": "{{ master_stage_key }}",
                    "fingerprint": "{{ master_stage_fingerprint }}",
                },
            }
        ],
    }
    (folder / "stage.yml").write_text(yaml.safe_dump([play]))
    run = site(playbook=str(folder / "stage.yml"))
    assert run.rc != 0, run.stdout
    return str(run.of("desktop", "stage")[-1].result["msg"])


def test_a_tampered_tarball(lab: Machines, site: Site, stage: str, tmp_path: Path) -> None:
    lab.sh("desktop", f"printf X | dd of={stage} bs=1 seek=5000000 conv=notrunc status=none")
    message = unpacked(site, tmp_path, stage)
    assert message.startswith(f"{stage}: expected the tarball that was signed") and "damaged or changed" in message
    assert lab.run("desktop", "test", "-e", ROOT).rc != 0


def test_another_key(lab: Machines, site: Site, stage: str, tmp_path: Path) -> None:
    lab.sh("desktop", OTHER_KEY.format(source=stage.replace(COPY, "/srv/stage"), copy=stage))
    message = unpacked(site, tmp_path, stage)
    assert "DIGESTS" in message and "key" in message, message
    assert lab.run("desktop", "test", "-e", ROOT).rc != 0
    lab.sh("desktop", f"rm -rf {COPY}")
