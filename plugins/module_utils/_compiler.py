# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the compiler that will build a target what its flags really enable, before anything is built with them.

A flag that one slave's CPU lacks kills programs there (SIGILL), and a table can be wrong where a compiler can't.
"""

from __future__ import annotations

import re
import shlex
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _cpu_x86
from ansible_collections.larry.binhost.plugins.module_utils._portage_query import Run

#: Options whose value is one machine's; GCC writes them when it resolves ``native``.
_MACHINE_PARAMETERS = ("l1-cache-size", "l1-cache-line-size", "l2-cache-size")
_OPTION = re.compile(r"^\s+(?P<option>-m[^\s=]+)(?P<equals>=?)\s*(?:<\S+>)?\s*(?P<value>.*)$")
#: What decides about instructions; only these are asked about, so that a flag of another kind can't spoil the question.
_TARGET = re.compile(r"-m\S+|-O\S*|--param=?|-f\S+")
#: Nobody writes so many -mno- by hand: they are what native was resolved to.
_RESOLVED = 12


def options(output: str) -> dict[str, str]:
    """Return {option: value} of what ``gcc -Q --help=target`` prints, values such as ``[enabled]`` or ``x86-64-v3``."""
    matches = (_OPTION.match(line) for line in output.splitlines())
    return {match["option"] + match["equals"]: match["value"].strip() for match in matches if match}


def enabled(output: str) -> frozenset[str]:
    """Return the features, in the kernel's names, that ``gcc -Q --help=target`` says are enabled."""
    said = options(output)
    features = {
        _cpu_x86.OPTIONS[option]
        for option, value in said.items()
        if value == "[enabled]" and option in _cpu_x86.OPTIONS
    }
    # LAHF needs no feature in 32-bit code.
    return frozenset(features - {"lahf_lm"} if said.get("-m32") == "[enabled]" else features)


def refused(flags: str) -> list[str]:
    """Return a sentence for each flag that is one machine's and must not be in what machines share."""
    words = split(flags)
    problems = [
        f"{word}: expected a named target, since native is whatever machine compiles"
        for word in words
        if re.fullmatch(r"-m(arch|tune|cpu)=native", word)
    ]
    for number, word in enumerate(words):
        text = f"{word}={words[number + 1]}" if word == "--param" and number + 1 < len(words) else word
        name = re.match(r"--param=?([\w-]+)=", text)
        if name and name[1] in _MACHINE_PARAMETERS:
            problems.append(f"{text.replace('--param=', '--param ')}: expected no parameter of one machine's caches")
    without = [word for word in words if word.startswith("-mno-") and f"-m{word[5:]}" in _cpu_x86.OPTIONS]
    if len(without) >= _RESOLVED:
        problems.append(
            f"{' '.join(without[:3])} …: expected the features that all slaves have, found {len(without)} that are "
            "switched off, which is what -march=native was resolved to on one machine"
        )
    return problems


def split(flags: str) -> list[str]:
    """Return the words of CFLAGS as a shell sees them; a line with an open quote is split at its spaces."""
    try:
        return shlex.split(flags)
    except ValueError:
        return flags.split()


def check(flags: str, output: str, members: t.Mapping[str, t.Collection[str]]) -> list[str]:
    """Return a sentence for each problem of a target's flags, none where every member runs what they compile.

    ``output`` is what the compiler printed for them with ``-Q --help=target``, errors included; ``members`` is
    {slave: the kernel's names of what its CPU has}.
    """
    problems = refused(flags)
    problems += [f"{flags}: the compiler refuses them: {line}" for line in _errors(output)]
    if not options(output) and not _errors(output):
        return [*problems, f"{flags}: expected the compiler's list of options, found nothing of the kind"]
    needed = enabled(output) - _cpu_x86.HARMLESS
    for name in sorted(members):
        lacking = sorted(needed - frozenset(members[name]))
        if lacking:
            problems.append(f"{flags}: they make the compiler use what {name} lacks: {', '.join(lacking)}")
    return problems


def _errors(output: str) -> list[str]:
    pattern = re.compile(r"error: (.*)|unrecognized command[- ]line option (.*)")
    matches = (pattern.search(line) for line in output.splitlines())
    # The driver and the compiler proper may both say it.
    return list(dict.fromkeys(match[1] or f"unrecognized option {match[2]}" for match in matches if match))


def verify(run: Run, flags: str, members: t.Mapping[str, t.Collection[str]], *, compiler: str = "gcc") -> list[str]:
    """Ask the compiler and return the problems of a target's flags, see ``check``.

    ``run`` runs a program where the target is built: inside its root, or on the master in mode ``shared``.
    """
    asked = [compiler, *_question(flags), "-Q", "--help=target"]
    try:
        _status, stdout, stderr = run(asked)
    except OSError as exc:
        return [f"{compiler}: expected a compiler that can be asked about {flags}, found: {exc.strerror}"]
    return check(flags, f"{stdout}\n{stderr}", members)


def _question(flags: str) -> list[str]:
    words, asked = split(flags), []
    for number, word in enumerate(words):
        if _TARGET.fullmatch(word) or (number and words[number - 1] == "--param"):
            asked.append(word)
    return asked
