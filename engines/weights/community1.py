"""Assembly of the embedded diarization pipeline and of its speaker embedding.

The official community-1 is three models: segmentation, a speaker embedding and a PLDA. The first and the last are had as they
are. The embedding is WeSpeaker's ResNet34, which is had as ONNX with its batch normalisations folded away: its parameters are
put back into pyannote's own network here. community-1 has a fine-tune of it ("-LM"): vectors of the two are not comparable.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PIPELINE = """\
# The local pipeline layout of pyannote.audio 4, with community-1's own parameters.
dependencies:
  pyannote.audio: 4.0.0
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    clustering: VBxClustering
    segmentation: $model/segmentation
    segmentation_batch_size: 32
    embedding: $model/embedding
    embedding_batch_size: 32
    embedding_exclude_overlap: true
    plda: $model/plda
params:
  clustering:
    threshold: 0.6
    Fa: 0.07
    Fb: 0.8
  segmentation:
    min_duration_off: 0.0
"""

_BLOCKS = (3, 4, 6, 3)  # residual blocks in the four stages of a ResNet34


def assemble_pipeline(directory: Path, embedding: Path) -> None:
    """Complete a directory that holds `segmentation/` and `plda/`; `embedding` is what `convert_embedding` wrote."""
    target = directory / "embedding" / "pytorch_model.bin"
    target.parent.mkdir(exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(embedding, target)
    except OSError:  # a file system without links
        target.write_bytes(embedding.read_bytes())
    (directory / "config.yaml").write_text(PIPELINE, encoding="utf-8")


def convert_embedding(onnx_file: Path, checkpoint: Path) -> None:
    """Write WeSpeaker's ONNX as a checkpoint that `pyannote.audio.Model.from_pretrained` loads.

    The export has folded each batch normalisation into the convolution before it, so pyannote's are set to pass everything
    through, and the convolution's bias becomes the normalisation's. Raises `ValueError` if it is not a graph of this ResNet34.
    """
    import engines._pyannote  # noqa: F401

    # isort: split
    import torch
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.embedding.wespeaker import WeSpeakerResNet34

    model = WeSpeakerResNet34()
    state = model.state_dict()
    for name, value in parameters(onnx_file, {name: tuple(tensor.shape) for name, tensor in state.items()}).items():
        state[name] = torch.from_numpy(value)
    model.load_state_dict(state)
    torch.save(
        {
            "state_dict": model.state_dict(),
            "hyper_parameters": dict(model.hparams),
            "pytorch-lightning_version": "2.4.0",
            "pyannote.audio": {
                "versions": {"torch": "2.8.0", "pyannote.audio": "4.0.0"},
                "architecture": {"module": WeSpeakerResNet34.__module__, "class": WeSpeakerResNet34.__name__},
                "specifications": Specifications(
                    problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=10.0, classes=None
                ),
            },
        },
        checkpoint,
    )


def parameters(onnx_file: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]]:
    """The network's parameters under pyannote's names. `shapes` are what pyannote's network has under each of its names."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(onnx_file)).graph
    values = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    layers = _layers(shapes)
    if len(layers) != len(convolutions):
        raise ValueError(f"{onnx_file.name} has {len(convolutions)} convolutions where a ResNet34 has {len(layers)}.")
    found: dict[str, NDArray[Any]] = {}
    for (convolution, norm), node in zip(layers, convolutions, strict=True):
        weight, bias = values[node.input[1]], values[node.input[2]]
        found[f"{convolution}.weight"] = weight
        # y = (x - mean) / sqrt(var + 1e-5) * weight + bias is to be x + bias.
        found[f"{norm}.weight"] = np.full_like(bias, np.sqrt(1 + 1e-5))
        found[f"{norm}.bias"] = bias
        found[f"{norm}.running_mean"] = np.zeros_like(bias)
        found[f"{norm}.running_var"] = np.ones_like(bias)
    found["resnet.seg_1.weight"] = values["model.seg_1.weight"]
    # The export subtracts the mean embedding of its training set after the last layer.
    found["resnet.seg_1.bias"] = values["model.seg_1.bias"] - values["mean_vec"]
    if wrong := [name for name, value in found.items() if shapes.get(name) != value.shape]:
        raise ValueError(f"{onnx_file.name} is not the ResNet34 that was expected: {wrong[0]} has another shape.")
    return {name: np.array(value, dtype=np.float32) for name, value in found.items()}


def _layers(names: Mapping[str, object]) -> list[tuple[str, str]]:
    """Names of each convolution and the batch normalisation after it, in the order in which the network runs them."""
    layers = [("resnet.conv1", "resnet.bn1")]
    for stage, blocks in enumerate(_BLOCKS, 1):
        for block in range(blocks):
            prefix = f"resnet.layer{stage}.{block}"
            layers += [(f"{prefix}.conv1", f"{prefix}.bn1"), (f"{prefix}.conv2", f"{prefix}.bn2")]
            if f"{prefix}.shortcut.0.weight" in names:
                layers.append((f"{prefix}.shortcut.0", f"{prefix}.shortcut.1"))
    return layers
