# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The question to Portage's own library about binaries of an index; it is run by the Python that has it."""

from __future__ import annotations

import typing as t

#: Given the index's folder, a configroot and {PATH: cpv that is compiled}; prints {PATH: {"masks": Portage's words,
#: "older": whether it is older, "built": [[category/name, slot/sub-slot, whether that is installed]],
#: "chost": the host's, of a masked one}}.
PROGRAM: t.Final = r"""
import json, os, sys, tempfile
folder, place, wanted = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
# Portage makes the folder of its cache where there is none; to read is to change nothing.
cache = tempfile.TemporaryDirectory(prefix="larry-binhost-")
os.environ["PORTAGE_DEPCACHEDIR"] = cache.name
import portage
from portage.dep import Atom, use_reduce
from portage.versions import _pkg_str, cpv_getversion, vercmp
from _emerge.Package import Package
from _emerge.RootConfig import RootConfig
from _emerge.depgraph import get_masking_status

trees = portage.create_trees(config_root=place)
tree = trees[trees._target_eroot]
settings, database = tree["vartree"].settings, tree["bintree"].dbapi
root = RootConfig(settings, tree, None)
index = tree["bintree"]._new_pkgindex()
with open(os.path.join(folder, "Packages"), encoding="utf-8", errors="replace") as handle:
    index.read(handle)


def built(values):
    found = []
    for key in ("RDEPEND", "PDEPEND", "IDEPEND"):
        words = use_reduce(values.get(key, ""), uselist=values.get("USE", "").split(), flat=True, token_class=Atom,
                           eapi=values.get("EAPI") or "0")
        for atom in words:
            if isinstance(atom, Atom) and atom.slot_operator_built and not atom.blocker:
                found.append([atom.cp, "%s/%s" % (atom.slot, atom.sub_slot), bool(tree["vartree"].dbapi.match(atom))])
    return found


def judged(path, values):
    metadata = {key: values.get(key, "") for key in Package.metadata_keys}
    cpv = _pkg_str(values["CPV"], metadata=metadata, settings=settings, db=database)
    package = Package(built=True, cpv=cpv, metadata=metadata, root_config=root, type_name="binary")
    older = vercmp(cpv_getversion(values["CPV"]), cpv_getversion(wanted[path])) < 0
    if package.visible:
        return {"masks": [], "older": older, "built": built(values)}
    masks = get_masking_status(package, settings, root)
    return {"masks": masks, "older": older, "built": [], "chost": settings.get("CHOST", "")}


answer = {}
for values in index.packages:
    path = values.get("PATH") or values.get("CPV", "") + ".tbz2"
    if path in wanted:
        try:
            answer[path] = judged(path, values)
        except Exception as exc:
            answer[path] = {"masks": ["invalid: %s: %s" % (type(exc).__name__, exc)], "older": False, "built": []}
print(json.dumps(answer))
"""
