#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_facts
short_description: All that the plan needs to know of a host
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - Returns in one call the CPU, what Portage says of itself and what it lacks, repositories and their revisions, the
    world, the installed packages and the person's own configuration.
  - Reads local files and asks Portage once, which takes less than a second; it reads nothing from a network mount and
    starts no dependency calculation. A Portage that waits for a dead server is given up after two minutes.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: Nothing is changed.
options:
  cpuinfo:
    description: The file that the kernel describes the CPU in.
    type: path
    default: /proc/cpuinfo
  ssh_key:
    description: >-
      Whether the host is to have a key of its own to read packages by ssh. Where ssh is installed it is made if there
      is none.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: The fleet is known
  larry.binhost.host_facts:
"""

RETURN = r"""
ansible_facts:
  description: The facts.
  returned: always
  type: dict
  contains:
    binhost_host:
      description: The host.
      type: dict
      returned: always
      contains:
        cpu:
          description: What M(larry.binhost.cpuflags_facts) returns as C(binhost_cpu).
          type: dict
          returned: always
        portage:
          description:
            - What Portage says of itself, C(chost), C(arch), C(profile) (an absolute path), C(version), C(repositories)
              (name and location) and C(settings) (a digest of its variables).
            - C(lacks) names what of a newer Portage this one lacks, each with C(feature), C(since) (the first version
              that has it) and C(lost) (what that means here).
          type: dict
          returned: always
        revisions:
          description:
            - For each repository C(kind) and C(revision). A commit (V(git)), what Gentoo's mirrors write (V(timestamp))
              or nothing (V(none)). One on a network mount is not read (V(network)).
          type: dict
          returned: always
        world:
          description: The atoms of the world file.
          type: list
          elements: str
          returned: always
        world_sets:
          description: The sets that are part of the world.
          type: list
          elements: str
          returned: always
        installed:
          description: What is installed, as category/name-version, sorted.
          type: list
          elements: str
          returned: always
        configuration:
          description: The person's own files of /etc/portage that decide which binaries fit, by relative path.
          type: dict
          returned: always
        configuration_unread:
          description:
            - Files of C(env/), C(patches/) and C(savedconfig/) that are no text or too large to be carried, each with
              the reason.
          type: dict
        owners:
          description: Who owns files of /etc/portage here, as M(larry.binhost.portage_config) recorded it.
          type: list
          elements: str
          returned: always
        configuration_digest:
          description: The SHA-256 of the effective configuration, of Portage's settings, the profile and /etc/portage.
          type: str
          returned: always
        kernel:
          description: The running kernel's release.
          type: str
          returned: always
        libc:
          description: Name and version of the C library.
          type: str
          returned: always
        python:
          description: The version of the Python that ran this.
          type: str
          returned: always
        processors:
          description: How many processors the host has.
          type: int
          returned: always
        memory_bytes:
          description: How much memory the host has.
          type: int
          returned: always
        programs:
          description: Which of C(exportfs), C(mount.nfs), C(nginx), C(rsync) and C(ssh) are there.
          type: list
          elements: str
        ssh_key:
          description: The public key with which this host reads packages by ssh; empty if there is none.
          type: str
          returned: always
        fstab:
          description: Where lines of C(/etc/fstab) mount that this collection wrote.
          type: list
          elements: str
          returned: always
        nfs_root:
          description: What the machine exports as the root of all that NFSv4 shows (C(fsid=0)), empty if nothing.
          type: str
          returned: always
        ssh_slaves:
          description: The slaves that may read what is published here by ssh.
          type: list
          elements: str
          returned: always
        service_mgr:
          description: V(systemd), V(openrc) or V(none).
          type: str
          returned: always
        crashed:
          description: >-
            Packages of the generation here that this CPU could not run, as the kernel's log says, each with C(path),
            C(cpv), C(build_id), C(file), C(program), C(time) and C(text).
          type: list
          elements: dict
          returned: always
        free_bytes:
          description: What can still be written below /var/lib/larry-binhost.
          type: int
          returned: always
    service_mgr:
      description: The same as C(binhost_host.service_mgr), where Ansible's own modules look for it.
      type: str
      returned: always
"""

import os
import shutil
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import _host_facts, _mirror_link
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cpuinfo": {"type": "path", "default": "/proc/cpuinfo"},
            "ssh_key": {"type": "bool", "default": False, "no_log": False},
        },
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C"}

    def run(args: t.Sequence[str]) -> tuple[int, str, str]:
        return t.cast("tuple[int, str, str]", module.run_command(list(args), handle_exceptions=False))

    # Without ssh there is none yet: ssh comes with the declared packages.
    made = module.params["ssh_key"] and not _mirror_link.public_key() and shutil.which("ssh-keygen")
    try:
        if made and not module.check_mode:
            _mirror_link.make_key(run, os.uname().nodename)
        found = _host_facts.facts(run, cpuinfo=module.params["cpuinfo"])
    except (BinhostError, OSError) as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=bool(made), ansible_facts={"binhost_host": found, "service_mgr": found["service_mgr"]})


if __name__ == "__main__":
    main()
