"""Flows are thin: the table of contents of what happens."""

import ast
from pathlib import Path

import pytest

FLOWS = sorted((Path(__file__).parents[2] / "flows").glob("*.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_no_function_of_a_flow_is_over_40_lines_or_takes_over_seven_things(path: Path) -> None:
    """What grows past that is design asking for another room; flows themselves take at most five parameters."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Function):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            parameters = len(node.args.args) + len(node.args.kwonlyargs)
            is_flow = any("flow" in ast.unparse(decorator) for decorator in node.decorator_list)
            assert lines <= 40, f"{path.name}:{node.lineno} {node.name} has {lines} lines"
            assert parameters <= (5 if is_flow else 7), f"{path.name}:{node.lineno} {node.name} takes {parameters} parameters"
