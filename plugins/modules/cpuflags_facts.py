#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cpuflags_facts
short_description: What a host's CPU can run, in the kernel's, Gentoo's and GCC's names
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - Reads the kernel's C(/proc/cpuinfo) and tells the features, CPU_FLAGS_X86 (or CPU_FLAGS_ARM, CPU_FLAGS_PPC), the
    x86-64 level and GCC's name of the CPU.
  - Knows x86 (32 and 64 bit), ARM (v4 to v9) and POWER. What another architecture's kernel wrote is an error.
  - Programs on the host that know the CPU too are asked. Where one disagrees, it is reported and warned of; the
    kernel's word counts, since it has already taken away what firmware, hypervisor or a boot option forbids.
  - The same facts are the part C(cpu) of M(larry.binhost.host_facts).
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
    description:
      - The file that the kernel describes the CPU in; another one for a chroot or a test.
      - A report of C(lscpu) is understood too.
    type: path
    default: /proc/cpuinfo
  witnesses:
    description: Whether C(cpuid2cpuflags) and C(gcc), where the host has them, are asked what they think of the CPU.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: The CPU is known
  larry.binhost.cpuflags_facts:

- name: Gentoo's flags for it
  ansible.builtin.debug:
    msg: '{{ binhost_cpu.flags_variable }}="{{ binhost_cpu.flags | join(" ") }}"'

- name: Another machine's file
  larry.binhost.cpuflags_facts:
    cpuinfo: /root/laptop.cpuinfo
    witnesses: false
"""

RETURN = r"""
ansible_facts:
  description: The facts.
  returned: always
  type: dict
  contains:
    binhost_cpu:
      description: The CPU.
      type: dict
      returned: always
      contains:
        arch:
          description: V(x86), V(arm) or V(ppc).
          type: str
          returned: always
        vendor:
          description: As the kernel writes it; of ARM the implementer's name. Empty where it is unknown.
          type: str
          returned: always
          sample: GenuineIntel
        model_name:
          description: The CPU's own name.
          type: str
          returned: always
        family:
          description: Of x86 the family, of ARM the version of the architecture; none where it is unknown.
          type: int
          returned: always
        model:
          description: Of x86 the model, of ARM the part; none where it is unknown or parts differ.
          type: int
          returned: always
        stepping:
          description: Of x86 the stepping, of ARM the revision; none where it is unknown.
          type: int
          returned: always
        flags_variable:
          description: V(CPU_FLAGS_X86), V(CPU_FLAGS_ARM) or V(CPU_FLAGS_PPC).
          type: str
          returned: always
        flags:
          description: That variable's value in Gentoo's names, sorted. An old CPU has none.
          type: list
          elements: str
          returned: always
        level:
          description: V(x86-64-v1) to V(x86-64-v4), none below that and on other architectures.
          type: str
          returned: always
        why_not:
          description: For each higher level, the kernel's names of the features that are missing for it.
          type: dict
          returned: always
          sample: {x86-64-v3: [bmi2, movbe], x86-64-v4: [avx512bw, avx512cd, avx512dq, avx512f, avx512vl, bmi2, movbe]}
        march:
          description:
            - The best name for GCC's C(-march) (of POWER, C(-mcpu)) of which the CPU has all; none where there is none.
            - For what that machine compiles for itself. A target that machines share is planned from C(features).
          type: str
          returned: always
          sample: znver3
        march_gcc:
          description: The first major version of GCC that knows the name, 0 for any in use.
          type: int
          returned: always
        unknown:
          description: Features that one might look for among the flags and that Gentoo has no flag for.
          type: list
          elements: str
          returned: always
        features:
          description: The kernel's names of what all processors have, sorted.
          type: list
          elements: str
          returned: always
        uneven:
          description: What some processors have and others lack; none of it is in C(features).
          type: list
          elements: str
          returned: always
        disagreements:
          description:
            - What each witness says otherwise, with C(witness), C(adds) (what it has and the kernel hasn't) and
              C(lacks) (the other way round); Gentoo's names from C(cpuid2cpuflags), the kernel's from C(gcc).
          type: list
          elements: dict
          returned: always
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import _cpu_host
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cpuinfo": {"type": "path", "default": "/proc/cpuinfo"},
            "witnesses": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C"}

    def run(args: list[str]) -> tuple[int, str, str]:
        return t.cast("tuple[int, str, str]", module.run_command(args, handle_exceptions=False))

    try:
        found = _cpu_host.facts(module.params["cpuinfo"], run=run if module.params["witnesses"] else None)
    except BinhostError as exc:
        module.fail_json(msg=str(exc))
    for disagreement in found["disagreements"]:
        module.warn(_cpu_host.sentence(disagreement))
    if found["uneven"]:
        module.warn(f"processors differ, so these features don't count: {' '.join(found['uneven'])}")
    module.exit_json(changed=False, ansible_facts={"binhost_cpu": found})


if __name__ == "__main__":
    main()
