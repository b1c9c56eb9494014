# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules that the tree follows and that no linter knows: who may import whom, how long a function may be."""

from __future__ import annotations

import ast
import sys
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT: t.Final = Path(__file__).resolve().parents[2]
PLUGINS: t.Final = "ansible_collections.larry.binhost.plugins"
CORE: t.Final = f"{PLUGINS}.module_utils"
CONTROLLER: t.Final = (CORE, f"{PLUGINS}.plugin_utils", "ansible", "archspec", "jinja2", "netaddr", "yaml")
#: Folder -> what its files may import beside the standard library.
LAYERS: t.Final[t.Mapping[str, tuple[str, ...]]] = {
    "plugins/module_utils": (CORE,),
    "plugins/modules": (CORE, "ansible.module_utils.basic"),
    "plugins/plugin_utils": CONTROLLER,
    "plugins/action": CONTROLLER,
    "plugins/filter": CONTROLLER,
    "plugins/doc_fragments": (),
    "lab": ("lab", CORE),
}
LONGEST: t.Final = 50
HEADER: t.Final = (
    "# Copyright: (c) 2026, larry.binhost contributors",
    "# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)",
    "# SPDX-License-Identifier: GPL-3.0-or-later",
)


def python_files(folder: str) -> list[Path]:
    """Return the Python files below ``folder``, sorted."""
    return sorted((ROOT / folder).rglob("*.py"))


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and full name of each import; ``from a import b`` is ``a.b``, a relative one keeps its dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def is_below(name: str, *packages: str) -> bool:
    """Return whether ``name`` is one of ``packages`` or in one."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def strangers(folder: str, text: str) -> list[tuple[int, str]]:
    """Return line and name of each import that a file of ``folder`` may not have."""
    return [
        (line, name)
        for line, name in imports(ast.parse(text))
        if name.split(".")[0] not in sys.stdlib_module_names and not is_below(name, *LAYERS[folder])
    ]


def long_functions(text: str) -> list[tuple[int, str, int]]:
    """Return line, name and number of lines of each function longer than may be, decorators and docstring included."""
    functions = (
        node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    )
    sizes = ((node.lineno, node.name, (node.end_lineno or node.lineno) - node.lineno + 1) for node in functions)
    return [size for size in sizes if size[2] > LONGEST]


@pytest.mark.parametrize(
    ("folder", "text", "expected"),
    [
        ("plugins/module_utils", "import os.path", []),
        ("plugins/module_utils", f"from {CORE}._tree import plan", []),
        ("plugins/module_utils", f"from {CORE} import _tree", []),
        ("plugins/module_utils", "def f():\n    import portage", [(2, "portage")]),
        ("plugins/module_utils", "from . import _tree", [(1, ".._tree")]),
        (
            "plugins/module_utils",
            "from ansible.module_utils.basic import AnsibleModule",
            [(1, "ansible.module_utils.basic.AnsibleModule")],
        ),
        ("plugins/modules", "from ansible.module_utils.basic import AnsibleModule", []),
        (
            "plugins/modules",
            "from ansible.module_utils.urls import open_url",
            [(1, "ansible.module_utils.urls.open_url")],
        ),
        ("plugins/modules", f"from {PLUGINS}.plugin_utils import _plan", [(1, f"{PLUGINS}.plugin_utils._plan")]),
        ("plugins/action", f"from {PLUGINS}.plugin_utils import _plan\nimport netaddr", []),
        ("plugins/plugin_utils", f"from {PLUGINS}.action import fleet_plan", [(1, f"{PLUGINS}.action.fleet_plan")]),
    ],
)
def test_strangers(folder: str, text: str, expected: list[tuple[int, str]]) -> None:
    assert strangers(folder, text) == expected


@pytest.mark.parametrize(("lines", "long"), [(LONGEST, False), (LONGEST + 1, True)])
def test_long_functions(lines: int, long: bool) -> None:
    text = "class A:\n    def f(self):\n" + "        pass\n" * (lines - 1)
    assert long_functions(text) == ([(2, "f", lines)] if long else [])


def test_every_folder_of_plugins_is_a_layer() -> None:
    folders = {f"plugins/{path.relative_to(ROOT / 'plugins').parts[0]}" for path in python_files("plugins")}
    assert folders <= set(LAYERS)


@pytest.mark.parametrize("folder", LAYERS)
def test_imports_go_down_only(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in python_files(folder)
        for line, name in strangers(folder, path.read_text(encoding="utf-8"))
    ]
    assert wrong == []


@pytest.mark.parametrize("folder", ["plugins", "lab"])
def test_functions_are_short(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name} has {size} lines"
        for path in python_files(folder)
        for line, name, size in long_functions(path.read_text(encoding="utf-8"))
    ]
    assert wrong == []


def test_plugins_raise_and_do_not_assert() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in python_files("plugins")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assert)
    ]
    assert wrong == []


def test_every_file_says_its_licence() -> None:
    wrong = []
    for path in [file for folder in ("plugins", "lab", "tests") for file in python_files(folder)]:
        lines = path.read_text(encoding="utf-8").splitlines()
        if tuple(line for line in lines[:4] if not line.startswith("#!"))[:3] != HEADER and lines:
            wrong.append(str(path.relative_to(ROOT)))
    assert wrong == []
