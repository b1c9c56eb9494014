# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run podman with the lab's own configuration, and read its answers."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import typing as t
from ipaddress import IPv4Network
from pathlib import Path

from lab.hosts.names import Lab, LabError, containers_conf

#: Label of everything that belongs to one lab; its value is the lab's name.
LABEL: t.Final = "larry-binhost.lab"
#: Label of a stage's image; its value is the stage's tag.
STAGE_LABEL: t.Final = "larry-binhost.stage"


def command(*argv: str, stdin: bytes | None = None, environment: dict[str, str] | None = None) -> str:
    """Run a program and return its output; raises ``LabError`` with its own words if it fails or isn't there."""
    try:
        done = subprocess.run(argv, input=stdin, env=environment, capture_output=True, check=False)
    except FileNotFoundError as exc:
        raise LabError(f"lab: expected the program {argv[0]}, found none; run lab/bootstrap first") from exc
    if done.returncode != 0:
        what = " ".join(argv)[:300]
        raise LabError(f"lab: expected `{what}` to succeed, found status {done.returncode}: {_text(done.stderr)}")
    return done.stdout.decode(errors="replace")


def _text(stderr: bytes) -> str:
    return stderr.decode(errors="replace").strip() or "(no message)"


def configure(lab: Lab) -> None:
    """Write the lab's containers.conf."""
    hard = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    text = containers_conf({name: resource.getrlimit(limit)[1] for name, limit in hard.items()})
    (lab.state / "tmp").mkdir(parents=True, exist_ok=True)
    (lab.state / "containers.conf").write_text(text)


def environment(lab: Lab) -> dict[str, str]:
    """Return the environment that makes podman use the lab's configuration, and its folder for temporary files."""
    foreign = ("CONTAINER_HOST", "CONTAINER_CONNECTION", "CONTAINERS_CONF_OVERRIDE")
    own = {"CONTAINERS_CONF": str(lab.state / "containers.conf"), "TMPDIR": str(lab.state / "tmp")}
    return {name: value for name, value in os.environ.items() if name not in foreign} | own


def podman(lab: Lab, *words: str, stdin: bytes | None = None) -> str:
    """Run podman and return its output; raises ``LabError``."""
    return command("podman", *words, stdin=stdin, environment=environment(lab))


def listed(lab: Lab, kind: str, *filters: str) -> list[dict[str, t.Any]]:
    """Return what ``podman KIND ls`` lists; ``kind`` is ps, image, network or volume."""
    words = ["ps", "--all"] if kind == "ps" else [kind, "ls"]
    wanted = [word for text in filters for word in ("--filter", text)]
    found: list[dict[str, t.Any]] | None = json.loads(podman(lab, *words, "--format", "json", *wanted))
    return found or []


def states(lab: Lab) -> dict[str, tuple[str, str]]:
    """Return {host: (state, stage tag)} of the lab's containers; state is created, running, paused, exited …."""
    found = {}
    for container in listed(lab, "ps", f"label={LABEL}={lab.name}"):
        host = container["Names"][0].removeprefix(lab.container(""))
        found[host] = (str(container["State"]), str(container["Labels"].get(STAGE_LABEL, "")))
    return found


def network(lab: Lab) -> IPv4Network | None:
    """Return the lab's network, or None if there is none."""
    for found in listed(lab, "network", f"name=^{lab.name}$"):
        return IPv4Network(found["subnets"][0]["subnet"])
    return None


def taken(lab: Lab) -> list[IPv4Network]:
    """Return every IPv4 network that podman or this machine's routes know."""
    texts = [subnet["subnet"] for found in listed(lab, "network") for subnet in found.get("subnets") or []]
    routes = json.loads(command("ip", "-json", "-4", "route", "show", "table", "all") or "[]")
    texts += [route["dst"] for route in routes if route["dst"] != "default"]
    return [IPv4Network(text, strict=False) for text in texts if ":" not in text]


def import_image(lab: Lab, tarball: Path, tag: str) -> None:
    """Make an image of a stage: a second name for one that is there, else a new one; raises ``LabError``."""
    name = f"localhost/{lab.name}:{tag}"
    images = listed(lab, "image", f"label={STAGE_LABEL}={tag}")
    if images:
        podman(lab, "tag", images[0]["Id"], name)
        return
    unpack = {".xz": ["xz", "-dcT0"], ".zst": ["zstd", "-dcq"], ".gz": ["gzip", "-dc"]}.get(tarball.suffix, ["cat"])
    change = ["--change", f"LABEL {STAGE_LABEL}={tag}", "--change", 'CMD ["/sbin/init"]']
    with subprocess.Popen([*unpack, str(tarball)], stdout=subprocess.PIPE) as source:
        argv = ["podman", "import", "--quiet", *change, "-", name]
        done = subprocess.run(argv, stdin=source.stdout, env=environment(lab), capture_output=True, check=False)
    if done.returncode != 0 or source.returncode != 0:
        raise LabError(f"{tarball}: expected a tarball that podman imports, found: {_text(done.stderr)}")
