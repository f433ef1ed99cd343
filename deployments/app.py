"""The builder of the graph: its deployments, and the resources of each."""

import warnings
from typing import Any, cast

import ray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from ray import serve
from ray.serve import Application, Deployment

from deployments.config import load_config
from deployments.embedded_database import EmbeddedDatabase
from deployments.ingress import Ingress
from deployments.routing import ROUTING
from deployments.stages.diarizer import Diarizer
from deployments.stages.embedder import SpeakerEmbedder
from deployments.stages.emotion import EmotionRecognizer
from deployments.stages.text_embedder import TextEmbedder
from deployments.stages.transcriber import Transcriber
from deployments.worker import Worker
from settings import Settings

REPORT_INTERVAL_S = 2.0
"""Between two reports of a replica to the policy of a cluster. Serve's default of ten seconds would delay each decision."""
RETRY_AFTER_S = 5
"""For clients that were refused because all queues are full."""


class StageArgs(BaseModel):
    """Resources and autoscaling bounds of one deployment."""

    model_config = ConfigDict(extra="forbid")

    gpus: float = Field(0.0, ge=0, description="Fraction of a GPU that a replica takes, where the cluster has GPUs.")
    cpus: float = Field(0.1, ge=0, description="Fraction of a machine's CPUs that a replica takes, where it has none.")
    min_replicas: int = Field(1, ge=0)
    max_replicas: int = Field(1, ge=1)
    target_ongoing_requests: float = Field(2.0, gt=0, description="Calls on a replica above which another one is started.")
    max_ongoing_requests: int = Field(16, ge=1, description="Calls on a replica at a time; further calls wait in the queue.")
    max_queued_requests: int = Field(512, ge=1, description="Calls in a caller's queue; further calls are refused.")
    upscale_delay_s: float = Field(30.0, ge=0, description="How long the load must be too high before a replica is added.")
    downscale_delay_s: float = Field(600.0, ge=0, description="How long the load must be too low before a replica is removed.")
    graceful_shutdown_timeout_s: float = Field(20.0, ge=0, description="How long a stopping replica may finish its calls.")
    health_check_period_s: float = Field(10.0, gt=0)
    health_check_timeout_s: float = Field(30.0, gt=0)

    @model_validator(mode="after")
    def _bounds_in_order(self) -> "StageArgs":
        if self.max_replicas < self.min_replicas:
            raise ValueError(f"max_replicas ({self.max_replicas}) must not be below min_replicas ({self.min_replicas}).")
        return self


class ModelArgs(StageArgs):
    """The same for a deployment with a model."""

    work: float = Field(0.01, gt=0, description="Seconds that a replica computes for a second of audio, roughly.")


class AppArgs(BaseModel):
    """Arguments of `build_app`, from `serve_config.yaml`, the command line or a test."""

    model_config = ConfigDict(extra="forbid")

    settings: dict[str, Any] = Field({}, description="Settings that override the environment, by name.")
    cluster: bool = Field(
        False,
        description="The graph runs on many machines: GPU nodes may join later; DATABASE_URL and AUDIO_URL are required.",
    )
    idle_seconds: float | None = Field(
        None, ge=0, description="Idle time after which a stage scales down to zero; null: never."
    )
    transcriber: ModelArgs = ModelArgs(gpus=0.4, cpus=0.3, work=1 / 120)
    diarizer: ModelArgs = ModelArgs(gpus=0.25, cpus=0.3, work=1 / 60)
    embedder: ModelArgs = ModelArgs(gpus=0.1, cpus=0.1, work=1 / 400)
    emotion: ModelArgs = ModelArgs(gpus=0.25, cpus=0.2, work=1 / 200)
    text: StageArgs = StageArgs(cpus=0.04)
    ingress: StageArgs = StageArgs(cpus=0.05)
    worker: StageArgs = StageArgs(cpus=0.05)

    @property
    def stages(self) -> dict[str, StageArgs]:
        """The arguments of each deployment, by name."""
        return {name: value for name, value in self if isinstance(value, StageArgs)}


class Machine(BaseModel):
    """Resources of the cluster's nodes. Without a running cluster: one CPU machine."""

    gpus: float
    cpus: float

    @classmethod
    def of_cluster(cls) -> "Machine":
        if not ray.is_initialized():
            return cls(gpus=0, cpus=1)
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        return cls(
            gpus=sum(resources.get("GPU", 0.0) for resources in nodes),
            cpus=max((resources.get("CPU", 0.0) for resources in nodes), default=1.0),
        )


def build_app(args: AppArgs) -> Application:
    """The application, for `serve.run`, `serve_config.yaml` and tests."""
    return graph(args, Machine.of_cluster())


def graph(args: AppArgs, machine: Machine) -> Application:
    """The deployments with their options, for a cluster that has the largest node and the GPUs of `machine`."""
    settings = Settings(**args.settings)
    if args.cluster and not (settings.database_url and settings.audio_url):
        raise ValueError("Set DATABASE_URL and AUDIO_URL: a cluster needs a database and an audio store that all nodes reach.")
    if args.cluster:  # its proxies are not on the machine of a client
        settings = settings.model_copy(update={"auth": "required"})
    gpus = bool(machine.gpus) or args.cluster  # an autoscaled cluster starts GPU nodes for replicas that request a GPU

    def deployment(cls: type, stage: StageArgs, idle: float | None = None, **more: Any) -> Deployment:
        options = _options(stage, machine.cpus, gpus, idle) | more
        if args.cluster:
            options["autoscaling_config"] |= {"metrics_interval_s": REPORT_INTERVAL_S}
        with warnings.catch_warnings():  # Ray deprecates metrics_interval_s, but 2.60 does not read what is to replace it
            warnings.filterwarnings("ignore", "The `metrics_interval_s` field", DeprecationWarning)
            return cast(Deployment, serve.deployment(cls)).options(**options)

    def model(cls: type, stage: StageArgs) -> Application:
        return deployment(cls, stage, args.idle_seconds, request_router_config=ROUTING).bind(settings)

    models = (
        model(Transcriber, args.transcriber),
        model(Diarizer, args.diarizer),
        model(SpeakerEmbedder, args.embedder),
        model(EmotionRecognizer, args.emotion),
        model(TextEmbedder, args.text),
    )

    # Without DATABASE_URL the embedded PostgreSQL is a deployment: Serve starts, monitors and stops it.
    database = None if settings.database_url else deployment(EmbeddedDatabase, StageArgs(cpus=0)).bind(settings)
    worker = deployment(Worker, args.worker).bind(settings, *models) if args.cluster else None
    # A new ingress replica starts before the old one stops, so that an update drops no request. A GPU has no room to do so
    # for models.
    return deployment(Ingress, args.ingress, max_surge_percent=100).bind(settings, *models, database, worker)


def __getattr__(name: str) -> Application:
    """`deployments.app:app`, the graph of `serve_config.yaml`: `serve build` needs an application, not a builder."""
    if name != "app":
        raise AttributeError(f"module {__name__} has no attribute {name}")
    (application,) = load_config()["applications"]
    return build_app(AppArgs(**application["args"]))


def _options(stage: StageArgs, cpus: float, gpus: bool, idle: float | None) -> dict[str, Any]:
    # Serve waits without a message for a replica that requests a GPU that no node has.
    on_gpu = gpus and stage.gpus > 0
    actor = {"num_gpus": stage.gpus, "num_cpus": 0} if on_gpu else {"num_cpus": stage.cpus * cpus}
    autoscaling = stage.model_dump(
        include={"min_replicas", "max_replicas", "target_ongoing_requests", "upscale_delay_s", "downscale_delay_s"}
    )
    if idle is not None:
        # Scaling to zero frees all memory of the process. One replica starts at first, so that a broken model is reported at
        # the start.
        autoscaling |= {
            "min_replicas": 0,
            "initial_replicas": max(1, stage.min_replicas),
            "downscale_to_zero_delay_s": idle,
        }
    return {
        "ray_actor_options": actor,
        "autoscaling_config": autoscaling,
        "backpressure_config": {"retry_after_s": RETRY_AFTER_S},
        **stage.model_dump(
            include={
                "max_ongoing_requests",
                "max_queued_requests",
                "graceful_shutdown_timeout_s",
                "health_check_period_s",
                "health_check_timeout_s",
            }
        ),
    }
