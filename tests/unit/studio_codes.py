"""Which error codes the studio library can raise, read from its source.

A code is the text given to an error, or given as ``code`` to a function that makes one.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from .repository import INTEGRATION

STUDIO = INTEGRATION / "studio"
ERRORS = {
    node.name
    for node in ast.parse((STUDIO / "errors.py").read_text()).body
    if isinstance(node, ast.ClassDef)
}

type Function = ast.FunctionDef | ast.AsyncFunctionDef


def makers_of(tree: ast.Module) -> dict[str, int]:
    """Return the functions of a module that take a code as text, with its place."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, Function.__value__):
            for place, argument in enumerate(node.args.args):
                said = argument.annotation
                if argument.arg == "code" and isinstance(said, ast.Name) and said.id == "str":
                    found[node.name] = place
    return found


def source_of(path: Path, node: ast.ImportFrom) -> Path:
    """Return the file that a relative import reads."""
    folder = path.parents[node.level - 1]
    return folder.joinpath(*(node.module or "__init__").split(".")).with_suffix(".py")


def calls_of(tree: ast.AST, inside: bool = False) -> Iterator[tuple[ast.Call, bool]]:
    """Yield every call, and whether it is within a function that takes a code."""
    for node in ast.iter_child_nodes(tree):
        within = inside
        if isinstance(node, Function.__value__):
            within = any(argument.arg == "code" for argument in node.args.args)
        if isinstance(node, ast.Call):
            yield node, within
        yield from calls_of(node, within)


def codes_in(path: Path) -> set[str]:
    """Return the codes that a module gives; fail if one cannot be read."""
    tree = ast.parse(path.read_text())
    makers = dict.fromkeys(ERRORS, 0)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            source = source_of(path, node)
            if STUDIO in source.parents and source.exists() and source.stem != "errors":
                there = makers_of(ast.parse(source.read_text()))
                makers |= {
                    alias.asname or alias.name: there[alias.name]
                    for alias in node.names
                    if alias.name in there
                }
    makers |= makers_of(tree)
    found = set()
    for call, within in calls_of(tree):
        name = call.func.id if isinstance(call.func, ast.Name) else None
        if name not in makers:
            continue
        given = [word.value for word in call.keywords if word.arg == "code"]
        code = given[0] if given else call.args[makers[name]]
        if isinstance(code, ast.Constant):
            found.add(str(code.value))
        else:
            assert within, f"{path}:{call.lineno}: where does the code come from?"
            assert ast.unparse(code) == "code", f"{path}:{call.lineno}: where does it come from?"
    return found


def studio_codes() -> set[str]:
    """Return every code of the studio library."""
    return set().union(*(codes_in(path) for path in STUDIO.rglob("*.py")))
