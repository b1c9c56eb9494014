# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""host_facts as a playbook sees it; its whole answer needs a Portage and is tested in the lab."""

from __future__ import annotations

import importlib.util
import typing as t
from pathlib import Path

import pytest

Module = t.Callable[..., dict[str, t.Any]]
CPUINFO: t.Final = str(Path(__file__).parents[1] / "module_utils/fixtures/cpuinfo/zen3")


def test_a_cpuinfo_of_another_kind_is_an_error(module: Module, tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text("vendor_id : IBM/S390\n")
    result = module("host_facts", {"cpuinfo": str(path)})
    expected = "expected processors of x86 with a line 'flags', of ARM or POWER, found vendor_id"
    assert (result["failed"], result["msg"]) == (True, f"{path}: {expected}")


@pytest.mark.skipif(importlib.util.find_spec("portage") is not None, reason="Portage is here")
@pytest.mark.skipif(Path("/usr/share/portage").is_dir(), reason="Portage is here")
def test_without_portage_it_says_so(module: Module) -> None:
    result = module("host_facts", {"cpuinfo": CPUINFO}, check=True)
    assert result["failed"]
    assert result["msg"].startswith("Portage: expected that one of /usr/bin/python3, /usr/bin/python can import it")
