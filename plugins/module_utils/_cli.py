# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``larry-binhost.pyz``: jobs without a controller, and what runs them. Exit status 0 is well, 1 a message, 2 usage."""

from __future__ import annotations

import argparse
import json
import os
import sys
import typing as t
from collections.abc import Callable, Sequence
from dataclasses import asdict

from ansible_collections.larry.binhost.plugins.module_utils import (
    _builder_cli,
    _config_sync,
    _fetch_package,
    _job_files,
    _jobs,
    _kit_install,
    _live,
    _mirror_source,
    _process,
    _progress,
    _say,
    _shell,
    _supervisor,
    _sync_command,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

_BLOCK: t.Final = 1 << 16


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says and return the exit status."""
    options = parser().parse_args(argv)
    act: Callable[[argparse.Namespace], int] = options.act
    try:
        return act(options)
    except (BinhostError, OSError) as exc:
        _say.warn(str(exc))
        return 1
    except KeyboardInterrupt:  # of a person who watches; a job doesn't see it
        return 130


def parser() -> argparse.ArgumentParser:
    """Return what the command line may be."""
    top = argparse.ArgumentParser(
        prog="larry-binhost.pyz", description="What larry.binhost does on this host without a controller."
    )
    top.add_argument("--state", default=STATE, help="where everything is kept (%(default)s)")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    _jobs_parser(commands.add_parser("job", help="start, watch and end jobs"))
    _builder_cli.arguments(commands)
    shell = commands.add_parser("shell", help="enter a target's build root, or run a command there")
    _shell.arguments(shell)
    shell.set_defaults(act=_shell.enter)
    _sync_command.add_options(commands.add_parser("binhost-sync", help="bring the newest index and repositories here"))
    _kit_install.add_options(
        commands.add_parser(_kit_install.COMMAND, help="install from a stick of playbooks/kit.yml")
    )
    config = commands.add_parser("config-sync", help="bring this host's 01 files into step with its master's")
    _config_sync.add_options(config)
    config.set_defaults(act=_config_sync.act)
    _fetch_package.add_options(commands.add_parser("fetch", help="fetch one package, for Portage"))
    commands.add_parser(_mirror_source.COMMAND).set_defaults(act=_mirror_source.act)  # for sshd
    run = commands.add_parser("run")  # for the starter alone, so not in the list
    run.add_argument("name")
    run.add_argument("--lock", type=int, required=True)
    run.add_argument("--detached", action="store_true")
    run.set_defaults(act=_run)
    return top


def _jobs_parser(job: argparse.ArgumentParser) -> None:
    acts = job.add_subparsers(required=True, metavar="ACTION")
    table = {
        "list": (_list, "tell all jobs"),
        "start": (_start, "run a command as a job"),
        "attach": (_attach, "show a job's log until it is over"),
        "cancel": (_cancel, "end a job and all its processes"),
        "clean": (_clean, "remove what a job that is over left"),
    }
    parsers = {}
    for name, (act, words) in table.items():
        parsers[name] = acts.add_parser(name, help=words, description=words)
        parsers[name].set_defaults(act=act)
        if name != "list":
            parsers[name].add_argument("name")
    parsers["list"].add_argument("--json", action="store_true", help="as a program reads it")
    parsers["start"].add_argument("argv", nargs="+", metavar="WORD", help="the command; write -- before it")
    parsers["attach"].add_argument("--seconds", type=float, default=float("inf"), help="watch no longer than this")
    parsers["cancel"].add_argument("--grace", type=float, default=15, help="seconds until force is used (%(default)s)")


def _list(options: argparse.Namespace) -> int:
    jobs = _jobs.listing(state=options.state)
    if options.json:
        _say.tell(json.dumps([asdict(job) for job in jobs], indent=1))
    for job in [] if options.json else jobs:
        _say.tell(line(job))
    return 0


def line(job: _job_files.Job) -> str:
    """Return a job as a person reads it."""
    words = job.doing if job.phase == "running" else job.message.partition("\n")[0]
    words = _live.line(job.live, job.live) if job.live else words
    since = f"since {job.begun}" if job.phase == "running" else job.ended or job.begun
    return "  ".join(part for part in (job.name, job.phase, since, words) if part)


def _start(options: argparse.Namespace) -> int:
    program = os.path.realpath(sys.argv[0])
    parameters = {"argv": options.argv}
    _say.tell(line(_jobs.start(options.name, "command", parameters, program=program, state=options.state)))
    return 0


def _attach(options: argparse.Namespace) -> int:
    """Print the log as it grows, and how the job ended; 0 if it finished, or still runs when the time is over."""
    job = _job_files.find(options.name, options.state)
    if job.phase == "absent":
        raise BinhostError(f"job {options.name}: expected one of {_names(options.state)}, found none")
    with open(job.log, "rb") as log:

        def over() -> bool:
            nonlocal job
            job = _job_files.find(options.name, options.state)
            for block in iter(lambda: log.read(_BLOCK), b""):
                sys.stdout.buffer.write(block)
            sys.stdout.buffer.flush()
            return job.phase != "running"

        _process.until(over, options.seconds, _jobs.POLL)
    _say.warn(line(job))
    return 0 if job.phase in ("running", "finished") else 1


def _names(state: str) -> str:
    return ", ".join(job.name for job in _jobs.listing(state=state)) or "none, since there are no jobs"


def _cancel(options: argparse.Namespace) -> int:
    _say.tell(line(_jobs.cancel(options.name, options.grace, state=options.state)))
    return 0


def _clean(options: argparse.Namespace) -> int:
    _jobs.clean(options.name, state=options.state)
    return 0


def _run(options: argparse.Namespace) -> int:
    if not options.detached:
        again = [sys.executable, "-I", sys.argv[0], "--state", options.state, "run", options.name]
        _supervisor.detach(options.name, [*again, "--lock", str(options.lock), "--detached"], options.lock)
    _supervisor.supervise(options.name, options.lock, _work, _watch, state=options.state)
    return 0


def _work(kind: str, run: _process.Run, parameters: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Do the work of a kind. All that builds and publishes is read only here: a list of jobs needs none of it."""
    from ansible_collections.larry.binhost.plugins.module_utils import _kinds

    return _kinds.KINDS[kind].work(run, parameters)


def _watch(kind: str, parameters: t.Mapping[str, t.Any]) -> _progress.Progress:
    """Return how the progress of a kind is known."""
    from ansible_collections.larry.binhost.plugins.module_utils import _kinds

    known = _kinds.KINDS[kind]
    return _progress.Progress(known.doing, known.source(parameters))
