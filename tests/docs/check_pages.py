"""The pages are followed word for word: `make test-docs`.

Start and Tutorial begin with nothing but a home folder, as a newcomer does; the package is built from a clone of what
is committed, and stands beside the registry's packages. What their blocks print is compared with what the pages show.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from airflow_ack_sagemaker.testing import AckSandbox
from harness.environment import clean_environment
from harness.servers import free_port
from tests.docs.blocks import BLOCKS, ROOT, Block
from tests.support.environment import scrubbed
from tests.support.kubectl import find

_LONGEST = 3600
"""Seconds after which a page has hung for sure: most of them are for installing Airflow."""
_SETTINGS = re.compile(r"(PIP|UV)_.*|.*_PROXY|SSL_CERT_(FILE|DIR)|(REQUESTS|CURL)_CA_BUNDLE", re.IGNORECASE)
"""How this machine reaches the package index: all that a newcomer's shell has."""
_MARK = "### "
_BEGIN = f"""set -eum
trap 'for job in $(jobs -p); do kill -- "-$job" || :; done 2> /dev/null; wait' EXIT
begin() {{ printf '\\n{_MARK}%s\\n' "$1"; }}
"""


def of(page: str, *, sections: range | None = None, languages: tuple[str, ...] = ("bash", "python")) -> list[Block]:
    """The blocks of a page that a reader follows; of the numbered sections only."""
    lines = (ROOT / page).read_text().splitlines()

    def section(block: Block) -> int:
        numbers = [re.match(r"## (\d+)\.", line) for line in lines[: block.line]]
        return next((int(found[1]) for found in reversed(numbers) if found), 0)

    return [
        block
        for block in BLOCKS
        if block.page == page
        and block.language in languages
        and block.why_not is None
        and (sections is None or section(block) in sections)
    ]


def shown_after(block: Block) -> Block | None:
    """The block of text that follows a block: what it prints."""
    follows = [each for each in BLOCKS if each.page == block.page and each.line > block.line][:1]
    return follows[0] if follows and follows[0].language == "text" else None


def typed(block: Block) -> str:
    """What a reader does with a block."""
    if block.language == "python":
        path = block.attributes["title"]
        return f"mkdir -p $(dirname {path})\ncat > {path} <<'PAGE_ENDS'\n{block.text}PAGE_ENDS\n"
    return block.text


def follow(blocks: list[Block], folder: Path, environment: Mapping[str, str], before: str = "") -> dict[str, str]:
    """Do what the blocks say, in their order; gives what each has printed."""
    folder.mkdir(parents=True, exist_ok=True)
    script = _BEGIN + before + "".join(f"\nbegin {block.name}\n{typed(block)}" for block in blocks) + "\nbegin done\n"
    (folder / "page.sh").write_text(script)
    with (folder / "page.out").open("w") as out, (folder / "page.err").open("w") as err:
        process = subprocess.Popen(["bash", "page.sh"], cwd=folder, env=environment, stdout=out, stderr=err)
        try:
            status = process.wait(_LONGEST)
        finally:
            process.terminate()
            process.wait()
    printed = (folder / "page.out").read_text()
    said = dict(re.findall(rf"^{_MARK}(.*)\n((?:(?!{_MARK}).*\n?)*)", printed, re.MULTILINE))
    logs = "".join(f"\n--- {log.name}\n{log.read_text()[-3000:]}" for log in sorted(folder.rglob("*.log"))[:5])
    assert status == 0, f"in {list(said)[-1:]}\n{printed[-3000:]}{(folder / 'page.err').read_text()[-3000:]}{logs}"
    assert list(said)[-1] == "done"
    for block in blocks:
        if block.language == "bash" and (shown := shown_after(block)) is not None:
            assert same(shown.text, said[block.name]), f"{shown.name} shows\n{shown.text}\nand not\n{said[block.name]}"
    return said


def same(shown: str, printed: str) -> bool:
    """Whether what was printed ends with what a page shows; spaces do not count, ``...`` stands for anything."""
    words = [re.escape(part) for part in " ".join(shown.split()).split("...")]
    pattern = ".*".join(words).replace(r"\ ", " ").replace(" ", r"\s+")
    return re.search(rf"(?:^|\n)\s*{pattern}\s*\Z", printed, re.DOTALL) is not None


def test_what_is_shown_is_compared() -> None:
    assert same("a  b\nc-...-1 ok", "first\na b\nc-77-1   ok\n")
    assert not same("a b", "a b\nand more")
    assert not same("a b", "a c")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A newcomer's shell: an empty home, and a package index that has this package, built from a fresh clone."""
    folder = tmp_path_factory.mktemp("newcomer")
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder / "clone")], check=True)
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder / "wheels")]
    subprocess.run(build, cwd=folder / "clone", check=True)
    variables = clean_environment(folder / "home")
    known = {**os.environ, **scrubbed}
    variables |= {name: value for name, value in known.items() if _SETTINGS.fullmatch(name) and name != "NO_PROXY"}
    variables["NO_PROXY"] = ",".join(filter(None, (scrubbed.get("NO_PROXY"), "localhost", "127.0.0.1")))
    links = [str(folder / "wheels"), *known.get("PIP_FIND_LINKS", "").split()]
    path = [f"{sys.base_prefix}/bin", str(find().parent), "/usr/local/bin", "/usr/bin", "/bin"]
    port = str(free_port())
    # Others may run an Airflow here, too, and these ports are the same for all unless they are set.
    variables |= {
        "AIRFLOW__API__PORT": port,
        "AIRFLOW__API__BASE_URL": f"http://localhost:{port}",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://localhost:{port}/execution/",
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "COLUMNS": "200",
        "PATH": os.pathsep.join(path),
        "PIP_FIND_LINKS": " ".join(links),
    }
    return variables


@pytest.fixture(scope="module")
def started(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a reader has followed Start to its end."""
    folder = tmp_path_factory.mktemp("start")
    follow(of("docs/start.md"), folder, environment)
    return folder


def test_start_is_followed_word_for_word(started: Path) -> None:
    assert (started / "retraining" / "airflow" / "dags" / "retrain.py").is_file()


def again(folder: Path) -> str:
    """Back to the folder of Start, with nothing running yet."""
    return f"cd {folder}/retraining\nsource .venv/bin/activate\nrm -rf sandbox demand.json\n"


def test_the_tutorial_is_followed_word_for_word(started: Path, environment: dict[str, str]) -> None:
    blocks = [*of("docs/start.md", sections=range(2, 4)), *of("docs/tutorial.md")]
    follow(blocks, started / "tutorial", environment, before=again(started))


def test_the_page_about_testing(started: Path, environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "retraining.py").write_text((ROOT / "tests/testing/dags/retraining.py").read_text())
    steps = '{"Name": "Train", "Type": "Training", "Arguments": {"N": {"Get": "Parameters.Count"}}}'
    parameters = '{"Name": "Count", "Type": "Integer", "DefaultValue": 1}'
    definition = f'{{"Version": "2020-12-01", "Parameters": [{parameters}], "Steps": [{steps}]}}'
    (tmp_path / "abalone.json").write_text(definition)
    variables = {**environment, "AIRFLOW_HOME": str(tmp_path / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    follow(of("docs/testing.md"), tmp_path, variables, before=f"source {started}/retraining/.venv/bin/activate\n")
    tests = [f"{started}/retraining/.venv/bin/python", "-m", "pytest", "-q", "test_retraining.py"]
    done = subprocess.run(tests, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    assert "3 passed" in done.stdout, done.stdout[-3000:] + done.stderr[-3000:]


def test_what_other_pages_type(environment: dict[str, str], tmp_path: Path) -> None:
    """On the sandbox, in the repository's folder."""
    path = os.pathsep.join([f"{sys.prefix}/bin", environment["PATH"]])
    with AckSandbox() as sandbox:
        variables = {**environment, **sandbox.environment, "PATH": path}
        blocks = [*of("docs/troubleshooting.md"), *of("docs/scaling.md")]
        follow(blocks, tmp_path, variables, before=f"cd {ROOT}\n")
