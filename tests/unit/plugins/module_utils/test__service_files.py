# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and their services, with a service manager that is a table in memory."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _exports, _files, _service_files, _tree_apply
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._services import SYSTEMD, Manager, Service


class Machine:
    """A systemd that remembers, and a checker that refuses "bad"."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.conf = folder / "etc/web.conf"
        self.unit = folder / "etc/web.unit"
        self.running: set[str] = set()
        self.enabled: set[str] = set()
        self.log: list[str] = []
        self.deaf = False  # so that it can be told nothing
        # The real definition, with our folder in place of /etc/systemd/system.
        pattern = re.compile(re.escape(str(folder / "etc")) + r"/([^/]+)\.unit\Z")
        self.manager: Manager = replace(SYSTEMD, definition=pattern)

    def run(self, args: t.Sequence[str]) -> tuple[int, str, str]:
        """Be systemctl and the checker."""
        if args[0] == "check":
            self.log.append(f"check {Path(args[1]).name}")
            return (1, "", f"{args[1]}: bad word\n") if "bad" in Path(args[1]).read_text() else (0, "", "")
        if args[0] == "tell":
            self.log.append(" ".join(args))
            return (1, "", "can't\n") if self.deaf else (0, "", "")
        verb, names = args[1], [word.removesuffix(".service") for word in args[2:]]
        if verb == "show":
            return 0, "\n".join(self._shown(name) for name in names if not name.startswith("--")), ""
        self.log.append(" ".join([verb, *names]))
        for name in names:
            self._obey(verb, name)
        return 0, "", ""

    def _shown(self, name: str) -> str:
        active = "active" if name in self.running else "inactive"
        return f"ActiveState={active}\nUnitFileState={'enabled' if name in self.enabled else 'disabled'}\n"

    def _obey(self, verb: str, name: str) -> None:
        {"start": self.running.add, "enable": self.enabled.add}.get(verb, lambda name: None)(name)
        {"stop": self.running.discard, "disable": self.enabled.discard}.get(verb, lambda name: None)(name)

    def wish(self, conf: str = "good\n", **rest: t.Any) -> _service_files.Wish:
        """Return the usual declaration with this text in web.conf."""
        files: Mapping[str, t.Any] = {
            str(self.conf): {"content": conf},
            str(self.unit): {"content": "u\n", "mode": "0600"},
        }
        service = Service("web", reload_on=(str(self.conf),), restart_on=(str(self.unit),))
        given = {"checks": [["check", str(self.conf)]], "services": [service], **rest}
        return _service_files.Wish("o", _service_files.wanted(given.pop("files", files)), **given)

    def intent(self, wish: _service_files.Wish) -> _service_files.Intent:
        """Return what would be done, the manager being found by name in all that follows."""
        return _service_files.intent(self.run, wish, state=str(self.folder / "state"), manager=self.manager)

    def converge(self, wish: _service_files.Wish) -> list[str]:
        """Make it so, see that nothing is left to do, and return what was run."""
        self.log.clear()
        _service_files.carry_out(self.run, wish, self.intent(wish), state=str(self.folder / "state"))
        log = list(self.log)
        left = self.intent(wish)
        assert (left.paths, left.steps, left.commands, left.record) == ([], [], [], left.known)
        assert not list(self.folder.rglob(".*"))
        return log


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    # states() knows systemd by identity.
    monkeypatch.setattr("ansible_collections.larry.binhost.plugins.module_utils._services.SYSTEMD", made.manager)
    return made


def test_first_run(machine: Machine) -> None:
    wish = machine.wish(directories=[str(machine.folder / "srv/files")])
    intent = machine.intent(wish)
    assert intent.paths == [str(machine.folder / "srv/files"), str(machine.conf), str(machine.unit)]
    assert [diff["after"] for diff in _service_files.as_diff(intent)] == [
        "a directory\n",
        "good\n",
        "u\n",
        "running, enabled\n",
    ]
    assert machine.converge(wish) == ["check .web.conf.new", "daemon-reload", "enable web", "start web"]
    assert machine.unit.stat().st_mode & 0o7777 == 0o600
    assert (machine.folder / "srv/files").stat().st_mode & 0o7777 == 0o755


def test_changes(machine: Machine) -> None:
    machine.converge(machine.wish())
    assert machine.converge(machine.wish()) == []
    assert machine.converge(machine.wish("better\n")) == ["check .web.conf.new", "reload-or-restart web"]
    machine.unit.write_text("edited")
    assert machine.converge(machine.wish("better\n")) == ["check web.conf", "daemon-reload", "restart web"]
    machine.unit.chmod(0o644)
    assert machine.converge(machine.wish("better\n")) == ["check web.conf", "daemon-reload", "restart web"]
    machine.running.clear()
    assert machine.converge(machine.wish("better\n")) == ["start web"]
    machine.enabled.clear()
    assert machine.converge(machine.wish("better\n")) == ["enable web"]


def test_failed_check(machine: Machine) -> None:
    machine.converge(machine.wish())
    wish = machine.wish("bad\n")
    machine.log.clear()
    told = f"check {machine.conf}: expected it to accept the new files, found status 1:\n"
    told += f"{machine.folder}/etc/.web.conf.new: bad word"
    with pytest.raises(BinhostError, match=f"^{re.escape(told)}$"):
        _service_files.carry_out(machine.run, wish, machine.intent(wish), state=str(machine.folder / "state"))
    assert (machine.conf.read_text(), machine.log) == ("good\n", ["check .web.conf.new"])
    assert not list(machine.folder.rglob(".*"))
    assert machine.converge(machine.wish()) == []


def test_no_longer_declared(machine: Machine) -> None:
    machine.converge(machine.wish())
    (machine.folder / "etc/mine.conf").write_text("")
    wish = machine.wish(files={}, services=[], checks=[])
    diff = _service_files.as_diff(machine.intent(wish))
    assert (diff[-1]["before"], diff[-1]["after"]) == ("running, enabled\n", "stopped, disabled\n")
    assert machine.converge(wish) == ["stop web", "disable web", "daemon-reload"]
    assert [path.name for path in (machine.folder / "etc").iterdir()] == ["mine.conf"]
    assert (machine.running, machine.enabled) == (set(), set())


def test_killed_between_file_and_service(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.converge(machine.wish())

    def die(root: str, changes: t.Any) -> None:
        _files.write(str(machine.conf), "better\n")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_tree_apply, "apply", die)
        with pytest.raises(KeyboardInterrupt):
            machine.converge(machine.wish("better\n"))
    assert machine.converge(machine.wish("better\n")) == ["reload-or-restart web"]


def test_commands_follow_the_files_they_wait_for(machine: Machine) -> None:
    command = _service_files.Command(("tell", "a b"), (str(machine.conf),))
    wish = machine.wish(commands=[command])
    assert _service_files.as_diff(machine.intent(wish))[-1]["after_header"] == "tell 'a b'"
    assert machine.converge(wish)[-2:] == ["start web", "tell a b"]
    machine.unit.unlink()
    assert "tell a b" not in machine.converge(wish)
    machine.deaf = True
    with pytest.raises(BinhostError, match="^tell a b: expected it to succeed, found status 1:\ncan't$"):
        machine.converge(machine.wish("better\n", commands=[command]))
    machine.deaf = False
    assert machine.converge(machine.wish("better\n", commands=[command])) == ["reload-or-restart web", "tell a b"]
    assert machine.converge(machine.wish("better\n", commands=[command])) == []
    gone = machine.wish(files={}, services=[], checks=[], commands=[command])
    assert machine.converge(gone)[-1] == "tell a b"


def test_nothing_is_exported_to_everybody(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_exports, "files", lambda: {"/etc/exports": "/home *(rw)\n"})
    path = "/etc/exports.d/fleet.exports"
    for text, words in (
        ("/srv *(ro)\n", "/srv: expected the fleet's own networks, found *: everybody's"),
        ("/home 10.0.0.1(ro)\n", "/home: expected nobody else to export it, found it in /etc/exports"),
    ):
        with pytest.raises(BinhostError, match=f"^{re.escape(f'{path}: {words}')}$"):
            machine.intent(machine.wish(files={path: {"content": text}}, services=[], checks=[]))


def test_two_owners(machine: Machine) -> None:
    machine.converge(machine.wish())
    with pytest.raises(BinhostError, match="web.conf: expected to own it, found it declared by another owner, o$"):
        machine.intent(replace(machine.wish(), owner="p"))
    files = {str(machine.folder / "etc/other"): {"content": ""}}
    machine.converge(replace(machine.wish(files=files, services=[], checks=[]), owner="p"))
    assert machine.conf.exists()


def test_no_manager(machine: Machine) -> None:
    with pytest.raises(BinhostError, match="^services web: expected systemd or OpenRC to run here, found neither$"):
        _service_files.intent(machine.run, machine.wish(), state=str(machine.folder), manager=None)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"etc/x": {"content": ""}}, "files: expected an absolute path without '..', found 'etc/x'"),
        ({"/etc/../x": {"content": ""}}, "files: expected an absolute path without '..', found '/etc/../x'"),
        ({"/x": "text"}, "files, /x: expected content (text) and mode, found 'text'"),
        ({"/x": {"content": "", "owner": "me"}}, "files, /x: expected content (text) and mode, found {"),
        ({"/x": {"content": "", "mode": 420}}, "files, /x: expected a mode as '0644', found 420"),
        ({"/x": {"content": "", "mode": "u+x"}}, "files, /x: expected a mode as '0644', found 'u+x'"),
    ],
)
def test_refused(files: Mapping[str, t.Any], message: str) -> None:
    with pytest.raises(BinhostError, match=f"^{re.escape(message)}"):
        _service_files.wanted(files)


def test_in_the_way(machine: Machine) -> None:
    machine.conf.mkdir(parents=True)
    with pytest.raises(BinhostError, match="web.conf: expected a file, found an empty directory$"):
        machine.intent(machine.wish())
    with pytest.raises(BinhostError, match="expected a directory, found something else$"):
        machine.unit.write_text("")
        machine.intent(machine.wish(files={}, directories=[str(machine.unit)]))


def test_instead() -> None:
    drafts = {"/etc/a": "/etc/.a.new", "/etc/a.d/b": "/etc/a.d/.b.new"}
    words = ["nginx", "-c", "/etc/a", "-g", "include /etc/a.d/b;", "--x=/etc/a", "/etc/a.conf", "/etc/ab"]
    assert _service_files.instead(words, drafts) == [
        *["nginx", "-c", "/etc/.a.new", "-g", "include /etc/a.d/.b.new;", "--x=/etc/.a.new", "/etc/a.conf", "/etc/ab"]
    ]
    assert _service_files.instead(words, {}) == words
