#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: emerge
short_description: A host's packages are what its world says
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - Brings the installed packages to what the given sets and atoms want, from binary packages where they fit.
  - >-
    A fingerprint of the configuration tree, the worlds, the installed packages, the index and the host's own
    repositories tells whether anything can have changed since the last run that had nothing left to do; if nothing
    has, emerge isn't started.
  - >-
    Otherwise emerge's merge list is read first, and refused as a whole if it would compile more than O(max_source)
    allows.
  - A package that was built anew replaces the installed one of the same version (C(--rebuilt-binaries)).
  - What was done is read from emerge.log, not from what emerge prints.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: partial
    details: >-
      The merge list, and what O(depclean) would remove, are those of the configuration as it will be
      (O(configuration)). While the index is itself only going
      to change (O(settled) is false), it isn't known and the result says so.
  diff_mode:
    support: full
options:
  atoms:
    description: Sets and atoms, in emerge's own words.
    type: list
    elements: str
    default: ["@world"]
  with_bdeps:
    description: Whether build-time dependencies count. On a host that installs binaries, V(y) makes a change of one
      refuse the binary.
    type: str
    choices: ["y", "n"]
    default: "n"
  max_source:
    description: How many packages may be compiled on this host. Unset allows any number; V(0) refuses the run if one
      would be.
    type: int
  remedy:
    description: What the message says that is to be done where more would be compiled than O(max_source) allows.
    type: str
    default: Let the master build them (run site.yml while it is on), or raise slave_max_source.
  jobs:
    description: How many packages are merged at a time.
    type: int
    default: 1
  index:
    description: The folder with the host's local copy of the index; it counts for the fingerprint.
    type: path
    default: /var/lib/larry-binhost/current
  overlays:
    description: Ebuild repositories of this host beside those of its index, name to place; they count too.
    type: dict
    default: {}
  configuration:
    description:
      - What M(larry.binhost.portage_config) is to put into C(/etc/portage), in that module's own options. In check mode
        emerge reads the tree as it will be, which is assembled in this module's temporary folder; nothing is left of
        it. Otherwise it is in place already and this option does nothing.
    type: dict
    suboptions:
      files:
        description: Text by path.
        type: dict
        default: {}
      links:
        description: Link targets by path.
        type: dict
        default: {}
      modes:
        description: Permissions by path.
        type: dict
        default: {}
      world:
        description: The atoms and sets of C(@binhost).
        type: list
        elements: str
      world_variable:
        description: The variable that the head of the set's file names.
        type: str
        default: slave_world
      owner:
        description: Who declares.
        type: str
        default: larry-binhost
  build_on_slave:
    description:
      - Packages that are compiled here, also where the master has a binary; V(*) stands for any text in category or
        name. They don't count for O(max_source).
    type: list
    elements: str
    default: []
  settled:
    description: Whether the index is in place. In check mode it may not be; then nothing is asked or guessed.
    type: bool
    default: true
  online:
    description: Whether the binary packages can be fetched now. If not, what is to do is listed as RV(waiting) and
      nothing is started.
    type: bool
    default: true
  depclean:
    description:
      - Whether afterwards everything is removed that no world and no other package asks for, C(emerge --depclean) with
        the same O(with_bdeps). Never while something waits or has failed.
      - Where Portage can't be sure, it removes nothing and says so as a warning.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: The declared packages are installed, none of them compiled here
  larry.binhost.emerge:
    max_source: 0
"""

RETURN = r"""
merge_list:
  description: What emerge wanted to do, in its order; null where that isn't known.
  returned: success
  type: list
  elements: dict
binary:
  description: Packages installed from binaries in this run.
  returned: success
  type: list
  elements: str
source:
  description: Packages compiled on this host in this run.
  returned: success
  type: list
  elements: str
failed:
  description: Packages that were begun and not completed.
  returned: success or failure
  type: list
  elements: str
removed:
  description: Packages removed, those replaced by another version included.
  returned: success
  type: list
  elements: str
waiting:
  description: Packages of the merge list that couldn't be fetched, because no transport answers.
  returned: success
  type: list
  elements: str
"""

import contextlib
import os
import typing as t
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import (
    _depclean,
    _emerge,
    _fingerprint,
    _lock,
    _merge_list,
    _paths,
    _tree,
    _tree_plan,
    _world,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

#: Seconds to wait for another run of this module on this host; what that one has installed isn't installed again.
PATIENCE_S = 3600
RECORD = _paths.below("fingerprints", "world.json")
NOTHING: dict[str, t.Any] = {"binary": [], "source": [], "failed": [], "removed": [], "waiting": [], "merge_list": []}


def options(params: dict[str, t.Any]) -> dict[str, object]:
    """Return emerge's options; usepkg is implied, since binaries are what this module is for."""
    always = dict.fromkeys(("update", "deep", "newuse", "usepkg", "getbinpkg", "rebuilt_binaries", "keep_going"), True)
    itself = " ".join(params["build_on_slave"])
    return {**always, "with_bdeps": params["with_bdeps"], "jobs": params["jobs"], "usepkg_exclude": itself}


def declared(module: AnsibleModule) -> list[_tree_plan.Change]:
    """Return what is still to change in this host's configuration; in check mode alone that can be something."""
    configuration = module.params["configuration"]
    return _tree.asked("/", configuration).changes if module.check_mode and configuration else []


def asked(module: AnsibleModule, to_come: list[_tree_plan.Change]) -> list[_merge_list.Merge]:
    """Return emerge's merge list. Raises ``BinhostError``."""
    atoms, how = module.params["atoms"], options(module.params)
    if not to_come:
        return _world.pending(module.run_command, atoms, how)
    return _world.foreseen(module.run_command, atoms, how, to_come, configroot(module))


def configroot(module: AnsibleModule) -> str:
    """Return the folder in which the tree is assembled that is to come."""
    return os.path.join(module.tmpdir, "configroot")


def converge(module: AnsibleModule) -> dict[str, t.Any]:
    """Return the result. Raises ``BinhostError``."""
    params = module.params
    if not params["settled"]:
        unknown = "unknown until what is built and the index are in place"
        return {
            **NOTHING,
            "changed": True,
            "merge_list": None,
            "diff": {"before": "", "after": f"merge list: {unknown}\n"},
            "msg": unknown,
        }
    wanted = _fingerprint.digest({"atoms": params["atoms"], "options": options(params), "depclean": params["depclean"]})
    before = _world.state(params["index"], params["overlays"])
    known = {"wanted": wanted, "state": _fingerprint.digest(before)}
    to_come = declared(module)
    if _fingerprint.recorded(RECORD) == known and not to_come:
        return {**NOTHING, "changed": False}
    merges = asked(module, to_come)
    _world.guard(merges, params["max_source"], params["build_on_slave"], params["remedy"])
    result = {**NOTHING, "changed": bool(merges), "merge_list": [asdict(merge) for merge in merges]}
    result["diff"] = {"before": "", "after": _world.shown(merges)}
    if merges and not params["online"]:
        return {
            **result,
            "changed": False,
            "waiting": [merge.cpv for merge in merges],
            "diff": {"before": "", "after": ""},
        }
    if module.check_mode:
        return result if merges else {**result, **clean(module, to_come)}
    if merges:
        result.update(apply(module))
    cleaned = clean(module, [])
    result["diff"]["before"] = cleaned.get("diff", {}).get("before", "")
    result["changed"] = bool(merges) or cleaned["changed"]
    result["removed"] = [*result["removed"], *cleaned["removed"]]
    _fingerprint.record(
        RECORD, {"wanted": wanted, "state": _fingerprint.digest(_world.state(params["index"], params["overlays"]))}
    )
    return result


def clean(module: AnsibleModule, to_come: list[_tree_plan.Change]) -> dict[str, t.Any]:
    """Remove what nothing asks for, or in check mode tell it with the configuration as it will be, if that is wanted.

    Where Portage can't be sure that nothing does, that is a warning: all that was asked for is installed.
    """
    if not module.params["depclean"]:
        return {"changed": False, "removed": []}
    bdeps = module.params["with_bdeps"]
    try:
        if to_come:
            found = _depclean.foreseen(module.run_command, bdeps, to_come, configroot(module))
        elif module.check_mode:
            found = _depclean.pending(module.run_command, bdeps)
        else:
            found = _depclean.remove(module.run_command, bdeps)
    except BinhostError as exc:
        module.warn(f"Nothing was removed. {exc}")
        return {"changed": False, "removed": []}
    diff = {"before": "".join(f"{cpv}\n" for cpv in found), "after": ""}
    return {"changed": bool(found), "removed": found, **({"diff": diff} if found else {})}


def apply(module: AnsibleModule) -> dict[str, object]:
    """Run emerge and return what it did. Ends the module if emerge failed, with what it did all the same."""
    status, outcome, words = _world.merge(module.run_command, module.params["atoms"], options(module.params))
    done = asdict(outcome)
    if status != 0:
        where = f"emerge {' '.join(module.params['atoms'])}"
        told = _world.why_failed(outcome, words)
        module.fail_json(msg=f"{where}: expected status 0, found {status}:\n{told}", changed=True, **done)
    return done


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "atoms": {"type": "list", "elements": "str", "default": ["@world"]},
            "with_bdeps": {"type": "str", "choices": ["y", "n"], "default": "n"},
            "max_source": {"type": "int"},
            "remedy": {"type": "str", "default": _world.REMEDY},
            "jobs": {"type": "int", "default": 1},
            "index": {"type": "path", "default": _paths.below("current")},
            "overlays": {"type": "dict", "default": {}},
            "configuration": {"type": "dict", "options": _tree.OPTIONS},
            "build_on_slave": {"type": "list", "elements": "str", "default": []},
            "settled": {"type": "bool", "default": True},
            "online": {"type": "bool", "default": True},
            "depclean": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    module.run_command_environ_update = dict(_emerge.ENVIRONMENT)
    alone = contextlib.nullcontext() if module.check_mode else _lock.held("emerge", wait=PATIENCE_S)
    try:
        with alone:
            result = converge(module)
    except (BinhostError, OSError) as exc:
        module.fail_json(msg=str(exc), failed=True)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
