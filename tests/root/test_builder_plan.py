# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules of a run leave behind is what larry-binhost.pyz builds and publishes later, by itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import _program, _stage

from tests.root import builder
from tests.root.managed import CHECKOUT, MAIN, answer
from tests.root.master import CONFIG, LINKS, Master
from tests.root.planted import FILE, NAME

#: Has nothing of the environment of who began it; the other has time to come.
QUIET: t.Final = """\
IUSE="seen"
src_install() {
    [[ -z ${PLANTED} ]] || die "what the caller has in its environment is seen"
    use seen && die "it says what is built"
    sleep 3
}
"""


def module(master: Master, which: str, /, **options: t.Any) -> dict[str, t.Any]:
    """Return what a module of ours returned on this machine, whose state is the master's folder."""
    told = json.dumps({**options, "state_dir": str(master.folder)})
    pipe: t.Any = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "collections")}
    run = subprocess.Popen([sys.executable, "-B", "-c", MAIN, which, told], env=environment, text=True, **pipe)
    result = answer(run)
    assert "msg" not in result, result
    return result


def run_once(master: Master) -> None:
    """Do what a run of the playbook does for one target."""
    root, places = str(master.root("laptops")), {NAME: str(master.repository)}
    stage = master.folder / "stage3.tar"
    stage.touch()
    record = Path(root, _stage.RECORD)
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text('{"file": "stage3.tar", "sha512": "0", "time": ""}')
    module(master, "stage", root=root, source=str(stage), verify=False)
    module(master, "portage_config", root=root, files=dict(CONFIG), links=dict(LINKS), repositories=places)
    how = {"cflags": "-O2", "compile": "v1", "links": dict(LINKS), "proof": "x/plain", "root": root}
    how["distdir"] = str(master.folder / "distfiles")
    built = module(master, "target_packages", name="laptops", repositories=places, world={"x/one": ["amd"]}, **how)
    assert set(built["built"]) >= {"x/one-1", "x/plain-1"}
    more = {"distdir": how["distdir"], "repositories": built["snapshots"]}
    assert module(master, "generation", target="laptops", sign=False, **more)["number"] == 1
    assert module(master, "builder", targets=["laptops"])["changed"]


def begin(master: Master) -> subprocess.Popen[str]:
    """Do what a timer does."""
    program = _program.path(str(master.folder))
    command = [program, "--state", str(master.folder), "build", "--no-wait"]
    pipe: t.Any = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(
        command, text=True, cwd="/", env={"PATH": "/usr/bin:/bin", "PLANTED": "seen", "USE": "seen"}, **pipe
    )


def test_two_timers_at_once_do_what_a_run_left(master: Master) -> None:
    master.plant({"x/one-1": FILE})
    run_once(master)
    quiet = begin(master)
    assert (quiet.communicate()[0], quiet.returncode) == ("laptops: unchanged generation 1\n", 0)

    master.plant({"x/one-2": QUIET})
    said = sorted(each.communicate()[0] for each in [begin(master), begin(master)])
    assert said[0] == "laptops: published generation 2\n"
    assert said[1].startswith("nothing to do here: ") and "which builds what the last plan says" in said[1]
    assert builder.published(master) == {"x/one-1", "x/one-2", "x/plain-1"}
    built = master.folder / "pkgdir/laptops/x/one"
    assert sorted(each.name for each in built.iterdir()) == ["one-1-1.gpkg.tar", "one-2-1.gpkg.tar"]

    # A plan that another version left is said to be one.
    path = master.folder / "builder/laptops/build.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "fancy": True}))
    old = begin(master)
    assert old.communicate()[0].startswith("laptops: failed\nthe last plan: expected what this larry-binhost.pyz asks")
    assert old.returncode == 1
