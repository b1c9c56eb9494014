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
  - Brings the installed packages to what the given sets and atoms want, from binary packages where they fit. It needs
    no fleet, a Gentoo machine is enough.
  - >-
    A fingerprint of the configuration tree, the worlds, the installed packages, the index and the host's own
    repositories tells whether anything can have changed since the last run that had nothing left to do; if nothing
    has, emerge isn't started.
  - >-
    Otherwise emerge's merge list is read first, and refused as a whole where nobody has agreed to it: O(max_source),
    O(forbid_downgrade), O(allow_uninstall). Where Portage itself refuses, RV(problems) says why as data.
  - >-
    emerge runs as a job that neither a lost connection nor a killed controller ends (see M(larry.binhost.job)). The
    next run joins a job that is at work instead of starting another, tells what it did, and then does what is left. A
    job that died with its machine, or was killed for its memory, is told as RV(resumed); what it had compiled isn't
    compiled again, unless this machine is known to do that in less than 20 seconds.
  - What was done is read from what Portage writes down, not from what emerge prints.
  - C(EMERGE_DEFAULT_OPTS) counts for nothing here, so no configuration makes emerge ask, colour or be quiet.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: partial
    details: >-
      The merge list, and what O(depclean) would remove, are those of the configuration as it will be
      (O(configuration)). While the index is itself only going to change (O(settled) is false), it isn't known and the
      result says so. In a build root the configuration is the one that is there. What O(preserved_rebuild) would find
      after the run isn't known before.
  diff_mode:
    support: full
options:
  atoms:
    description: Sets and atoms, in emerge's own words. An atom that isn't O(oneshot) joins the world file.
    type: list
    elements: str
    default: ["@world"]
  update:
    description: C(--update). With V(false) an atom that is installed in any version is merged again by each run that
      the fingerprint doesn't answer.
    type: bool
    default: true
  deep:
    description: C(--deep), dependencies are updated too. With V(false) what only a dependency needs stays old, which
      is no difference that a later run would find.
    type: bool
    default: true
  newuse:
    description: C(--newuse), packages whose USE flags have changed are merged again. With V(false) a change of USE is
      not found. O(changed_use) takes its place.
    type: bool
    default: true
  changed_use:
    description: C(--changed-use), as O(newuse), but a flag that is new or gone and off is no change. It takes binaries
      that differ only in such flags.
    type: bool
    default: false
  emptytree:
    description: C(--emptytree), all is merged again, also what is there. Every run that the fingerprint doesn't answer
      does that, so it is meant for one run.
    type: bool
    default: false
  with_bdeps:
    description: C(--with-bdeps), whether build-time dependencies count, for O(depclean) too. On a host that installs
      binaries, V(y) makes a change of one refuse the binary.
    type: str
    choices: ["y", "n"]
    default: "n"
  oneshot:
    description: C(--oneshot), atoms don't join the world file. What joins it is updated with C(@world) and kept by
      O(depclean); what doesn't, isn't.
    type: bool
    default: false
  usepkg:
    description: C(--usepkg), binary packages are taken where they fit. No difference to what a second run finds.
    type: bool
    default: true
  usepkgonly:
    description: C(--usepkgonly), nothing else is. Portage doesn't compare a binary's USE flags and dependencies then,
      so a later run without it may merge the package again.
    type: bool
    default: false
  getbinpkg:
    description: C(--getbinpkg), binary packages are fetched; V(false) counts also where C(FEATURES) says otherwise.
    type: bool
    default: true
  usepkg_exclude:
    description: C(--usepkg-exclude), packages of which no binary is taken; they count for O(max_source).
    type: list
    elements: str
    default: []
  binpkg_respect_use:
    description: C(--binpkg-respect-use). Unset, Portage refuses a binary of other USE flags and says so; with V(n) it
      takes it, and O(newuse) finds the difference in the next run.
    type: str
    choices: ["y", "n"]
  rebuilt_binaries:
    description: C(--rebuilt-binaries), a package that was built anew replaces the installed one of the same version.
    type: bool
    default: true
  keep_going:
    description: C(--keep-going), what doesn't need a package that failed is merged all the same. The run fails; a
      second one begins with what is left.
    type: bool
    default: true
  jobs:
    description: C(--jobs), how many packages are merged at a time.
    type: int
    default: 1
  load_average:
    description: C(--load-average), no further one is begun above this load.
    type: float
  extra_args:
    description: Further words of emerge's command line, after all others. What they do to a second run is theirs.
    type: list
    elements: str
    default: []
  root:
    description: >-
      A build root, entered as its builds are: in namespaces of its own, with nothing of this host but what the next
      options name. V(/) is this host. A build of the root's target and this module keep out of each other's way.
    type: path
    default: /
  repositories:
    description: Ebuild repositories of this host that a build root sees, read-only, name to place.
    type: dict
    default: {}
  distdir:
    description: The folder of this host where a build root's sources are kept.
    type: path
    default: /var/cache/distfiles
  pkgdir:
    description: The folder of this host where packages of what is compiled in a build root are kept. Unset, none are
      made.
    type: path
  network:
    description: What the builds in a build root reach, V(none), V(host) or HOST:PORT; sources are fetched before.
    type: str
    default: none
  max_source:
    description: How many packages may be compiled. Unset allows any number; V(0) refuses the run if one would be.
      Kernel sources, C(virtual), C(acct-user) and C(acct-group) don't count, nor does O(build_on_slave).
    type: int
  remedy:
    description: What the message says that is to be done where more would be compiled than O(max_source) allows.
    type: str
    default: Let the master build them (run site.yml while it is on), or raise slave_max_source.
  forbid_downgrade:
    description: >-
      Packages that may not become older, as category/package; V(*) stands for any text, so V(*/*) is all. Not all by
      default, because an older generation of packages is one that somebody chose; but what all programs are linked
      against can't become older without breaking them.
    type: list
    elements: str
    default: [sys-libs/glibc, sys-libs/musl]
  allow_uninstall:
    description: >-
      Packages that may be uninstalled because another one blocks them, as category/package; V(*) stands for any text.
      A run that would uninstall another one is refused. O(depclean) is another matter.
    type: list
    elements: str
    default: []
  accept_proposals:
    description: >-
      Kinds of changes that are made to the configuration where Portage refuses and proposes them, if all that it
      proposes are of these kinds and the run then goes on. They are written to files C(zz-autounmask) in
      C(/etc/portage/package.use) and so on, which are the machine's person's from then on; lines are only added.
    type: list
    elements: str
    choices: [use, keywords, license, unmask]
    default: []
  depclean:
    description:
      - Whether afterwards everything is removed that no world and no other package asks for, C(emerge --depclean) with
        the same O(with_bdeps). Never while something waits or has failed.
      - Where Portage can't be sure, it removes nothing and says so as a warning.
    type: bool
    default: false
  preserved_rebuild:
    description: Whether afterwards what uses libraries of a version that is gone is compiled, C(@preserved-rebuild).
      Its binaries are not taken, they were linked against the same; what it needs to be compiled may be binary. That
      doesn't count for O(max_source).
    type: bool
    default: false
  config_files:
    description:
      - What becomes afterwards of configuration that packages offer (C(._cfg0000_NAME)) because a person has changed
        the file.
      - V(list) names it in the result, V(keep) leaves it alone and doesn't.
      - V(-5) puts what is offered in place, V(-9) deletes it, both as C(etc-update --automode). V(-3) and V(-7) are the
        same, because nobody is there to be asked.
    type: str
    choices: [list, keep, "-3", "-5", "-7", "-9"]
    default: list
  index:
    description: The folder with the host's local copy of the index; it counts for the fingerprint.
    type: path
    default: /var/lib/larry-binhost/current
  overlays:
    description: Ebuild repositories of this host beside those of its index and of C(repos.conf), name to place; they
      count too.
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
  state:
    description:
      - V(present) does all. What happens meanwhile is told as M(larry.binhost.job) does.
      - V(started) only begins the job, or joins the one that runs, and V(finished) waits for its end. Where many hosts
        are to begin before the first has ended, these are two tasks with the same options.
      - V(finished) doesn't go to the host where V(started) had nothing to do.
    type: str
    choices: [present, started, finished]
    default: present
  begun:
    description: For O(state=finished), what the task with O(state=started) registered.
    type: dict
  auto_update:
    description:
      - A part of each day, such as V(01:00-06:00), in which this machine brings the newest generation here and does
        by itself what is asked now, if it has AC power. Once an hour C(larry-binhost.pyz update) looks, started by a
        timer of systemd or by cron.
      - If it is empty, that is removed. Without it, all stays as it is.
    type: str
  wait:
    description: Whether this module itself waits for the job. Its action does, and sets this.
    type: bool
    default: true
  state_dir:
    description: Where everything is kept on the host.
    type: path
    default: /var/lib/larry-binhost
"""

EXAMPLES = r"""
- name: The declared packages are installed, none of them compiled here
  larry.binhost.emerge:
    max_source: 0

- name: A Gentoo machine without a fleet has an editor, and what stands against it is settled
  larry.binhost.emerge:
    atoms: [app-editors/vim]
    accept_proposals: [use]

- name: All of it is up to date, cleaned, and linked against what is there
  larry.binhost.emerge:
    preserved_rebuild: true
    depclean: true
    config_files: "-5"

- name: All hosts begin
  larry.binhost.emerge:
    max_source: 0
    state: started
  register: begun

- name: All hosts have finished
  larry.binhost.emerge:
    max_source: 0
    state: finished
    begun: "{{ begun }}"
"""

RETURN = r"""
merge_list:
  description: >-
    What emerge wanted to do, in its order, each as data: kind, cpv, action, old versions, slot, repository, USE flags
    with what changed, size, and for a source build why each binary was refused. Null where that isn't known.
  returned: success, and where nobody has agreed to it
  type: list
  elements: dict
acceptance:
  description:
    - What the merge list means to this host, before it begins; empty where there is nothing to do.
    - >-
      C(binary), the packages that come as binaries; C(source), those that are compiled, each with C(why) (a line for
      each binary that isn't taken), C(fix) (the lines of configuration that would have one taken), C(seconds) and C(by)
      (V(here), as long as it took here before; V(master), as long as it took the master, by the ratio of the two);
      C(seconds), to compile all whose time is known; C(unknown), those whose time isn't.
  returned: success, and where nobody has agreed to it
  type: dict
problems:
  description: Why nothing was started. Each has kind, packages, words and proposals.
  returned: where Portage or a guard refuses
  type: list
  elements: dict
proposals:
  description: Lines of configuration that Portage proposes, each with file and line.
  returned: where Portage refuses
  type: list
  elements: dict
written:
  description: The lines that O(accept_proposals) let be written, or would.
  returned: success
  type: list
  elements: str
binary:
  description: Packages installed from binaries in this run.
  returned: success or failure
  type: list
  elements: str
source:
  description: Packages compiled on this host in this run.
  returned: success or failure
  type: list
  elements: str
failures:
  description: Packages that failed, each with phase, reason, log and the last lines of that.
  returned: success or failure
  type: list
  elements: dict
dropped:
  description: Packages of the merge list that were not begun, because another failed.
  returned: success or failure
  type: list
  elements: dict
done:
  description: Packages that were installed, each with kind, seconds and build id.
  returned: success or failure
  type: list
  elements: dict
removed:
  description: Packages removed, those replaced by another version included.
  returned: success or failure
  type: list
  elements: str
waiting:
  description: Packages of the merge list that couldn't be fetched, because no transport answers.
  returned: success
  type: list
  elements: str
resumed:
  description: >-
    Of a job that died and is gone on with: message, when it had begun, what it had installed (binary, source), as
    kept what it had compiled and this run installed, and as unfinished what is installed without its pkg_postinst
    having ended; a warning says what to do about those.
  returned: success
  type: dict
steps:
  description: What was done afterwards, for O(preserved_rebuild), O(depclean) and O(config_files), where there was any.
  returned: success
  type: dict
afterwards:
  description:
    - What the run leaves to a person, each empty where there is nothing.
    - >-
      C(preserved_libs) (cpv, paths), C(news) that nobody has read, C(config_files) that wait to be merged, C(elog)
      (cpv, level, text) of this run's packages, C(kernel_modules) (lines about kernels without modules and the other
      way round), C(deleted_files) (service, command, pids, files) of what still uses files that are gone, C(crashed)
      (lines about binaries that the CPU could not run, by the kernel's log).
    - It is empty where emerge was not started.
  returned: success or failure
  type: dict
job:
  description: The job's name, empty where there is nothing to do.
  returned: with O(state=started)
  type: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import (
    _auto_update,
    _emerge_ask,
    _emerge_asked,
    _emerge_begin,
    _emerge_collect,
    _guard,
    _jobs,
    _later,
    _mounts,
    _paths,
    _proposals,
    _tree,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

STRINGS = {"type": "list", "elements": "str", "default": []}
TRUE = {"type": "bool", "default": True}
FALSE = {"type": "bool", "default": False}
SPEC: dict[str, t.Any] = {
    "atoms": {**STRINGS, "default": ["@world"]},
    **dict.fromkeys(("update", "deep", "newuse", "usepkg", "getbinpkg", "rebuilt_binaries", "keep_going"), TRUE),
    **dict.fromkeys(("changed_use", "emptytree", "oneshot", "usepkgonly", "depclean", "preserved_rebuild"), FALSE),
    "with_bdeps": {"type": "str", "choices": ["y", "n"], "default": "n"},
    "binpkg_respect_use": {"type": "str", "choices": ["y", "n"]},
    "usepkg_exclude": STRINGS,
    "jobs": {"type": "int", "default": 1},
    "load_average": {"type": "float"},
    "extra_args": STRINGS,
    "root": {"type": "path", "default": "/"},
    "repositories": {"type": "dict", "default": {}},
    "distdir": {"type": "path", "default": _mounts.DISTDIR},
    "pkgdir": {"type": "path"},
    "network": {"type": "str", "default": "none"},
    "max_source": {"type": "int"},
    "remedy": {"type": "str", "default": _guard.REMEDY},
    "forbid_downgrade": {**STRINGS, "default": list(_guard.FORBIDDEN_DOWNGRADES)},
    "allow_uninstall": STRINGS,
    "accept_proposals": {**STRINGS, "choices": list(_proposals.KINDS)},
    "config_files": {"type": "str", "choices": list(_later.CONFIG_FILES), "default": "list"},
    "index": {"type": "path", "default": _paths.below("current")},
    "overlays": {"type": "dict", "default": {}},
    "configuration": {"type": "dict", "options": _tree.OPTIONS},
    "build_on_slave": STRINGS,
    "settled": TRUE,
    "online": TRUE,
    "state": {"type": "str", "choices": ["present", "started", "finished"], "default": "present"},
    "begun": {"type": "dict"},
    "wait": TRUE,
    "auto_update": {"type": "str"},
    "state_dir": {"type": "path", "default": _paths.STATE},
}


def converge(module: AnsibleModule, host: _emerge_asked.Host) -> dict[str, t.Any]:
    """Return the result. Raises ``BinhostError``."""
    params = module.params
    begun = params["begun"] if params["state"] == "finished" else None
    begun = begun or _emerge_begin.begin(host, params)
    if params["auto_update"] is not None and not begun.get("timed"):
        timed = _auto_update.converge(module.run_command, params, check=module.check_mode)
        begun = {**begun, "timed": True, "foreseen": _with(begun.get("foreseen"), timed)}
    if params["state"] == "started":
        return {**begun, "changed": False}
    while begun["job"]:
        if params["wait"]:
            _jobs.finish(begun["job"], state=params["state_dir"])
        begun = _emerge_collect.collect(host, params, begun)
        if begun["job"] and not params["wait"]:
            return {**begun, "changed": False}
    return _emerge_collect.finished(begun)


def _with(foreseen: t.Mapping[str, t.Any] | None, timed: list[dict[str, str]]) -> dict[str, t.Any]:
    """Return what is foreseen together with a timer's differences."""
    told = dict(foreseen or {"changed": False})
    if not timed:
        return told
    diff = told.get("diff") or []
    return {**told, "changed": True, "diff": [*(diff if isinstance(diff, list) else [diff]), *timed]}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    host = _emerge_asked.Host(module.run_command, module.check_mode, module.tmpdir)
    try:
        result = converge(module, host)
    except _emerge_ask.StoppedError as exc:
        result = {"changed": False, **exc.result}
        result.pop("words", None)
        module.fail_json(msg=str(exc), **result)
    except (BinhostError, OSError) as exc:
        module.fail_json(msg=str(exc))
    if module.params["state"] != "started":
        for words in result.pop("words"):
            module.warn(words)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
