# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One bare clone of each ebuild repository of type git; git itself is asked, its files are never read.

::

    STATE/git/NAME.git
        refs/remotes/origin/*   the remote's branches
        refs/upstream/*         its tags
        refs/binhost/head       its HEAD, where no branch is declared
        refs/binhost/kept/*     commits that were pinned: what upstream rewrites stays here
        refs/tags/snapshot-*    ours: what was moved to, by the day whose changes it contains

Nothing of a caller's environment or of a repository's own settings says what git does here; hooks don't run.
"""

from __future__ import annotations

import os
import re
import tempfile
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _files, _openpgp, _pins
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._pins import Want
from ansible_collections.larry.binhost.plugins.module_utils._process import Run
from ansible_collections.larry.binhost.plugins.module_utils._removal import tree as remove_tree

TAG: t.Final = "refs/tags/snapshot-"
_BRANCHES: t.Final = "refs/remotes/origin/"
_TAGS: t.Final = "refs/upstream/"
_HEAD: t.Final = "refs/binhost/head"
_KEPT: t.Final = "refs/binhost/kept/"
_SETTINGS: t.Final = {
    "advice.detachedHead": "false",
    "core.attributesFile": "/dev/null",
    "core.autocrlf": "false",
    "core.hooksPath": "/dev/null",
    "gc.autoDetach": "false",
    "maintenance.autoDetach": "false",
}
_ENVIRONMENT: t.Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE")
_FULL = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_SIGNATURE = re.compile(r"^gpgsig(?:-sha256)? (.*(?:\n .*)*)\n", re.MULTILINE)


@dataclass(frozen=True)
class Clone:
    """A clone, and where it comes from."""

    run: Run
    path: str
    uri: str
    branch: str = ""

    def git(self, *words: str, index: str = "") -> str:
        """Return what git prints.  Raises ``BinhostError`` with its words if it fails."""
        status, out, err = self._ask(*words, index=index)
        if status != 0:
            raise BinhostError(f"{self.path}: git {words[0]}: expected status 0, found {status}: {_last(err)}")
        return out

    def _ask(self, *words: str, index: str = "", apart: bool = False) -> tuple[int, str, str]:
        unset = [part for name in _ENVIRONMENT for part in ("-u", name)]
        told = ["GIT_TERMINAL_PROMPT=0", "LC_ALL=C", *([f"GIT_INDEX_FILE={index}"] if index else [])]
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        clone = [] if apart else ["--git-dir", self.path]
        status, out, err = self.run(["/usr/bin/env", *unset, *told, "git", *settings, *clone, *words])
        if status == 127:
            raise BinhostError(
                "git: expected the program, for a repository of type git, found none: emerge dev-vcs/git"
            )
        return status, out, err

    def present(self) -> None:
        """Make the clone if it isn't there; what a killed git locked is free again.  Nobody else is at work in it."""
        if os.path.isdir(self.path):
            for folder, _folders, names in os.walk(self.path):
                for name in names:
                    if name.endswith(".lock"):
                        os.unlink(os.path.join(folder, name))
        _files.directory(os.path.dirname(self.path))
        self.git("init", "--quiet", "--bare", self.path)

    def fetch(self) -> None:
        """Bring what the remote has.  Raises ``BinhostError``; then the clone has what it had."""
        head = [] if self.branch else [f"+HEAD:{_HEAD}"]
        wanted = [f"+refs/heads/*:{_BRANCHES}*", f"+refs/tags/*:{_TAGS}*", *head]
        try:
            self.git("fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--", self.uri, *wanted)
        except BinhostError as exc:
            raise BinhostError(f"{self.uri}: expected a git repository that can be fetched, found: {exc}") from None

    def remote(self) -> str:
        """Return the newest commit as the remote tells it; nothing is fetched."""
        name = f"refs/heads/{self.branch}" if self.branch else "HEAD"
        status, out, err = self._ask("ls-remote", "--", self.uri, name, apart=True)
        if status != 0:
            raise BinhostError(f"{self.uri}: expected a git repository, found: {_last(err)}")
        found = out.split()
        if not found:
            raise BinhostError(f"{self.uri}: expected {name}, found none")
        return found[0]

    def commit(self, wanted: Want) -> str:
        """Return the commit that this is in the clone, empty if it has none such."""
        if wanted.kind == "date":
            before = _pins.since(wanted.value) + _pins.DAY - 1
            return self._quietly("rev-list", "-1", "--first-parent", f"--before={before}", self._newest, "--")
        if wanted.kind == "commit":
            return self._resolved(wanted.value)
        if wanted.kind == _pins.NEWEST:
            return self._resolved(self._newest)
        names = (f"{folder}{wanted.value}" for folder in (_TAGS, "refs/tags/", _BRANCHES))
        return next((found for name in names if (found := self._resolved(name))), "")

    def is_branch(self, name: str) -> bool:
        """Return whether this is the name of a branch and of no tag."""
        tag = any(self._resolved(f"{folder}{name}") for folder in (_TAGS, "refs/tags/"))
        return not tag and bool(self._resolved(_BRANCHES + name))

    @property
    def _newest(self) -> str:
        return f"{_BRANCHES}{self.branch}" if self.branch else _HEAD

    def _resolved(self, name: str) -> str:
        return self._quietly("rev-parse", "--quiet", "--verify", f"{name}^{{commit}}")

    def _quietly(self, *words: str) -> str:
        status, out, _err = self._ask(*words)
        return out.strip() if status == 0 and _FULL.match(out.strip()) else ""

    def moment(self, commit: str) -> int:
        """Return when a commit was made, in seconds since the epoch."""
        return int(self.git("show", "--no-patch", "--format=%ct", commit))

    def keep(self, commit: str, tag: str = "") -> None:
        """Let a commit stay in the clone whatever upstream does, and tag it for a day such as ``20260131``, if any."""
        self.git("update-ref", f"{_KEPT}{commit}", commit)
        if tag:
            self.git("update-ref", f"{TAG}{tag}", commit)

    def check_out(self, commit: str, folder: str) -> None:
        """Fill an empty folder with a commit's files; what belongs to git alone isn't there."""
        with tempfile.TemporaryDirectory(prefix="larry-binhost-git-") as place:
            index = os.path.join(place, "index")
            self.git("--work-tree", folder, "read-tree", commit, index=index)
            self.git("--work-tree", folder, "checkout-index", "--all", "--force", "--quiet", index=index)

    def signer(self, commit: str, keys: str) -> str:
        """Return whose key, of those in the file ``keys``, signed a commit.

        Raises ``BinhostError`` if none did (Documentation/gitformat-signature: the signature is a header, and signs all
        the rest of the commit).
        """
        signed, signature = parts(self.git("cat-file", "commit", commit))
        if not signature:
            raise BinhostError(f"{self.uri}: commit {commit}: expected a signature by a key of {keys}, found none")
        with tempfile.TemporaryDirectory(prefix="larry-binhost-git-") as place:
            text, beside = os.path.join(place, f"commit-{commit}"), os.path.join(place, "signature")
            _files.write(text, signed)
            _files.write(beside, signature)
            return _openpgp.verify_file(self.run, text, beside, keys)

    def forget(self) -> None:
        """Remove the clone."""
        remove_tree(self.path)


def parts(commit: str) -> tuple[str, str]:
    """Return what of a commit is signed, and the signature, empty if it has none."""
    head, gap, body = commit.partition("\n\n")
    found = _SIGNATURE.search(f"{head}\n")
    if not found:
        return commit, ""
    rest = _SIGNATURE.sub("", f"{head}\n").rstrip("\n")
    return rest + gap + body, found[1].replace("\n ", "\n") + "\n"


def _last(words: str) -> str:
    lines = [line for line in words.strip().splitlines() if line.strip()]
    return " ".join(lines[-3:]) or "no words"
