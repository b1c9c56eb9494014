# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a host's Portage what it takes its configuration to be; the one place that touches Portage's own library.

Ansible's interpreter need not be the one Portage is installed for, so the question is a program of its own, run by the
host's Python.
"""

from __future__ import annotations

import json
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

PROGRAM: t.Final = """
import hashlib, json, os, portage
settings = portage.settings
# What comes from the environment of whoever asks is no configuration; the order of words in some values is by chance.
told = {name: sorted(settings.get(name, "").split()) for name in settings if name not in os.environ}
profile = os.path.realpath(settings.profile_path) if settings.profile_path else ""
tops = {repo.name: os.path.realpath(repo.location) + "/profiles/" for repo in settings.repositories if repo.location}
print(json.dumps({
    "chost": settings.get("CHOST", ""),
    "arch": settings.get("ARCH", ""),
    "profile": settings.profile_path or "",
    "profile_name": next((f"{name}:{profile[len(top):]}" for name, top in tops.items() if profile.startswith(top)), ""),
    "version": portage.VERSION,
    "settings": hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest(),
    "repositories": {repo.name: repo.location for repo in settings.repositories if repo.location},
}))
"""
INTERPRETERS: t.Final = ("/usr/bin/python3", "/usr/bin/python")
_KILLED: t.Final = (137, -9)  # by SIGKILL, in the words of a shell or timeout(1), and in Python's


class Run(t.Protocol):
    """How to run a program; ``AnsibleModule.run_command`` is one."""

    def __call__(self, args: t.Any, /) -> tuple[int, str, str]:
        """Return exit status, stdout and stderr; a status other than 0 is no exception."""


class Portage(t.TypedDict):
    """What Portage says of its host."""

    chost: str
    arch: str
    profile: str  # absolute path, empty where make.profile leads nowhere
    profile_name: str  # as eselect shows it, repository:path; empty where no repository has it
    version: str
    settings: str  # SHA-256 of its variables, the profile's and make.conf's
    repositories: dict[str, str]  # name -> absolute path


def ask(run: Run, interpreters: t.Sequence[str] = INTERPRETERS) -> Portage:
    """Return what Portage says of its host. Raises ``BinhostError``."""
    return t.cast(Portage, answer(run, PROGRAM, interpreters=interpreters))


def answer(run: Run, program: str, *args: str, interpreters: t.Sequence[str] = INTERPRETERS) -> t.Any:
    """Return the JSON value that a program which imports Portage prints as its last line.

    Raises ``BinhostError`` with the last words of each interpreter if none gives one.
    """
    words = []
    for interpreter in interpreters:
        try:
            status, stdout, stderr = run([interpreter, "-c", program, *args])
        except OSError as exc:
            words.append(f"{interpreter}: {exc.strerror}")
            continue
        if status == 0 and stdout.strip():
            return json.loads(stdout.strip().splitlines()[-1])
        if status in _KILLED:  # it took too long, which another would, too
            words.append(f"{interpreter}: no answer in time")
            break
        words.append(f"{interpreter}: {(stderr.strip().splitlines() or ['no answer'])[-1]}")
    raise BinhostError(
        f"Portage: expected that one of {', '.join(interpreters)} can import it, found {'; '.join(words)}"
    )
