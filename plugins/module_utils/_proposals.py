# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Portage proposes to change in a configuration (autounmask), written where a person finds it again.

The files are the machine's person's as soon as they are there: they are nobody's by record, so no other task of ours
removes them, and on a slave they count as its own configuration, with which the master builds for it. Their name sorts
last, and the last word counts.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _files, _tree, _tree_apply, _tree_plan
from ansible_collections.larry.binhost.plugins.module_utils._tree_plan import CONFIG, Change, Entry

NAME: t.Final = "zz-autounmask"
HEADER: t.Final = (
    "# Written by larry.binhost's module emerge: what Portage proposed and accept_proposals allows.\n"
    "# Yours from now on: change it as you like, lines are only added.\n"
)
#: What ``accept_proposals`` may name -> where such lines belong.
KINDS: t.Final[t.Mapping[str, str]] = {
    "use": "package.use",
    "keywords": "package.accept_keywords",
    "license": "package.license",
    "unmask": "package.unmask",
}


class Proposal(t.Protocol):
    """A line of configuration."""

    @property
    def file(self) -> str:
        """Return one of KINDS' values."""

    @property
    def line(self) -> str:
        """Return what is to be added."""


def allowed(proposals: t.Iterable[Proposal], kinds: t.Collection[str]) -> bool:
    """Return whether there are proposals and all of them may be written: half of them would help nobody."""
    files = {KINDS[kind] for kind in kinds}
    wanted = {each.file for each in proposals}
    return bool(wanted) and wanted <= files


def changes(root: str, proposals: t.Iterable[Proposal]) -> list[Change]:
    """Return the changes that add the lines to a root's configuration; a line that is there isn't added again.

    Raises ``BinhostError`` where what stands there can't be read as Portage would.
    """
    by_file: dict[str, list[str]] = {}
    for each in proposals:
        by_file.setdefault(each.file, []).append(each.line.strip())
    return [change for name, lines in sorted(by_file.items()) for change in _added(root, name, lines)]


def _added(root: str, name: str, lines: t.Sequence[str]) -> list[Change]:
    path = f"{CONFIG}/{name}/{NAME}"
    before = _text(os.path.join(root, path))
    known = {line.strip() for line in (before or "").splitlines()}
    new = [line for line in dict.fromkeys(lines) if line not in known]
    if not new:
        return []
    start = HEADER if before is None else before if before.endswith("\n") or not before else f"{before}\n"
    text = start + "".join(f"{line}\n" for line in new)
    if before is not None:
        return [Change("write", path, Entry("file", before), Entry("file", text))]
    # A plain file of that name becomes 00-adopted beside it.
    wanted = _tree_plan.desired({f"{name}/{NAME}": text}, {}, None)
    _tree.confine(root, wanted)
    current = _tree.read(root, wanted)
    return _tree_plan.plan(current, wanted, owned=(), through=_tree.through(root, current))


def _text(path: str) -> str | None:
    try:
        return _files.read(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def write(root: str, proposals: t.Iterable[Proposal]) -> list[str]:
    """Add the lines, all or none, and return the files that changed.  Raises ``BinhostError``."""
    with _tree.held(root):
        made = changes(root, proposals)
        _tree_apply.sweep(_tree_apply.folders(root, {change.path for change in made}))
        _tree_apply.apply(root, made)
    return sorted({change.path for change in made if change.action != "adopt"})
