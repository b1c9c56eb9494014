#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: signing_key
short_description: A master has a key to sign with
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - >-
    Makes an Ed25519 key once, below C(/var/lib/larry-binhost/keys), which only root can read and no build root sees,
    and returns what slaves have to know to believe what it signs.
  - A key that is replaced stays trusted for O(overlap) days. What it signed is signed anew when it is published next.
  - Nobody is ever asked for a passphrase, and no agent is left behind that knows one.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: full
    details: The fingerprint of a key that would be made isn't known.
  diff_mode:
    support: full
options:
  state:
    description:
      - V(present) makes a key if there is none, forgets replaced ones whose time is over, and fails if the key has
        expired.
      - V(rotated) makes another that signs from then on. It also begins anew where C(keys) is lost or damaged; what is
        left of it is put aside.
      - V(extended) makes the key valid for O(days) from today.
      - V(revoked) revokes the key O(fingerprint), for ever; slaves then refuse what it signed. If it is the one that
        signs, another is made.
    type: str
    choices: [present, rotated, extended, revoked]
    default: present
  name:
    description: The user ID of a key that is made.
    type: str
    default: larry.binhost
  days:
    description: For how many days a key that is made or extended is valid.
    type: int
    default: 730
  overlap:
    description: For how many days a replaced key is still trusted.
    type: int
    default: 60
  passphrase_file:
    description:
      - A file on the master whose first line is the passphrase of the key; only root may be able to read it.
      - Without it a key is made without a passphrase, and O(own_fingerprint) has none or is known to its agent.
    type: path
  own_fingerprint:
    description: The fingerprint of a key of one's own that is to sign, instead of one that is made.
    type: str
  own_home:
    description: The GnuPG home of O(own_fingerprint).
    type: path
    default: /root/.gnupg
  fingerprint:
    description:
      - For O(state=revoked), the key to revoke.
      - For O(state=rotated), the key to replace; if another signs already, nothing is done.
    type: str
  state_dir:
    description: The folder below which the keys are. Everything else in this collection expects the default.
    type: path
    default: /var/lib/larry-binhost
"""

EXAMPLES = r"""
- name: There is a key to sign with
  larry.binhost.signing_key:
    name: larry.binhost on desktop
    passphrase_file: /root/binhost.passphrase
  register: key

- name: A new key signs from now on
  larry.binhost.signing_key:
    name: larry.binhost on desktop
    state: rotated
"""

RETURN = r"""
fingerprint:
  description: The key that signs; empty if in check mode one would be made, or if a key of one's own was revoked.
  returned: success
  type: str
  sample: 46ECB2B8B35A2E51E33ED9A6CC9BD40377299BAF
expires:
  description: The day on which it expires, UTC; empty if it doesn't.
  returned: success
  type: str
  sample: "2028-11-20"
public:
  description: All keys that slaves are to know, armored, revoked ones as revoked; empty if there are none yet.
  returned: success
  type: str
  sample: "-----BEGIN PGP PUBLIC KEY BLOCK-----..."
retired:
  description: Keys that no longer sign and are still trusted, with the day until which they are.
  returned: success
  type: dict
  sample: {7A1B2C...: "2027-01-20"}
revoked:
  description: Keys that are revoked.
  returned: success
  type: list
  elements: str
  sample: []
message:
  description: That the key was made, or that it expires within 30 days; else empty.
  returned: success
  type: str
  sample: signs with the new key 46ECB2B8B35A2E51E33ED9A6CC9BD40377299BAF
"""

import time
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import _gnupg, _key_states, _keys, _openpgp
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

SPEC: dict[str, dict[str, t.Any]] = {
    "state": {"type": "str", "choices": list(_key_states.STATES), "default": "present"},
    "name": {"type": "str", "default": "larry.binhost"},
    "days": {"type": "int", "default": 730},
    "overlap": {"type": "int", "default": 60},
    "passphrase_file": {"type": "path", "no_log": False},
    "own_fingerprint": {"type": "str"},
    "own_home": {"type": "path", "default": "/root/.gnupg"},
    "fingerprint": {"type": "str"},
    "state_dir": {"type": "path", "default": STATE},
}


def wanted(module: AnsibleModule) -> _key_states.Wanted:
    """Return what is asked for.  Raises ``BinhostError``."""
    asked = module.params
    for name, least in (("days", 1), ("overlap", 0)):
        if asked[name] < least:
            raise BinhostError(f"{name}: expected {least} or more, found {asked[name]}")
    own, which = (asked[name] and _openpgp.fingerprint(asked[name]) for name in ("own_fingerprint", "fingerprint"))
    return _key_states.Wanted(
        name=asked["name"],
        days=asked["days"],
        overlap=asked["overlap"],
        passphrase_file=asked["passphrase_file"],
        own=own or None,
        own_home=asked["own_home"],
        fingerprint=which or None,
        state=asked["state_dir"],
        check=module.check_mode,
    )


def converge(module: AnsibleModule) -> dict[str, t.Any]:
    """Bring the keys into the state; return the result.  Raises ``BinhostError``."""
    request = wanted(module)
    done = _key_states.converge(module.run_command, module.params["state"], request)
    ring, warning = done.after, _keys.warning(done.after, time.time())
    if warning:
        module.warn(warning)
    fingerprint = "" if ring.fingerprint == _key_states.NEW else ring.fingerprint
    another = fingerprint and (done.before is None or done.before.fingerprint != fingerprint)
    where = _keys.folder(request.state)
    return {
        "changed": done.changed,
        "fingerprint": fingerprint,
        "expires": _gnupg.day(ring.expires) if fingerprint and ring.expires else "",
        "public": _keys.public(request.state),
        "retired": {old.fingerprint: _gnupg.day(old.until) for old in ring.retired},
        "revoked": [old.fingerprint for old in ring.revoked],
        "message": f"signs with the new key {fingerprint}" if another else warning,
        "diff": {
            "before_header": where,
            "after_header": where,
            "before": _keys.shown(done.before),
            "after": _keys.shown(ring),
        },
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec=SPEC, supports_check_mode=True, required_if=[("state", "revoked", ["fingerprint"])]
    )
    try:
        done = converge(module)
    except (BinhostError, OSError) as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(**done)


if __name__ == "__main__":
    main()
