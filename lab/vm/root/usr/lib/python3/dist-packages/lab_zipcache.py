# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep what Python compiles from zip archives, which it would do anew at each start: half of what a module costs.

Emulated that is seconds, each time. A source's code is the same on every machine; only a traceback names the archive
from which it first came.
"""

import _imp
import marshal
import os
import zipimport

FOLDER = "/var/cache/lab-python"
_compiled = zipimport._compile_source


def _compile_source(pathname, source):
    path = f"{FOLDER}/{_imp.source_hash(0, source).hex()}-{pathname.rpartition('/')[2]}"
    try:
        with open(path, "rb") as file:
            return marshal.load(file)
    except (OSError, EOFError, ValueError, TypeError):
        pass
    code = _compiled(pathname, source)
    try:
        with open(f"{path}.{os.getpid()}", "wb") as file:
            marshal.dump(code, file)
        os.replace(file.name, path)
    except OSError:
        pass
    return code


if os.geteuid() == 0:
    zipimport._compile_source = _compile_source
