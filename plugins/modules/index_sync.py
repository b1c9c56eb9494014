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
    Asks the servers in turn for the seal of the target's current generation and verifies its signature; unless that
    generation is here already, fetches the index and the ebuild repositories that it names, checks them, and lets
    C(/var/lib/larry-binhost/current) point to them in one step. Portage reads the index from there; its C(URI) is
    the server that answered.
  - >-
    Packages themselves are fetched by Portage. Those of no generation that is here, and those that were fetched days
    ago, are removed from where it leaves them, C(/var/cache/binhost/binhost).
  - >-
    A server that is silent, has nothing, is behind what was here already, or answers with anything wrong is passed over
    with a remark, and the next is asked.
  - >-
    What is here stays in use if no server has anything to use. That is no failure where they are silent, or behind
    while another is silent; it is one where what they answer is wrong.
  - The generation that was in use before is kept too, older ones and the repositories that neither needs are removed.
  - >-
    Packages that this machine can't run are left out of the index, see RV(excluded).
  - >-
    What is asked for is kept in C(/var/lib/larry-binhost/sync.json), so that C(larry-binhost.pyz binhost-sync) does the
    same without a controller; it, and C(larry-binhost.pyz fetch) by which Portage gets packages, are made here.
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
  sources:
    description:
      - Where the generations are served, in the order in which they are asked.
      - The first with a seal that is signed, valid and no step back is used.
    type: list
    elements: dict
    required: true
    suboptions:
      uri:
        description:
          - The place below which the target's folder is.
          - >-
            C(http://HOST:PORT) and C(https://HOST), a web server; C(file:///PATH), a mounted export or a stick;
            C(ssh://USER@HOST:PORT), with this machine's own key; C(rsync://HOST:PORT/MODULE), an rsync daemon.
        type: str
        required: true
      kind:
        description: What the inventory calls it, for messages alone.
        type: str
        default: ""
  timeout:
    description:
      - Seconds after which a server is given up that hasn't answered with a complete seal.
      - >-
        For larger files, the seconds of silence after which it is given up; as a whole they must come with at
        least 32 KiB/s.
    type: float
    default: 5
  pinned:
    description: >-
      The number of the one generation that is to be here, be it older or newer than what is. Its seal may have expired.
    type: int
  verify:
    description:
      - Whether the seal has to be signed by one of the keys in C(/var/lib/larry-binhost/trusted.asc), see
        M(larry.binhost.trusted_keys).
      - With V(false) whoever answers is believed, and every run warns of it.
    type: bool
    default: true
  keys:
    description:
      - All keys by which the seal may be signed, armored, as RV(larry.binhost.signing_key#module:public) has them.
      - Without it, or if it is empty, those in C(trusted.asc). In check mode that file is not yet what it would be.
    type: str
  host_keys:
    description: >-
      The public host keys of those that are asked by ssh, as RV(larry.binhost.mirror_access#module:host_keys) has them.
      Without them, those that were known stay.
    type: list
    elements: str
    default: []
  hook:
    description: >-
      Whether a person's own C(emerge), at C(/usr/local/bin/emerge), first brings the newest generation here, as
      C(larry-binhost.pyz binhost-sync) does. It waits for nobody who doesn't answer, and fails for nothing. A file of
      somebody else's there stays.
    type: bool
    default: false
  timer:
    description: How often a timer of systemd, or cron, does so; empty for never.
    type: str
    choices: ["", hourly, daily, weekly]
    default: ""
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
    sources:
      - uri: http://192.168.1.10:8080
      - uri: file:///media/stick
        kind: kit

- name: This machine stays with the packages that it has
  larry.binhost.index_sync:
    target: laptops
    sources:
      - uri: http://192.168.1.10:8080
    pinned: 41
"""

RETURN = r"""
reachable:
  description: Whether a server had something to use, or nothing published yet.
  returned: success
  type: bool
uri:
  description: That server, V(none) if there was none.
  returned: success
  type: str
  sample: http://192.168.1.10:8080
kind:
  description: What the inventory calls the way that was used; empty if there was none, or it has no name.
  returned: success
  type: str
  sample: nfs
excluded:
  description: Path of each package that this machine can't run, to the reason; it isn't in the index here.
  returned: success
  type: dict
  sample:
    sys-apps/foo/foo-1-1.gpkg.tar: its programs start on Linux 6.12.0 or newer, and 6.1.0 runs here
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
remarks:
  description: What is unusual although all is well, such as servers that were passed over.
  returned: success
  type: list
  elements: str
  sample: ["http://192.168.1.11:8080 is behind and was passed over: ..."]
"""

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import (
    _fetch_child,
    _fetched,
    _files,
    _machine,
    _mirror_link,
    _orders,
    _program,
    _servers,
    _sync,
    _sync_hook,
    _transport,
    _trust,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE
from ansible_collections.larry.binhost.plugins.module_utils._place import Place

SOURCE = {"uri": {"type": "str", "required": True}, "kind": {"type": "str", "default": ""}}


def converge(module: AnsibleModule) -> dict[str, t.Any]:
    """Bring the generation here unless in check mode; return the result.  Raises ``BinhostError``."""
    state, keys = module.params["state_dir"], _trust.trusted_path(module.params["state_dir"])
    if module.params["keys"]:
        keys = os.path.join(module.tmpdir, "keys.asc")
        _files.write(keys, module.params["keys"])
    check = module.check_mode
    request = _servers.Request(
        place=Place(module.params["target"], state),
        sources=_transport.sources(module.params["sources"]),
        timeout=module.params["timeout"],
        allow_older=module.params["allow_older"],
        pinned=module.params["pinned"],
        trust=_servers.Trust(module.run_command, keys) if module.params["verify"] else None,
        machine=_machine.here(state, check=check),
    )
    if request.pinned is not None and request.pinned < 1:
        raise BinhostError(f"pinned: expected the number of a generation, found {request.pinned}")
    if request.timeout <= 0:
        raise BinhostError(f"timeout: expected more than 0 seconds, found {request.timeout}")
    remembered = _transport_keys(module, request)
    done = _sync.check(request) if check else _sync.run(request)
    for remark in done.answer.remarks:
        module.warn(remark)
    standing = _standing(module, request)
    before, after = _sync.describe(done)
    place = request.place.folder
    return {
        "changed": done.changed or remembered or bool(standing),
        "kind": _transport.kind(request.sources, done.answer.uri),
        "excluded": {path: why.text for path, why in _sync.excluded(request, done).items()},
        "reachable": done.answer.uri is not None,
        "uri": done.answer.uri,
        "number": done.number,
        "timestamp": done.timestamp,
        "repositories": _sync.revisions(done),
        "message": done.answer.message,
        "remarks": list(done.answer.remarks),
        "diff": [{"before_header": place, "after_header": place, "before": before, "after": after}, *standing],
    }


def _transport_keys(module: AnsibleModule, request: _servers.Request) -> bool:
    """Remember the host keys of those that are asked by ssh; return whether one was new."""
    uris = [source.uri for source in request.sources if source.uri.startswith("ssh:")]
    links = [_fetch_child.link(uri, request.place.state) for uri in uris]
    keys = module.params["host_keys"]
    new = [_mirror_link.remember(each, keys, "", check=module.check_mode) for each in links]
    return any(new)


def _standing(module: AnsibleModule, request: _servers.Request) -> list[dict[str, str]]:
    """Let this machine do the same by itself; return what of that was different."""
    state, check = request.place.state, module.check_mode
    before, after = _orders.kept(state), _orders.text(request)
    if not check:
        _fetched.clean(state)
        _orders.keep(request)
        _program.present(_program.path(state), state=state)
    wanted = _sync_hook.Wanted(module.params["hook"], module.params["timer"])
    # A state folder elsewhere is nobody's machine.
    changed, warning = _sync_hook.converge(module.run_command, wanted, check=check) if state == STATE else ([], "")
    if warning:
        module.warn(warning)
    path = os.path.join(state, _orders.NAME)
    order = {"before_header": path, "after_header": path, "before": before, "after": after}
    return [*([order] if before != after else []), *changed]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "target": {"type": "str", "required": True},
            "sources": {"type": "list", "elements": "dict", "required": True, "options": SOURCE},
            "timeout": {"type": "float", "default": 5},
            "pinned": {"type": "int"},
            "verify": {"type": "bool", "default": True},
            "keys": {"type": "str", "no_log": False},
            "host_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "hook": {"type": "bool", "default": False},
            "timer": {"type": "str", "choices": list(_sync_hook.TIMES), "default": ""},
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
