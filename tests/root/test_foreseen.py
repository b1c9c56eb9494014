# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In check mode emerge sees the configuration as it will be, and nothing of the machine changes."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import _mounts, _rootrun

from tests.root.build_root import BuildRoot, finished

CHECKOUT: t.Final = Path(__file__).parents[2]
#: What the emerge module does in check mode, run where the configuration is.
PROGRAM: t.Final = """
import json, os, subprocess, sys, tempfile
from ansible_collections.larry.binhost.plugins.module_utils import _tree, _world
declared, atoms = json.loads(sys.argv[1])
def run(args, environ_update):
    done = subprocess.run(args, capture_output=True, text=True, env={**os.environ, **environ_update})
    return done.returncode, done.stdout, done.stderr
usual = {"files": {}, "links": {}, "modes": {}, "owner": "o", "world_variable": "w"}
changes = _tree.asked("/", {**usual, **declared}).changes
options = {"update": True, "deep": True, "newuse": True, "usepkg": True}
with tempfile.TemporaryDirectory(dir="/run") as place:
    merges = _world.foreseen(run, atoms, options, changes, place + "/configroot")
print(json.dumps([[merge.cpv, merge.rest] for merge in merges]))
"""
TREES: t.Final = ("etc", "var/lib", "var/cache/edb", "var/db/pkg", "var/tmp")


def foreseen(root: BuildRoot, *atoms: str, **declared: t.Any) -> dict[str, str]:
    """Return what emerge would merge, and how, with what is declared."""
    mounts = [*root.mounts(), _mounts.Mount("/mnt/binhost", "bind", str(CHECKOUT), ("ro",))]
    command = ["/usr/bin/python3", "-B", "-c", PROGRAM, json.dumps([{"world": None, **declared}, atoms])]
    environment = {"PYTHONPATH": "/mnt/binhost/collections"}
    done = finished(_rootrun.argv(str(root.path), mounts, command, environment))
    return dict(json.loads(done.stdout))


def everything(root: Path) -> dict[str, t.Any]:
    """Return all that a run could have changed."""
    return {
        str(path): path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
        for tree in TREES
        for path in (root / tree).rglob("*")
    }


def test_emerge_sees_what_is_not_in_place_yet(build_root: BuildRoot) -> None:
    build_root.emerge("--pretend", "app-misc/hello")  # makes Portage's own caches
    before = everything(build_root.path)
    use = {"files": {"package.use/02-host": "app-misc/hello -nls\n"}}
    assert '"-nls' in foreseen(build_root, "app-misc/hello", **use)["app-misc/hello-2.10"]
    use = {"files": {"package.use/02-host": "app-misc/hello nls\n"}}
    assert '"nls' in foreseen(build_root, "app-misc/hello", **use)["app-misc/hello-2.10"]
    conf = {"files": {"make.conf/01-target.conf": 'USE="${USE} -nls"\n'}}
    assert '"-nls' in foreseen(build_root, "app-misc/hello", **conf)["app-misc/hello-2.10"]
    assert "app-misc/hello-2.10" in foreseen(build_root, "@world", world=["app-misc/hello"])
    assert "app-misc/hello-2.10" not in foreseen(build_root, "@world")
    assert everything(build_root.path) == before
