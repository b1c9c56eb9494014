# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Portage itself left on a host: its log and its database of installed packages, not what we say of them."""

from __future__ import annotations

import itertools
import re
import typing as t
from contextlib import contextmanager

from tests.e2e.harness import Hosts, Run

if t.TYPE_CHECKING:
    from collections.abc import Iterator

SLAVES: t.Final = ("laptop-amd", "laptop-intel")
EVERYBODY: t.Final = ("desktop", *SLAVES)
ROOT: t.Final = "/var/lib/larry-binhost/roots/common"
CURRENT: t.Final = "/var/lib/larry-binhost/generations/common/current"
#: What the stage brought, installed and without a binary package.
STAGE: t.Final = {"app-arch/bzip2", "sys-apps/which", "sys-libs/zlib"}
STARTS: t.Final = "/var/tmp/emerge-starts"


_REVISION: t.Final = re.compile(r"-r\d+\Z")


def installed(lab: Hosts, host: str, *, root: str = "") -> dict[str, bool]:
    """Return {category/name: whether it came as a binary} of all that is installed."""
    script = f"cd {root}/var/db/pkg && for p in */*; do test -e $p/BINPKGMD5 && echo $p binary || echo $p source; done"
    lines = [line.split() for line in lab.sh(host, script).splitlines()]
    return {_REVISION.sub("", cpv).rpartition("-")[0]: kind == "binary" for cpv, kind in lines}


def use(lab: Hosts, host: str, package: str) -> set[str]:
    """Return the USE flags that an installed package was built with."""
    return set(lab.sh(host, f"cat /var/db/pkg/{package}-[0-9]*/USE").split())


def compiled(lab: Hosts, host: str, *, root: str = "") -> list[str]:
    """Return the lines of emerge.log that say that something was compiled on the host."""
    return lab.sh(host, f"grep -a 'Compiling/' {root}/var/log/emerge.log || true").splitlines()


def merged(lab: Hosts, host: str) -> list[str]:
    """Return the lines of emerge.log that say that a binary was merged."""
    return lab.sh(host, "grep -a 'Merging Binary' /var/log/emerge.log || true").splitlines()


def index(lab: Hosts) -> list[dict[str, str]]:
    """Return the stanzas of the index that the master serves."""
    _head, *stanzas = lab.read("desktop", f"{CURRENT}/Packages").strip().split("\n\n")
    return [dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line) for stanza in stanzas]


def build(run: Run, target: str = "common") -> dict[str, t.Any]:
    """Return what the job that builds a target has done in a run; it has to have finished."""
    job = run.of("desktop", "job")[-1].result["jobs"][f"build-{target}"]
    assert job["phase"] == "finished", job
    result: dict[str, t.Any] = job["result"]
    return result


def built(run: Run, target: str = "common") -> list[str]:
    """Return what the job that builds a target has built in a run, for all slaves and for one; it may have failed."""
    result = run.of("desktop", "job")[-1].result["jobs"][f"build-{target}"]["result"]
    return [*result["built"], *itertools.chain.from_iterable(result["variants"].values())]


def generation(lab: Hosts) -> int:
    """Return the number of the current generation."""
    return int(lab.sh("desktop", f"readlink {CURRENT}"))


@contextmanager
def counted_emerge(lab: Hosts) -> Iterator[t.Callable[[], list[str]]]:
    """Count each start of emerge on every host and in the build root; the value returns what was started so far."""
    places = [("desktop", ""), ("desktop", ROOT), *((slave, "") for slave in SLAVES)]
    # Not at /usr/local/bin/emerge, which is the collection's on a slave.
    program = f'#!/bin/sh\necho "$*" >>{STARTS}\nexec /usr/bin/emerge.counted "$@"\n'
    for host, root in places:
        lab.sh(host, f"mv {root}/usr/bin/emerge {root}/usr/bin/emerge.counted")
        lab.write(host, f"{root}/usr/bin/emerge", program)
        lab.sh(host, f"chmod 755 {root}/usr/bin/emerge")

    def starts() -> list[str]:
        texts = [(host, lab.sh(host, f"cat {root}{STARTS} 2>/dev/null || true")) for host, root in places]
        return [f"{host}: {line}" for host, text in texts for line in text.splitlines()]

    try:
        yield starts
    finally:
        for host, root in places:
            lab.sh(host, f"mv -f {root}/usr/bin/emerge.counted {root}/usr/bin/emerge; rm -f {root}{STARTS}")
