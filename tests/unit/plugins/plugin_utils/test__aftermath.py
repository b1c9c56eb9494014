# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t
from dataclasses import asdict

from ansible_collections.larry.binhost.plugins.module_utils._afterwards import Afterwards, Preserved
from ansible_collections.larry.binhost.plugins.module_utils._elog import Message
from ansible_collections.larry.binhost.plugins.module_utils._failure import Failure
from ansible_collections.larry.binhost.plugins.module_utils._outcome import Dropped
from ansible_collections.larry.binhost.plugins.module_utils._stale import Stale
from ansible_collections.larry.binhost.plugins.plugin_utils import _aftermath, _report

LOG = "/var/tmp/portage/x/base-1/temp/build.log"
LINES = ["one", "two", "three", "foo.c:1: error: no such header", " *   make failed"]
OTHER = {"cpv": "x/b-1", "phase": "", "reason": "", "log": "", "of a later version": 1}
PACKAGES: dict[str, t.Any] = {
    "failures": [asdict(Failure("x/base-1", "compile", "make failed", LOG, LINES)), OTHER],
    "dropped": [asdict(Dropped("x/top-1", ["x/base"], "x/base-1"))],
}
TOLD = [
    "x/base-1 failed in phase compile: make failed",
    f"  its log: {LOG}",
    "    two",
    "    three",
    "    foo.c:1: error: no such header",
    "  Mend what the log names, or mask this version (=x/base-1 in package.mask); then run again.",
    "x/b-1 failed",
    "  its log: none is left",
    "  Mend what the log names, or mask this version (=x/b-1 in package.mask); then run again.",
    "Dropped because x/base-1 failed: x/top-1",
]
AFTERWARDS = Afterwards(
    preserved_libs=[Preserved("x/zlib-1.2", ["/usr/lib64/libz.so.1"])],
    news=["gentoo: one", "gentoo: two"],
    config_files=["/etc/._cfg0000_passwd", "/etc/._cfg0001_passwd"],
    elog=[
        Message("x/said-1", "warn", "careful"),
        Message("x/said-1", "log", "look"),
        Message("x/base-1", "error", "make failed"),
        Message("x/chatty-1", "qa", "bad"),
    ],
    kernel_modules=["/lib/modules/6.6.1: its kernel is not in /boot"],
    deleted_files=[Stale("sshd.service", "sshd", [4], []), Stale("", "vim", [5], []), Stale("", "vim", [6], [])],
)
LEFT = [
    "libraries of x/zlib-1.2 stay for what still uses them: emerge @preserved-rebuild",
    "news to read (eselect news read): gentoo: one, gentoo: two",
    "configuration to merge (dispatch-conf): /etc/passwd",
    "messages of packages (/var/log/portage/elog): x/said-1",
    "/lib/modules/6.6.1: its kernel is not in /boot",
    "services that use deleted files until they are restarted: sshd.service",
    "programs that use deleted files until they are restarted: vim",
]


def test_what_failed() -> None:
    assert list(_aftermath.failures(PACKAGES)) == TOLD
    assert list(_aftermath.failures({"failures": [], "dropped": None})) == list(_aftermath.failures({})) == []


def test_what_is_left() -> None:
    assert list(_aftermath.left({**PACKAGES, "afterwards": asdict(AFTERWARDS)})) == LEFT
    assert list(_aftermath.left({})) == []
    for nothing in ({}, None, asdict(Afterwards())):
        assert list(_aftermath.left({"afterwards": nothing})) == []


def test_the_report_has_both() -> None:
    plan: dict[str, t.Any] = {"targets": {}, "hosts": {"amd": {}, "intel": {}}}
    packages = {**PACKAGES, "afterwards": asdict(AFTERWARDS)}
    hosts = {
        "amd": {"seen": True, "failure": "emerge @world: 2 failed\nand so on", "packages": packages},
        "intel": {"seen": True, "packages": {"source": ["x/a-1"], "afterwards": asdict(AFTERWARDS)}},
        "old": {"seen": True, "failure": "No space left\nanywhere"},
    }
    said = LEFT[:3] + ["messages of packages (/var/log/portage/elog): x/said-1, x/base-1"] + LEFT[4:]
    assert _report.report(plan, hosts, check=False).splitlines() == [
        "",
        "amd: FAILED: emerge @world: 2 failed",
        *(f"  {line}" for line in [*TOLD, *LEFT]),
        "intel: 0 installed from binaries, 1 compiled, 0 failed; generation none",
        *(f"  {line}" for line in said),
        "old: FAILED: No space left",
        "  anywhere",
    ]
