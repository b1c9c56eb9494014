#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: portage_config
short_description: Own the fragments of a root's /etc/portage
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - Takes everything that the collection has to say about a root's C(/etc/portage) and its declared world, and makes it
    so.
  - A declared path belongs to the collection from then on. It is recorded in C(/var/lib/larry-binhost/config.json) of
    the root; when it is no longer declared it is removed, and when it was edited by hand it is restored.
  - In a directory in which something is declared, every name C(01-*) and C(02-*) belongs to the collection too, and is
    removed unless declared. All other files are the user's, and stay.
  - A file of the user's that stands at a declared path becomes the collection's if it has the declared text. One of
    another text is refused, and nothing changes. A link gives way to a declared link (C(make.profile)), its old target
    is in the diff.
  - Where a directory is needed and a file stands that Portage reads either way (C(make.conf), C(package.*),
    C(repos.conf), C(binrepos.conf), C(sets.conf), C(mirrors) and those of C(profile/)), the file becomes C(00-adopted)
    in a directory of its name, which Portage reads first. It is moved, never rewritten. A C(make.conf) that sources
    files by names relative to its own place stays in that as C(make.conf.adopted), and C(00-adopted) sources it.
  - Before anything changes, the tree as it would be is assembled elsewhere, the user's files included, and the root's
    own Portage reads all of it. If Portage has something to say that it doesn't say of the present tree, nothing
    changes, and the message has Portage's words, the fragment and the variable that they are about. What Portage says
    of the present tree too is a warning. A tree that Portage can't read at all stays untouched.
  - Files that bash reads (C(bashrc), those of C(profile/bashrc) and of C(env/CATEGORY)) are read by C(bash -n).
  - A repository that isn't there yet doesn't make a configuration wrong; it is named in a warning.
  - Portage is only started if something is to change.
  - A build root in which a job is at work isn't changed; the message names the job.
  - Each path is changed by one rename. If one can't be, those before it are put back. A run that was killed is
    completed by the next. Of two at the same time on one root the second waits for the first.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: full
    details: The tree is assembled and read in check mode too. On a root that isn't there yet, everything is to be
      created, and no Portage can read it.
  diff_mode:
    support: full
options:
  root:
    description: The root whose C(/etc/portage) this is; a build root, or V(/) for the machine itself.
    type: path
    default: /
  files:
    description:
      - The text of each file, by its path relative to C(/etc/portage). Mode 0644, UTF-8.
      - Refused are paths that leave C(/etc/portage) and names that Portage doesn't read (C(.name), C(name~)).
    type: dict
    default: {}
  links:
    description: The target of each symbolic link, by the link's path relative to C(/etc/portage).
    type: dict
    default: {}
  modes:
    description: The permissions of files of O(files) that aren't to be 0644, in quotes, by the file's path.
    type: dict
    default: {}
  repositories:
    description:
      - Where this host has the ebuild repositories, by name. A build root's Portage sees them in
        C(/var/lib/larry-binhost/current/repos) while it reads the tree.
      - Not needed for V(/).
    type: dict
    default: {}
  world:
    description:
      - The atoms and sets that this root is to have, beside what its person put into the world file.
      - They become the set C(@binhost), a file C(sets/binhost), and that is listed in C(/var/lib/portage/world_sets).
      - Without this option a set that was declared before is removed; another one isn't touched.
    type: list
    elements: str
  world_variable:
    description: The variable that the head of the set's file tells its reader to change.
    type: str
    default: slave_world
  owner:
    description: Who declares. Two owners can declare different paths of one root.
    type: str
    default: larry-binhost
  state_dir:
    description: Where everything is kept on this host, what its jobs hold included.
    type: path
    default: /var/lib/larry-binhost
"""

EXAMPLES = r"""
- name: Portage is configured as declared
  larry.binhost.portage_config:
    files:
      make.conf/01-target.conf: |
        USE="${USE} wayland -X"
      package.use/02-host: |
        app-misc/hello nls
    links:
      make.profile: ../../var/db/repos/gentoo/profiles/default/linux/amd64/23.0
    world:
      - app-misc/hello
"""

RETURN = r"""
read_by:
  description: The version of the Portage that read the tree before it was put in place; null if there was nothing to
    change, or none to ask.
  returned: success
  type: str
  sample: 3.0.83
paths:
  description: What was, or in check mode would be, changed, relative to the root, in that order.
  returned: success
  type: list
  elements: str
  sample: [etc/portage/make.conf, etc/portage/make.conf/01-target.conf]
adopted:
  description: Which of them were files and are now directories that hold the file as C(00-adopted).
  returned: success
  type: list
  elements: str
  sample: [etc/portage/make.conf]
edited:
  description: Which of our files someone else had written to, relative to the root.
  returned: success
  type: list
  elements: str
  sample: []
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import _configure, _last_plan, _tree
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

SPEC = {
    "root": {"type": "path", "default": "/"},
    "repositories": {"type": "dict", "default": {}},
    "state_dir": {"type": "path", "default": STATE},
    **_tree.OPTIONS,
}


def run(module: AnsibleModule) -> dict[str, object]:
    """Return the result. Raises ``BinhostError``."""
    asked = {name: module.params[name] for name in SPEC}
    target = _last_plan.target_of(asked["root"], asked["state_dir"])
    if target and not module.check_mode:
        _last_plan.remember(asked["state_dir"], target, "config", asked)
    place = os.path.join(module.tmpdir, "configroot")
    done = _configure.converge(module.run_command, asked, place=place, check=module.check_mode)
    for warning in done.warnings:
        module.warn(warning)
    return done.result


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        module.exit_json(**run(module))
    except (BinhostError, OSError) as exc:
        module.fail_json(msg=str(exc))


if __name__ == "__main__":
    main()
