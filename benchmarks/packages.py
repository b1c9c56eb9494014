# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast an index is read, and in how much memory: by us, by Portage's own reader and by pkgcore, in turns.

The index is made up: 40,000 packages in 50 MB, as long and as varied as real ones. Each turn is a process of its own,
whose peak is that of the whole process, Python and what it imports included; the time is what reading alone computes.
Portage and pkgcore can't but read and keep all, so their lookups are a full parse; we can too, to compare. pkgcore is
installed for it and removed.
Words: the number of packages; the number of turns.
"""

from __future__ import annotations

import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
import venv
from pathlib import Path

ROOT: t.Final = Path(__file__).resolve().parents[1]
PACKAGES: t.Final = 40_000
TURNS: t.Final = 5
#: How many packages are looked up, of two versions each.
ASKED: t.Final = 25
WORDS: t.Final = ("nls", "static", "doc", "test", "systemd", "wayland", "X", "gtk", "qt6", "lto", "pgo", "debug", "man")

HEADER: t.Final = """\
ARCH: amd64
CHOST: x86_64-pc-linux-gnu
PACKAGES: {}
TIMESTAMP: 1700000000
VERSION: 0
REPO: gentoo

"""
STANZA: t.Final = """\
BDEPEND: {bdepend}
BUILD_ID: 1
BUILD_TIME: {time}
CPV: {cpv}
DEFINED_PHASES: compile configure install prepare test
DEPEND: {depend}
DESC: What number {number} does{end}
EAPI: 8
IUSE: {iuse}
KEYWORDS: ~alpha amd64 arm arm64 hppa ~ia64 ~loong ppc ppc64 ~riscv sparc x86
LICENSE: GPL-2+ LGPL-2.1
MD5: {md5:032x}
PATH: {cp}/{pf}-1.gpkg.tar
RDEPEND: {rdepend}
REQUIRES: x86_64: libc.so.6 libm.so.6 libz.so.1
SHA1: {sha1:040x}
SIZE: {size}
SLOT: 0/{slot}
USE: abi_x86_64 amd64 {use}
MTIME: {time}

"""


def cp(number: int) -> str:
    """Return the name of a package; there are two versions of each."""
    return f"dev-{number % 150}/package{number // 2 * 2}"


def index(packages: int) -> t.Iterator[str]:
    """Yield the index, the same each time."""
    dice = random.Random(packages)

    def depend(count: int) -> str:
        name = ">=dev-libs/lib{}-{}.{}:0/{}="
        return " ".join(name.format(*map(dice.randrange, (5000, 9, 30, 9))) for _word in range(count))

    yield HEADER.format(packages)
    for number in range(packages):
        name = cp(number // 2 * 2)
        pf = f"{name.partition('/')[2]}-{1 + number % 2}.{number % 17}"
        flags = dice.sample(WORDS, 8)
        yield STANZA.format(
            bdepend=depend(5),
            depend=depend(10),
            rdepend=depend(10),
            time=1690000000 + number,
            number=number,
            end=" – and more" if number % 50 == 0 else "",
            cp=name,
            pf=pf,
            cpv=f"{name.partition('/')[0]}/{pf}",
            iuse=" ".join(flags),
            use=" ".join(flags[:4]),
            md5=dice.getrandbits(128),
            sha1=dice.getrandbits(160),
            size=dice.randrange(10_000, 100_000_000),
            slot=number % 5,
        )


def asked(packages: int) -> list[str]:
    """Return the packages to look up, all over the file."""
    return [cp(number) for number in range(0, packages, packages // ASKED)][:ASKED]


Read = t.Callable[[str], int]


def ours(task: str, names: list[str]) -> Read:
    """Return a way to read an index as packages_info does; it returns how many packages it found."""
    sys.path.insert(0, str(ROOT / "collections"))
    from ansible_collections.larry.binhost.plugins.module_utils import _packages, _packages_reader, _packages_source
    from ansible_collections.larry.binhost.plugins.module_utils import _packages_info as info

    def lookup(path: str) -> int:
        answer = info.of_file(path, info.Question(atoms=names, problems=task == CHECKED))
        if answer.problems:
            raise SystemExit(f"expected no problems, found {answer.problems[:3]}")
        return len(answer.packages)

    def each(path: str) -> int:
        with _packages_source.opened(path) as source:
            return sum(1 for _package in info.whole(_packages_reader.Reader(source)))

    def kept(path: str) -> int:
        with _packages_source.opened(path) as source:
            return len(list(info.whole(_packages_reader.Reader(source))))

    def raw(path: str) -> int:
        with open(path, "rb") as file:
            return len(_packages.parse(file.read()).stanzas)

    return {EACH: each, KEPT: kept, RAW: raw}.get(task, lookup)


def portage(task: str, names: list[str]) -> Read:
    """Return a way to read an index as Portage's binary tree does, with its own settings of the reader."""
    from portage import config
    from portage.dbapi.bintree import binarytree

    empty = {"config_incrementals": [], "config_profile_path": "", "local_config": False, "env": {}}
    with tempfile.TemporaryDirectory() as folder:
        reader = binarytree(pkgdir=folder, settings=config(**empty))._new_pkgindex()

    def read(path: str) -> int:
        with open(path, encoding="utf-8", errors="replace") as file:
            reader.read(file)
        return _count((each["CPV"] for each in reader.packages), task, names)

    return read


def pkgcore(task: str, names: list[str]) -> Read:
    """Return a way to read an index as pkgcore's binary repository does."""
    from pkgcore.binpkg.remote import get_cache_kls

    return lambda path: _count(get_cache_kls("0")(path, readonly=True).data, task, names)


def _count(cpvs: t.Iterable[str], task: str, names: list[str]) -> int:
    wanted = frozenset(names)
    return sum(1 for cpv in cpvs if task != LOOKUP or cpv.rpartition("-")[0] in wanted)


LOOKUP: t.Final = f"{2 * ASKED} packages"
CHECKED: t.Final = f"{2 * ASKED} packages, all checked"
EACH: t.Final = "all, one by one"
KEPT: t.Final = "all, kept"
RAW: t.Final = "all, kept as text"
READERS: t.Final = {"ours": ours, "Portage": portage, "pkgcore": pkgcore}
#: What each is asked; Portage's is what the others are compared with.
RUNS: t.Final = [
    (LOOKUP, "Portage"),
    (LOOKUP, "pkgcore"),
    (LOOKUP, "ours"),
    (CHECKED, "ours"),
    (KEPT, "Portage"),
    (KEPT, "pkgcore"),
    (EACH, "ours"),
    (KEPT, "ours"),
    (RAW, "ours"),
]


def measure(reader: str, task: str, path: str, packages: int) -> dict[str, float]:
    """Return how many packages were found, the seconds that took, and the peak of this process in MB."""
    read = READERS[reader](task, asked(packages))
    begun = time.process_time()
    found = read(path)
    seconds = time.process_time() - begun
    return {"found": found, "seconds": seconds, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def other_python(folder: str) -> str:
    """Return the Python of a new environment with pkgcore in it, "" if it can't be had."""
    venv.create(folder, with_pip=True)
    python = f"{folder}/bin/python"
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "pkgcore"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(f"pkgcore is left out, pip can't install it: {done.stderr.strip()[-300:]}")
    return "" if done.returncode else python


def turn(pythons: t.Mapping[str, str], path: str, packages: int) -> dict[tuple[str, str], dict[str, float]]:
    """Return what each reader needed for each task, all of them once."""
    found = {}
    for task, reader in RUNS:
        if pythons[reader]:
            words = [pythons[reader], __file__, "--measure", reader, task, path, str(packages)]
            done = subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            found[task, reader] = json.loads(done.stdout)
            expected = 2 * ASKED if task in (LOOKUP, CHECKED) else packages
            if found[task, reader]["found"] != expected:
                raise SystemExit(f"{reader}, {task}: expected {expected} packages, found {done.stdout}")
    return found


def table(packages: int, turns: int) -> None:
    """Print a line per task and reader: medians, and how many times Portage's time and memory that is."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/Packages"
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(index(packages))
        pythons = {"ours": sys.executable, "Portage": sys.executable, "pkgcore": other_python(f"{folder}/venv")}
        print(f"{packages} packages, {Path(path).stat().st_size / 1e6:.1f} MB, {turns} turns")
        taken = [turn(pythons, path, packages) for _turn in range(turns)]
    print(f"{'task':<26}{'reader':<9}{'time':>9}{'peak':>9}   Portage's time / its, peak / Portage's")
    for task, reader in taken[0]:
        mine = [one[task, reader] for one in taken]
        theirs = [one[LOOKUP if task in (LOOKUP, CHECKED) else KEPT, "Portage"] for one in taken]
        faster = statistics.median(other["seconds"] / own["seconds"] for own, other in zip(mine, theirs, strict=True))
        seconds, peak = (statistics.median(one[key] for one in mine) for key in ("seconds", "peak"))
        share = peak / statistics.median(one["peak"] for one in theirs)
        print(f"{task:<26}{reader:<9}{seconds:>7.3f} s{peak:>6.0f} MB   {faster:>6.2f} {share:>6.2f}")


def main(words: t.Sequence[str]) -> None:
    """Run what the words say."""
    if words[:1] == ["--measure"]:
        print(json.dumps(measure(words[1], words[2], words[3], int(words[4]))))
    else:
        numbers = [int(word) for word in words]
        table(*(numbers + [PACKAGES, TURNS][len(numbers) :]))


if __name__ == "__main__":
    main(sys.argv[1:])
