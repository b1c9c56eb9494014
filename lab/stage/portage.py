# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Portage itself, from PyPI's source distribution, as a system-wide installation.

The wheel would make Portage believe that it lives in a Gentoo Prefix.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from lab.stage import recipe
from lab.stage.cache import Cache


def make_image(cache: Cache, into: Path) -> None:
    """Fill ``into`` with the files that installing Portage adds to a root."""
    with cache.step("Portage"), cache.work() as work:
        tools = work / "tools"
        cache.run(sys.executable, "-m", "venv", tools)
        env = {**os.environ, "PATH": f"{tools / 'bin'}:{os.environ['PATH']}", "DESTDIR": str(into)}
        pip = (tools / "bin" / "pip", "--quiet", "--disable-pip-version-check")
        cache.run(*pip, "install", *recipe.TOOLS)
        wanted = work / "requirements.txt"
        wanted.write_text(f"portage=={recipe.PORTAGE} --hash=sha256:{recipe.PORTAGE_SHA256}\n", "ascii")
        options = ("--no-build-isolation", "--no-deps", "--no-binary=portage", "--require-hashes", f"--dest={work}")
        cache.run(*pip, "download", *options, "-r", wanted, env=env)
        cache.run("tar", "-xf", work / f"portage-{recipe.PORTAGE}.tar.gz", "-C", work)
        site = "/usr/lib/python3/dist-packages"
        cache.run(
            *("meson", "setup", "b", f"portage-{recipe.PORTAGE}", "--prefix=/usr", "-Dsystem-wide=true"),
            *("-Dnative-extensions=false", f"-Dpython.purelibdir={site}", f"-Dpython.platlibdir={site}"),
            cwd=work,
            env=env,
        )
        cache.run("meson", "install", "-C", "b", cwd=work, env=env)
        for unneeded in ("doc", "man"):
            shutil.rmtree(into / "usr" / "share" / unneeded)
        for tests in ("portage", "_emerge"):
            shutil.rmtree(into / site.lstrip("/") / tests / "tests", ignore_errors=True)
