#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: packages_info
short_description: What a binary package server's index says, and what is wrong with it
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - Reads a C(Packages) index as Portage 3.0.83 does and returns its header and its packages.
  - >-
    Where Portage silently reads less than the file holds, RV(problems) say so: the packages behind an empty stanza
    are returned although Portage never sees them. RV(entries) and RV(portage_reads) are the two numbers.
  - What is no index at all (HTML, an empty file, a broken archive) or has more than 256 MiB of text is a failure.
  - Needs no Portage.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: full
    details: Nothing is ever changed.
  diff_mode:
    support: none
    details: Nothing is ever changed.
options:
  path:
    description: An index on the host, plain or C(.gz). Either this or O(url).
    type: path
  url:
    description:
      - An index that is fetched by HTTP or HTTPS, C(Packages) or C(Packages.gz).
      - Proxies are not used and redirections not followed.
    type: str
  timeout:
    description: Seconds in which O(url) has to be answered completely.
    type: int
    default: 60
  newer_than:
    description:
      - >-
        Seconds since the epoch. An index whose C(TIMESTAMP) isn't newer is not read: RV(modified) is then V(false) and
        RV(packages) is empty. The server of an O(url) is asked by C(If-Modified-Since), as Portage does.
    type: int
  copy:
    description:
      - >-
        An earlier copy on the host of what is at O(url), the one in Portage's own C(/var/cache/edb/binhost) for
        example: where the server has nothing newer, it is what is read. It is never written, and may be absent.
    type: path
  atoms:
    description:
      - The packages that are meant; without any, all of them. One that any of the atoms means is returned.
      - >-
        A package atom as Portage has it, with operator (V(=), V(=...*), V(~), V(<), V(<=), V(>), V(>=)), slot, subslot,
        repository and C([use]), or a wildcard such as V(dev-qt/*).
      - >-
        Refused are sets, blockers, USE conditionals and versions with a build number; the last is asked for by
        selecting C(BUILD_ID) from the result.
    type: list
    elements: str
    default: []
  keys:
    description:
      - What of each package is returned, in the index's own words (C(DESC), C(REPO), C(MTIME)), with C(line) and
        C(path). A key that a package lacks is V(none).
      - Without any, all keys that Portage knows. For a large index this is large (40,000 packages, 70 MB), and so is
        what Ansible then keeps of it. Name what you need, or O(atoms).
    type: list
    elements: str
    default: []
  problems:
    description:
      - Whether the whole index is checked.
      - Without it, and with O(atoms), nothing is looked at that isn't asked for, which takes a fifth of the time.
    type: bool
    default: true
  verify:
    description: Whether the files of the packages that are returned are compared with the index, content and all.
    type: bool
    default: false
  pkgdir:
    description: Where those files are; the index's own folder if it isn't given. Needed to verify those of an O(url).
    type: path
"""

EXAMPLES = r"""
- name: The kernel packages that the server offers are known
  larry.binhost.packages_info:
    url: http://desktop:8080/laptops/current/Packages.gz
    atoms: [">=sys-kernel/gentoo-kernel-6.6", "sys-apps/*::gentoo"]
    keys: [CPV, BUILD_ID, SIZE, path]
  register: offered

- name: Every package is there and is what the index says
  larry.binhost.packages_info:
    path: /var/cache/binpkgs/Packages
    keys: [CPV]
    verify: true
  register: binpkgs
  failed_when: binpkgs.problems | length > 0
"""

RETURN = r"""
header:
  description: What the index says of all packages, numbers as numbers. Empty if the server had nothing newer.
  returned: success
  type: dict
  sample: {CHOST: x86_64-pc-linux-gnu, PACKAGES: 812, TIMESTAMP: 1700000000, VERSION: 0}
packages:
  description:
    - The packages in the order of the index, each with the keys that were asked for.
    - >-
      Keys are as in the index; those that it omits because they are the default or the header's are put back. Numbers
      (C(BUILD_ID), C(BUILD_TIME), C(MTIME), C(SIZE)) are V(none) where absent or no number. C(line) is where the
      package begins; C(path) is its C(PATH), or what Portage takes for it where there is none.
  returned: success
  type: list
  elements: dict
  sample: [{CPV: app-misc/hello-2.10, SIZE: 81920, line: 19, path: app-misc/hello/hello-2.10-1.gpkg.tar}]
problems:
  description: What Portage would pass over in silence, and files that aren't what the index says; by line.
  returned: success
  type: list
  elements: dict
  contains:
    line:
      description: Number of the line, from 1.
      type: int
      returned: always
    text:
      description: What is wrong there.
      type: str
      returned: always
  sample: [{line: 3, text: "the header says '3', the file holds 2 packages"}]
entries:
  description: How many packages the index holds; V(none) if that wasn't looked at.
  returned: success
  type: int
  sample: 812
portage_reads:
  description: How many of them Portage reads; V(none) if that wasn't looked at.
  returned: success
  type: int
  sample: 812
modified:
  description: Whether the index is newer than O(newer_than) or the O(copy); V(true) where neither is given.
  returned: success
  type: bool
  sample: true
"""

import os
import typing as t
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import _packages_info
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError


def read(asked: t.Mapping[str, t.Any]) -> _packages_info.Answer:
    """Return what the index says.  Raises ``BinhostError``."""
    pkgdir = asked["pkgdir"] or (os.path.dirname(asked["path"]) if asked["path"] else None)
    if asked["verify"] and pkgdir is None:
        raise BinhostError("verify: expected pkgdir, where the packages of the url are, found none")
    question = _packages_info.Question(
        atoms=asked["atoms"],
        keys=asked["keys"],
        problems=asked["problems"],
        pkgdir=pkgdir if asked["verify"] else None,
        newer_than=asked["newer_than"],
    )
    if asked["path"]:
        return _packages_info.of_file(asked["path"], question)
    return _packages_info.of_url(asked["url"], question, copy=asked["copy"], timeout=asked["timeout"])


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path"},
            "url": {"type": "str"},
            "timeout": {"type": "int", "default": 60},
            "newer_than": {"type": "int"},
            "copy": {"type": "path"},
            "atoms": {"type": "list", "elements": "str", "default": []},
            "keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "problems": {"type": "bool", "default": True},
            "verify": {"type": "bool", "default": False},
            "pkgdir": {"type": "path"},
        },
        mutually_exclusive=[("path", "url"), ("path", "copy"), ("newer_than", "copy")],
        required_one_of=[("path", "url")],
        supports_check_mode=True,
    )
    try:
        found = read(module.params)
    except BinhostError as exc:
        module.fail_json(msg=str(exc))
    if found.entries != found.portage_reads:
        module.warn(f"the index holds {found.entries} packages, Portage reads {found.portage_reads} of them")
    module.exit_json(changed=False, **asdict(found))


if __name__ == "__main__":
    main()
