"""What has happened before `make demo-up`: the models that somebody retrains, and how the last weeks went for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parents[1] / "dags" / "definitions"
OTHERS = Path(__file__).resolve().parent / "definitions"
ROLE = "arn:aws:iam::123456789012:role/sagemaker-pipelines"
BUCKET = "ml-models"

ABALONE_PLACEHOLDERS = {
    "TRAINING_IMAGE": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
    "SAGEMAKER_ROLE_ARN": ROLE,
    "BUCKET_NAME": BUCKET,
}


@dataclass(frozen=True)
class Model:
    """A pipeline and the DAG that runs it.

    :param stages: steps that run at once, after those of the stage before: step -> its share of the whole's duration.
    :param editions: how the definition's text was before, oldest first: what it has now -> what it had then. The last
        one is what it is now.
    :param gives: what steps give on which a condition depends: step -> its properties as JSON.
    """

    pipeline: str
    dag_id: str
    task_id: str
    definition: Path
    stages: Sequence[Mapping[str, float]]
    editions: Sequence[Mapping[str, str]] = ({},)
    placeholders: Mapping[str, str] = field(default_factory=dict)
    gives: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Where the definition is in the bucket."""
        return f"pipelines/{self.definition.name}"

    def text(self, edition: int) -> str:
        """An edition of the definition. Raises ValueError where it cannot be made of what the definition is now."""
        text = self.definition.read_text()
        for now, then in self.editions[edition].items():
            if now not in text:
                raise ValueError(f"{self.definition} has no {now!r} that was {then!r} in an earlier edition.")
            text = text.replace(now, then)
        return text


@dataclass(frozen=True)
class Attempt:
    """One execution. ``seconds`` are those of the whole if nothing goes wrong; ``fails`` is a step and its reason;
    ``stopped`` says after which share of the whole somebody stopped it.
    """

    seconds: float
    fails: tuple[str, str] | None = None
    stopped: float | None = None

    def rules(self, model: Model, speed: float) -> list[str]:
        """The rules for a sandbox whose clock has this speed: it divides the seconds by it."""
        rules = [
            f"{model.pipeline}/{step}=seconds:{share * self.seconds * speed:.1f}"
            for stage in model.stages
            for step, share in stage.items()
        ]
        rules += [f"{model.pipeline}/{step}=gives:{properties}" for step, properties in model.gives.items()]
        return rules + ([f"{model.pipeline}/{self.fails[0]}=Failed:{self.fails[1]}"] if self.fails else [])

    def lasts(self, model: Model) -> float:
        """When it ends: seconds since its start."""
        if self.stopped is not None:
            return self.stopped * self.seconds
        whole = 0.0
        for stage in model.stages:
            whole += max(stage.values()) * self.seconds
            if self.fails and self.fails[0] in stage:
                break
        return whole


@dataclass(frozen=True)
class Run:
    """One task of one DAG run; ``after`` is how many seconds after the DAG run it began."""

    model: Model
    date: datetime
    attempts: Sequence[Attempt]
    parameters: Mapping[str, Any]
    edition: int = -1
    map_index: int = -1
    after: float = 5.0

    @property
    def run_id(self) -> str:
        """The DAG run's id, as Airflow makes it for a run by hand."""
        return f"manual__{self.date.isoformat()}"

    @property
    def succeeded(self) -> bool:
        """Whether its last attempt succeeded."""
        last = self.attempts[-1]
        return last.fails is None and last.stopped is None


ABALONE = Model(
    "abalone",
    "scheduled_retraining",
    "retrain",
    EXAMPLES / "abalone.json",
    stages=({"AbaloneTrain": 0.6}, {"AbaloneModel-CreateModel": 0.4}),
    editions=({'"eta": "0.2"': '"eta": "0.3"', '"VolumeSizeInGB": 5': '"VolumeSizeInGB": 3'}, {}),
    placeholders=ABALONE_PLACEHOLDERS,
)
VARIANTS = Model(
    "abalone-variants",
    "many_models",
    "train",
    EXAMPLES / "abalone.json",
    stages=ABALONE.stages,
    placeholders=ABALONE_PLACEHOLDERS,
)
CHURN = Model(
    "churn",
    "churn_retraining",
    "retraining.execution",
    OTHERS / "churn.json",
    stages=({"PrepareFeatures": 0.2}, {"TrainChurn": 0.55}, {"EvaluateChurn": 0.2}, {"RegisterChurn": 0.05}),
    editions=(
        {"ml.g5.2xlarge": "ml.m5.4xlarge", ":4.2": ":4.1", '"batch_size": "512"': '"batch_size": "256"'},
        {"ml.g5.2xlarge": "ml.g5.xlarge", '"DefaultValue": 0.82': '"DefaultValue": 0.8'},
        {},
    ),
    gives={"EvaluateChurn": '{"PropertyFiles": {"Report": {"auc": 0.871}}}'},
)
DEMAND = Model(
    "demand",
    "demand_forecast",
    "retraining.execution",
    OTHERS / "demand.json",
    stages=(
        {"ExtractSales": 0.15},
        {"TrainNorth": 0.6, "TrainSouth": 0.52, "TrainOnline": 0.35},
        {"Reconcile": 0.2},
        {"PublishForecast": 0.05},
    ),
    editions=({'"epochs": "60"': '"epochs": "40"', ":2.9": ":2.8"}, {}),
)

CHURN_SECONDS = 720.0
"""How long churn's retraining takes by now: it is what runs while somebody looks around."""
DEMAND_SECONDS = 1600.0

_WOBBLE = (0.0, 0.03, -0.02, 0.05, -0.04, 0.01, -0.01)


def begins(now: datetime) -> datetime:
    """When the first of it happens."""
    return min(run.date for run in runs(now)) - timedelta(minutes=5)


def runs(now: datetime) -> list[Run]:
    """Everything that has happened before ``now`` (with a time zone), in no order."""
    # The schedule's own run of this week is the demo's.
    monday = now.replace(hour=0, minute=0, second=0, microsecond=0)
    sunday = monday - timedelta(days=(monday.weekday() + 1) % 7)
    night = now.replace(hour=3, minute=0, second=0, microsecond=0) - timedelta(days=1)
    return [*_abalone(sunday), *_churn(sunday), *_demand(night), *_variants(night)]


def lasting(speed: float) -> list[str]:
    """The sandbox's rules for what is run from now on."""
    return [*Attempt(CHURN_SECONDS).rules(CHURN, speed), *Attempt(DEMAND_SECONDS).rules(DEMAND, speed)]


def _durations(count: int, first: float, last: float) -> Iterator[float]:
    """Durations that drift from one to another and are never the same twice."""
    for number in range(count):
        drift = first + (last - first) * number / max(count - 1, 1)
        yield drift * (1 + _WOBBLE[number % len(_WOBBLE)])


def _abalone(sunday: datetime) -> Iterator[Run]:
    weeks = 9
    spot = "AlgorithmError: the spot instance was reclaimed after 2 of 50 rounds, exit code 143"
    for number, seconds in enumerate(_durations(weeks, 7.2, 8.0)):
        attempts = [Attempt(seconds)]
        if number == 4:
            attempts = [Attempt(seconds, fails=("AbaloneTrain", spot)), Attempt(seconds * 1.1)]
        date = sunday - timedelta(weeks=weeks - number)
        parameters = {"Rounds": 50, "MaxDepth": 6}
        yield Run(ABALONE, date, attempts, parameters, edition=0 if number < 6 else 1)


def _churn(sunday: datetime) -> Iterator[Run]:
    weeks = 8
    memory = "AlgorithmError: CUDA out of memory. Tried to allocate 2.10 GiB (GPU 0; 22.06 GiB total), exit code 1"
    for number, seconds in enumerate(_durations(weeks, CHURN_SECONDS * 0.8, CHURN_SECONDS)):
        attempts = [Attempt(seconds)]
        if number == 2:
            attempts = [Attempt(seconds, stopped=0.45)]
        if number == 5:  # the new GPU was too small: two tries, then somebody gave it a larger one
            attempts = [Attempt(seconds, fails=("TrainChurn", memory))] * 2
        date = sunday - timedelta(weeks=weeks - number)
        parameters = {"Rounds": 300, "FeatureStoreToken": "a-stand-in-for-a-secret"}
        yield Run(CHURN, date, attempts, parameters, edition=0 if number < 4 else 1 if number < 6 else 2)


def _demand(night: datetime) -> Iterator[Run]:
    nights = 14
    throttled = "ClientError: S3 503 Slow Down while reading s3://ml-models/sales/"
    missing = "AlgorithmError: 3 of 412 series of region south have no sales in the last 7 days"
    for number, seconds in enumerate(_durations(nights, DEMAND_SECONDS * 0.9, DEMAND_SECONDS)):
        attempts = [Attempt(seconds)]
        if number == 8:
            attempts = [Attempt(seconds, fails=("ExtractSales", throttled)), Attempt(seconds)]
        if number == nights - 1:
            attempts = [Attempt(seconds, fails=("TrainSouth", missing))] * 2
        date = night - timedelta(days=nights - 1 - number)
        yield Run(DEMAND, date, attempts, {"Horizon": 28}, edition=0 if number < 10 else 1)


def _variants(night: datetime) -> Iterator[Run]:
    """Six models of one definition, four at once."""
    date = night - timedelta(days=2) + timedelta(hours=7, minutes=12)
    grid = [{"MaxDepth": depth, "Rounds": rounds} for depth in (3, 6) for rounds in (20, 50, 100)]
    for index, (parameters, seconds) in enumerate(zip(grid, (5, 7, 11, 6, 8, 13), strict=True)):
        attempts = [Attempt(seconds)]
        if index == 5:
            reason = "AlgorithmError: validation error grows since round 61, stopped early without a model"
            attempts = [Attempt(seconds, fails=("AbaloneTrain", reason)), Attempt(seconds)]
        yield Run(VARIANTS, date, attempts, parameters, map_index=index, after=5.0 if index < 4 else 15.0)
