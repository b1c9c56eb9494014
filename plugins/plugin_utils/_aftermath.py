# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report tells of one host's run of emerge: who failed and who was left out, and what is left to a person."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.larry.binhost.plugins.module_utils import _config_updates, _failure_text
from ansible_collections.larry.binhost.plugins.module_utils._failure import Failure
from ansible_collections.larry.binhost.plugins.module_utils._outcome import Dropped

#: Lines of a failed package's log that the report has room for; the host has the rest.
_LOG_LINES: t.Final = 3
#: What packages say that a person should read.
_LEVELS: t.Final = ("error", "warn", "log", "")


def failures(packages: Mapping[str, t.Any]) -> Iterator[str]:
    """Yield what the module ``emerge`` told of failed and dropped packages."""
    for each in packages.get("failures") or ():
        failure = _made(Failure, each)
        yield _failure_text.title(failure)
        yield f"  its log: {failure.log or 'none is left'}"
        yield from (f"    {line}" for line in _failure_text.telling(failure, _LOG_LINES))
        yield f"  {_failure_text.remedy(failure)}"
    yield from _failure_text.dropped(_made(Dropped, each) for each in packages.get("dropped") or ())


def left(packages: Mapping[str, t.Any]) -> Iterator[str]:
    """Yield what a run left to a person, a line for each kind of thing."""
    found = packages.get("afterwards") or {}
    for each in found.get("preserved_libs") or ():
        yield f"libraries of {each['cpv']} stay for what still uses them: emerge @preserved-rebuild"
    news = found.get("news") or ()
    if news:
        yield f"news to read (eselect news read): {_failure_text.listed(news)}"
    files = list(dict.fromkeys(map(_config_updates.target, found.get("config_files") or ())))
    if files:
        yield f"configuration to merge (dispatch-conf): {_failure_text.listed(files)}"
    failed = {each["cpv"] for each in packages.get("failures") or ()}
    spoke = [each["cpv"] for each in found.get("elog") or () if each["level"] in _LEVELS and each["cpv"] not in failed]
    if spoke:
        yield f"messages of packages (/var/log/portage/elog): {_failure_text.listed(list(dict.fromkeys(spoke)))}"
    yield from found.get("kernel_modules") or ()
    yield from found.get("crashed") or ()
    yield from _stale(found.get("deleted_files") or ())


def _stale(found: Sequence[Mapping[str, t.Any]]) -> Iterator[str]:
    services = [each["service"] for each in found if each["service"]]
    programs = list(dict.fromkeys(each["command"] for each in found if not each["service"]))
    for what, names in (("services", services), ("programs", programs)):
        if names:
            yield f"{what} that use deleted files until they are restarted: {_failure_text.listed(names)}"


T = t.TypeVar("T")


def _made(kind: type[T], fields: Mapping[str, t.Any]) -> T:
    """Return a record from what came as JSON; a field that this version doesn't know is left out."""
    known = {field.name for field in dataclasses.fields(t.cast(t.Any, kind))}
    return kind(**{name: value for name, value in fields.items() if name in known})
