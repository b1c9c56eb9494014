# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ansible-test sanity; words after the name are its own, such as ``--test import``.

ansible-test wants to stand in ansible_collections/larry/binhost and refuses our link, so it gets a copy of what git
does not ignore. It keeps its virtual environments in the home folder; it gets one of its own, below the cache folder.
"""

from __future__ import annotations

import ast
import fcntl
import os
import shutil
import subprocess
import sys
import typing as t
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT: t.Final = Path(__file__).resolve().parents[2]
#: What ansible-core 2.19 installs first in its environments: ansible_test/_internal/python_requirements.py,
#: get_venv_packages. Were it another one, ansible-test would fetch that one itself.
PIP: t.Final = "24.2"
#: Stands for a download from the Internet; what ansible-test hands over is meant for that, and ignored.
GET_PIP: t.Final = f"""\
import pathlib
import sys

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here / "pip-{PIP}-py3-none-any.whl"))
from pip._internal.cli.main import main

sys.exit(main(["install", "--no-index", "--find-links", str(here), "pip=={PIP}"]))
"""


def copied(tree: Path) -> None:
    """Copy to ``tree`` all that git knows or would add, except the link to ourselves."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ".", ":!collections"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        source, target = ROOT / name, tree / name
        if source.is_symlink() or source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)


def pip_conf(lines: Iterable[str]) -> str:
    """Return a pip.conf that says what ``pip config list`` says: ansible-test drops PIP_* from the environment.

    A line is ``global.timeout='60'``, or ``:env:.timeout='60'``, which comes later in the list and wins.
    """
    sections: dict[str, dict[str, str]] = {"global": {"quiet": "1"}}
    for line in lines:
        name, value = line.split("=", 1)
        section, key = name.rsplit(".", 1)
        found = str(ast.literal_eval(value)).strip().replace("\n", "\n    ")
        sections.setdefault("global" if section == ":env:" else section, {})[key] = found
    return "".join(
        f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
        for section, keys in sections.items()
    )


def prepared(home: Path) -> None:
    """Make ``home`` a folder in which ansible-test finds pip, and pip its configuration."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    told = subprocess.run([*pip, "config", "list"], check=True, capture_output=True, text=True).stdout
    conf = home / ".config/pip/pip.conf"
    conf.parent.mkdir(parents=True, exist_ok=True)
    # Environment last, whatever order pip lists in.
    conf.write_text(pip_conf(sorted(told.splitlines(), key=lambda line: line.startswith(":env:"))), encoding="utf-8")
    cache = home / ".ansible/test/cache"
    if not (cache / f"pip-{PIP}-py3-none-any.whl").exists():
        subprocess.run([*pip, "download", "--quiet", "--no-deps", "--dest", str(cache), f"pip=={PIP}"], check=True)
    (cache / f"get_pip_{PIP.replace('.', '_')}.py").write_text(GET_PIP, encoding="utf-8")


def main(words: Sequence[str]) -> int:
    """Return ansible-test's exit status."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = cache / "larry-binhost/ansible-test"
    home.mkdir(parents=True, exist_ok=True)
    # Another checkout's run would otherwise remake the same environments under our hands.
    with open(home / ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return run(home, words)


def run(home: Path, words: Sequence[str]) -> int:
    """Return the exit status of ansible-test with this home folder."""
    prepared(home)
    bin_path = Path(sys.executable).parent
    environment = {**os.environ, "HOME": str(home), "PATH": f"{bin_path}{os.pathsep}{os.environ['PATH']}"}
    with TemporaryDirectory(prefix="larry-binhost-") as scratch:
        tree = Path(scratch) / "ansible_collections/larry/binhost"
        copied(tree)
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        command = [str(bin_path / "ansible-test"), "sanity", "--python", python, *words]
        return subprocess.run(command, cwd=tree, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
