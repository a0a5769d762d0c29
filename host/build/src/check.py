"""Reads the sources of a plugin in Python: `check.py FOLDER FUNCTION…`.

Ends with 10 for a syntax error, with 11 when `plugin.py` does not define a function, whose name it prints.
"""

import ast
import os
import sys

MADE = {"target", "tests", "node_modules", "__pycache__"}
#: The interpreter that runs plugins.
PLUGINS = (3, 14)


def sources(home):
    for folder, folders, files in os.walk(home):
        folders[:] = sorted(name for name in folders if name not in MADE and not name.startswith("."))
        yield from (os.path.join(folder, name) for name in sorted(files) if name.endswith(".py"))


def tree_of(path, shown):
    with open(path, "rb") as file:
        text = file.read()
    compile(text, shown, "exec", dont_inherit=True)
    return ast.parse(text, shown)


def names(body):
    """What a module defines; None when that can't be told from its text."""
    found = set()
    left = list(body)
    while left:
        node = left.pop()
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                # What is within is not the module's.
                found.add(name)
                continue
            case ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                if any(alias.name == "*" for alias in aliases):
                    return None
                found.update(alias.asname or alias.name for alias in aliases)
            case ast.Call(func=ast.Name(id="globals" | "setattr" | "exec")):
                return None
        left.extend(ast.iter_child_nodes(node))
    return found


def main(home, *functions):
    wrong = False
    plugin = None
    for path in sources(home):
        shown = os.path.relpath(path, home)
        try:
            tree = tree_of(path, shown)
        except (SyntaxError, ValueError) as error:
            wrong = True
            line, text = getattr(error, "lineno", 0) or 0, getattr(error, "text", None)
            print(f"{shown}:{line}: {type(error).__name__}: {getattr(error, 'msg', error)}", file=sys.stderr)
            if text:
                print(f"    {text.strip()}", file=sys.stderr)
            continue
        if shown == "plugin.py":
            plugin = tree
    if wrong and sys.version_info >= PLUGINS:
        return 10
    if wrong:
        version = ".".join(map(str, sys.version_info[:2]))
        print(f"(says Python {version}; plugins run on {PLUGINS[0]}.{PLUGINS[1]}, which decides)", file=sys.stderr)
    defined = names(plugin.body) if plugin else None
    missing = [name for name in functions if defined is not None and name.replace("-", "_") not in defined]
    if missing:
        print(", ".join(f"`{name.replace('-', '_')}`" for name in missing))
        return 11
    return 0


sys.exit(main(*sys.argv[1:]))
