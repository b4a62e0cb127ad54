"""Pipeline definitions: what is read from them, and what is refused, with its place."""

from __future__ import annotations

import copy
import hashlib
import json
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from airflow_ack_sagemaker.core.definition.parse import (
    MAX_CHARACTERS,
    Definition,
    DefinitionError,
    Problem,
    parse_definition,
)

DEFINITIONS = Path(__file__).parent / "definitions"


def train(name: str = "Train", **more: Any) -> dict[str, Any]:
    return {"Name": name, "Type": "Training", "Arguments": {}, **more}


def condition(name: str, if_steps: list[Any], else_steps: list[Any], *conditions: Any) -> dict[str, Any]:
    arguments = {"Conditions": list(conditions), "IfSteps": if_steps, "ElseSteps": else_steps}
    return {"Name": name, "Type": "Condition", "Arguments": arguments}


def loop(name: str, *body: Any) -> dict[str, Any]:
    return {
        "Name": name,
        "Type": "ForEach",
        "Arguments": {"IterableItems": ["a"], "MaxConcurrency": 1, "ForEachBody": [*body]},
    }


def pipeline(*steps: Any, **more: Any) -> dict[str, Any]:
    return {"Version": "2020-12-01", "Steps": list(steps), **more}


def get(expression: str) -> dict[str, str]:
    return {"Get": expression}


def parse(document: Any, **more: Any) -> Definition:
    return parse_definition(json.dumps(document), **more)


def refusal(document: Any, **more: Any) -> list[tuple[str, str]]:
    text = document if isinstance(document, str | bytes) else json.dumps(document)
    with pytest.raises(DefinitionError) as caught:
        parse_definition(text, **more)
    return [(problem.pointer, problem.message) for problem in caught.value.problems]


class TestWhatTheSdkEmits:
    @pytest.mark.parametrize("path", sorted(DEFINITIONS.glob("*.json")), ids=lambda path: path.stem)
    def test_passes_without_a_warning(self, path: Path) -> None:
        values = {"ROLE_ARN": "r", "IMAGE": "i", "BUCKET": "b", "PREFIX": "p"} if path.stem == "placeholders" else None
        definition = parse_definition(path.read_bytes(), placeholders=values)
        assert definition.warnings == ()
        assert json.loads(definition.text) == definition.document

    def test_abalone(self) -> None:
        definition = parse_definition((DEFINITIONS / "abalone.json").read_text())
        assert [(p.name, p.type, p.default, p.has_default) for p in definition.parameters] == [
            ("InstanceCount", "Integer", 2, True),
            ("InstanceType", "String", "ml.m5.xlarge", True),
            ("InputData", "String", None, False),
            ("MseThreshold", "Float", 6.0, True),
            ("AutoApprove", "Boolean", False, True),
        ]
        assert definition.parameters[1].enum == ("ml.m5.xlarge", "ml.m5.2xlarge")
        steps = {step.name: step for step in definition.steps}
        assert list(steps) == [
            *("Preprocess", "Train", "Evaluate", "CheckMse"),
            *("Model-RegisterModel", "Deployable-CreateModel", "Transform", "TooBad"),
        ]
        assert steps["Evaluate"].references == ("Train", "Preprocess")
        assert (steps["Train"].display_name, steps["CheckMse"].references) == ("Train the model", ("Evaluate",))
        failing = steps["TooBad"]
        assert (failing.parent, failing.branch, failing.pointer) == (
            "CheckMse",
            "else",
            "/Steps/3/Arguments/ElseSteps/0",
        )
        assert definition.graph.levels() == (
            *(("Preprocess",), ("Train",), ("Evaluate",), ("CheckMse",)),
            *(("Model-RegisterModel", "Deployable-CreateModel", "TooBad"), ("Transform",)),
        )
        assert definition.graph.branch("CheckMse", "else") == ("TooBad",)

    def test_nested_conditions(self) -> None:
        definition = parse_definition((DEFINITIONS / "nested-conditions.json").read_text())
        graph = definition.graph
        assert graph.order() == ("Base", "Outer", "Full", "Notify", "Inner", "Deep", "DeepFail", "Quick", "Last")
        assert graph.branch("Outer", "if") == ("Full", "Notify", "Inner")
        assert set(graph.within("Outer", "if")) == {"Full", "Notify", "Inner", "Deep", "DeepFail"}
        assert set(graph.within("Outer")) == {"Full", "Notify", "Inner", "Deep", "DeepFail", "Quick"}
        assert graph.dependencies("Full") == ("Base", "Outer")
        assert graph.dependents("Outer") == ("Full", "Inner", "Last", "Notify", "Quick")
        assert graph.branch("Base", "if") == graph.within("Base") == ()
        # The condition's own operands refer to a step of its parent's branch, not to those in its own branches.
        assert next(step for step in definition.steps if step.name == "Inner").references == ("Notify",)


class TestCanonicalText:
    def test_is_the_same_however_it_was_written(self) -> None:
        document = pipeline(train(Arguments={"b": "é \u2028", "a": [1, 1.5, True, None]}), Metadata={})
        shuffled = dict(reversed(document.items()))
        texts = [
            json.dumps(document),
            json.dumps(shuffled, indent=2, ensure_ascii=False),
            "\ufeff" + json.dumps(document),
        ]
        found = {parse_definition(text) for text in texts}
        found.add(parse_definition(texts[1].encode("utf-8-sig")))
        assert len(found) == 1
        (definition,) = found
        assert definition.text == (
            '{"Metadata":{},"Steps":[{"Arguments":{"a":[1,1.5,true,null],"b":"é \\u2028"},'
            '"Name":"Train","Type":"Training"}],"Version":"2020-12-01"}'
        )
        assert definition.sha256 == hashlib.sha256(definition.text.encode()).hexdigest()

    def test_is_a_fixed_point(self) -> None:
        for path in DEFINITIONS.glob("a*.json"):
            first = parse_definition(path.read_text())
            assert parse_definition(first.text) == first

    def test_lone_surrogates_and_control_characters_survive(self) -> None:
        odd = "\ud800 \udfff \x00 \x7f \x85 \ufeff 😀"
        definition = parse(pipeline(train(Arguments={"x": odd})))
        assert definition.text.encode().isascii() is False
        assert json.loads(definition.text)["Steps"][0]["Arguments"]["x"] == odd
        assert all(character.isprintable() for character in definition.text)


class TestText:
    """Text that is no definition at all."""

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "empty"),
            (" \n", "empty"),
            (b"", "empty"),
            ('{"Version": "2020-12-01",\n "Steps": [,]}', "not JSON: Expecting value at line 2, column 12"),
            ("{'Version': 1}", "not JSON"),
            ("Version: 2020-12-01", "not JSON"),
            ('{"a": 1} {"b": 2}', "Extra data"),
            (b'{"a": "\xff"}', "not UTF-8: byte 7 is 0xff"),
            ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
            (b"\x1f\x8b\x08", "not UTF-8"),
            ("[]", "JSON of the wrong shape: a list"),
            ("null", "JSON of the wrong shape: null"),
            ("true", "JSON of the wrong shape: a boolean"),
            ("12", "JSON of the wrong shape: a number"),
            (json.dumps("{}"), "JSON inside a JSON string"),
            ("[" * 100_000 + "]" * 100_000, "nested deeper"),
            ('{"a":' * 100_000, "nested deeper"),
            ('{"a":' * 202 + "1" + "}" * 202, "nested deeper than 200"),
            ('{"a": ' + "9" * 5000 + "}", "digits"),
            (" " * (4 * 1024 * 1024 + 1), "4,194,305 long"),
        ],
        ids=range(20),
    )
    def test_refused(self, text: str | bytes, words: str) -> None:
        ((pointer, message),) = refusal(text)
        assert pointer == ""
        assert words in message

    def test_numbers_that_json_does_not_have(self) -> None:
        text = '{"a": NaN, "b": [1, -Infinity, 1e999, 1e300]}'
        assert [(p, m.split()[0]) for p, m in refusal(text)] == [
            ("/a", "NaN"),
            ("/b/1", "-Infinity"),
            ("/b/2", "1e999"),
        ]

    def test_repeated_names(self) -> None:
        text = (
            '{"Steps": [{"Name": "a", "x": {"k/~": 1, "k/~": 2}}], "Steps": [{"Name": "a", "Name": "b", "Name": "c"}]}'
        )
        assert [pointer for pointer, _ in refusal(text)] == ["/Steps", "/Steps/0/Name"]
        assert refusal('{"x": {"k/~": 1, "k/~": 1}}')[0][0] == "/x/k~1~0"

    def test_the_source_is_named(self) -> None:
        with pytest.raises(DefinitionError, match=r"^s3://b/k \(version 3\): not JSON"):
            parse_definition("{", source="s3://b/k (version 3)")


class TestTopLevel:
    @pytest.mark.parametrize(
        ("document", "pointer", "words"),
        [
            ({"Steps": [train()]}, "/Version", 'no Version. Use "2020-12-01"'),
            ({"Version": "2021-01-01", "Steps": [train()]}, "/Version", "'2021-01-01' is not a schema version"),
            ({"Version": 2020, "Steps": [train()]}, "/Version", "2020 is not"),
            ({"Version": ["2020-12-01"], "Steps": [train()]}, "/Version", "is not"),
            ({"Version": "2020-12-01"}, "/Steps", "at least one step"),
            (pipeline(), "/Steps", "at least one step"),
            ({"Version": "2020-12-01", "Steps": {}}, "/Steps", "at least one step"),
            (pipeline(train(), Metadata=[]), "/Metadata", "an object is needed"),
            (pipeline(train(), PipelineExperimentConfig="x"), "/PipelineExperimentConfig", "an object is needed"),
            (
                pipeline(train(), PipelineExperimentConfig={"TrialName": get("Parameters.X")}),
                "/PipelineExperimentConfig/TrialName/Get",
                "no parameter 'X'",
            ),
            (
                pipeline(train(), PipelineExperimentConfig={"TrialName": get("Steps.Train.Arn")}),
                "/PipelineExperimentConfig/TrialName/Get",
                "no step has run",
            ),
        ],
    )
    def test_refused(self, document: Any, pointer: str, words: str) -> None:
        ((found, message),) = refusal(document)
        assert found == pointer
        assert words in message

    def test_an_unknown_name_is_a_warning(self) -> None:
        definition = parse(pipeline(train(), Paramters=[]))
        assert definition.warnings == (
            Problem("/Paramters", "unknown name at the top level. Did you mean 'Parameters'?"),
        )

    def test_null_is_absent(self) -> None:
        assert parse(pipeline(train(), Parameters=None, PipelineExperimentConfig=None, Metadata=None)).warnings == ()

    def test_size(self) -> None:
        room = MAX_CHARACTERS - len(parse(pipeline(train(Arguments={"x": ""}))).text)
        longest = json.dumps(pipeline(train(Arguments={"x": "é" * room})), ensure_ascii=False)
        assert len(parse_definition(longest.encode()).text) == MAX_CHARACTERS
        ((pointer, message),) = refusal(pipeline(train(Arguments={"x": "x" * (room + 1)})))
        assert pointer == ""
        assert "1,048,577 characters, more than the 1,048,576" in message


@pytest.mark.parametrize(
    ("step", "pointer", "words"),
    [
        ("Train", "/Steps/1", "a step is an object"),
        (None, "/Steps/1", "a step is an object"),
        ({"Type": "Training", "Arguments": {}}, "/Steps/1", "no Name"),
        (train(5), "/Steps/1/Name", "5 is not a step name"),  # type: ignore[arg-type]
        (train(""), "/Steps/1/Name", "'' is not a step name"),
        (train("a.b"), "/Steps/1/Name", "'a.b' is not a step name"),
        (train("a b"), "/Steps/1/Name", "not a step name"),
        (train("x" * 65), "/Steps/1/Name", "1 to 64"),
        (train("First"), "/Steps/1/Name", "a second step 'First' (the first: /Steps/0)"),
        ({"Name": "A", "Arguments": {}}, "/Steps/1", "no Type"),
        (train(Type=7), "/Steps/1/Type", "7 is not a step type"),
        ({"Name": "A", "Type": "Training"}, "/Steps/1", "needs Arguments"),
        (train(Arguments=[]), "/Steps/1/Arguments", "an object is needed"),
        ({"Name": "A", "Type": "Lambda"}, "/Steps/1", "needs FunctionArn"),
        ({"Name": "A", "Type": "Callback", "Arguments": {}}, "/Steps/1", "needs SqsQueueUrl"),
        (train(DependsOn="First"), "/Steps/1/DependsOn", "a list of step names"),
        (train(DependsOn=["First", {"Get": "x"}]), "/Steps/1/DependsOn/1", "not the name of a step"),
        (train(DependsOn=["Frist"]), "/Steps/1/DependsOn/0", "no step 'Frist'. Did you mean 'First'?"),
        (train(Arguments={"x": get("Steps.Frist.Arn")}), "/Steps/1/Arguments/x/Get", "Did you mean 'First'?"),
        (train(Arguments={"x": [get("Parameters.N")]}), "/Steps/1/Arguments/x/0/Get", "Did you mean 'NN'?"),
        (train(Arguments={"x": get("Steps.")}), "/Steps/1/Arguments/x/Get", "no step ''"),
        (train(Arguments={"x": get("Parameter.NN")}), "/Steps/1/Arguments/x/Get", "refers to nothing"),
        (train(Arguments={"x": get("")}), "/Steps/1/Arguments/x/Get", "refers to nothing"),
        (train(FunctionArn=get("Parameters.Z")), "/Steps/1/FunctionArn/Get", "no parameter 'Z'"),
        (
            train(Arguments={"x": {"Std:Join": {"On": "/", "Values": ["a", get("Steps.No.X")]}}}),
            "/Steps/1/Arguments/x/Std:Join/Values/1/Get",
            "no step 'No'",
        ),
        (train(Arguments={"x": {"Std:Join": ["a"]}}), "/Steps/1/Arguments/x/Std:Join", "Std:Join needs"),
        (
            train(Arguments={"x": {"Std:Join": {"On": 1, "Values": []}}}),
            "/Steps/1/Arguments/x/Std:Join/On",
            "separator",
        ),
        (train(Arguments={"x": {"Std:JsonGet": {"Path": "a"}}}), "/Steps/1/Arguments/x/Std:JsonGet", "PropertyFile"),
        (
            train(Arguments={"x": {"Std:JsonGet": {"S3Uri": "s3://b/k"}}}),
            "/Steps/1/Arguments/x/Std:JsonGet",
            "needs a Path",
        ),
        (
            train(Arguments={"x": {"Std:JsonGet": {"PropertyFile": get("Steps.First.PropertyFiles.B"), "Path": "m"}}}),
            "/Steps/1/Arguments/x/Std:JsonGet/PropertyFile/Get",
            "no such property file (it has Report)",
        ),
        ({"Name": "C", "Type": "Condition", "Arguments": {}}, "/Steps/1/Arguments/Conditions", "a list of conditions"),
        (condition("C", {}, []), "/Steps/1/Arguments/IfSteps", "a list of steps"),  # type: ignore[arg-type]
        (condition("C", [], [], 5), "/Steps/1/Arguments/Conditions/0", "a Type, such as Equals"),
        (condition("C", [], [], {"Type": "Equals"}), "/Steps/1/Arguments/Conditions/0", "both are needed"),
        (
            condition("C", [], [], {"Type": "Not", "Condition": {"Type": "LessThan"}}),
            "/Steps/1/Arguments/Conditions/0/Condition",
            "both are needed",
        ),
        (condition("C", [], [], {"Type": "Or"}), "/Steps/1/Arguments/Conditions/0/Conditions", "Or needs a list"),
        (
            condition(
                "C",
                [],
                [],
                {"Type": "Or", "Conditions": [{"Type": "In", "QueryValue": get("Steps.No.X"), "Values": [1]}]},
            ),
            "/Steps/1/Arguments/Conditions/0/Conditions/0/QueryValue/Get",
            "no step 'No'",
        ),
        (
            condition("C", [], [condition("D", [train("First")], [])]),
            "/Steps/1/Arguments/ElseSteps/0/Arguments/IfSteps/0/Name",
            "a second step",
        ),
        (
            condition("C", [condition("D", [], [train("E", Arguments={"x": get("Steps.No.X")})])], []),
            "/Steps/1/Arguments/IfSteps/0/Arguments/ElseSteps/0/Arguments/x/Get",
            "no step 'No'",
        ),
    ],
)
def test_a_step_is_refused(step: Any, pointer: str, words: str) -> None:
    first = train("First", PropertyFiles=[{"PropertyFileName": "Report", "OutputName": "o", "FilePath": "f"}])
    ((found, message),) = refusal(pipeline(first, step, Parameters=[{"Name": "NN", "Type": "String"}]))
    assert found == pointer
    assert words in message


class TestWhatPasses:
    @pytest.mark.parametrize(
        "arguments",
        [
            {"x": get("Steps.A.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri")},
            {"x": get("Steps.A['key'].More[0]")},
            {"x": get("Steps.A")},
            {"x": get("Steps.A.PropertyFiles.NotDeclared")},  # only Std:JsonGet needs the declaration
            {"InstanceCount": get("Parameters.N")},
            {"x": get("Execution.PipelineExecutionId")},
            {"x": get("PipelineExperimentConfig.ExperimentName")},
            {"x": {"Get": "not a reference", "beside": "another name"}},
            {"x": {"Get": 5}},
            {"x": {"Get": None}},
            {"Environment": {"A": "Parameters.None", "B": "${Steps.None}"}},
            {"x": {"Std:Join": {"Values": []}}},
            {"x": {"Std:JsonGet": {"PropertyFile": get("Steps.A.PropertyFiles['R.x']"), "Path": get("Parameters.N")}}},
            {"x": {"Std:JsonGet": {"S3Uri": {"Std:Join": {"On": "/", "Values": ["s3://b"]}}, "Path": "a"}}},
        ],
    )
    def test_arguments(self, arguments: dict[str, Any]) -> None:
        first = train("A", PropertyFiles=[{"PropertyFileName": "R.x"}])
        parameters = [{"Name": "N", "Type": "Integer"}]
        definition = parse(pipeline(first, train("B", Arguments=arguments), Parameters=parameters))
        assert definition.warnings == ()

    def test_names(self) -> None:
        for name in ("a", "A-b_c", "-", "_9", "x" * 64):
            assert parse(pipeline(train(name))).steps[0].name == name

    def test_steps_of_branches_are_referred_to_from_elsewhere(self) -> None:
        inside = train("In", Arguments={"x": get("Steps.Else.Arn")})
        document = pipeline(
            train("After", Arguments={"x": get("Steps.In.Arn")}), condition("C", [inside], [train("Else")])
        )
        assert parse(document).graph.order() == ("C", "Else", "In", "After")

    @pytest.mark.parametrize("empty", [[], None, "absent"])
    def test_empty_branches(self, empty: Any) -> None:
        step = condition("C", [], [])
        for key in ("IfSteps", "ElseSteps"):
            if empty == "absent":
                del step["Arguments"][key]
            else:
                step["Arguments"][key] = empty
        assert parse(pipeline(step)).graph.branches == {}

    @pytest.mark.parametrize(
        ("step", "pointer", "words"),
        [
            (train(Type="Trainning"), "/Steps/0/Type", "Did you mean 'Training'?"),
            (train(Type="Loop", Arguments={"x": get("Item.y")}), "/Steps/0/Type", "unknown step type 'Loop'"),
            ({"Name": "A", "Type": "Fancy"}, "/Steps/0/Type", "unknown step type"),
            (train(Arguments={"x": get("Execution.Moon")}), "/Steps/0/Arguments/x/Get", "not an execution variable"),
            (train(Arguments={"x": {"Std:New": 1}}), "/Steps/0/Arguments/x/Std:New", "unknown function Std:New"),
            (
                condition("C", [], [], {"Type": "Equal"}),
                "/Steps/0/Arguments/Conditions/0/Type",
                "Did you mean 'Equals'?",
            ),
        ],
    )
    def test_with_a_warning(self, step: Any, pointer: str, words: str) -> None:
        warning = parse(pipeline(step)).warnings[0]
        assert warning.pointer == pointer
        assert words in warning.message

    @pytest.mark.parametrize(
        ("member", "word"),
        [("Default", "DefaultValue"), ("defaultValue", "DefaultValue"), ("EnumValue", "EnumValues"), ("Note", None)],
    )
    def test_a_parameter_with_a_slip(self, member: str, word: str | None) -> None:
        declared = {"Name": "P", "Type": "String", member: "x"}
        warnings = parse(pipeline(train(), Parameters=[declared])).warnings
        likely = [Problem(f"/Parameters/0/{member}", f"a parameter has no such member. Did you mean {word!r}?")]
        assert list(warnings) == (likely if word else [])


class TestCircles:
    @pytest.mark.parametrize(
        ("steps", "pointer", "circle"),
        [
            ([train("A", DependsOn=["A"])], "/Steps/0", "A -> A"),
            ([train("A", Arguments={"x": get("Steps.A.Arn")})], "/Steps/0", "A -> A"),
            (
                [train("Z"), train("A", DependsOn=["B"]), train("B", Arguments={"x": get("Steps.A.Arn")})],
                "/Steps/1",
                "A -> B -> A",
            ),
            (
                [
                    train("A", DependsOn=["C"]),
                    train("B", DependsOn=["A"]),
                    train("C", DependsOn=["B"]),
                    train("D", DependsOn=["A"]),
                ],
                "/Steps/0",
                "A -> C -> B -> A",
            ),
            (
                [condition("C", [train("In")], [], {"Type": "In", "QueryValue": get("Steps.In.X"), "Values": []})],
                "/Steps/0",
                "C -> In -> C",
            ),
            (
                [condition("C", [condition("D", [train("In")], [])], []) | {"DependsOn": ["In"]}],
                "/Steps/0",
                "C -> In -> D -> C",
            ),
            (
                [loop("Each", train("Fit"), train("Sum", DependsOn=["X"])), train("X", DependsOn=["Each"])],
                "/Steps/0",
                "Each -> X -> Each",
            ),
            (
                [train("X", DependsOn=["Fit"]), loop("Each", train("Fit"), train("Sum", DependsOn=["X"]))],
                "/Steps/0",
                "X -> Each -> X",
            ),
            (
                [
                    loop("One", train("A"), train("B", Arguments={"x": get("Steps.Two.Status")})),
                    loop("Two", train("C", Arguments={"x": get("Steps.One.Status")})),
                ],
                "/Steps/0",
                "One -> Two -> One",
            ),
        ],
    )
    def test_are_named(self, steps: list[Any], pointer: str, circle: str) -> None:
        ((found, message),) = refusal(pipeline(*steps))
        assert found == pointer
        assert f"in a circle: {circle}." in message

    def test_a_body_may_wait_for_what_does_not_wait_for_its_loop(self) -> None:
        each = loop("Each", train("Fit"), train("Sum", DependsOn=["Fit", "X"]))
        assert len(parse(pipeline(train("X"), each, train("Last", DependsOn=["Each", "X"]))).steps) == 5

    def test_each_is_named(self) -> None:
        pairs = [train(f"{a}{i}", DependsOn=[f"{b}{i}"]) for i in range(3) for a, b in ("xy", "yx")]
        assert [pointer for pointer, _ in refusal(pipeline(*pairs))] == ["/Steps/0", "/Steps/2", "/Steps/4"]

    def test_a_long_one(self) -> None:
        count = 3000
        steps = [train(f"s{i}", DependsOn=[f"s{(i + 1) % count}"]) for i in range(count)]
        ((_, message),) = refusal(pipeline(*steps))
        assert "s0 -> s1 -> " in message
        assert len(message) < 500


class TestError:
    def test_gathers_all_and_lists_ten(self) -> None:
        steps = [train(f"s{i}", DependsOn=["no"]) for i in range(12)]
        with pytest.raises(DefinitionError) as caught:
            parse({"Version": "1", "Steps": steps, "Metadata": 1}, source="here")
        assert len(caught.value.problems) == 14
        lines = str(caught.value).splitlines()
        assert lines[0] == "here: 14 problems:"
        assert lines[1].startswith("- /Version: '1' is not a schema version")
        assert len(lines) == 12
        assert lines[-1] == "- and 4 more"

    def test_survives_pickling(self) -> None:
        error = DefinitionError([Problem("/a", "wrong")], "here")
        copied = pickle.loads(pickle.dumps(error))
        assert (str(copied), copied.problems, copied.source) == (str(error), error.problems, "here")

    def test_one_problem_is_one_line(self) -> None:
        assert str(DefinitionError([Problem("/a", "wrong.")], "here")) == "here: /a: wrong."


def test_every_single_breakage_of_a_real_definition_is_an_error_or_passes() -> None:
    """Whatever node is replaced by something else: a DefinitionError or a Definition, never another exception."""
    document = json.loads((DEFINITIONS / "abalone.json").read_text())
    outcomes: Counter[str] = Counter()
    for path in list(_paths(document)):
        for junk in (None, "x", [{"Name": 1}], {"Std:Join": 1}):
            broken = copy.deepcopy(document)
            node = broken
            for key in path[:-1]:
                node = node[key]
            node[path[-1]] = junk
            outcomes[_outcome(broken)] += 1
    assert min(outcomes.values()) > 200
    assert len(outcomes) == 2


def _outcome(document: Any) -> str:
    try:
        parse(document)
    except DefinitionError as error:
        return "refused" if str(error) else "refused without a word"
    return "passed"


def _paths(node: Any, path: tuple[Any, ...] = ()) -> Any:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in items:
        if len(path) < 5:
            yield (*path, key)
            yield from _paths(child, (*path, key))
