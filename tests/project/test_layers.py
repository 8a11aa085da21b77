"""Imports go only where the arrows of docs/architecture.md, section Layers, point."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "gateway"

ALL_LAYERS = frozenset(
    {"domain", "embedded", "storage", "security", "queue", "processors", "actors", "web"}
)
LEAVES = frozenset({"resources"})  # finds schema, migrations and templates; imports nothing of ours

MAY_IMPORT: dict[str, frozenset[str]] = {
    "__init__": frozenset(),
    "resources": frozenset(),
    "domain": frozenset(),
    "embedded": frozenset(),
    "storage": frozenset({"domain"}) | LEAVES,
    "security": frozenset({"domain"}),
    "queue": frozenset({"domain", "security"}),
    "processors": frozenset({"domain"}),
    "sandbox": frozenset({"domain"}),
    "actors": ALL_LAYERS - {"actors", "web"},
    "observers": frozenset({"domain"}),
    "metrics": frozenset({"actors", "storage", "queue", "domain", "observers"}),
    "web": frozenset({"actors", "storage", "security", "domain", "queue"}) | LEAVES,
}

# Rules about money are pure: no sockets, files, processes, loops or stores.
NOT_IN_DOMAIN = frozenset(
    {
        "aiohttp",
        "asyncio",
        "asyncpg",
        "click",
        "http",
        "logging",
        "os",
        "pathlib",
        "pykka",
        "redis",
        "socket",
        "sqlite3",
        "structlog",
        "subprocess",
        "tempfile",
        "threading",
    }
)


# Modules directly in gateway, the settings and the command line put everything together; nobody
# imports them.
TOP = "top"


def layer_of_file(path: Path, root: Path) -> str:
    """The layer of a file: its own name in the table, TOP, or a name that nobody knows."""
    layer = layer_of(module_name(path, root))
    together = path.parent == root / "gateway" or layer in {"cli", "settings"}
    return TOP if together and layer not in MAY_IMPORT else layer


def layer_of(module: str) -> str:
    """`gateway.web.api` stands in layer `web`, `gateway` itself in `__init__`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(source: str, module: str, *, is_package: bool) -> Iterator[tuple[int, str]]:
    """Each imported module with its line, also those inside functions and TYPE_CHECKING."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(node, module, is_package=is_package)
            yield node.lineno, base
            if base == "gateway":
                yield from ((node.lineno, f"gateway.{alias.name}") for alias in node.names)


def absolute(node: ast.ImportFrom, module: str, *, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    kept = parts[: len(parts) - node.level + (1 if is_package else 0)]
    return ".".join([*kept, node.module] if node.module else kept)


def violations(root: Path) -> list[str]:
    """Every import below `root`/gateway that its layer does not allow, as `file:line: why`."""
    found = []
    for path in sorted((root / "gateway").rglob("*.py")):
        module = module_name(path, root)
        layer = layer_of_file(path, root)
        imported = imports_of(path.read_text(), module, is_package=path.name == "__init__.py")
        for line, name in imported:
            if why := refusal(layer, name):
                found.append(f"{path.relative_to(root)}:{line}: {why}")
    return found


def refusal(layer: str, imported: str) -> str | None:
    """Why `layer` must not import `imported`; None when it may."""
    if layer == TOP:
        return None
    if layer not in MAY_IMPORT:
        return f"{layer} is no known layer"
    package = imported.partition(".")[0]
    if layer == "domain" and package in NOT_IN_DOMAIN:
        return f"domain does no I/O and imports {imported}"
    if package != "gateway" or imported == "gateway":
        return None
    target = layer_of(imported)
    allowed = target in MAY_IMPORT[layer] | {layer, "__version__"}
    return None if allowed else f"{layer} imports {imported}"


def test_imports_follow_the_layers() -> None:
    """No module imports a layer that its own layer does not stand above."""

    assert [] == violations(ROOT)


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        ("domain/a.py", "import gateway.storage.pool", "domain imports gateway.storage.pool"),
        ("domain/a.py", "from ..queue import streams", "domain imports gateway.queue"),
        ("domain/a.py", "def f():\n    import asyncio", "domain does no I/O and imports asyncio"),
        ("storage/a.py", "from gateway import web", "storage imports gateway.web"),
        ("web/a.py", "from gateway.processors import x", "web imports gateway.processors"),
        ("sandbox/a.py", "import gateway.processors.x", "sandbox imports gateway.processors.x"),
        ("actors/a.py", "from gateway.settings import x", "actors imports gateway.settings"),
        ("other/a.py", "import gateway.domain", "other is no known layer"),
        ("web/a.py", "from gateway.actors import x", None),
        ("domain/a.py", "from .money import x", None),
        ("cli/a.py", "from gateway.app import x", None),
        ("settings/a.py", "import gateway.web", None),
        ("resources.py", "import gateway.domain", "resources imports gateway.domain"),
    ],
)
def test_a_forbidden_import_is_found(
    tmp_path: Path, path: str, source: str, expected: str | None
) -> None:
    """The walk sees plain, relative and local imports, and lets the allowed ones pass."""
    file = tmp_path / "gateway" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source)

    found = [line.split(": ", 1)[1] for line in violations(tmp_path)]

    assert ([expected] if expected else []) == found


def test_the_table_has_no_circle() -> None:
    """Following the arrows never leads back: each layer can be understood without those above."""
    order: list[str] = []
    while len(order) < len(MAY_IMPORT):
        ready = [
            name
            for name, below in MAY_IMPORT.items()
            if name not in order and below <= frozenset(order)
        ]

        assert ready, f"a circle among {set(MAY_IMPORT) - set(order)}"

        order += ready


def test_what_is_imported_is_declared() -> None:
    """A third-party package that the code imports is a dependency of the project itself.

    Otherwise an installed gateway runs only as long as somebody else brings that package along.
    """
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = {
        canonicalize_name(Requirement(d).name) for d in pyproject["project"]["dependencies"]
    }
    distributions = packages_distributions()
    undeclared = set()
    for path in PACKAGE.rglob("*.py"):
        module = module_name(path, ROOT)
        for _, name in imports_of(path.read_text(), module, is_package=False):
            package = name.partition(".")[0]
            if package == "gateway" or package in sys.stdlib_module_names:
                continue
            providers = {canonicalize_name(d) for d in distributions.get(package, [package])}
            if not providers & declared:
                undeclared.add(f"{path.relative_to(ROOT)}: {name}")

    assert set() == undeclared
