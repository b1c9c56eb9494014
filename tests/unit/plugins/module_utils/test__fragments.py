# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fragments: by hand-verified text, and by Portage's own readers where they can be imported."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _fragments
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

H = "# h\n"

# What a person may write, and how it must stand in the file; the right side was read back by Portage 3.0.83.
TEXTS = [
    ("-O2 -pipe", "-O2 -pipe"),
    ("", ""),
    ("$HOME ${FEATURES}", r"\$HOME \${FEATURES}"),
    ('say "hi"', r"say \"hi\""),
    ("it's $x", "it's $x"),
    ("it's '$x", r"it's '\$x"),
    (r"a\b", r"a\\\b"),
    ("end\\", r"end\\\\"),
    (r"\$x", r"\\\\\$x"),
    (r"\"x", r"\\\\\"x"),
    ('"it\'s" $x', r"\"it's\" \$x"),
    ("# no comment", "# no comment"),
    ("tab\there é", "tab\there é"),
    ("a=`b`; c", "a=`b`; c"),
]


@pytest.mark.parametrize(("text", "written"), TEXTS)
def test_plain(text: str, written: str) -> None:
    assert _fragments.make_conf({"X": text}, header=H) == f'# h\nX="{written}"\n'


def test_make_conf() -> None:
    variables: Mapping[str, str | list[str]] = {
        "USE": ["wayland", "-X"],
        "MAKEOPTS": "-j4",
        "FEATURES": "buildpkg  -news",
        "VIDEO_CARDS": ["intel", "iris"],
        "ACCEPT_KEYWORDS": [],
    }
    assert _fragments.make_conf(variables, header=H) == (
        "# h\n"
        'ACCEPT_KEYWORDS="${ACCEPT_KEYWORDS}"\n'
        'FEATURES="${FEATURES} buildpkg -news"\n'
        'MAKEOPTS="-j4"\n'
        'USE="${USE} wayland -X"\n'
        'VIDEO_CARDS="intel iris"\n'
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("CFLAGS", "-O2\n-pipe", "make.conf, CFLAGS: expected one line, found a line break in '-O2\\n-pipe'"),
        ("CFLAGS", "-O2\r", "make.conf, CFLAGS: expected one line, found a carriage return in '-O2\\r'"),
        ("CFLAGS", "\0", "make.conf, CFLAGS: expected one line, found a NUL character in '\\x00'"),
        (
            "CFLAGS",
            "\udcff",
            "make.conf, CFLAGS: expected text that UTF-8 can hold, found '\\udcff' (surrogates not allowed)",
        ),
        ("MAKEOPTS", 4, "MAKEOPTS: expected text or a list of texts, found 4"),
        ("USE", ["a", True], "USE: expected text, found True; write it in quotes"),
        ("1X", "", "make.conf: expected a variable's name, found '1X'"),
        ("A-B", "", "make.conf: expected a variable's name, found 'A-B'"),
        ("source", "", "make.conf: expected a variable's name, found 'source'"),
    ],
)
def test_refused(name: str, value: str, message: str) -> None:
    with pytest.raises(BinhostError, match=f"^{re.escape(message)}$"):
        _fragments.make_conf({name: value}, header=H)


def test_header() -> None:
    assert _fragments.header("The target znver2.", "binhost_targets.znver2.use") == (
        "# The target znver2.\n"
        "# Written by larry.binhost from the inventory; change binhost_targets.znver2.use there.\n"
        "# Changes made here are undone.\n"
    )


def test_package_use() -> None:
    entries = {"*/*": ["-X", "CPU_FLAGS_X86:", "-*", "avx2"], "app-misc/hello": ["nls"], "a/b": []}
    assert _fragments.package_use(entries, header=H) == "# h\n*/* -X CPU_FLAGS_X86: -* avx2\napp-misc/hello nls\n"
    with pytest.raises(BinhostError, match=re.escape("package.use, a/b: expected a USE flag, found '+x'")):
        _fragments.package_use({"a/b": ["+x"]}, header=H)


def test_package_lines() -> None:
    assert _fragments.package_lines({"a/b": ["~amd64"], "c/d": []}, header=H) == "# h\na/b ~amd64\nc/d\n"
    assert _fragments.package_lines([">=a/b-2", "c/d"], header=H) == "# h\n>=a/b-2\nc/d\n"
    with pytest.raises(BinhostError, match="a/b: expected a word, found '#x', which begins a comment"):
        _fragments.package_lines({"a/b": ["#x"]}, header=H)


def test_package_set() -> None:
    assert _fragments.package_set(["c/d", "@mine", "a/b", "a/b"], header=H) == "# h\n@mine\na/b\nc/d\n"
    with pytest.raises(BinhostError, match="'hello' is no package atom: expected category/name"):
        _fragments.package_set(["hello"], header=H)


def test_ini() -> None:
    sections = {"DEFAULT": {"main-repo": "lab"}, "lab": {"location": "/var/a%b", "auto-sync": "no", "x": ""}}
    assert _fragments.ini(sections, header=H) == (
        "# h\n\n[DEFAULT]\nmain-repo = lab\n\n[lab]\nlocation = /var/a%%b\nauto-sync = no\nx =\n"
    )


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("a]b", "x", "", "expected the name of a section, found 'a]b'"),
        ("a", "X", "", "[a]: expected an option in lower case, found 'X'"),
        ("a", "x", "1\n2", "[a], x: expected one line of text without spaces around it, found '1\\n2'"),
        ("a", "x", " 1", "[a], x: expected one line of text without spaces around it, found ' 1'"),
    ],
)
def test_ini_refused(section: str, key: str, value: str, message: str) -> None:
    with pytest.raises(BinhostError, match=f"^{re.escape(message)}$"):
        _fragments.ini({section: {key: value}}, header=H)


def test_defaults_stand_before_what_earlier_files_say() -> None:
    assert _fragments.make_conf({"A": "x"}, header=H, defaults={"MAKEOPTS": "-j2", "A": "y"}) == (
        '# h\nA="y ${A}"\nMAKEOPTS="-j2 ${MAKEOPTS}"\n'
    )


def test_env_file() -> None:
    assert _fragments.env_file({"USE": ["a", "-b"], "CFLAGS": "-O2"}, header=H) == '# h\nCFLAGS="-O2"\nUSE="a -b"\n'


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"a b": []}, "mirrors: expected the name of a group, found 'a b'"),
        ({"gnu": ["http://a#b"]}, "mirrors, gnu: expected a URL or an absolute path, found 'http://a#b'"),
        ({"gnu": 1}, "mirrors, gnu: expected text or a list of texts, found 1"),
    ],
)
def test_mirrors_refused(groups: dict[str, list[str]], message: str) -> None:
    with pytest.raises(BinhostError, match=f"^{re.escape(message)}$"):
        _fragments.mirrors(groups, header=H)


@pytest.mark.parametrize(("value", "text"), [(["a", "b"], "a\nb\n"), ("a\nb", "a\nb\n"), ([], ""), ("", "")])
def test_lines(value: list[str] | str, text: str) -> None:
    assert _fragments.lines(value, "x", header=H) == H + text


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (["a\nb"], "x: expected a line, found 'a\\nb'"),
        (1, "x: expected text or a list of lines, found 1"),
        ("\0", "x: expected text, found a NUL character in it"),
        ("\udcff", "x: expected text that UTF-8 can hold, found '\\udcff' (surrogates not allowed)"),
    ],
)
def test_lines_refused(value: list[str] | str, message: str) -> None:
    with pytest.raises(BinhostError, match=f"^{re.escape(message)}$"):
        _fragments.lines(value, "x", header=H)


# --- the same, asked of Portage


def _read(path: Path, text: str) -> dict[str, str]:
    util = pytest.importorskip("portage.util", reason="Portage isn't installed here")
    path.write_text(text, encoding="utf-8")
    return dict(util.getconfig(str(path)))


@pytest.mark.parametrize("text", [pair[0] for pair in TEXTS])
def test_portage_reads_it_back(text: str, tmp_path: Path) -> None:
    assert _read(tmp_path / "f", _fragments.make_conf({"X": text, "Y": "y"}, header=H)) == {"X": text, "Y": "y"}


def test_portage_reads_anything_back(tmp_path: Path) -> None:
    pytest.importorskip("portage.util", reason="Portage isn't installed here")
    hypothesis = pytest.importorskip("hypothesis")
    texts = hypothesis.strategies.text("\\$'\"{} ax#`~%", max_size=12)

    @hypothesis.settings(max_examples=500, deadline=None)
    @hypothesis.given(texts)
    def check(text: str) -> None:
        assert _read(tmp_path / "f", _fragments.make_conf({"X": text}, header=H)) == {"X": text}
        assert _read(tmp_path / "f", _fragments.env_file({"X": text}, header=H)) == {"X": text}

    check()


def test_portage_stacks(tmp_path: Path) -> None:
    util = pytest.importorskip("portage.util", reason="Portage isn't installed here")
    for name, use in (("01-target.conf", ["a", "b"]), ("02-host.conf", ["-a"])):
        (tmp_path / name).write_text(_fragments.make_conf({"USE": use}, header=H), encoding="utf-8")
    assert util.getconfig(str(tmp_path), recursive=True)["USE"].split() == ["a", "b", "-a"]


def test_incrementals_are_portages() -> None:
    const = pytest.importorskip("portage.const", reason="Portage isn't installed here")
    assert set(const.INCREMENTALS) == _fragments.INCREMENTALS


def test_portage_reads_ini(tmp_path: Path) -> None:
    configparser = pytest.importorskip("portage.util.configparser", reason="Portage isn't installed here")
    path = tmp_path / "f"
    path.write_text(_fragments.ini({"lab": {"location": "/a%b", "x": "; #y"}}, header=H), encoding="utf-8")
    parser = configparser.SafeConfigParser()
    configparser.read_configs(parser, [str(path)])
    assert dict(parser["lab"]) == {"location": "/a%b", "x": "; #y"}


def test_every_incremental_adds_and_every_other_variable_overrides(tmp_path: Path) -> None:
    util = pytest.importorskip("portage.util", reason="Portage isn't installed here")
    names = [*_fragments.INCREMENTALS, "VIDEO_CARDS"]
    for number in ("1", "2"):
        text = _fragments.make_conf({name: [f"word{number}"] for name in names}, header=H)
        (tmp_path / f"0{number}").write_text(text, encoding="utf-8")
    found = util.getconfig(str(tmp_path), recursive=True)
    assert {name for name in names if found[name].split() == ["word1", "word2"]} == _fragments.INCREMENTALS
    assert found["VIDEO_CARDS"] == "word2"


def test_a_persons_words_are_the_last(tmp_path: Path) -> None:
    util = pytest.importorskip("portage.util", reason="Portage isn't installed here")
    cpuinfo = pytest.importorskip("portage.util.cpuinfo", reason="Portage isn't installed here")
    for name, text in (
        ("00-adopted", 'MAKEOPTS="-j7"\n'),
        ("zz", _fragments.make_conf({}, header=H, defaults={"MAKEOPTS": "-j2 -l2"})),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = util.getconfig(str(tmp_path), recursive=True)["MAKEOPTS"]
    assert (found, cpuinfo.makeopts_to_job_count(found)) == ("-j2 -l2 -j7", "7")


def test_portage_reads_mirrors_of_a_folder_and_adds_them_up(tmp_path: Path) -> None:
    util = pytest.importorskip("portage.util", reason="Portage isn't installed here")
    for number, servers in (("01", ["http://a", "http://b"]), ("02", ["http://c"])):
        (tmp_path / number).write_text(_fragments.mirrors({"gnu": servers}, header=H), encoding="utf-8")
    assert dict(util.grabdict(str(tmp_path), recursive=1)) == {"gnu": ["http://a", "http://b", "http://c"]}
