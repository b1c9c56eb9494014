#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stage
short_description: Unpack a stage tarball whose signature was verified into an empty root
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - Verifies C(SOURCE.DIGESTS), which has to be signed by exactly the given key, then SHA-512 and BLAKE2B of the
    tarball, then where its members would land and for which architecture it is, then the free space; and only then
    unpacks, beside the root, with numeric owners, extended attributes and hard links. The root appears complete, by
    one rename.
  - What a killed run left is deleted and unpacked anew. Nothing is ever deleted above a mount point.
  - Which stage a root holds is recorded in its C(/var/lib/larry-binhost/stage.json). A root that has one stays as it
    is; that another stage is offered now is a warning.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: full
    details: The signature is verified, but the tarball is neither fetched nor read.
  diff_mode:
    support: full
options:
  root:
    description: The folder that becomes the root. Refused if it holds something that this module did not put there.
    type: path
    required: true
  source:
    description:
      - Path on the host, or HTTP(S) URL, of a tarball that ends in C(.tar.xz), C(.tar.zst), C(.tar.bz2) or C(.tar.gz).
      - A URL is fetched into C(/var/lib/larry-binhost/stages), resumed where an earlier run was interrupted, and kept.
    type: str
    required: true
  key:
    description: Path, on the host, of the OpenPGP public key that signs stages.
    type: path
  fingerprint:
    description: The whole fingerprint of that key's primary key; spaces are ignored.
    type: str
  verify:
    description: Whether signature and digests are verified. With V(false), O(key) and O(fingerprint) are not used.
    type: bool
    default: true
  state_dir:
    description: Where on the host the job that unpacks is kept, and what was fetched.
    type: path
    default: /var/lib/larry-binhost
"""

EXAMPLES = r"""
- name: The build root is unpacked
  larry.binhost.stage:
    root: /var/lib/larry-binhost/roots/amd64-v3
    source: /srv/stage/stage3-amd64-openrc-20260101T000000Z.tar.xz
    key: /usr/share/openpgp-keys/gentoo-release.asc
    fingerprint: 13EB BDBE DE7A 1277 5DFD B1BA BB57 2E0E 2D18 2910
"""

RETURN = r"""
stage:
  description: What the root holds now; in check mode only what is known before.
  returned: success
  type: dict
  contains:
    file:
      description: Name of the tarball.
      type: str
      returned: always
    sha512:
      description: Its digest.
      type: str
      returned: unless it is not known before unpacking
    time:
      description: When it was unpacked, UTC.
      type: str
      returned: unless in check mode it would be unpacked
  sample: {file: stage3-amd64.tar.xz, sha512: 0f3c..., time: "2026-01-01T00:00:00Z"}
"""

import os
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import (
    _jobs,
    _last_plan,
    _openpgp,
    _program,
    _stage,
    _unpack,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

SPEC = {
    "root": {"type": "path", "required": True},
    "source": {"type": "str", "required": True},
    "key": {"type": "path"},
    "fingerprint": {"type": "str"},
    "verify": {"type": "bool", "default": True},
    "state_dir": {"type": "path", "default": STATE},
}


def run(module: AnsibleModule) -> dict[str, object]:
    """Return the result. Raises ``BinhostError``."""
    root, asked = module.params["root"], module.params
    offer = _stage.Offer(asked["source"])
    if asked["verify"]:
        offer = _stage.Offer(asked["source"], asked["key"], _openpgp.fingerprint(asked["fingerprint"]))
    cache = os.path.join(asked["state_dir"], "stages")
    target = _last_plan.target_of(root, asked["state_dir"])
    if target and not module.check_mode:
        order = {"root": root, "offer": asdict(offer), "cache": cache}
        _last_plan.remember(asked["state_dir"], target, "stage", order)
    stage = _stage.standing(root)
    if stage:
        if not module.check_mode and os.path.lexists(_unpack.partial(root)):
            _unpack.clear(root)
        news = _stage.news(stage, offer)
        if news:
            module.warn(f"{root}: {news}")
        return {"changed": False, "stage": asdict(stage)}
    _stage.present(offer)
    expected = _stage.promised(module.run_command, offer)
    known: dict[str, object] = {"file": offer.file, **({"sha512": expected["SHA512"]} if expected else {})}
    if not module.check_mode:
        known = _unpacked(root, offer, expected, cache, asked["state_dir"])
    by = f"signed by {offer.fingerprint}" if offer.key else "not verified"
    diff = {
        "before": "",
        "after": f"the stage {offer.file}, {by}\n",
        "before_header": f"{root} (absent)",
        "after_header": root,
    }
    return {"changed": True, "stage": known, "diff": [diff]}


def _unpacked(root: str, offer: _stage.Offer, expected: dict[str, str], cache: str, state: str) -> dict[str, object]:
    """Unpack as a job, or join the one that does; return what the root holds. Raises ``BinhostError``."""
    parameters = {"root": root, "offer": asdict(offer), "expected": expected, "cache": cache}
    holds = [root, _unpack.partial(root)]
    done = _program.run(_jobs.name_of("unpack", root), "unpack", parameters, holds=holds, state=state)
    known: dict[str, object] = done["stage"]
    return known


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec=SPEC, supports_check_mode=True, required_if=[("verify", True, ("key", "fingerprint"))]
    )
    try:
        module.exit_json(**run(module))
    except (BinhostError, OSError) as exc:
        module.fail_json(msg=str(exc))


if __name__ == "__main__":
    main()
