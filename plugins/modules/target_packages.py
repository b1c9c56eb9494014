#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: target_packages
short_description: A target's packages are built, for each of its slaves
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - Builds the union of the slaves' worlds in the target's build root, in namespaces of its own, into the target's
    private PKGDIR.
  - >-
    The first build is C(emerge --emptytree --with-bdeps=y @world), so that what the stage brought gets a binary
    package too; later ones are
    C(-uDN --with-bdeps=y --changed-deps=y), with FEATURES=buildpkg-proactive where Portage has it. When what decides
    the CPUs that the
    packages run on has changed, the old packages are dropped and everything is built again.
  - >-
    Before that a new root proves itself: it builds one small package, which must then be all that the private PKGDIR
    holds. Sources are fetched before anything is built, since builds have no network.
  - >-
    Slaves whose worlds do not resolve together with the others' (blockers, two versions of a slot, USE dependencies)
    are left out of the root, as few as can be found, and stop nobody.
  - >-
    Then each slave's own configuration and world is held against the packages; where it would have something compiled,
    that is built once more (a variant) in a throw-away clone of the root with that configuration.
  - A fingerprint tells whether anything can have changed; if nothing has, emerge isn't started.
  - The build is a job, V(build-NAME), that no lost connection and no killed controller ends; its log is
    C(/var/lib/larry-binhost/jobs/build-NAME/log). While one for another request runs, this fails and names it.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: partial
    details: What a build would do isn't known before the root is there and configured; the result says what has
      changed since the last.
  diff_mode:
    support: full
options:
  name:
    description: The target.
    type: str
    required: true
  root:
    description: Its build root.
    type: path
    required: true
  repositories:
    description: The ebuild repositories, name to place on this host.
    type: dict
    required: true
  world:
    description: Declared atom to the list of hosts that it is declared for. Each of them has to be satisfied.
    type: dict
    required: true
  wishes:
    description:
      - Atom of a person's world file to the list of hosts that have it there.
      - What cannot be satisfied is passed over, as emerge does there.
    type: dict
    default: {}
  variants:
    description: The slaves, each with its whole configuration.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The slave.
        type: str
        required: true
      files:
        description: Its files, path below /etc/portage to text.
        type: dict
        required: true
      world:
        description: What is declared for it.
        type: list
        elements: str
        required: true
      wishes:
        description: What its person installed, as in its world file.
        type: list
        elements: str
        default: []
      features:
        description: What its CPU has, in the kernel's names.
        type: list
        elements: str
        required: true
      build_on_slave:
        description: Packages that it builds itself, those of O(build_on_slave) included.
        type: list
        elements: str
        default: []
  links:
    description: Links below /etc/portage that all of them share.
    type: dict
    default: {}
  compile:
    description: A text that changes when the packages have to be compiled for other CPUs.
    type: str
    required: true
  cflags:
    description:
      - What the compiler is told of the CPUs. Before anything is built the root's compiler is asked what that enables;
        a feature that one of the slaves lacks is an error.
    type: str
    required: true
  distdir:
    description: Where the sources are kept on this host.
    type: path
    default: /var/cache/distfiles
  restricted:
    description:
      - The folder on this host with sources that no program may fetch (RESTRICT=fetch), filled by hand. Builds read it.
      - What is missing there is told, with size and digest, before anything is built.
      - Without it they are looked for in O(distdir) alone.
    type: path
  jobs:
    description: How many packages are built at a time.
    type: int
    default: 1
  load_average:
    description: No further package is begun above this load.
    type: float
  publish:
    description:
      - What is to come of a build in which a package of the root fails. All that doesn't need it is built in any case.
      - With V(complete) the build has failed, and nothing is to be published. With V(partial) it has not, and
        RV(problems) says what failed.
      - What nothing in O(world) needs, since it is wished for in O(wishes) alone, is as with V(partial) in any case.
    type: str
    choices: [complete, partial]
    default: complete
  retry:
    description:
      - Whether packages that failed before are tried again although ebuild, eclasses, dependencies, configuration,
        compiler and distfiles are what they were.
      - What lacked a file, ran out of disk or was killed is tried again in any case.
    type: bool
    default: false
  depclean:
    description:
      - Whether what no world asks for any more is removed from the build root afterwards. Published packages stay.
      - Nothing is removed by a build that left something undone.
    type: bool
    default: false
  cycles:
    description:
      - What to build a package with first where Portage finds that it and others need each other to be built. Without
        one, what Portage itself proposes is tried. It is built once more, as it is wanted, in the end.
    type: list
    elements: dict
    default: []
    suboptions:
      atom:
        description: The package.
        type: str
        required: true
      use:
        description: The USE flags that it has then, such as V(-doc).
        type: str
        required: true
  stage:
    description:
      - What M(larry.binhost.stage) unpacks, in that module's options O(ignore:source), O(ignore:key),
        O(ignore:fingerprint) and O(ignore:verify). If the build root can't be brought over an upgrade of a language, a
        compiler or a libc, a root is made of it beside, and takes its place once all is built there.
      - Without it the build fails then.
    type: dict
    default: {}
  build_on_slave:
    description:
      - Packages that every slave builds itself, such as kernel sources and modules; V(*) stands for any text in
        category or name. No packages are made of them, but of all that they need.
    type: list
    elements: str
    default: []
  build_tmpfs:
    description:
      - How much memory builds may use as their disk, such as V(8G). It is taken as it is used.
      - Without it they are on the build root's disk.
    type: str
  build_on_disk:
    description: Packages that are built on disk all the same, being too large; V(*) stands for any text.
    type: list
    elements: str
    default: []
  network:
    description:
      - What builds reach, V(none), V(host), or one server as V(HOST:PORT). Sources are fetched before.
      - Ebuilds that fetch while they build need more than V(none).
    type: str
    default: none
  base:
    description:
      - The target on which this one stands. Its build root begins as a copy of that one's, with its own configuration,
        and is made anew after each build of it; only what that one hasn't got is built. A build of it that goes on is
        waited for.
      - That target's packages are published among its own, as further names of the same files.
    type: str
    default: ""
  proof:
    description:
      - The package that a new root builds first.
      - Without it, the smallest program that the stage brought and that the repositories have.
    type: str
  state:
    description:
      - V(built) waits for the build. It goes on if nobody waits any more; whoever asks for the same then joins it.
      - V(started) returns as soon as the build has begun; M(larry.binhost.job) waits for it.
    type: str
    choices: [built, started]
    default: built
  state_dir:
    description: Where everything is kept on this host.
    type: path
    default: /var/lib/larry-binhost
"""

EXAMPLES = r"""
- name: The laptops' packages are built
  larry.binhost.target_packages:
    name: laptops
    root: /var/lib/larry-binhost/roots/laptops
    repositories:
      gentoo: /var/db/repos/gentoo
    world:
      app-editors/vim: [laptop-amd, laptop-intel]
    compile: x86-64-v2
    cflags: -O2 -pipe -march=x86-64-v2
"""

RETURN = r"""
job:
  description: The job that builds, or has built what nobody was told of yet; empty if there is nothing to build.
  returned: success
  type: str
  sample: build-laptops
snapshots:
  description: Repository to the copy of it that was, or would be, built from.
  returned: success
  type: dict
because:
  description: What changed since the last complete build.
  returned: success
  type: list
  elements: str
built:
  description: What was compiled in the build root.
  returned: success
  type: list
  elements: str
cycles:
  description: Packages that needed each other to be built (C(packages)), and the C(line) of package.use with which one
    of them was built first. All of them are built as they are wanted.
  returned: success
  type: list
  elements: dict
major:
  description: Languages, compilers and libcs (C(package)) that came in another slot, sub-slot or version (C(old),
    C(new)), with all that was to be built again for it (C(rebuilds)).
  returned: success
  type: list
  elements: dict
fresh:
  description: Why a root from the stage took the place of the old one; empty if none did.
  returned: success
  type: str
removed:
  description: What was removed from the build root, since nothing asks for it any more.
  returned: success
  type: list
  elements: str
variants:
  description: Slave to what was compiled once more for it.
  returned: success
  type: dict
apart:
  description: Slaves whose worlds are not in the build root, each with Portage's words why. They were built for in
    clones of it.
  returned: success
  type: dict
unsatisfiable:
  description: Atoms that no repository of the target has, each with the hosts that ask for it. They are left out of
    the build.
  returned: success
  type: dict
failures:
  description:
    - All that stands failed, package to what is known of it, C(CPV for SLAVE) if it was built for that slave alone.
    - C(phase), C(reason), C(log) (a file on this host), C(lines) (its end), C(since) (UTC) and C(inputs), digests of
      all that decides it; without these it is tried again by the next build.
  returned: success
  type: dict
dropped:
  description: What was not begun, since it needs what failed, each with whose failure that goes back to.
  returned: success
  type: dict
held:
  description: Why nothing is to be published, since packages failed before and nothing has changed since; empty
    otherwise.
  returned: success
  type: str
problems:
  description: A sentence for each slave whose packages could not be completed; those of the others were. With
    O(publish=partial), or where it is needed by O(wishes) alone, what failed in the root, too.
  returned: success
  type: list
  elements: str
"""

import typing as t
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import (
    _failed,
    _jobs,
    _last_plan,
    _mounts,
    _patterns,
    _program,
    _size,
    _target,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

VARIANT = {
    "name": {"type": "str", "required": True},
    "files": {"type": "dict", "required": True},
    "world": {"type": "list", "elements": "str", "required": True},
    "wishes": {"type": "list", "elements": "str", "default": []},
    "features": {"type": "list", "elements": "str", "required": True},
    "build_on_slave": {"type": "list", "elements": "str", "default": []},
}
RECIPE = {"atom": {"type": "str", "required": True}, "use": {"type": "str", "required": True}}


def target(params: dict[str, t.Any]) -> _target.Target:
    """Return the module's options as what is to be built.  Raises ``BinhostError``."""
    same = ["name", "root", "repositories", "world", "wishes", "links", "compile", "cflags", "distdir"]
    same += ["build_on_slave", "network", "proof", "depclean", "publish", "retry", "cycles"]
    same += ["base", "stage", "state_dir"]
    lists = [
        params["build_on_slave"],
        params["build_on_disk"],
        *(each["build_on_slave"] for each in params["variants"]),
    ]
    for pattern in (pattern for patterns in lists for pattern in patterns):
        _patterns.check(pattern)
    size = params["build_tmpfs"]
    return _target.Target(
        **{name: params[name] for name in same},
        variants=[_target.Variant(**variant) for variant in params["variants"]],
        options={"jobs": params["jobs"], "load_average": params["load_average"]},
        restricted=params["restricted"] or "",
        tmpfs=_size.in_memory(size, "build_tmpfs") if size else None,
        on_disk=params["build_on_disk"],
    )


def converge(module: AnsibleModule) -> dict[str, object]:
    """Return the result. Raises ``BinhostError``."""
    wanted = target(module.params)
    if not module.check_mode:
        _last_plan.remember(wanted.state_dir, wanted.name, "build", {**asdict(wanted), "retry": False})
    revisions = _target.revisions(wanted)
    because = _target.differs(wanted, revisions)
    nothing = _failed.standing(wanted, _target.snapshots(wanted, revisions))
    if wanted.retry and nothing.failures:
        because.append("failed")
    result = {"changed": bool(because), "because": because, "job": "", **asdict(nothing)}
    if module.check_mode:
        if because:
            text = f"to build: unknown before the build; changed: {', '.join(because)}\n"
            result["diff"] = {"before": "", "after": text}
        return result
    name = _program.begin(
        f"build-{wanted.name}",
        "build",
        asdict(wanted),
        needed=bool(because),
        holds=[wanted.root, wanted.pkgdir],
        state=wanted.state_dir,
    )
    result.update(changed=False, job=name)
    if name and module.params["state"] == "built":
        job = _jobs.finish(name, state=wanted.state_dir)
        result.update(_jobs.outcome(job, state=wanted.state_dir))
    elif result["held"] and module.params["state"] == "built":
        raise BinhostError(result["held"])
    return result


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "root": {"type": "path", "required": True},
            "repositories": {"type": "dict", "required": True},
            "world": {"type": "dict", "required": True},
            "wishes": {"type": "dict", "default": {}},
            "variants": {"type": "list", "elements": "dict", "default": [], "options": VARIANT},
            "links": {"type": "dict", "default": {}},
            "compile": {"type": "str", "required": True},
            "cflags": {"type": "str", "required": True},
            "distdir": {"type": "path", "default": _mounts.DISTDIR},
            "restricted": {"type": "path"},
            "jobs": {"type": "int", "default": 1},
            "load_average": {"type": "float"},
            "depclean": {"type": "bool", "default": False},
            "publish": {"type": "str", "choices": [_target.COMPLETE, _target.PARTIAL], "default": _target.COMPLETE},
            "retry": {"type": "bool", "default": False},
            "build_on_slave": {"type": "list", "elements": "str", "default": []},
            "build_tmpfs": {"type": "str"},
            "build_on_disk": {"type": "list", "elements": "str", "default": []},
            "network": {"type": "str", "default": "none"},
            "base": {"type": "str", "default": ""},
            "proof": {"type": "str"},
            "cycles": {"type": "list", "elements": "dict", "default": [], "options": RECIPE},
            "stage": {"type": "dict", "default": {}},
            "state": {"type": "str", "choices": ["built", "started"], "default": "built"},
            "state_dir": {"type": "path", "default": STATE},
        },
        supports_check_mode=True,
    )
    try:
        result = converge(module)
    except (BinhostError, OSError) as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
