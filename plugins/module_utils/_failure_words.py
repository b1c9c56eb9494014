# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Portage's words say of a package that failed: in which phase and why.

``die`` names the phase (bin/isolated-functions.sh), so does what ends without it (_emerge/AbstractEbuildProcess.py).
What is wrong before or after an ebuild's own phases has words of its own: package/ebuild/fetch.py, dbapi/vartree.py,
_emerge/BinpkgVerifier.py, gpkg.py.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _atom
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

_COLOUR = re.compile(r"\x1b\[[0-9;]*m|\0")
#  * ERROR: app-misc/hello-2.10::lab failed (compile phase):
#  *   make failed
# Other programs' lines may stand between.
_DIED: t.Final = (
    r"^ ?\*? ?ERROR: {}(?:::\S+)? failed(?: \((?P<phase>\w+) phase\))?:[ \t]*(?:\n(?:[^ ].*\n)?[ *]*(?P<why>.*))?"
)
#  * The ebuild phase 'compile' has exited unexpectedly. ...
#  * The ebuild phase 'compile' has been killed by signal 9.
_ENDED = re.compile(
    r"The ebuild phase '(?P<phase>\w+)' has\s+(?:been )?(?P<how>exited unexpectedly|killed by signal \d+|aborted)"
)
# !!! Couldn't download 'hello-2.10.tar.gz'. Aborting.
NOT_FETCHED: t.Final = re.compile(r"^!!! Couldn't download '([^.'][^']*)'", re.MULTILINE)
# !!! x11/some-1 has fetch restriction turned on.
# !!! This probably means ...
#  * what pkg_nofetch says
RESTRICTED: t.Final = re.compile(
    r"^!!! (\S+) has fetch restriction turned on\.\n(?:!!! .*\n)*((?:\s*(?:\*.*)?\n)*)", re.MULTILINE
)
#  * Detected file collision(s):
#  *
#  *      /usr/share/coll/file
#  *
#  * x/owner-1:0::planted
#  *      /usr/share/coll/file
_COLLIDING = re.compile(r"Detected file collision\(s\):\n(?P<files>(?:\s*\*[ \t]*(?:/.*)?\n)+)")
_OWNER = re.compile(r"^\s*\*\s+(\S+/\S+?):\S+::\S+\n\s*\*\s+/", re.MULTILINE)
#: What Portage says of files that it was given -> what that means. All of it is before any phase.
_FILES: t.Final = (
    (re.compile(r"^!!! Fetched file: (\S+) VERIFY FAILED!\n!!! Reason: (.*)", re.M), "{} isn't the one it was: {}"),
    (re.compile(r"^!!! Digest verification failed:\n!!! (\S+)\n!!! Reason: (.*)", re.M), "{}: {}"),
    (re.compile(r"Binary package is not usable.*:\n[\s*]*Summary:\n[\s*]*(.*)"), "the binary package is refused: {}"),
    (re.compile(r"^!!! Invalid binary package: '?([^'\n]+)'?(?:, (.*))?", re.M), "{} is no sound package: {}"),
    (re.compile(r"^!!! Fetching Binary failed for '(.*)'", re.M), "the binary package of {} could not be fetched"),
    (RESTRICTED, "{} may not be fetched by a program"),
)
NO_SPACE: t.Final = "No space left on device"


def plain(text: str) -> str:
    """Return a text without colours and NUL bytes."""
    return _COLOUR.sub("", text)


# >>> Failed to emerge app-misc/hello-2.10, Log file:
# >>> Failed to install app-misc/hello-2.10 to /mnt/root/
_FAILED = re.compile(
    r"^>>> Failed to (?:emerge|install|execute postinst for) ([^\s,]+/[^\s,]+)(?=,| for | to |[ \t]*$)", re.M
)


def failed(words: str) -> list[str]:
    """Return the packages of which emerge said that they failed, in that order."""
    return list(dict.fromkeys(_FAILED.findall(words)))


#  * emerge --keep-going: app-misc/hello-2.10 dropped because it requires
#  * >=dev-libs/greet-1, dev-libs/voice
_DROPPED = re.compile(
    r"emerge --keep-going: (\S+/\S+)(?: for \S+)? dropped because it"
    r" (?:requires (?P<atoms>(?:\S+, )*\S+)|is masked or unavailable)"
)


def dropped(words: str) -> dict[str, list[str]]:
    """Return what emerge dropped from its list because something else had failed, each with the atoms it needs.

    Its lines are of at most 75 characters, broken at spaces and hyphens (Python's textwrap).
    """
    text, inside = "", False
    for line in words.splitlines() if "dropped" in words else ():
        if line.startswith(" * "):
            text += ("" if inside and text.endswith("-") else " " if inside else "\n") + line[3:].strip()
        inside = line.startswith(" * ")
    return {match[1]: match["atoms"].split(", ") if match["atoms"] else [] for match in _DROPPED.finditer(text)}


def name_of(atom: str) -> str:
    """Return ``category/name`` of an atom as Portage prints it; empty for what is none."""
    plainly = re.split(r"[:\[]", atom.lstrip("!"), maxsplit=1)[0]
    try:
        return _atom.category_package(plainly)
    except BinhostError:
        return ""


def said(cpv: str, words: str) -> str:
    """Return what emerge said while it was about a package; if it was about several, that package's messages."""
    name = re.escape(cpv) + r"(?![\w.+-])"
    end = re.search(rf"^>>> Failed to [a-z ]+ {name}", words, re.M)
    about = rf"^>>> (?:Emerging(?: binary)? \(\d+ of \d+\)|Running pre-merge checks for) {name}"
    begun = list(re.finditer(about, words[: end.start()], re.M)) if end else []
    part = words[begun[-1].start() : end.start()] if begun and end else ""
    if part and ">>> Jobs:" not in part:
        return part
    messages = re.search(rf"^ \* Messages for package {name}.*:\n((?:\s*\n| \*(?! Messages for ).*\n)*)", words, re.M)
    return messages[1] if messages else ""


def phase(cpv: str, told: str) -> str:
    """Return the phase that these words name, "merge" for files on their way to their places; empty if none."""
    died, ended = _died(cpv, told), _ENDED.search(told)
    if died and died["phase"]:
        return str(died["phase"])
    if ended:
        return ended["phase"]
    if _COLLIDING.search(told):
        return "merge"
    return "fetch" if NOT_FETCHED.search(told) or _of_files(told) else ""


def reason(cpv: str, told: str) -> str:
    """Return why the package failed, in a line; a cause outside the package is told first. Empty if none is found."""
    died, ended = _died(cpv, told), _ENDED.search(told)
    why = (died["why"] or "").strip() if died else ""
    if NO_SPACE in told:
        return NO_SPACE.lower() + (f" ({why})" if why else "")
    colliding = _COLLIDING.search(told)
    if colliding:
        return _collision(colliding, told)
    if died and why and why != "(no error message)":
        return why
    files = list(dict.fromkeys(NOT_FETCHED.findall(told)))
    if files and not died:
        return _of_files(told) or f"could not download {', '.join(files)}"
    return (ended["how"] if ended else "") or _of_files(told) or _first_error(told)


def _died(cpv: str, text: str) -> re.Match[str] | None:
    """Return the last time that a package's ``die`` speaks."""
    found = list(re.finditer(_DIED.format(re.escape(cpv)), text, re.MULTILINE))
    return found[-1] if found else None


def _of_files(told: str) -> str:
    found = ((pattern.search(told), meaning) for pattern, meaning in _FILES)
    return next((meaning.format(*(match.groups("") or "")).rstrip(" :") for match, meaning in found if match), "")


def _collision(colliding: re.Match[str], told: str) -> str:
    files = [line.strip(" *\t") for line in colliding["files"].splitlines() if line.strip(" *\t")]
    owners = list(dict.fromkeys(_OWNER.findall(told, colliding.end()))) or ["no package, and are there"]
    listed = files[0] + (f" and {len(files) - 1} more" if len(files) > 1 else "")
    return f"it would overwrite files that belong to {', '.join(owners)}: {listed}"


_ERROR = re.compile(
    r"^(?!\s*\*)(?=.*(?:\berror\b|\bundefined reference\b|\bFAILED\b|\*\*\*)).*\S.*$", re.MULTILINE | re.IGNORECASE
)


def _first_error(told: str) -> str:
    """Return the first line of a log's end that speaks of an error; a compiler's later ones follow from it."""
    found = _ERROR.search(told[-(64 << 10) :])
    return found[0].strip()[:200] if found else ""


#: What ``die`` says beside its message, and a log's own head.
_ABOUT_ITSELF = re.compile(
    r"^ ?\*?\s*(?:Call stack:|The specific snippet of code:|If you need support, post|the complete build log and the"
    r"|The complete build log is located|For convenience, a symlink to the build log|The ebuild environment file is"
    r"|Working directory: '|S: '|.*, line +\d+:  Called "
    r"|(?:Package|Repository|Maintainer|Upstream|USE|FEATURES):(?: |$))"
)


#: Paragraphs of Portage's own that explain at length what _reason says in a line.
_EXPLAINED = re.compile(
    r"^ \* (?:This package will overwrite one or more files[\s\S]*?understood the above message\."
    r"|The ebuild phase '\w+' has exited unexpectedly\.[\s\S]*?functioning properly\."
    r"|Package '\S+' NOT merged due to file collisions\.[\s\S]*?message\.)\n",
    re.MULTILINE,
)


def without_trace(told: str) -> str:
    """Return a log without what ``die`` says about itself: 10 to 20 lines after the ones that one looks for."""
    return "\n".join(line for line in _EXPLAINED.sub("", told).splitlines() if not _ABOUT_ITSELF.match(line))
