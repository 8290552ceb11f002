"""Would a test notice? One small change at a time in the model's core, and the tests that should fail.

``python tests/mutants.py 100`` tries a hundred changes, drawn by a fixed seed from all that the operators below can
make of the modules below, and prints those that no test noticed. Nothing on disk is changed: a child process compiles
the changed module in place of the file. That, the drawing, and running only the tests of the changed module are why
this is no call of mutmut, which tries all changes of a package one after the other.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
CORE = ["test_transformer", "test_generation", "test_imagegpt", "test_vit", "test_whisper"]
#: The tests of each module; the first that fails ends a trial.
TESTS = {
    "transformer.py": CORE,
    "cache.py": CORE,
    "generation/beam.py": ["test_generation"],
    "generation/decoding.py": ["test_generation", "test_whisper"],
    "generation/filters.py": ["test_generation", "test_transcribe"],
    "generation/sampling.py": ["test_generation"],
    "tokens/cnn.py": ["test_tokens"],
    "tokens/images.py": ["test_preprocess", "test_tokens", "test_checks", "test_vit"],
    "tokens/palette.py": ["test_palette"],
    "tokens/patches.py": ["test_tokens", "test_vit"],
    "tokens/pixels.py": ["test_tokens"],
    "tokens/positions.py": ["test_tokens", "test_vit", "test_whisper"],
    "tokens/spectrogram.py": ["test_spectrogram"],
    "tokens/vq.py": ["test_vq"],
}
#: Tests in processes of their own see no change, and compilers take long.
LEFT_OUT = "not processes and not compile and not compiler and not traces and not memory"
SECONDS = 120  # of the processor; a change that hangs is noticed
ENOUGH = 0.85

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.MatMult: ast.Mult, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE,
    ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or,
    ast.Or: ast.And, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


class Mutant(NamedTuple):
    """One change: the module, the line, what stood there and what stands there now."""

    module: str
    line: int
    before: str
    after: str
    tree: ast.Module


def _sites(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes whose change a test could notice: no annotations, no docstrings, no words of an error."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params") or isinstance(node, ast.Raise):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(child, ast.JoinedStr | ast.Import | ast.ImportFrom):
                yield child
                yield from _sites(child)


def _changes(node: ast.AST) -> Iterator[str]:
    """Names of the changes that a node allows."""
    operator = node.ops[0] if isinstance(node, ast.Compare) else getattr(node, "op", None)
    if type(operator) in SWAPS:
        yield "operator"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not | ast.Invert):
        yield "drop"
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float, bool):
        yield "constant"
    elif isinstance(node, ast.If | ast.IfExp):
        yield "condition"
    elif isinstance(node, ast.Call) and node.keywords and node.keywords[-1].arg:
        yield "keyword"


def _changed(node: ast.AST, kind: str) -> ast.AST:
    """The node with that change."""
    if kind == "drop":
        return node.operand  # type: ignore[attr-defined]
    if kind == "operator" and isinstance(node, ast.Compare):
        node.ops[0] = SWAPS[type(node.ops[0])]()  # type: ignore[assignment]
    elif kind == "operator":
        node.op = SWAPS[type(node.op)]()  # type: ignore[attr-defined]
    elif kind == "constant":
        value = node.value  # type: ignore[attr-defined]
        node.value = not value if isinstance(value, bool) else value + 1  # type: ignore[attr-defined]
    elif kind == "condition":
        node.test = ast.UnaryOp(ast.Not(), node.test)  # type: ignore[attr-defined]
    else:
        node.keywords.pop()  # type: ignore[attr-defined]
    return node


class _Put(ast.NodeTransformer):
    def __init__(self, target: ast.AST, kind: str) -> None:
        self.target, self.kind = target, kind

    def visit(self, node: ast.AST) -> ast.AST:
        return _changed(node, self.kind) if node is self.target else self.generic_visit(node)


def _text(module: str) -> str:
    return (ROOT / "mmcourse" / module).read_text(encoding="utf-8")


def possible(module: str) -> list[tuple[str, int, str]]:
    """Every change of a module: its name, which node, and what is done to it."""
    sites = enumerate(_sites(ast.parse(_text(module))))
    return [(module, index, kind) for index, node in sites for kind in _changes(node)]


def made(module: str, index: int, kind: str) -> Mutant:
    """The module with that change."""
    tree = ast.parse(_text(module))
    plain, target = ast.unparse(tree).splitlines(), list(_sites(tree))[index]
    tree = ast.fix_missing_locations(_Put(target, kind).visit(tree))
    pairs = zip(plain, ast.unparse(tree).splitlines(), strict=False)
    before, after = next(((a, b) for a, b in pairs if a != b), ("", ""))
    return Mutant(module, target.lineno, before.strip(), after.strip(), tree)  # type: ignore[attr-defined]


def trial(module: str, tree: ast.Module | None) -> int:
    """Run the module's tests in a child that sees this tree in place of the file; 0 where all pass."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)
    code = 1
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        path, plain = str(ROOT / "mmcourse" / module), SourceFileLoader.get_code

        def get_code(self: SourceFileLoader, name: str):  # type: ignore[no-untyped-def]
            return compile(tree, path, "exec") if tree and self.path == path else plain(self, name)

        SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
        import pytest

        files = [str(ROOT / "tests" / "unit" / f"{name}.py") for name in TESTS[module]]
        code = int(pytest.main([*files, "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", LEFT_OUT]))
    finally:
        os._exit(code)


def main() -> int:
    """Print what no test noticed and the share of what one did; the exit status says whether that was enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=100, help="how many changes (100)")
    parser.add_argument("--seed", type=int, default=0, help="of the drawing (0)")
    parser.add_argument("--only", default="", help="modules whose name contains this")
    chosen = parser.parse_args()
    import hypothesis  # noqa: F401  what every child would import again
    import sklearn.linear_model  # noqa: F401
    import torch
    import torchvision  # noqa: F401

    torch.set_num_threads(1)
    modules = [module for module in TESTS if chosen.only in module]
    everything = [one for module in modules for one in possible(module)]
    drawn = random.Random(chosen.seed).sample(everything, min(chosen.count, len(everything)))
    broken = [module for module in modules if trial(module, None)]
    if broken:
        print(f"mutants: the tests of {', '.join(broken)} fail as they are; mend those first")
        return 2
    tried, noticed = Counter[str](), Counter[str]()
    for mutant in (made(*one) for one in sorted(drawn)):
        seen = trial(mutant.module, mutant.tree) != 0
        tried[mutant.module] += 1
        noticed[mutant.module] += seen
        if not seen:
            print(f"{mutant.module}:{mutant.line}: no test noticed", flush=True)
            print(f"    {mutant.before}\n    {mutant.after}", flush=True)
    for module in tried:
        print(f"{module:24} {noticed[module]:3} of {tried[module]:3}")
    share = noticed.total() / max(1, tried.total())
    print(f"noticed: {noticed.total()} of {tried.total()} changes ({share:.0%}), drawn from {len(everything)}")
    return int(share < ENOUGH)


if __name__ == "__main__":
    sys.exit(main())
