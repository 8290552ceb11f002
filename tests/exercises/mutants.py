"""Wrong answers that nobody chose: the reference solutions with one small change each, made by a machine.

Operators, whole numbers and names are exchanged, signs, terms and method calls dropped. What still gives the right
results on every input is no wrong answer and is left out; ``--read`` prints what the others hear.
"""

from __future__ import annotations

import argparse
import ast
import copy
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from mmcourse import exercises
from mmcourse.exercises.core import REGISTRY, Exercise, _agree
from mmcourse.exercises.running import trusted

SWAPS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add, ast.Div),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult, ast.Mod),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.MatMult: (ast.Mult,),
}


def _variants(node: ast.AST, names: list[str]) -> Iterator[ast.AST]:
    """Small changes of one node."""
    if isinstance(node, ast.BinOp):
        for other in SWAPS.get(type(node.op), ()):
            yield ast.BinOp(node.left, other(), node.right)
        yield node.left
        yield node.right
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value - 1)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute):
            yield node.func.value
        if node.args:
            yield node.args[0]
        if len(node.args) > 1:
            yield ast.Call(node.func, [*node.args[1::-1], *node.args[2:]], node.keywords)
        for i in range(len(node.keywords)):
            yield ast.Call(node.func, node.args, node.keywords[:i] + node.keywords[i + 1 :])
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.And() if isinstance(node.op, ast.Or) else ast.Or(), node.values)
        for i in range(len(node.values)):
            yield (
                ast.BoolOp(node.op, node.values[:i] + node.values[i + 1 :]) if len(node.values) > 2 else node.values[i]
            )
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
        yield from (ast.Name(other, ast.Load()) for other in names if other != node.id)


def mutants(exercise: Exercise) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The changed references that give another result on some input, with their code."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(exercise.reference)))
    names = list(inspect.signature(exercise.reference).parameters)
    cases = exercise.inputs()
    right = trusted(exercise.reference, cases)
    seen = {ast.unparse(tree)}
    nodes = [n for statement in tree.body[0].body for n in ast.walk(statement)]  # type: ignore[attr-defined]
    for index, node in enumerate(nodes):
        for variant in _variants(node, names):
            other = copy.deepcopy(tree)
            target = [n for statement in other.body[0].body for n in ast.walk(statement)][index]  # type: ignore[attr-defined]

            class Put(ast.NodeTransformer):
                def visit(self, node: ast.AST, target: ast.AST = target, variant: ast.AST = variant) -> ast.AST:
                    return copy.deepcopy(variant) if node is target else self.generic_visit(node)

            other = ast.fix_missing_locations(Put().visit(other))
            code = ast.unparse(other)
            if code in seen:
                continue
            seen.add(code)
            scope = dict(exercise.reference.__globals__)
            exec(compile(other, f"<mutant of {exercise.id}>", "exec"), scope)
            function = scope[exercise.reference.__name__]
            found = trusted(function, cases)
            if not all(_agree(f, r, exercise) for f, r in zip(found, right, strict=True)):
                yield code, function


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--read", action="store_true", help="print what each one hears")
    read = parser.parse_args().read
    count = {"results": [0, 0, 0], "errors": [0, 0, 0]}
    for exercise in REGISTRY.values():
        for code, function in mutants(exercise):
            verdict = exercises.grade(exercise.id, function)
            tally = count["errors" if verdict.message.startswith("raised") else "results"]
            tally[0] += 1
            tally[1] += not verdict.passed
            tally[2] += verdict.named and not verdict.passed
            if read:
                mark = "!!" if verdict.passed else "  " if verdict.named else " ?"
                body = " ; ".join(line.strip() for line in code.splitlines()[1:] if '"""' not in line)
                print(f"{mark} {exercise.id} | {body[:300]} | {verdict.message}")
    for kind, (total, refused, named) in count.items():
        which = "a wrong result" if kind == "results" else "an error"
        print(f"changed references with {which} refused: {refused} of {total}; named: {named} ({named / total:.0%})")


if __name__ == "__main__":
    main()
