# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _afterwards
from ansible_collections.larry.binhost.plugins.module_utils._afterwards import Afterwards, Preserved
from ansible_collections.larry.binhost.plugins.module_utils._elog import Message
from ansible_collections.larry.binhost.plugins.module_utils._run_mark import Mark


def write(root: Path, path: str, text: str = "") -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_an_empty_root(tmp_path: Path) -> None:
    assert _afterwards.look(str(tmp_path), Mark()) == Afterwards()


def test_all_of_a_root(tmp_path: Path) -> None:
    write(tmp_path, "usr/lib64/libz.so.1.2")
    (tmp_path / "usr/lib64/libz.so.1").symlink_to("libz.so.1.2")
    write(tmp_path, "usr/lib64/libb.so.2.1")
    (tmp_path / "usr/lib64/libb.so.1").symlink_to("libb.so.2.1")  # what it led to is gone, it was put elsewhere
    registry = {
        "x/zlib:0": ["x/zlib-1.2", "12", ["/usr/lib64/libz.so.1.2", "/usr/lib64/libz.so.1", "/usr/lib64/gone.so"]],
        "x/gone:0": ["x/gone-1", "13", ["/usr/lib64/libb.so.1", "/usr/lib64/libb.so.1.1"]],
    }
    write(tmp_path, _afterwards.REGISTRY, json.dumps(registry))
    write(tmp_path, f"{_afterwards.NEWS}/news-gentoo.unread", "2026-11-20-one\n2026-11-21-two\n")
    write(tmp_path, f"{_afterwards.NEWS}/news-gentoo.skip", "2026-01-01-old\n")
    write(tmp_path, f"{_afterwards.NEWS}/news-lab.unread")
    write(tmp_path, "etc/._cfg0000_passwd")
    write(tmp_path, "lib/modules/6.6.1/modules.dep")  # nothing boots a build root
    words = " * Messages for package x/a-1:\n\n * careful\n"
    assert _afterwards.look(str(tmp_path), Mark(), words) == Afterwards(
        preserved_libs=[Preserved("x/zlib-1.2", ["/usr/lib64/libz.so.1", "/usr/lib64/libz.so.1.2"])],
        news=["gentoo: 2026-11-20-one", "gentoo: 2026-11-21-two"],
        config_files=["/etc/._cfg0000_passwd"],
        elog=[Message("x/a-1", "", "careful")],
    )
    assert _afterwards.look(str(tmp_path), None, words).elog == []


@pytest.mark.parametrize("text", ["", "{}", "[]", "no json", '{"x": 1}', '{"x": ["a", "b", 3]}', '{"x": ["a"]}'])
def test_a_registry_that_is_none(tmp_path: Path, text: str) -> None:
    write(tmp_path, _afterwards.REGISTRY, text)
    assert _afterwards.preserved_libs(str(tmp_path)) == []


def test_this_machine_takes_no_time() -> None:
    began = time.perf_counter()
    assert isinstance(_afterwards.look(), Afterwards)
    assert time.perf_counter() - began < 2  # a fraction of it where nothing else runs
