#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: trusted_keys
short_description: A slave believes what its master signs
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - >-
    Puts the keys of a master into C(/etc/portage/gnupg), the GnuPG home that Portage verifies packages with, trusted
    as Portage needs it and readable for the user that verifies; and into C(/var/lib/larry-binhost/trusted.asc) for
    the seals of generations.
  - Where C(getuto) is installed and that home isn't there yet, C(getuto) makes it first.
  - Keys that are there because of this module and are no longer offered are removed. All other keys stay.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options:
  keys:
    description:
      - All keys that are to be believed, armored, as RV(larry.binhost.signing_key#module:public) has them.
      - Without it, or if it is empty, those that were offered last stay, and what is damaged is repaired.
    type: str
  home:
    description: Portage's GnuPG home, BINPKG_GPG_VERIFY_GPG_HOME of make.conf.
    type: path
    default: /etc/portage/gnupg
  state_dir:
    description: The folder below which the rest is. Everything else in this collection expects the default.
    type: path
    default: /var/lib/larry-binhost
"""

EXAMPLES = r"""
- name: What the master signs is believed
  larry.binhost.trusted_keys:
    keys: "{{ hostvars['desktop'].key.public }}"
"""

RETURN = r"""
keys:
  description: Fingerprint to what is to be said of the key.
  returned: success
  type: dict
  sample: {46ECB2B8B35A2E51E33ED9A6CC9BD40377299BAF: trusted until 2028-11-20}
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import _trust
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE


def converge(module: AnsibleModule) -> dict[str, t.Any]:
    """Let the keys be believed unless in check mode; return the result.  Raises ``BinhostError``."""
    asked = module.params
    wanted = _trust.Wanted(asked["keys"], home=asked["home"], state=asked["state_dir"], check=module.check_mode)
    done = _trust.converge(module.run_command, wanted)
    if done.warning:
        module.warn(done.warning)
    texts = ("".join(f"{one} {said}\n" for one, said in sorted(keys.items())) for keys in (done.before, done.after))
    before, after = texts
    return {
        "changed": done.changed,
        "keys": dict(done.after),
        "diff": {"before_header": asked["home"], "after_header": asked["home"], "before": before, "after": after},
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "keys": {"type": "str", "no_log": False},
            "home": {"type": "path", "default": _trust.HOME},
            "state_dir": {"type": "path", "default": STATE},
        },
        supports_check_mode=True,
    )
    try:
        done = converge(module)
    except (BinhostError, OSError) as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(**done)


if __name__ == "__main__":
    main()
