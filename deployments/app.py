"""The graph: which deployments there are, and how much of the machine each of them gets."""

from collections.abc import Mapping
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
from deployments.stages.transcriber import Transcriber
from settings import Settings

RETRY_AFTER = 5
"""Seconds after which a client that was refused for want of room should come again."""


class StageArgs(BaseModel):
    """How much of the machine a deployment gets, and how far it may grow."""

    model_config = ConfigDict(extra="forbid")

    gpus: float = Field(0.0, ge=0, description="Fraction of a GPU that a replica takes, where the cluster has GPUs.")
    cpus: float = Field(0.1, ge=0, description="Fraction of a machine's CPUs that a replica takes, where it has none.")
    min_replicas: int = Field(1, ge=0)
    max_replicas: int = Field(1, ge=1)
    target_ongoing_requests: float = Field(2.0, gt=0, description="Calls a replica has in hand before another one is started.")
    max_ongoing_requests: int = Field(16, ge=1, description="Calls a replica takes at a time; more of them wait in the queue.")
    max_queued_requests: int = Field(512, ge=1, description="Calls that wait in a caller's queue; more of them are refused.")
    upscale_delay_s: float = Field(30.0, ge=0, description="How long there must be too much work before a replica is added.")
    downscale_delay_s: float = Field(600.0, ge=0, description="How long there must be too little before one is taken away.")
    graceful_shutdown_timeout_s: float = Field(20.0, ge=0, description="How long a replica that stops finishes what it has.")
    health_check_period_s: float = Field(10.0, gt=0)
    health_check_timeout_s: float = Field(30.0, gt=0)

    @model_validator(mode="after")
    def _bounds_in_order(self) -> "StageArgs":
        if self.max_replicas < self.min_replicas:
            raise ValueError(f"max_replicas ({self.max_replicas}) must not be below min_replicas ({self.min_replicas}).")
        return self


class AppArgs(BaseModel):
    """All that `build_app` takes, from `serve_config.yaml`, the command line or a test."""

    model_config = ConfigDict(extra="forbid")

    settings: dict[str, Any] = Field({}, description="Settings that differ from the environment's, by their names there.")
    cluster: bool = Field(
        False,
        description="The graph is for many machines: GPUs may come later, and a database and a store must be there for all.",
    )
    idle_seconds: float | None = Field(
        None, ge=0, description="How long a model may have no work before its memory is freed, until there is some again."
    )
    transcriber: StageArgs = StageArgs(gpus=0.4, cpus=0.3)
    diarizer: StageArgs = StageArgs(gpus=0.25, cpus=0.3)
    embedder: StageArgs = StageArgs(gpus=0.1, cpus=0.1)
    emotion: StageArgs = StageArgs(gpus=0.25, cpus=0.2)
    ingress: StageArgs = StageArgs(cpus=0.05)


def build_app(args: AppArgs) -> Application:
    """The application, for `serve.run`, `serve_config.yaml` and tests alike."""
    settings = Settings(**args.settings)
    if args.cluster and not (settings.database_url and settings.audio_url):
        raise ValueError("Set DATABASE_URL and AUDIO_URL: a cluster needs a database and a store that all its nodes reach.")
    machine = _Machine.of_cluster()
    gpus = bool(machine.gpus) or args.cluster  # an autoscaled cluster starts machines with GPUs for those who ask for them

    def deployment(cls: type, stage: StageArgs, idle: float | None = None) -> Deployment:
        return cast(Deployment, serve.deployment(cls)).options(**_options(stage, machine.cpus, gpus, idle))

    def model(cls: type, stage: StageArgs) -> Application:
        return deployment(cls, stage, args.idle_seconds).options(request_router_config=ROUTING).bind(settings)

    # Without a database of the user's, one of the graph's own: Serve starts it, watches it and stops it with everything else.
    database = None if settings.database_url else deployment(EmbeddedDatabase, StageArgs(cpus=0)).bind(settings)
    # Of the ingress a new replica comes before the old one goes: a change makes nobody wait. Models have no room for that.
    return (
        deployment(Ingress, args.ingress)
        .options(max_surge_percent=100)
        .bind(
            settings,
            model(Transcriber, args.transcriber),
            model(Diarizer, args.diarizer),
            model(SpeakerEmbedder, args.embedder),
            model(EmotionRecognizer, args.emotion),
            database,
        )
    )


def __getattr__(name: str) -> Application:
    """`deployments.app:app`, the graph as `serve_config.yaml` has it: `serve build` takes an application, not a builder."""
    if name != "app":
        raise AttributeError(f"module {__name__} has no attribute {name}")
    (application,) = load_config()["applications"]
    return build_app(AppArgs(**application["args"]))


class _Machine(BaseModel):
    """What the cluster's nodes have; a graph that is built where no cluster runs is built for a CPU machine."""

    gpus: float
    cpus: float

    @classmethod
    def of_cluster(cls) -> "_Machine":
        if not ray.is_initialized():
            return cls(gpus=0, cpus=1)
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        return cls(
            gpus=sum(resources.get("GPU", 0.0) for resources in nodes),
            cpus=max((resources.get("CPU", 0.0) for resources in nodes), default=1.0),
        )


def _options(stage: StageArgs, cpus: float, gpus: bool, idle: float | None) -> Mapping[str, Any]:
    # Serve waits for ever, and says nothing, for a replica that asks for a GPU where there is none.
    on_gpu = gpus and stage.gpus > 0
    actor = {"num_gpus": stage.gpus, "num_cpus": 0} if on_gpu else {"num_cpus": stage.cpus * cpus}
    autoscaling = stage.model_dump(
        include={"min_replicas", "max_replicas", "target_ongoing_requests", "upscale_delay_s", "downscale_delay_s"}
    )
    if idle is not None:
        # The process ends and with it all that it holds. One is started at first all the same: what is wrong with a model
        # should be known now.
        autoscaling |= {
            "min_replicas": 0,
            "initial_replicas": max(1, stage.min_replicas),
            "downscale_to_zero_delay_s": idle,
        }
    return {
        "ray_actor_options": actor,
        "autoscaling_config": autoscaling,
        "backpressure_config": {"retry_after_s": RETRY_AFTER},
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
