"""Values beside a telling name are hidden, however a text writes that; ordinary text stays readable."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_ack_sagemaker.core.pages.masking import masked, secrets_of
from airflow_ack_sagemaker.core.pages.secret_shapes import without_shapes
from tests.support.turns import counted

VALUE = "hunter22x"


class Words:
    """Names with some words in them, and what stands beside them in texts."""

    def hides(self, name: str) -> bool:
        return any(word in name.lower() for word in ("token", "password", "secret", "authorization", "db_pass"))

    def text(self, text: str) -> str:
        return without_shapes(text, self.hides)


PAIR = [{"name": "password", "value": VALUE}]
DOCUMENTS = [
    {"ContainerArguments": ["--db-password", VALUE, "--epochs", "3"]},
    {"ContainerArguments": ["--db-password=", VALUE]},
    {"ContainerArguments": ["-token", VALUE]},
    {"ContainerArguments": [f"--db-password=two words, {VALUE}"]},
    {"ContainerArguments": ["--db-password", {"Std:Join": {"On": "", "Values": ["a", VALUE]}}]},
    ["--token", "--password", VALUE],
    {"Std:Join": {"On": " ", "Values": ["run", "--password", VALUE]}},
    f'\n {{"name":"password","value":"{VALUE}"}}',
    f'\ufeff[{{"name":"password","value":"{VALUE}"}}]',
    json.dumps(json.dumps({"password": VALUE})),
    json.dumps(json.dumps(json.dumps(PAIR))),
    f'{{"n": {"9" * 5_000}, "a": {json.dumps(PAIR)}}}',
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=range(len(DOCUMENTS)))
def test_a_document_shows_no_value_of_a_secret_name(document: Any) -> None:
    assert VALUE not in json.dumps(masked(document, Words()))
    assert any(VALUE in text for text in secrets_of({"a": document}, Words()))


@pytest.mark.parametrize(
    "text",
    [
        f"password: {VALUE}",
        "user: bob\npassword: correcthorse" + VALUE + "\nport: 1",
        f"X-Api-Token: {VALUE}-aaaaaa",
        f"curl -H 'X-Api-Token: {VALUE}' https://host",
        f"Authorization: Token {VALUE}",
        f"Password = {VALUE}",
        f"Password: <{VALUE}>",
        f"Password: |{VALUE}",
        f"password := {VALUE}",
        f'password == "{VALUE}"',
        f"'password' => '{VALUE}'",
        f"login failed (password: {VALUE}), again",
        f'password="a line\n{VALUE}" --epochs 3',
        f'password="a \\" quote {VALUE}" --epochs 3',
        f'password="never closed {VALUE}',
        f'cfg={{\\"password\\": \\"{VALUE}\\"}}',
        f'cfg={{\\\\\\"password\\\\\\": \\\\\\"a\\\\\\\\\\\\\\" {VALUE}\\\\\\"}}',
        f"url=https://host/path?token={VALUE}&a=b",
        f"--password -{VALUE}",
        f"--password {VALUE}",
        f'--password "two words {VALUE}"',
        f"run --password \\\n    {VALUE}",
        f"['run', '--password', '{VALUE}']",
        f"DB_PASS={VALUE}",
        f"curl -u user:{VALUE} https://host",
        f"curl --user 'user:{VALUE}' https://host",
        f"postgres://user:pass/{VALUE}@host/db",
        f"postgres://user:pa#ss?{VALUE}@host/db",
        f'{{"name": "password", "value": "{VALUE}"}}\n{{"name": "a"}}',
        f"- name: password\n  value: {VALUE}\n",
    ],
)
def test_a_text_shows_no_value_of_a_secret_name(text: str) -> None:
    shown = masked(text, Words())
    assert VALUE not in shown
    assert masked(shown, Words()) == shown


def test_a_word_that_is_alone_on_its_line_is_a_value() -> None:
    assert masked("user: bob\n  - password: correcthorse\nport: 1", Words()) == "user: bob\n  - password: ***\nport: 1"


@pytest.mark.parametrize(
    "text",
    [
        "pass: 3 of 4 tests",
        "token: 5 tokens used",
        "num_tokens: 512, num_tokens=512",
        "train_tokens_seen: 1,234; tokens/s: 1234.5",
        '  "eos_token_id": 50256,',
        "pad_token_id=0",
        "--max-tokens 512",
        "User is not authorized to perform: iam:PassRole on resource",
        "bypass: on, bypass=3, forward_pass=2",
        "secretsmanager:GetSecretValue",
        "secret: arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCd12 was not found",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/secret-service:v123456",
        "Invalid token: expired, log in again",
        "password: must be set to something else",
        "Loading tokenizer: bert-base-uncased-2",
        '{"tokens": ["a", "b"], "cut',
        '"secret": {\n "a": 1',
        "secrets: []",
        "--tokenizer bert-base-uncased tokenizer=bert-base TOKENIZERS_PARALLELISM=false",
        "curl -O x && python -u s3://b/train.py",
        "--no-token --epochs 3",
        "--use-token -v",
        "docker run -u 1000:1000 image",
        "http://localhost:4873/@scope/package",
        "https://host:8443?email=a@b.org",
        "    token = self.encode(text)",
        "pad_token: <pad>",
        "password: ${DB_PASSWORD}",
        "token: {{ var.value.name }}",
        "ExpiredTokenException: RequestId=1234-abcd",
        "InvalidClientTokenId: The security token included in the request is invalid",
        "could not load credentials: NoCredentialProviders: none is valid",
        "Missing authorization: User: arn:aws:sts::123456789012:assumed-role/a may not perform s3:GetObject",
    ],
)
def test_ordinary_text_stays_readable(text: str) -> None:
    assert masked(text, Words()) == text
    assert masked([text, "-", "a"], Words()) == [text, "-", "a"]


def test_what_follows_an_option_of_another_name_stays() -> None:
    arguments = [
        "--epochs",
        "3",
        "--max-tokens",
        "512",
        "--num_tokens=7",
        "--verbose",
        "-x",
        "a",
        "--a=b=c",
        "curl",
        "-o",
        "a:b",
        "-u",
    ]
    assert masked(arguments, Words()) == arguments
    assert masked(["curl", "-u", f"user:{VALUE}"], Words()) == ["curl", "-u", "***"]
    for arguments in (
        ["--use-auth-token", "--epochs", "3"],
        ["--use_auth_token", "-v"],
        ["--tokenizer", "bert", "--tokenizer_name=bert"],
        ["curl", "x", "&&", "python", "-u", "train.py"],
    ):
        assert masked(arguments, Words()) == arguments
    assert masked(["--token", "-hunter", "--tokenizer-password", "a"], Words()) == [
        *("--token", "***", "--tokenizer-password", "***"),
    ]


def test_a_number_that_python_does_not_read_changes_nothing_else() -> None:
    digits = "9" * 5_000
    text = f'{{"n": {digits}, "small": 3, "real": 0.5}}'
    assert masked(text, Words()) == text
    shown = masked(f'{{"n": {digits}, "small": 3, "real": 0.5, "token": "{VALUE}"}}', Words())
    assert json.loads(shown) == {"n": digits, "small": 3, "real": 0.5, "token": "***"}


def test_json_in_json_in_json_ends() -> None:
    def nested(document: Any, times: int) -> Any:
        for _ in range(times):
            document = json.dumps(document)
        return document

    assert masked(nested([1], 5), Words()) == nested([1], 5)
    for times in range(1, 12):
        assert VALUE not in str(masked(nested(PAIR, times), Words()))


LONG = {
    "names": "password: ",
    "equal signs": "password = ",
    "options": "--password ",
    "dashes": "-",
    "quotes": 'password="',
    "other quotes": "password='a\"",
    "backslashes": "\\",
    "escaped quotes": 'password=\\"\\\\\\"',
    "indented": "\n                                                  token: a1b2c3d4",
    "pairs": 'name: token\nvalue: "',
    "users": "curl -u a:",
    "urls": "://a:b/",
    "white space": " \t",
    "signs": "token : = ",
}


@pytest.mark.parametrize("part", LONG.values(), ids=LONG)
def test_the_work_grows_with_the_text_only(part: str) -> None:
    """The calls are counted; within a regular expression, a million characters would take hours, were it quadratic."""

    def work(size: int) -> int:
        with counted() as turns:
            Words().text("curl password=x " + part * size)
        return turns.calls

    work(10)
    assert work(2_000) <= 5 * work(500) + 2_000
    Words().text(part * (1_000_000 // len(part)))
