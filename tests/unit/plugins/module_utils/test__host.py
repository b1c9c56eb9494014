# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _host, _portage_query, _tree
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_installed_is_what_the_vdb_has_folders_for(tmp_path: Path) -> None:
    for name in ("sys-apps/which-2.21", "app-misc/hello-2.10-r1", "app-misc/-MERGING-tree-2.1", ".cache/x-1"):
        (tmp_path / "var/db/pkg" / name).mkdir(parents=True)
    assert _host.installed(str(tmp_path)) == ["app-misc/hello-2.10-r1", "sys-apps/which-2.21"]
    assert _host.installed(str(tmp_path / "nowhere")) == []


def test_the_configuration_is_the_same_before_and_after_adoption(tmp_path: Path) -> None:
    base = tmp_path / "etc/portage"
    write(base / "make.conf", "A=1\n")
    write(base / "package.use/mine", "a/b c\n")
    write(base / "package.use/mine~", "old\n")
    write(base / "package.use/01-target", "ours\n")
    before = _host.configuration(str(tmp_path), ours={"package.use/01-target"})
    assert before == {"make.conf/00-adopted": "A=1\n", "package.use/mine": "a/b c\n"}
    (base / "make.conf").rename(base / "adopted")
    (base / "make.conf").mkdir()
    (base / "adopted").rename(base / "make.conf/00-adopted")
    assert _host.configuration(str(tmp_path), ours={"package.use/01-target"}) == before


def test_a_configuration_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "etc/portage/make.conf"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"USE=\xff")
    expected = f"{path}: expected UTF-8 text, found invalid start byte at byte 4"
    with pytest.raises(BinhostError, match=f"^{re.escape(expected)}$"):
        _host.configuration(str(tmp_path), ours=())


def test_a_file_that_is_too_large_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "etc/portage/make.conf"
    write(path, "#" * (_host.LARGEST + 1))
    with pytest.raises(BinhostError, match="expected at most 262144 bytes of configuration, found 262145$"):
        _host.configuration(str(tmp_path), ours=())


def test_lines_leave_comments_out(tmp_path: Path) -> None:
    write(tmp_path / "world", "# mine\napp-misc/hello # why\n\n@set\n")
    assert _host.lines(str(tmp_path / "world")) == ["app-misc/hello", "@set"]
    assert _host.lines(str(tmp_path / "nowhere")) == []


@pytest.mark.parametrize(
    ("sign", "name"), [("run/systemd/system", "systemd"), ("run/openrc", "openrc"), ("run", "none")]
)
def test_service_manager(tmp_path: Path, sign: str, name: str) -> None:
    (tmp_path / sign).mkdir(parents=True)
    assert _host.service_manager(str(tmp_path)) == name


def test_portage_is_asked_through_the_first_python_that_has_it() -> None:
    answers = {
        "/a": (1, "", "Traceback\nModuleNotFoundError: No module named 'portage'\n"),
        "/b": (0, '{"chost": "x"}\n', ""),
    }
    assert _portage_query.ask(lambda args: answers[args[0]], ["/a", "/b"]) == {"chost": "x"}


def test_without_portage_each_pythons_last_words_are_told() -> None:
    def run(args: list[str]) -> tuple[int, str, str]:
        if args[0] == "/b":
            raise FileNotFoundError(2, "No such file or directory")
        return 1, "", "Traceback\nModuleNotFoundError: No module named 'portage'\n"

    expected = (
        "Portage: expected that one of /a, /b can import it, "
        "found /a: ModuleNotFoundError: No module named 'portage'; /b: No such file or directory"
    )
    with pytest.raises(BinhostError, match=f"^{re.escape(expected)}$"):
        _portage_query.ask(run, ["/a", "/b"])


def test_what_builds_read_is_carried_whole(tmp_path: Path) -> None:
    base = tmp_path / "etc/portage"
    texts = {
        "bashrc": "einfo\n",
        "env/no-lto.conf": "CFLAGS=-O2\n",
        "env/app-misc/hello": "post_src_install() { :; }\n",
        "package.env": "a/b no-lto.conf\n",
        "patches/a/b/1.patch": "--- a\r\n",
        "patches/a/b/README": "not read\n",
        "patches/a/b/.1.patch.swp": "x",
        "savedconfig/x11-wm/dwm-6.5": "#define\n",
        "sets/mine": "a/b\n",
        "mirrors": "gnu http://a\n",
        "repos.conf/mine.conf": "[mine]\n",
        "profile/package.provided": "a/b-1\n",
        "profile/bashrc/mine": "einfo\n",
        "binrepos.conf": "[x]\n",
    }
    for name, text in texts.items():
        write(base / name, text.replace("\r\n", "\n"))
    (base / "patches/a/b/1.patch").write_bytes(b"--- a\r\n")
    found = _host.configuration(str(tmp_path), ours=())
    renamed = {"package.env", "mirrors", "profile/package.provided"}
    left = {"patches/a/b/README", "patches/a/b/.1.patch.swp", "binrepos.conf"}
    assert found == {
        (f"{name}/00-adopted" if name in renamed else name): text for name, text in texts.items() if name not in left
    }


def test_a_patch_that_cannot_be_carried_is_told_and_left_out(tmp_path: Path) -> None:
    base = tmp_path / "etc/portage"
    write(base / "patches/a/b/1.patch", "fine\n")
    (base / "patches/a/b/2.patch").write_bytes(b"\xe9")
    (base / "patches/a/b/3.patch").write_bytes(b"GIT binary\0")
    write(base / "savedconfig/a/b", "#" * (_host.LARGEST + 1))
    assert list(_host.configuration(str(tmp_path), ours=())) == ["patches/a/b/1.patch"]
    assert _host.unread(str(tmp_path), ours=()) == {
        "patches/a/b/2.patch": "expected UTF-8 text, found unexpected end of data at byte 0",
        "patches/a/b/3.patch": "expected text, found a NUL character at 10",
        "savedconfig/a/b": "expected at most 262144 bytes of configuration, found 262145",
    }


def test_sets_of_the_world_are_opened_and_those_that_they_name(tmp_path: Path) -> None:
    write(tmp_path / "var/lib/portage/world", "a/world\n")
    write(tmp_path / "var/lib/portage/world_sets", "@binhost\n@mine\n@portages-own\n")
    write(tmp_path / "etc/portage/sets/mine", "a/mine\n@other\n")
    write(tmp_path / "etc/portage/sets/other", "a/other\n@mine\n")
    write(tmp_path / "etc/portage/sets/binhost", "a/ours\n")
    assert _host.world(str(tmp_path)) == ["a/mine", "a/other", "a/world"]


@pytest.mark.parametrize(
    ("text", "expected"), [("MemTotal:        2048 kB\nMemFree: 1 kB\n", 2**21), ("", 0), ("MemTotal: x\n", 0)]
)
def test_memory(text: str, expected: int) -> None:
    assert _host.memory_bytes(text) == expected


@pytest.mark.parametrize("name", ["hardware.conf", "'hardware.conf'", "../portage/hardware.conf"])
def test_what_a_make_conf_sources_comes_along_before_and_after_adoption(name: str, tmp_path: Path) -> None:
    base = tmp_path / "etc/portage"
    write(base / "make.conf", f"A=1\nsource {name}\nsource /etc/make.local\n")
    write(base / "hardware.conf", "source more/own.conf\nsource ${WHERE}/x\nsource gone\n")
    write(base / "more/own.conf", "B=1\nsource ../hardware.conf\n")
    write(base / "more/not-sourced.conf", "C=1\n")
    ours = {"make.conf/01-target.conf"}
    expected = {
        "make.conf/00-adopted": _host.SOURCES_IT,
        "make.conf.adopted": (base / "make.conf").read_text(),
        "hardware.conf": (base / "hardware.conf").read_text(),
        "more/own.conf": (base / "more/own.conf").read_text(),
    }
    why = "expected a file below /etc/portage, of a name that Portage reads"
    unread = {
        "/etc/make.local": f"make.conf.adopted sources it: {why}",
        "${WHERE}/x": f"hardware.conf sources it: {why}",
    }
    facts = [(_host.configuration(str(tmp_path), ours=ours), _host.unread(str(tmp_path), ours=ours))]
    intent = _tree.intent(str(tmp_path), "o", files={"make.conf/01-target.conf": ""}, links={}, world_set=None)
    _tree.carry_out(str(tmp_path), intent)
    assert (base / "make.conf").is_dir()
    facts.append((_host.configuration(str(tmp_path), ours=ours), _host.unread(str(tmp_path), ours=ours)))
    assert facts == [(expected, unread)] * 2


def test_license_groups_stay_a_file(tmp_path: Path) -> None:
    write(tmp_path / "etc/portage/license_groups", "MINE x\n")
    assert _host.configuration(str(tmp_path), ours=()) == {"license_groups": "MINE x\n"}
