# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ast
import io
import os
import subprocess
import sys
import typing as t
import zipfile
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _jobs, _program
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

PACKAGE = "ansible_collections/larry/binhost/plugins/module_utils"


def test_the_same_files_make_the_same_bytes(tmp_path: Path) -> None:
    first = _program.content()
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path)
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert names == sorted(names)
    assert {f"{PACKAGE}/{name}.py" for name in ("_cli", "_kinds", "_build", "_publication", "_stage")} <= set(names)
    assert f"{PACKAGE}/_teardown.py" not in names
    # Made once more by another process, out of a zip archive, as a module is run.
    (tmp_path / PACKAGE / "_program.py").write_text(Path(_program.__file__).read_text())
    (tmp_path / PACKAGE / "_stranger.py").write_text("")
    payload = tmp_path / "payload.zip"
    with zipfile.ZipFile(payload, "w") as archive:
        for path in sorted(tmp_path.glob("ansible_collections/**/*.py")):
            archive.write(path, path.relative_to(tmp_path))
    script = (
        f"import sys; sys.path.insert(0, {str(payload)!r})\n"
        "from ansible_collections.larry.binhost.plugins.module_utils import _program\n"
        "sys.stdout.buffer.write(_program.content())"
    )
    again = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, check=True)
    assert again.stdout == first


def test_it_is_replaced_when_it_is_another(tmp_path: Path) -> None:
    place, state = tmp_path / "state/larry-binhost.pyz", str(tmp_path / "state")
    assert _program.present(str(place), state=state)
    before = place.stat()
    assert not _program.present(str(place), state=state)
    assert (place.stat().st_ino, place.stat().st_mode & 0o777) == (before.st_ino, 0o755)
    os.link(place, tmp_path / "running")
    wanted = place.read_bytes()
    place.write_bytes(b"an older one")
    assert _program.present(str(place), state=state)
    assert (place.read_bytes(), (tmp_path / "running").read_bytes()) == (wanted, b"an older one")


def test_an_older_one_that_still_waits_brings_nothing_back(tmp_path: Path) -> None:
    place, state = tmp_path / _program.NAME, str(tmp_path)
    _program.present(str(place), state=state)
    script = (
        f"import os, sys; sys.path.insert(0, {str(place)!r})\n"
        "from ansible_collections.larry.binhost.plugins.module_utils import _jobs, _program\n"
        f"open({str(tmp_path / 'new')!r}, 'w').write('another'); os.rename({str(tmp_path / 'new')!r}, {str(place)!r})\n"
        "_jobs.start = lambda *_args, program, **_named: program\n"
        f"print(_program.start('x', 'command', {{}}, state={state!r}))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (f"{place}\n", "")
    assert place.read_text() == "another"


def test_one_that_is_replaced_meanwhile_reads_on_from_its_own(tmp_path: Path) -> None:
    place, state = tmp_path / _program.NAME, str(tmp_path)
    _program.present(str(place), state=state)
    swapped = (
        f"import os; open({str(tmp_path / 'new')!r}, 'w').write('another');"
        f" os.rename({str(tmp_path / 'new')!r}, {str(place)!r})\n"
        "from ansible_collections.larry.binhost.plugins.module_utils import _program\n"
        f"print(_program._is_this({str(place)!r}), _program._is_this({str(tmp_path / 'other')!r}))\n"
    )
    with zipfile.ZipFile(place) as archive:
        texts = {name: archive.read(name) for name in archive.namelist()}
    start = texts["__main__.py"].decode()
    assert "import main\n" in start
    texts["__main__.py"] = start.replace("from ", f"{swapped}from ", 1).encode()
    (tmp_path / "other").write_text("")
    with zipfile.ZipFile(place, "w") as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
    done = subprocess.run([sys.executable, "-I", str(place), "--help"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("True False\nusage:")
    assert place.read_text() == "another"


def test_it_brings_what_python_makes_of_it(tmp_path: Path) -> None:
    place, state = tmp_path / _program.NAME, str(tmp_path)
    _program.present(str(place), state=state)
    words = "from ansible_collections.larry.binhost.plugins.module_utils import _cli as it; print(it.__cached__)"
    show = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(place)!r}); {words}"]
    shown = subprocess.run(show, capture_output=True, text=True, check=True)
    assert shown.stdout == f"{place}/{PACKAGE}/_cli.pyc\n"
    good = place.read_bytes()
    for damage in (good[:5000] + b"x" + good[5001:], good[:-1], b""):
        place.write_bytes(damage)
        assert _program.present(str(place), state=state)
        assert place.read_bytes() == good


def test_what_it_needs_is_what_python_would_import() -> None:
    def needs(text: str) -> t.Iterator[str]:
        package = _program.__name__.rpartition(".")[0]
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module == package:
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{package}."):
                yield str(node.module).rpartition(".")[2]

    for path in Path(_program.__file__).parent.glob("*.py"):
        text = path.read_text()
        assert set(_program._needs(text)) == set(needs(text)), path


def test_it_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BinhostError, match=r"/file/x\.pyz: expected to write it, found: File exists$"):
        _program.present(str(tmp_path / "file/x.pyz"), state=str(tmp_path / "state"))


def run(state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the program as a person does, with the system's Python and nothing else."""
    command = ["/usr/bin/python3", "-I", str(state / _program.NAME), "--state", str(state), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})


def test_it_runs_without_ansible(tmp_path: Path) -> None:
    _program.present(_program.path(str(tmp_path)), state=str(tmp_path))
    assert run(tmp_path).returncode == 2
    assert run(tmp_path, "job", "list").stdout == ""
    started = run(tmp_path, "job", "start", "one", "--", "sh", "-c", "echo hello; sleep 0.3; echo bye")
    assert (started.returncode, started.stdout.split()[:3]) == (0, ["one", "running", "since"]), started.stderr
    watched = run(tmp_path, "job", "attach", "one")
    assert (watched.returncode, watched.stdout) == (0, "hello\nbye\n")
    assert watched.stderr.startswith("one  finished  20")
    assert run(tmp_path, "job", "list").stdout == watched.stderr
    run(tmp_path, "job", "start", "two", "--", "sleep", "60")
    assert run(tmp_path, "job", "attach", "two", "--seconds", "0.1").returncode == 0
    assert run(tmp_path, "job", "clean", "two").stderr == "job two: expected it to be over, found it at work\n"
    assert run(tmp_path, "job", "cancel", "two").stdout.split()[1] == "cancelled"
    assert (run(tmp_path, "job", "attach", "two").returncode, run(tmp_path, "job", "clean", "two").returncode) == (1, 0)
    assert run(tmp_path, "job", "attach", "x").stderr == "job x: expected one of one, found none\n"


def test_run_returns_the_result_or_raises(tmp_path: Path) -> None:
    state = str(tmp_path)
    assert _program.run("one", "command", {"argv": ["true"]}, state=state) == {"changed": True, "status": 0}
    with pytest.raises(BinhostError, match=r"^false: expected status 0, found 1$"):
        _program.run("one", "command", {"argv": ["false"]}, state=state)


def test_what_has_to_be_waited_for(tmp_path: Path) -> None:
    state, parameters = str(tmp_path), {"argv": ["sh", "-c", f"until test -e '{tmp_path}/go'; do sleep 0.05; done"]}

    def begin(*, needed: bool, other: str = "") -> str:
        asked = {"argv": [*parameters["argv"], *other]}
        return _program.begin("one", "command", asked, needed=needed, state=state)

    assert begin(needed=False) == ""
    assert begin(needed=True) == "one"
    assert begin(needed=False) == "one"
    with pytest.raises(BinhostError, match="found it at work on an earlier request"):
        begin(needed=False, other="x")
    (tmp_path / "go").touch()
    done = _jobs.finish("one", state=state)
    # Nobody has been told of it yet.
    assert (begin(needed=False), begin(needed=False, other="x")) == ("one", "")
    _jobs.outcome(done, state=state)
    assert begin(needed=False) == ""
