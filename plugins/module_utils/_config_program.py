# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that makes Portage read all of a configuration, run by the Python that Portage is installed for.

It reads the tree of PORTAGE_CONFIGROOT. Much of it Portage reads only when first asked for, hence the questions about
a package that doesn't exist. What it calls has been there since Portage 3.0.9; what came later is asked for by name.
"""

from __future__ import annotations

import typing as t

#: The exit status that says that this Python has no Portage.
NO_PORTAGE: t.Final = 77
ENVIRONMENT: t.Final[t.Mapping[str, str]] = {"LC_ALL": "C.UTF-8", "NOCOLOR": "true"}
PROGRAM: t.Final = r"""
import glob, json, os, subprocess, sys, tempfile
try:
    import portage
    from portage import _sets
    from portage._sets.files import StaticFileSet
    from portage.util import getconfig, grabdict_package
    from portage.versions import _pkg_str
except ImportError as exc:
    sys.stderr.write("%s\n" % exc)
    sys.exit(77)

KEYS = "DEFINED_PHASES DEPEND BDEPEND IDEPEND PDEPEND RDEPEND INHERITED IUSE KEYWORDS LICENSE PROPERTIES RESTRICT"
QUESTIONS = "MaskAtom ProfileMaskAtom MissingKeywords MissingLicenses MissingProperties MissingRestrict"
place = os.environ["PORTAGE_CONFIGROOT"]
config = os.path.join(place, "etc/portage")


def say(text):
    sys.stderr.write("!!! %s\n" % text)


def packages(settings):
    metadata = dict.fromkeys((KEYS + " REQUIRED_USE SRC_URI USE").split(), "")
    metadata.update(EAPI="7", SLOT="0", repository="x")
    cpv = _pkg_str("virtual/nothing-0", metadata=metadata, settings=settings)
    settings.setcpv(cpv, mydb=metadata)
    for question in QUESTIONS.split():
        ask = getattr(settings, "_get" + question, None)
        if ask is not None:
            ask(cpv, metadata)


def environments(settings):
    path = os.path.join(config, "package.env")
    named = grabdict_package(path, recursive=True, allow_wildcard=True, allow_repo=True)
    for name in sorted({name for names in named.values() for name in names}):
        file = os.path.join(config, "env", name)
        if getconfig(file, allow_sourcing=True, expand=dict(settings.items())) is None:
            say("%s references non-existent file: %s" % (path, file))


def package_sets(settings, tree):
    sets = _sets.load_default_config(settings, tree)
    for name, each in sorted(sets.getSets().items()):
        if isinstance(each, StaticFileSet):
            each.load()
            for error in each.errors:
                say("set %s: %s" % (name, error))
    for error in sets.errors:
        say(error)


def scripts():
    patterns = ("bashrc", "profile/profile.bashrc", "profile/bashrc/*", "env/*/*")
    for path in sorted(path for name in patterns for path in glob.glob(os.path.join(config, name))):
        if os.path.isfile(path) and not path.endswith("~"):
            sys.stderr.flush()
            subprocess.call([portage.const.BASH_BINARY, "-n", "--", path])


def binary_repositories(settings):
    try:
        from portage.binrepo.config import BinRepoConfigLoader
    except ImportError:
        return
    BinRepoConfigLoader([os.path.join(config, "binrepos.conf")], settings)


def main():
    trees = portage.create_trees(config_root=place)
    tree = trees[trees._target_eroot]
    settings = portage.config(clone=tree["vartree"].settings)
    settings.validate()
    packages(settings)
    environments(settings)
    package_sets(settings, tree)
    binary_repositories(settings)
    scripts()
    print(json.dumps({"version": portage.VERSION}))


try:
    # Portage makes the folder of its cache where there is none; to read is to change nothing.
    with tempfile.TemporaryDirectory(prefix="larry-binhost-") as cache:
        os.environ["PORTAGE_DEPCACHEDIR"] = cache
        main()
except Exception as exc:
    say("%s: %s" % (type(exc).__name__, exc))
    sys.exit(1)
"""
