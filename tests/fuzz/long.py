"""The long form: a coverage-guided fuzzer on each reader of untrusted input, from the committed seeds.

    make fuzz                      each target with 100,000 cases
    make fuzz FUZZ=kubeconfig FUZZ_CASES=1000000

A finding is written to ``fuzz-<target>/`` in the system's folder for temporary files: put it among the seeds, under a
name that says what it is, and mend the reader.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SEEDS = Path(__file__).with_name("seeds")
SECONDS = 10
"""What a case may take of a processor: more is a loop, or more than linear time. A busy machine is no finding."""
HANG = 600
"""Seconds without an end."""
LENGTH = 20_000
"""Bytes of a case."""


def main() -> int:
    """Run the targets one after another; the exit code is that of the first that found something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("targets", nargs="*")
    options, rest = parser.parse_known_args()
    if options.child:
        return _fuzz(options.targets[0], rest)
    from tests.fuzz.targets import TARGETS

    for name in options.targets or TARGETS:
        found = Path(tempfile.gettempdir()) / f"fuzz-{name}"
        corpus = found / "corpus"
        corpus.mkdir(parents=True, exist_ok=True)
        limits = [f"-runs={options.cases}", f"-timeout={HANG}", f"-max_len={LENGTH}", "-print_final_stats=1"]
        limits.append("-len_control=10")  # long cases soon: work that grows faster than its text is seen in them only
        command = [sys.executable, "-m", "tests.fuzz.long", "--child", name, *limits, f"-artifact_prefix={found}/"]
        print(f"== {name}", flush=True)
        if code := subprocess.run([*command, str(corpus), str(SEEDS / name)], check=False).returncode:
            return code
    return 0


def _fuzz(name: str, arguments: list[str]) -> int:
    import atheris

    with atheris.instrument_imports(include=["airflow_ack_sagemaker"]):
        import airflow_ack_sagemaker.sandbox.apiserver.app  # noqa: F401  (a target imports it later)
        from tests.fuzz.targets import TARGETS

    target = TARGETS[name]

    def case(data: bytes) -> None:
        began = time.process_time()
        target(data.decode("utf-8", "surrogateescape"))
        taken = time.process_time() - began
        assert taken < SECONDS, f"{taken:.1f} s for {len(data)} bytes"

    folders = [one for one in sys.argv[1:] if one.startswith("/")]
    atheris.Setup([sys.argv[0], *arguments, *folders], case)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
