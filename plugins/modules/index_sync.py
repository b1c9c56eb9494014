#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: index_sync
short_description: The newest generation's index and ebuild repositories are on a slave
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - >-
    Asks the servers in turn for the seal of the target's current generation; unless that is here already, fetches
    the index and the ebuild repositories that it names, checks them against it, and lets
    C(/var/lib/larry-binhost/current) point to them in one step. Portage reads the index from there; its C(URI) is
    the server that answered.
  - Packages themselves are fetched by Portage.
  - >-
    What is here stays in use if no server answers, which is no failure, and if one answers with anything wrong,
    which is.
  - The generation that was in use before is kept too, older ones and the repositories that neither needs are removed.
  - Neither proxies nor redirections are followed. A server that is silent or slow is given up.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: full
    details: Only seals are fetched.
  diff_mode:
    support: full
options:
  target:
    description: The target of this machine.
    type: str
    required: true
  uris:
    description:
      - Where the generations are served, C(http://HOST:PORT) or C(https://HOST). The first that answers is used.
    type: list
    elements: str
    required: true
  timeout:
    description:
      - Seconds after which a server is given up that hasn't answered with a complete seal.
      - >-
        For larger files, the seconds of silence after which it is given up; as a whole they must come with at
        least 32 KiB/s.
    type: float
    default: 5
  allow_older:
    description: >-
      Whether a generation may replace a later one, or another of the same number. Right only if the master
      was set up anew.
    type: bool
    default: false
  state_dir:
    description: The folder below which all of this is. Everything else in this collection expects the default.
    type: path
    default: /var/lib/larry-binhost
"""

EXAMPLES = r"""
- name: The newest packages of the laptops are known here
  larry.binhost.index_sync:
    target: laptops
    uris:
      - http://192.168.1.10:8080
"""

RETURN = r"""
reachable:
  description: Whether a server answered.
  returned: success
  type: bool
uri:
  description: The server that answered, V(none) if none did.
  returned: success
  type: str
  sample: http://192.168.1.10:8080
number:
  description: The generation that is here, in check mode the one that would be; V(none) if there is none.
  returned: success
  type: int
  sample: 42
timestamp:
  description: The TIMESTAMP of the index that Portage reads here, in seconds since the epoch; 0 if there is none.
  returned: success
  type: int
  sample: 1769860800
repositories:
  description: Ebuild repository to its revision.
  returned: success
  type: dict
  sample: {gentoo: 0123456789ab}
message:
  description: Why no generation was offered; empty if one was.
  returned: success
  type: str
  sample: nothing published yet for target laptops at http://192.168.1.10:8080
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import _sync
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE
from ansible_collections.larry.binhost.plugins.module_utils._place import Place


def converge(module: AnsibleModule) -> dict[str, t.Any]:
    """Bring the generation here unless in check mode; return the result.  Raises ``BinhostError``."""
    request = _sync.Request(
        place=Place(module.params["target"], module.params["state_dir"]),
        uris=module.params["uris"],
        timeout=module.params["timeout"],
        allow_older=module.params["allow_older"],
    )
    if request.timeout <= 0:
        raise BinhostError(f"timeout: expected more than 0 seconds, found {request.timeout}")
    done = _sync.check(request) if module.check_mode else _sync.run(request)
    before, after = _sync.describe(done)
    place = request.place.folder
    return {
        "changed": done.changed,
        "reachable": done.answer.uri is not None,
        "uri": done.answer.uri,
        "number": done.number,
        "timestamp": done.timestamp,
        "repositories": _sync.revisions(done),
        "message": done.answer.message,
        "diff": {"before_header": place, "after_header": place, "before": before, "after": after},
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "target": {"type": "str", "required": True},
            "uris": {"type": "list", "elements": "str", "required": True},
            "timeout": {"type": "float", "default": 5},
            "allow_older": {"type": "bool", "default": False},
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
