# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In check mode emerge sees the configuration as it will be, and nothing of the machine changes."""

from __future__ import annotations

import json
import os
import sys
import typing as t
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import _mounts, _rootrun, _tree

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
    merges = _world.ask_with(run, atoms, options, changes, place + "/configroot").merges
print(json.dumps([[merge.cpv, merge.rest] for merge in merges]))
"""
#: What it does there about packages that nothing asks for.
CLEAN: t.Final = """
import json, subprocess, sys, tempfile
from ansible_collections.larry.binhost.plugins.module_utils import _depclean, _tree, _tree_stage
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
def run(args):
    done = subprocess.run(args, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr
usual = {"files": {}, "links": {}, "modes": {}, "owner": "o", "world_variable": "w"}
with tempfile.TemporaryDirectory(dir="/run") as place:
    changes = _tree.asked("/", {**usual, "world": json.loads(sys.argv[1])}).changes
    try:
        if not _tree_stage.joins_world(changes):
            _tree_stage.assemble("/", place + "/configroot", changes, seen="/")
        print(json.dumps(_depclean.foreseen(run, "n", changes, place + "/configroot")))
    except BinhostError as exc:
        print(json.dumps(str(exc)))
"""
#: What portage_config does on a machine itself.
CHECK: t.Final = """
import json, subprocess, sys, tempfile
from ansible_collections.larry.binhost.plugins.module_utils import _config_check, _tree
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
def run(args):
    done = subprocess.run(args, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr
intent = _tree.intent("/", "o", files=json.loads(sys.argv[1]), links={}, world_set=None)
with tempfile.TemporaryDirectory(dir="/run") as place:
    try:
        print(_config_check.check(run, "/", intent.changes, place=place + "/configroot", repositories={}))
    except BinhostError as exc:
        print(exc)
"""
#: What a full disk does to a root of its own.
FULL: t.Final = """
import pathlib, sys
from ansible_collections.larry.binhost.plugins.module_utils import _tree
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
root = pathlib.Path(sys.argv[1])
def configure(files):
    _tree.carry_out(str(root), _tree.intent(str(root), "o", files=files, links={}, world_set=None))
def everything():
    return {path: path.read_bytes() if path.is_file() else None for path in root.rglob("*")}
(root / "etc/portage").mkdir(parents=True)
(root / "etc/portage/make.conf").write_text("USE=x")
configure({"package.use/01-a": "a/b c\\n"})
before = everything()
wanted = {"make.conf/01-a": "USE=y\\n", "package.use/01-a": "a/b d\\n", "zz": "x" * 300000}
try:
    configure(wanted)
except BinhostError as exc:
    print(exc)
assert everything() == before
configure({**wanted, "zz": "x"})
assert (root / "etc/portage/make.conf/00-adopted").read_text() == "USE=x"
"""
TREES: t.Final = ("etc", "var/lib", "var/cache/edb", "var/db/pkg", "var/tmp")


def inside(root: BuildRoot, program: str, *words: str) -> str:
    """Run a program with our own code where the configuration is, and return what it prints."""
    mounts = [*root.mounts(), _mounts.Mount("/mnt/binhost", "bind", str(CHECKOUT), ("ro",))]
    command = ["/usr/bin/python3", "-B", "-c", program, *words]
    environment = {"PYTHONPATH": "/mnt/binhost/collections"}
    return finished(_rootrun.argv(str(root.path), mounts, command, environment)).stdout


def foreseen(root: BuildRoot, *atoms: str, **declared: t.Any) -> dict[str, str]:
    """Return what emerge would merge, and how, with what is declared."""
    return dict(json.loads(inside(root, PROGRAM, json.dumps([{"world": None, **declared}, atoms]))))


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
    # The same machine's own Portage reads what is declared for it.
    told = inside(build_root, CHECK, json.dumps({"package.use/02-host": "app-misc/hello -nls\n"}))
    assert told == "Verdict(read_by='3.0.83', warnings=[])\n"
    told = inside(build_root, CHECK, json.dumps({"package.use/02-host": ">=hello nls\n"}))
    assert "--- Invalid atom in /etc/portage/package.use/02-host: >=hello (etc/portage/package.use/02-host)" in told
    assert everything(build_root.path) == before


def test_what_nothing_will_ask_for_is_foreseen(build_root: BuildRoot) -> None:
    def clean(*world: str) -> t.Any:
        return json.loads(inside(build_root, CLEAN, json.dumps(world)))

    build_root.emerge("--oneshot", "app-misc/hello")
    assert "unknown before @binhost is part of the world" in clean("app-misc/hello")
    options = {**_tree_options(), "world": ["app-misc/hello"]}
    _tree.carry_out(str(build_root.path), _tree.asked(str(build_root.path), options))
    before = everything(build_root.path)
    assert "app-misc/hello-2.10" not in clean("app-misc/hello")
    assert "app-misc/hello-2.10" in clean()
    assert everything(build_root.path) == before


def _tree_options() -> dict[str, t.Any]:
    return {"files": {}, "links": {}, "modes": {}, "owner": "o", "world_variable": "w"}


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    script = 'mount -t tmpfs -o size=128k none "$1" && exec "$2" -B -c "$3" "$1"'
    words = ["unshare", "--mount", "sh", "-c", script, "sh", str(tmp_path), sys.executable, FULL]
    done = finished(words, env={**os.environ, "PYTHONPATH": str(CHECKOUT / "collections")})
    assert done.stdout == (
        f"{tmp_path}/etc/portage/zz: expected to change it, found: No space left on device; nothing was changed\n"
    )
