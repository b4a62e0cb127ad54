"""The graph of a pipeline's steps."""

from __future__ import annotations

import json
import random
import sys
from itertools import pairwise
from types import FrameType
from typing import Any

import pytest

from airflow_ack_sagemaker.core.definition.graph import StepGraph, graph_of
from airflow_ack_sagemaker.core.definition.parse import parse_definition


def test_ties_are_in_document_order() -> None:
    graph = graph_of(["d", "c", "b", "a"], [("c", "d"), ("c", "d"), ("a", "b")], {})
    assert graph.edges == (("a", "b"), ("c", "d"))
    assert graph.order() == ("c", "d", "a", "b")
    assert graph.levels() == (("c", "a"), ("d", "b"))


def test_levels_are_the_longest_way() -> None:
    graph = graph_of("abcd", [("a", "b"), ("b", "c"), ("a", "c"), ("c", "d"), ("a", "d")], {})
    assert graph.levels() == (("a",), ("b",), ("c",), ("d",))


def test_the_empty_graph() -> None:
    graph = StepGraph((), ())
    assert (graph.order(), graph.levels(), graph.cycles()) == ((), (), [])


def test_a_circle_has_no_order() -> None:
    graph = graph_of("abcd", [("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")], {})
    assert graph.cycles() == [("b", "c", "b")]
    with pytest.raises(ValueError, match="in a circle: b -> c -> b"):
        graph.order()


@pytest.mark.parametrize("seed", range(20))
def test_random_graphs(seed: int) -> None:
    chance = random.Random(seed)
    nodes = [f"s{i}" for i in range(40)]
    chance.shuffle(nodes)
    edges = [(a, b) for i, a in enumerate(nodes) for b in nodes[i + 1 :] if chance.random() < 0.08]
    graph = graph_of(sorted(nodes), edges, {})
    position = {name: index for index, name in enumerate(graph.order())}
    assert len(position) == len(nodes)
    assert all(position[a] < position[b] for a, b in edges)
    level = {name: index for index, column in enumerate(graph.levels()) for name in column}
    assert all(level[a] < level[b] for a, b in edges)
    # Turn one way round: the circle that is found is one.
    back = [*edges, (nodes[-1], nodes[0]), (nodes[0], nodes[-1])]
    waits = set(back)
    cycles = graph_of(sorted(nodes), back, {}).cycles()
    assert cycles
    for cycle in cycles:
        assert cycle[0] == cycle[-1]
        assert all((b, a) in waits for a, b in pairwise(cycle))


def test_a_large_definition_is_read_in_linear_time() -> None:
    def definition(count: int) -> str:
        steps = [
            {
                "Name": f"s{i}",
                "Type": "Training",
                "Arguments": {"x": {"Get": f"Steps.s{i - 1}.Arn"} if i else 1, "pad": "x" * 50},
                "DependsOn": [f"s{j}" for j in range(max(0, i - 3), i)],
            }
            for i in range(count)
        ]
        return json.dumps({"Version": "2020-12-01", "Steps": steps})

    def lines(count: int) -> int:
        """Lines of Python that are executed: the same each time, on any machine."""
        executed = 0

        def trace(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal executed
            executed += event == "line"
            return trace

        text = definition(count)
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            graph = parse_definition(text).graph
            ordered = len(graph.order()), len(graph.levels())
        finally:
            sys.settrace(before)
        assert ordered == (count, count)
        return executed

    # Eight times as many steps take eight times as long, not sixty-four times.
    assert lines(800) < 10 * lines(100)
