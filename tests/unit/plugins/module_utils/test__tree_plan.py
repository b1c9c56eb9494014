# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what stands in etc/portage to what should: decided without touching anything."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _tree_plan
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._tree_plan import Change, Entry

ONE = "etc/portage/make.conf/01-target.conf"
MINE = "etc/portage/make.conf/50-mine.conf"
PROFILE = "etc/portage/make.profile"
DIRECTORY = {"etc/portage/make.conf": Entry("directory", "01-target.conf")}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../passwd", "files: expected a path below etc/portage without '..', found '../passwd'"),
        ("/etc/passwd", "files: expected a path below etc/portage without '..', found '/etc/passwd'"),
        ("make.conf/../../x", "files: expected a path below etc/portage without '..', found 'make.conf/../../x'"),
        ("a//b", "files: expected a path below etc/portage without '..', found 'a//b'"),
        ("", "files: expected a path below etc/portage without '..', found ''"),
        ("a\nb", "files: expected a path below etc/portage without '..', found 'a\\nb'"),
        ("make.conf/01-a~", "files: expected a name that Portage reads, found '01-a~' in 'make.conf/01-a~'"),
        ("package.use/.01/a", "files: expected a name that Portage reads, found '.01' in 'package.use/.01/a'"),
        ("package.use/CVS/a", "files: expected a name that Portage reads, found 'CVS' in 'package.use/CVS/a'"),
    ],
)
def test_refused_names(name: str, message: str) -> None:
    with pytest.raises(BinhostError, match=f"^{re.escape(message)}$"):
        _tree_plan.desired({name: ""}, {}, None)


def test_refused_pairs() -> None:
    with pytest.raises(
        BinhostError, match="^links, make.conf: expected one declaration of etc/portage/make.conf, found"
    ):
        _tree_plan.desired({"make.conf": ""}, {"make.conf": "x"}, None)
    with pytest.raises(BinhostError, match="^world, sets/binhost: expected one declaration"):
        _tree_plan.desired({"sets/binhost": ""}, {}, "")
    with pytest.raises(
        BinhostError, match="^etc/portage/make.conf: expected a file or a directory, found both declared"
    ):
        _tree_plan.desired({"make.conf/01-a": "", "make.conf": ""}, {}, None)
    with pytest.raises(BinhostError, match="^files, bashrc: expected text, found 4$"):
        _tree_plan.desired({"bashrc": 4}, {}, None)  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("before", "with_set", "without"),
    [
        ("", "@binhost\n", ""),
        ("@kde\n", "@kde\n@binhost\n", "@kde\n"),
        ("@binhost\n@kde\n", "@binhost\n@kde\n", "@kde\n"),
        ("@kde", "@kde\n@binhost\n", "@kde\n"),
    ],
)
def test_world_sets(before: str, with_set: str, without: str) -> None:
    assert _tree_plan.world_sets(before, wanted=True) == with_set
    assert _tree_plan.world_sets(before, wanted=False) == without


def test_plan_of_drift() -> None:
    target, old, stray = Entry("file", "new\n"), Entry("file", "old\n"), "etc/portage/make.conf/01-old.conf"
    gone = "etc/portage/package.use/02-gone"
    current = {**DIRECTORY, ONE: old, stray: old, MINE: old, gone: old}
    assert _tree_plan.plan(current, {ONE: target}, owned=[ONE, gone]) == [
        Change("write", ONE, old, target),
        Change("remove", stray, old, None),
        Change("remove", gone, old, None),
    ]


def test_mode_is_drift() -> None:
    closed, target = Entry("file", "x\n", 0o600), Entry("file", "x\n")
    changes = _tree_plan.plan({**DIRECTORY, ONE: closed}, {ONE: target}, owned=[ONE])
    assert changes == [Change("write", ONE, closed, target)]
    assert _tree_plan.as_diff("/", changes, edited=[ONE]) == [
        {
            "before": "(mode 0600)\nx\n",
            "after": "(mode 0644)\nx\n",
            "before_header": f"/{ONE} (changed by hand)",
            "after_header": f"/{ONE}",
        }
    ]


def test_plan_of_adoption() -> None:
    original, target = Entry("file", "USE=x\n"), Entry("file", "new\n")
    changes = _tree_plan.plan({"etc/portage/make.conf": original}, {ONE: target}, owned=[])
    assert changes == [
        Change("adopt", "etc/portage/make.conf", original, Entry("directory")),
        Change("write", ONE, None, target),
    ]
    assert _tree_plan.as_diff("/r", changes)[0] == {
        "before": "a file\n",
        "after": "a directory; the file is 00-adopted in it, unchanged\n",
        "before_header": "/r/etc/portage/make.conf",
        "after_header": "/r/etc/portage/make.conf",
    }


def test_our_own_file_gives_way_to_a_directory() -> None:
    ours, target = Entry("file", "x"), Entry("file", "y")
    assert _tree_plan.plan(
        {"etc/portage/package.use": ours}, {"etc/portage/package.use/01-a": target}, owned=["etc/portage/package.use"]
    ) == [
        Change("remove", "etc/portage/package.use", ours, None),
        Change("write", "etc/portage/package.use/01-a", None, target),
    ]


@pytest.mark.parametrize(
    ("current", "desired", "message"),
    [
        (
            {PROFILE: Entry("directory", "make.defaults\nparent")},
            {PROFILE: Entry("link", "x")},
            f"{PROFILE}: expected a link to x, found a directory that holds make.defaults, parent",
        ),
        (
            {"etc/portage/bashrc": Entry("directory")},
            {"etc/portage/bashrc": Entry("file", "x")},
            "etc/portage/bashrc: expected a file, found an empty directory",
        ),
        (
            {"etc/portage/sets": Entry("file", "x")},
            {"etc/portage/sets/binhost": Entry("file", "x")},
            "etc/portage/sets: expected a directory, found a file",
        ),
        (
            {"etc/portage/make.conf": Entry("other", "a dead link to /x")},
            {ONE: Entry("file", "x")},
            "etc/portage/make.conf: expected a directory, found a dead link to /x",
        ),
    ],
)
def test_in_the_way(current: Mapping[str, Entry], desired: Mapping[str, Entry], message: str) -> None:
    with pytest.raises(BinhostError, match=f"^{re.escape(message)}$"):
        _tree_plan.plan(current, desired, owned=[])


@pytest.mark.parametrize("stray", ["etc/portage/make.conf/01-mine.conf", "etc/portage/make.conf/02-mine.conf"])
def test_what_was_there_before_us_is_never_deleted(stray: str) -> None:
    current = {**DIRECTORY, stray: Entry("file", "x")}
    wanted = {ONE: Entry("file", "x")}
    expected = (
        f"{stray}: expected no file named 01-* or 02-* of anybody else's, found one; "
        "nothing was changed. Give it another name, say 50-mine, and run again."
    )
    with pytest.raises(BinhostError, match=f"^{re.escape(expected)}$"):
        _tree_plan.plan(current, wanted, owned=[])
    assert [change.path for change in _tree_plan.plan(current, wanted, owned=[ONE])] == [ONE, stray]


def test_another_owner() -> None:
    stray = "etc/portage/make.conf/01-other.conf"
    current = {**DIRECTORY, stray: Entry("file", "x")}
    wanted = {ONE: Entry("file", "x")}
    assert [change.path for change in _tree_plan.plan(current, wanted, owned=[], foreign=[stray])] == [ONE]
    with pytest.raises(BinhostError, match=f"^{ONE}: expected to own it, found it declared by another owner$"):
        _tree_plan.plan(current, wanted, owned=[], foreign=[ONE])


MINES = [f"etc/portage/{name}" for name in ("sets/x", "savedconfig/a/b", "env/01-foo", "patches/a/b/1.patch", "bashrc")]


@pytest.mark.parametrize("path", MINES)
def test_a_persons_own_file_is_never_overwritten(path: str) -> None:
    mine, wanted = Entry("file", "mine\n"), {path: Entry("file", "declared\n")}
    expected = (
        f"{path}: expected no file of anybody else's where a file is declared, found a file of other content that "
        "isn't ours; nothing was changed. Rename it, or take it into the inventory (playbooks/import.yml), "
        "and run again."
    )
    for declared in (wanted, {path: Entry("link", "x")}):
        with pytest.raises(BinhostError, match=re.escape(expected.partition("where")[0])):
            _tree_plan.plan({path: mine}, declared, owned=[])
    with pytest.raises(BinhostError, match=f"^{re.escape(expected)}$"):
        _tree_plan.plan({path: mine}, wanted, owned=[])
    assert _tree_plan.plan({path: wanted[path]}, wanted, owned=[]) == []
    assert _tree_plan.plan({path: mine}, wanted, owned=[path]) == [Change("write", path, mine, wanted[path])]


def test_a_file_that_is_adopted_is_not_overwritten_either() -> None:
    mine, path = Entry("file", "a/b c\n"), "etc/portage/package.use/00-adopted"
    with pytest.raises(BinhostError, match=f"^{path}: expected no file of anybody else's"):
        _tree_plan.plan({"etc/portage/package.use": mine}, {path: Entry("file", "a/b d\n")}, owned=[])
    changes = _tree_plan.plan({"etc/portage/package.use": mine}, {path: mine}, owned=[])
    assert [change.action for change in changes] == ["adopt", "write"]


def test_a_link_gives_way_to_a_file_of_the_text_that_it_leads_to() -> None:
    path = "etc/portage/package.use/mine"
    link, wanted = Entry("link", "/root/mine"), {path: Entry("file", "a/b c\n")}
    with pytest.raises(BinhostError, match="found a link to /root/mine of other content"):
        _tree_plan.plan({path: link}, wanted, owned=[], through={path: "a/b d\n"})
    changes = _tree_plan.plan({path: link}, wanted, owned=[], through={path: "a/b c\n"})
    assert changes == [Change("write", path, link, wanted[path])]


def test_the_old_target_of_a_link_is_in_the_diff() -> None:
    changes = _tree_plan.plan({PROFILE: Entry("link", "../old")}, {PROFILE: Entry("link", "../new")}, owned=[])
    (shown,) = _tree_plan.as_diff("/", changes)
    assert (shown["before"], shown["after"]) == ("a link to ../old\n", "a link to ../new\n")


@pytest.mark.parametrize("name", ["mirrors", "profile/package.provided", "profile/make.defaults"])
def test_what_portage_reads_either_way_is_adopted(name: str) -> None:
    file = Entry("file", "x")
    changes = _tree_plan.plan({f"etc/portage/{name}": file}, {f"etc/portage/{name}/01-a": file}, owned=[])
    assert [(change.action, change.path[12:]) for change in changes] == [("adopt", name), ("write", f"{name}/01-a")]


@pytest.mark.parametrize("name", ["license_groups", "profile", "profile/parent", "env", "make.conf/mine"])
def test_what_portage_reads_one_way_is_refused(name: str) -> None:
    current = {f"etc/portage/{name}": Entry("file", "source beside\n")}
    with pytest.raises(BinhostError, match=f"^etc/portage/{name}: expected a directory, found a file$"):
        _tree_plan.plan(current, {f"etc/portage/{name}/01-a": Entry("file")}, owned=[])


def _after(current: Mapping[str, Entry], changes: list[Change]) -> dict[str, Entry]:
    state = dict(current)
    for change in changes:
        state.pop(change.path, None)
        if change.after:
            state[change.path] = change.after
    return state


def test_plan_converges() -> None:
    hypothesis = pytest.importorskip("hypothesis")
    st = hypothesis.strategies
    name = st.sampled_from(["01-a", "02-b", "50-c", "d"])
    path = st.builds(lambda folder, file: f"etc/portage/{folder}/{file}", st.sampled_from(["make.conf", "env"]), name)
    file = st.builds(
        lambda text, mode: Entry("file", text, mode), st.sampled_from("xy"), st.sampled_from([0o600, 0o644])
    )
    wanted = st.dictionaries(path, st.builds(lambda text: Entry("file", text), st.sampled_from("xy")))

    @hypothesis.given(st.dictionaries(path, file), wanted, st.sets(path))
    def check(current: dict[str, Entry], desired: dict[str, Entry], owned: set[str]) -> None:
        try:
            changes = _tree_plan.plan(current, desired, owned=owned)
        except BinhostError as exc:
            assert "of anybody else's" in str(exc)
            return
        folders = {each.rpartition("/")[0] for each in owned}
        for each in (set(current) & set(desired)) - owned:
            by_name = each.rpartition("/")[2][:2] in ("01", "02") and each.rpartition("/")[0] in folders
            assert by_name or current[each].content == desired[each].content
        after = _after(current, changes)
        assert {path: after[path] for path in desired} == desired
        assert _tree_plan.plan(after, desired, owned=desired) == []
        user = {
            path for path in current if path not in owned and path not in desired and path[-4:-2] not in ("01", "02")
        }
        assert {path: after[path] for path in user} == {path: current[path] for path in user}

    hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.too_slow], deadline=None)(check)()
