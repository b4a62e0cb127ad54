"""What the site takes from the repository beside ``docs/``: files that pages lead to, the configuration, llms.txt."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent
BESIDE = ("dags", "deploy")
"""Folders whose files are part of the site as they are, since pages lead to them."""
_FENCE_NOT_RUN = re.compile(r'^(```\w+.*) not_run="[^"]*"', re.MULTILINE)
"""Why the tests do not run a block; a reader of the page does not need it."""


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the files of the other folders, and the changelog as a page."""
    for folder in BESIDE:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                name = path.relative_to(ROOT).as_posix()
                files.append(
                    File.generated(config, name, content=path.read_bytes(), inclusion=InclusionLevel.NOT_IN_NAV)
                )
    files.append(
        File.generated(config, "changelog.md", content=(ROOT / "CHANGELOG.md").read_text().replace("](docs/", "]("))
    )
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links out of ``docs/`` to the files of this site, and fill in what is generated."""
    here = page.file.src_uri.count("/")
    markdown = re.sub(r"\]\((?:\.\./)+(" + "|".join(BESIDE) + r")/", lambda m: f"]({'../' * here}{m[1]}/", markdown)
    markdown = _FENCE_NOT_RUN.sub(r"\1", markdown)
    for mark, generated in (("<!-- configuration -->", _configuration), ("<!-- labels -->", _labels)):
        if mark in markdown:
            markdown = markdown.replace(mark, generated())
    return markdown


def on_post_build(*, config: MkDocsConfig) -> None:
    """Write ``llms.txt``: each page with its first sentence, for readers that are programs."""
    lines = [f"# {config.site_name}", "", f"> {config.site_description}", ""]
    for path in sorted((ROOT / "docs").rglob("*.md")):
        text = path.read_text()
        title = next((line[2:] for line in text.splitlines() if line.startswith("# ")), path.stem)
        name = path.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
        sentence = _first_sentence(text)
        lines.append(f"- [{title}]({name})" + (f": {sentence}" if sentence else ""))
    (Path(config.site_dir) / "llms.txt").write_text("\n".join(lines) + "\n")


def _first_sentence(text: str) -> str:
    """The first sentence of a page's first paragraph; "" where it begins with a table or a list."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    paragraph = next((block for block in prose.split("\n\n")[1:] if re.match(r"[A-Z`]", block.strip())), "")
    return re.split(r"(?<=[.:])\s", " ".join(paragraph.split()))[0].rstrip(":")


def _configuration() -> str:
    """The options of ``[ack_sagemaker]`` as the provider declares them to Airflow."""
    from airflow_ack_sagemaker.provider import get_provider_info

    options: dict[str, dict[str, Any]] = get_provider_info()["config"]["ack_sagemaker"]["options"]
    parts = []
    for name, option in options.items():
        parts += [f"## `{name}`", "", option["description"], ""]
        parts += [
            f"- Environment: `AIRFLOW__ACK_SAGEMAKER__{name.upper()}`",
            f"- Default: `{option['default'] or 'none'}`",
        ]
        parts += [f"- Example: `{option['example']}`"] if option["example"] else []
        parts.append("")
    return "\n".join(parts)


def _labels() -> str:
    """The names that `core.resource.identity` gives labels and annotations, with what it says of each."""
    from airflow_ack_sagemaker.core.resource import identity

    body = ast.parse(Path(str(identity.__file__)).read_text()).body
    rows = ["| name | kind | what it is |", "| --- | --- | --- |"]
    for statement, after in zip(body, [*body[1:], ast.Pass()], strict=True):
        if not (isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)):
            continue
        kind, _, _ = statement.targets[0].id.partition("_")
        if kind not in ("LABEL", "ANNOTATION"):
            continue
        said = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
        rows.append(
            f"| `{getattr(identity, statement.targets[0].id)}` | {kind.lower()} | {' '.join(str(said).split())} |"
        )
    return "\n".join(rows)
