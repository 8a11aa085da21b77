"""The house numbers: short functions, short files, documented modules, honest `__all__`."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "gateway").rglob("*.py"))
FUNCTION_LINES_MAX = 40
FILE_LINES_MAX = 400

each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def exported(tree: ast.Module) -> list[str] | None:
    """The names in `__all__`, in their order; None when there is none."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
                return list(ast.literal_eval(node.value)) if node.value else []
    return None


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """What runs when the module is imported, also within `if` and `try`."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try):
            yield from statements([*node.body, *node.orelse])


def defined(tree: ast.Module) -> set[str]:
    """What the module itself defines at its top: classes, functions, assigned names."""
    names: set[str] = set()
    for node in statements(tree.body):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def taken() -> dict[str, set[str]]:
    """For each module of the gateway the names that other modules of it import from it."""
    modules = {module_name(path) for path in FILES}
    found: dict[str, set[str]] = defaultdict(set)
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module in modules:
                names = {alias.name for alias in node.names}
                found[node.module] |= {
                    name for name in names if f"{node.module}.{name}" not in modules
                }
    return found


def is_private(path: Path) -> bool:
    return path.name.startswith("_") and not path.name.startswith("__")


def imported(tree: ast.Module) -> set[str]:
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


def order(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest: the order that ruff's RUF022 writes."""
    if name.isupper():
        return 0, name
    return (1 if name.lstrip("_")[:1].isupper() else 2), name


@each_file
def test_a_file_fits_the_head(path: Path) -> None:
    """No file is longer than 400 lines."""

    assert FILE_LINES_MAX >= len(path.read_text().splitlines())


@each_file
def test_functions_fit_the_screen(path: Path) -> None:
    """No function's body is longer than 40 lines, its docstring left out."""
    tree = ast.parse(path.read_text())
    lengths = {f"{node.name}:{node.lineno}": lines_of(node) for node in functions(tree)}

    assert {} == {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES_MAX}


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
    return (node.end_lineno or first.lineno) - first.lineno + 1


@each_file
def test_a_module_says_what_it_is_for(path: Path) -> None:
    """Every public module begins with a docstring."""

    assert is_private(path) or ast.get_docstring(ast.parse(path.read_text()))


@each_file
def test_all_is_sorted_and_complete(path: Path) -> None:
    """`__all__`, where there is one, names what other modules take from here, in order."""
    tree = ast.parse(path.read_text())
    names = exported(tree)
    if names is None or is_private(path):
        return

    assert sorted(set(names), key=order) == names
    assert set() == taken()[module_name(path)] - set(names), "imported, but not in __all__"
    assert set() == set(names) - defined(tree) - imported(tree), "in __all__, but not defined"
