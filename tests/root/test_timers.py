# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What starts by itself on a master and on a slave, and what it does: modules on a host of their own, real Portage."""

from __future__ import annotations

import json
from pathlib import Path

from tests.root import managed
from tests.root.planted import FILE
from tests.root.test_serve_role import OPENRC

PROGRAM = f"/{managed.STATE}/larry-binhost.pyz"
INSTALL = """
import json
from ansible_collections.larry.binhost.plugins.module_utils import _auto_update
done = _auto_update.install(_auto_update._kept("/var/lib/larry-binhost"))
print(json.dumps([done["source"], done["changed"]]))
"""


def test_timers_come_and_go_and_do_what_was_asked(stage_root: Path) -> None:
    with managed.host(stage_root) as host:
        cron = {name: host.path / f"etc/cron.d/larry-binhost-{name}" for name in ("build", "update")}
        for check, changed in ((True, True), (False, True), (True, False), (False, False)):
            result = host.module("builder", check=check, targets=["laptops"], schedule="6h")
            assert result["changed"] is changed, (check, result)
        assert cron["build"].read_text().splitlines()[-2:] == [
            f"0 */6 * * * root {PROGRAM} build",
            f"@reboot root {PROGRAM} build --interrupted",
        ]
        text = host.module("builder", state="told")["text"]
        assert text[:2] == ["idle", "target laptops: nothing published"]
        assert host.sh(f"{PROGRAM} status").stdout.splitlines()[:2] == text[:2]
        done = host.sh(f"{PROGRAM} build", check=False)
        assert done.returncode == 1
        assert "expected what site.yml last asked of this master" in done.stdout
        assert host.module("builder", targets=["laptops"])["changed"]
        assert not cron["build"].exists()
        result = host.module("builder", schedule="7h")
        assert result["msg"].startswith("schedule: expected a time such as 04:00")

        # A machine that updates itself does what the last run asked of emerge.
        host.ebuild("x/one-1", FILE)
        window = {"auto_update": "01:00-06:00"}
        assert host.emerge("x/one", check=True, **window)["changed"]
        assert not (Path(host.state) / "update.json").exists()
        assert host.emerge("x/one", **window)["source"] == ["x/one-1"]
        assert not host.emerge("x/one", **window)["changed"]
        assert cron["update"].read_text().splitlines()[-1] == f"0 */1 * * * root {PROGRAM} update"
        host.ebuild("x/one-2", FILE)
        said = host.sh(f"python3 -B -c '{INSTALL}'").stdout.splitlines()[-1]
        assert json.loads(said) == [["x/one-2"], True]
        assert host.emerge("x/one", auto_update="")["changed"]
        assert not cron["update"].exists()
        assert host.emerge("x/one", auto_update="night")["msg"].startswith("slave_auto_update: expected a part of the")


def test_cron_does_it_under_openrc(stage_root: Path) -> None:
    with managed.host(stage_root) as host:
        told, line = host.path / "run/told", host.path / "etc/cron.d/larry-binhost-build"
        for name, text in OPENRC.items():
            (host.path / "usr/local/sbin" / name).write_text(text)
            (host.path / "usr/local/sbin" / name).chmod(0o755)
        (host.path / "run/openrc").mkdir()
        result = host.module("builder", schedule="04:30")
        assert result["msg"].startswith("master_rebuild: expected cronie, which starts it under OpenRC, found no /etc")
        assert not line.exists()
        (host.path / "etc/init.d/cronie").touch()
        for check, changed in ((True, True), (False, True), (True, False), (False, False)):
            result = host.module("builder", check=check, schedule="04:30")
            assert result.get("changed") is changed, (check, result)
        # Cron reads a file that nobody else may write, is no other's, and ends with its last line.
        assert (line.stat().st_mode & 0o777, line.stat().st_uid) == (0o644, 0)
        *_comments, path, what, boot = line.read_text().splitlines(keepends=True)
        assert path.startswith("PATH=/usr/local/sbin:")
        assert what == f"30 4 * * * root {PROGRAM} build\n"
        assert boot == f"@reboot root {PROGRAM} build --interrupted\n"
        assert told.read_text() == "add cronie default\nstart cronie\n"
        assert host.sh(what.partition(" root ")[2].replace(" build", " status")).stdout.startswith("idle\n")
        assert host.module("builder")["changed"]
        # What else cron does for this machine goes on.
        assert (line.exists(), told.read_text()) == (False, "add cronie default\nstart cronie\n")
        assert not host.module("builder")["changed"]
