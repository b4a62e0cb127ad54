"""The things that people change while runs run, and what each was at which time."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any, Self

import httpx

from airflow_ack_sagemaker.sandbox.apiserver import ApiServer
from harness.sandbox_process import aws_connection
from tests.chaos.proxy import Exchange
from tests.chaos.timeline import Timeline
from tests.chaos.world import World

BUCKET = "chaos-definitions"
CLUSTER, AWS = "edited_cluster", "edited_aws"
_NOBODY = "127.0.0.1:1"
_MEMBERS = ["a", "b", "c"]


def definition(date: str, revision: int) -> dict[str, Any]:
    """A definition that says for which day it is, and which revision of it."""
    return {
        "Version": "2020-12-01",
        "Parameters": [
            *({"Name": name, "Type": "String"} for name in ("Run", "Asked")),
            *({"Name": name, "Type": "String", "DefaultValue": "none"} for name in ("Rounds", "Shop", "Member")),
        ],
        "Steps": [
            {
                "Name": "Train",
                "Type": "Training",
                "Arguments": {"HyperParameters": {}, "Environment": {"DATE": date, "REVISION": str(revision)}},
            }
        ],
    }


class Things:
    """All of them, as they are at the beginning; a context manager. Each change is remembered with its time.

    Runs belong to groups, each with a definition in S3 and a Variable that names its pipeline.
    """

    def __init__(self, world: World, groups: int) -> None:
        self._world = world
        self._stack = ExitStack()
        self._file = world.dags / "chaos_edited.py"
        self._number = 0
        self._token = ""
        self._old_token = ""
        self.elsewhere = ApiServer()
        self.groups = [f"g{group}" for group in range(groups)]
        self.homes: dict[str, str] = {}
        self.stagings: dict[str, str] = {}
        self.pipelines: dict[str, Timeline[str]] = {}
        self.revisions: dict[str, Timeline[int]] = {}
        self.rounds = Timeline(10)
        self.members = Timeline(_MEMBERS)
        self.shop = Timeline("shop-0")
        self.aws_away = Timeline(False)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.elsewhere)
            s3 = self._s3 = self._world.sandbox.aws_client("s3")
            s3.create_bucket(Bucket=BUCKET)
            s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
            api = self._world.api
            for group in self.groups:
                self.revisions[group] = Timeline(0)
                self._upload(group, 0)
                self.homes[group], self.stagings[group] = (
                    self._world.add_pipeline(definition(name, 0)) for name in ("home", "staging")
                )
                self.pipelines[group] = Timeline(self.homes[group])
                api.request("POST", "/variables", json=self._variable(group))
            api.request("POST", "/variables", json={"key": "shop", "value": self.shop.now})
            self._token = self._world.new_token()
            api.request("POST", "/connections", json=self._cluster(self._config()))
            api.request("POST", "/connections", json=self._aws(self._world.aws.url))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    # The DAG file

    def edit_retries(self, chance: random.Random) -> None:
        """Other retries."""
        self._edit("RETRIES", chance.randint(38, 44))

    def edit_parameter(self, chance: random.Random) -> None:
        """Another value of a parameter."""
        rounds = self.rounds.now + 1
        with self.rounds.becoming(rounds):
            self._edit("ROUNDS", rounds)

    def reorder_members(self, chance: random.Random) -> None:
        """The executions of a batch in another order."""
        members = list(self.members.now)
        chance.shuffle(members)
        self._set_members(members)

    def replace_member(self, chance: random.Random) -> None:
        """One of a batch's executions is another one; until `restore_members`."""
        self._number += 1
        self._set_members([f"x{self._number}", *self.members.now[1:]])

    def restore_members(self) -> None:
        """The list of a batch as it was at first."""
        if sorted(self.members.now) != _MEMBERS:
            self._set_members(_MEMBERS)

    def _set_members(self, members: list[str]) -> None:
        with self.members.becoming(members):
            self._edit("MEMBERS", members)

    def _edit(self, name: str, value: Any) -> None:
        text = re.sub(rf"(?m)^{name} = .*$", f"{name} = {json.dumps(value)}", self._file.read_text())
        new = self._file.with_suffix(".new")
        new.write_text(text)
        new.replace(self._file)

    # Variables

    def edit_variable(self, chance: random.Random) -> None:
        """Another value of a Variable that a parameter is made of."""
        self._number += 1
        shop = f"shop-{self._number}"
        with self.shop.becoming(shop):
            self._world.api.request("PATCH", "/variables/shop", json={"key": "shop", "value": shop})

    def point_to_staging(self, chance: random.Random) -> Callable[[], None]:
        """A Variable names another pipeline; what is returned names the first one again."""
        group = chance.choice(self.groups)
        self._point(group, self.stagings[group])
        return lambda: self._point(group, self.homes[group])

    def _point(self, group: str, name: str) -> None:
        with self.pipelines[group].becoming(name):
            self._world.api.request("PATCH", f"/variables/pipeline_{group}", json=self._variable(group))

    def _variable(self, group: str) -> dict[str, str]:
        return {"key": f"pipeline_{group}", "value": self.pipelines[group].now}

    # Connections

    def point_cluster_elsewhere(self, chance: random.Random) -> Callable[[], None]:
        """The connection leads to another cluster, or to nobody; what is returned lets it lead back."""
        config = self.elsewhere.kubeconfig(self._world.cluster.namespace)
        if chance.random() < 0.5:
            config["clusters"][0]["cluster"]["server"] = f"https://{_NOBODY}"
        self._patch(self._cluster(config))
        return lambda: self._patch(self._cluster(self._config()))

    def point_aws_elsewhere(self, chance: random.Random) -> Callable[[], None]:
        """The connection leads to nobody; what is returned lets it lead back."""
        with self.aws_away.becoming(True):
            self._patch(self._aws(f"http://{_NOBODY}"))

        def back() -> None:
            with self.aws_away.becoming(False):
                self._patch(self._aws(self._world.aws.url))

        return back

    def rotate_token(self, chance: random.Random) -> Callable[[], None]:
        """The old token is refused; what is returned writes the new one into the connection."""
        old, self._token = self._token, self._world.new_token()
        self._world.revoke(old)
        self._world.kubernetes.cut()
        return lambda: self._patch(self._cluster(self._config()))

    def _config(self) -> dict[str, Any]:
        return self._world.kubeconfig({"token": self._token})

    def _cluster(self, config: dict[str, Any]) -> dict[str, Any]:
        extra = {"kube_config": json.dumps(config), "namespace": self._world.cluster.namespace}
        return {"connection_id": CLUSTER, "conn_type": "kubernetes", "extra": json.dumps(extra)}

    def _aws(self, url: str) -> dict[str, Any]:
        connection = aws_connection(url)
        return {"connection_id": AWS, **connection, "extra": json.dumps(connection["extra"])}

    def _patch(self, connection: dict[str, Any]) -> None:
        self._world.api.request("PATCH", f"/connections/{connection['connection_id']}", json=connection)

    # Definitions

    def edit_definition(self, chance: random.Random) -> None:
        """A new revision of a definition in S3."""
        group = chance.choice(self.groups)
        revision = self.revisions[group].now + 1
        with self.revisions[group].becoming(revision):
            self._upload(group, revision)

    def _upload(self, group: str, revision: int) -> None:
        body = json.dumps(definition("<<DATE>>", revision))
        self._s3.put_object(Bucket=BUCKET, Key=f"{group}.json", Body=body.encode())

    def neighbour_edits(self, pipeline: str) -> bool:
        """A neighbour, who knows nothing of leases, puts another definition into a Pipeline; whether it worked."""
        self._number += 1
        with suppress(httpx.HTTPError):
            self._world.change_definition(pipeline, definition("neighbour", self._number))
            return True
        return False

    def neighbour_edits_for(self, exchange: Exchange) -> None:
        """The same in the Pipeline of the execution that a request launches."""
        with suppress(ValueError, KeyError):
            self.neighbour_edits(str(json.loads(exchange.body)["spec"]["pipelineName"]).lower())
