"""What a sandbox has in memory before anything was asked of it, and that nothing is wrong for what it leaves out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from botocore.loaders import Loader

from airflow_ack_sagemaker.sandbox.api_model import sagemaker
from harness.sandbox_process import SandboxProcess
from harness.waiting import HUNG
from tests.sandbox.conftest import client

_HEAVY = ("cryptography", "moto.iam", "pydantic", "typer")


def test_what_is_heavy_is_not_loaded() -> None:
    code = (
        "import sys, time; from airflow_ack_sagemaker.sandbox import Sandbox, __main__\n"
        "with Sandbox() as sandbox:\n"
        "    while not sandbox.controller.idle: time.sleep(0.01)\n"
        f"    print([name for name in {_HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=HUNG, check=False)
    assert done.stdout == "[]\n", done


def test_who_one_is_does_not_depend_on_what_was_asked_before(tmp_path: Path) -> None:
    """Before anything else was asked, the sandbox answers itself; afterwards moto does, which then knows roles."""

    def told(api: Any) -> dict[str, Any]:
        answer: dict[str, Any] = api.get_caller_identity()
        assert answer.pop("ResponseMetadata")["HTTPStatusCode"] == 200
        return answer

    with SandboxProcess(tmp_path) as process:
        url = process.aws_endpoint_url
        sts, china, s3 = client("sts", url), client("sts", url, "cn-north-1"), client("s3", url)
        before = told(sts), told(china)
        s3.list_buckets()
        assert (told(sts), told(china)) == before
        taken = sts.assume_role(RoleArn="arn:aws:iam::123456789012:role/tasks", RoleSessionName="session")
        keys = taken["Credentials"]
        assumed = client("sts", url, access_key=keys["AccessKeyId"])
        assert told(assumed)["Arn"] == taken["AssumedRoleUser"]["Arn"]
        for used in (sts, china, s3, assumed):
            used.close()


def test_the_model_is_botocores_without_the_documentation() -> None:
    whole = Loader().load_service_model("sagemaker", "service-2")
    mine = sagemaker()
    assert mine == _undocumented(whole)
    assert len(mine["shapes"]) > 1000


def _undocumented(value: Any) -> Any:
    if isinstance(value, dict):
        members = ((key, _undocumented(inner)) for key, inner in value.items())
        return {key: inner for key, inner in members if key != "documentation" or not isinstance(inner, str)}
    return [_undocumented(item) for item in value] if isinstance(value, list) else value
