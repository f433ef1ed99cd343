"""Emotion with emotion2vec (Ma et al. 2023, arXiv:2312.15185), several clips in one forward pass.

FunASR has the model, but its `generate` runs the clips of a batch one after another. Here clips of different lengths share a
pass, and the result of each is the same as alone: samples are normalised before they are padded, attention skips the padding
(FunASR can do that), and the input of the positional convolutions is set to zero in the padding.
"""

import contextlib
import importlib.util
import re
import sys
import threading
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import torch
from omegaconf import OmegaConf
from torch.nn import functional

from engines import _torchaudio
from engines.emotions.judgement import MAX_SAMPLES, audible, judged, unjudged
from pipeline.types import Emotion, Samples

# FunASR evaluates this part of a configuration as Python. Only joined and repeated lists of numbers are allowed.
_CONVOLUTIONS = re.compile(r"(\s*\+?\s*\[(\s*,?\s*\(\s*\d{1,4}\s*,\s*\d{1,2}\s*,\s*\d{1,2}\s*\))*\s*\](\s*\*\s*\d)?){1,16}")

BATCH_SAMPLES = 2 * MAX_SAMPLES
"""Samples of one pass, padding included. Attention needs memory by the square of the length: two whole clips are the peak."""


def _funasr_model() -> type[torch.nn.Module]:
    """FunASR's `Emotion2vec`.

    `import funasr` imports every model it has (half a minute); with an empty package in its place, only what this one needs.
    """
    _torchaudio.install()
    spec = importlib.util.find_spec("funasr")
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError("emotion2vec needs the package funasr: install it with `pip install funasr`.")
    bare = "funasr" not in sys.modules
    if bare:
        sys.modules["funasr"] = ModuleType("funasr")
        sys.modules["funasr"].__path__ = list(spec.submodule_search_locations)
    try:
        # It prints a notice about FFmpeg, which is not used here, and warns of distutils.
        with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from funasr.models.emotion2vec.model import Emotion2vec as Model
    finally:
        if bare:
            del sys.modules["funasr"]
    return cast(type[torch.nn.Module], Model)


class Emotion2Vec:
    """A loaded emotion2vec checkpoint with its classifier (`plus_seed`, `plus_base`, `plus_large` or `base_finetuned`).

    Args:
        path: Directory with `config.yaml`, `tokens.txt` and `model.pt`, as published.
        name: The model's name, stored beside each vector.
        device: `cpu` or `cuda`.
        threads: Threads of one forward pass on a CPU. Torch has one such number for the whole process.

    Raises:
        FileNotFoundError: One of the three files is missing.
        ValueError: They are not an emotion2vec with a classifier.
    """

    def __init__(self, path: Path, *, name: str, device: str = "cpu", threads: int = 1) -> None:
        self.name, self.device = name, device
        torch.set_num_threads(threads)
        tokens = (path / "tokens.txt").read_text(encoding="utf-8").split("\n")
        tokens = [token.strip() for token in tokens if token.strip()]
        self._labels = ["unknown" if token == "<unk>" else token.rpartition("/")[2] for token in tokens]  # noqa: S105
        # `base_finetuned` pads its table with classes that it was not trained on.
        self._known = [index for index, token in enumerate(tokens) if not token.startswith("unuse")]
        self._model = _load(path, len(tokens)).to(device)
        self._normalize = bool(self._model.cfg.normalize)
        self._dimension = int(self._model.cfg.embed_dim)
        self._lock = threading.Lock()
        self._valid = torch.ones(1, 1, 1, dtype=torch.bool)
        self._extractor = self._model.modality_encoders["AUDIO"]
        _bound_memory(self._extractor)
        for layer in self._extractor.relative_positional_encoder.modules():
            if isinstance(layer, torch.nn.Conv1d):
                layer.register_forward_pre_hook(self._blank_padding)

    def recognize(self, clips: Sequence[Samples]) -> list[Emotion]:
        """The emotion of each clip, shape (n,), by its first 30 s; `unknown` with confidence 0 for a clip without sound.

        The vector is the mean of the last layer's frames. Several threads may call it; the calls run one at a time.
        """
        emotions = [unjudged(self._dimension, self.name) for _ in clips]
        heard = {index: clip for index, clip in enumerate(map(audible, clips)) if clip is not None}
        for batch in _batches({index: len(clip) for index, clip in heard.items()}):
            vectors, scores = self._forward([torch.tensor(heard[index]) for index in batch])
            labels = [self._labels[known] for known in self._known]
            for index, vector, row in zip(batch, vectors.numpy(), scores.numpy(), strict=True):
                emotions[index] = judged(labels, row, vector, self.name)
        return emotions

    @torch.inference_mode()
    def _forward(self, clips: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Embeddings, shape (clips, dimension), and probabilities of the known labels, shape (clips, labels)."""
        normalized = [functional.layer_norm(clip, clip.shape) for clip in clips] if self._normalize else clips
        source = torch.nn.utils.rnn.pad_sequence(normalized, batch_first=True).to(self.device)
        lengths = torch.tensor([len(clip) for clip in clips], device=self.device)
        frames = lengths
        for _, kernel, stride in self._extractor.feature_enc_layers:
            frames = (frames - kernel) // stride + 1
        valid = torch.arange(int(frames.max()), device=self.device) < frames[:, None]
        padding = torch.arange(source.shape[1], device=self.device) >= lengths[:, None]
        with self._lock:
            self._valid = valid[:, None]
            states = self._model.extract_features(source, padding_mask=padding)["x"]
        vectors = (states * valid[..., None]).sum(dim=1) / frames[:, None]
        scores = torch.softmax(self._model.proj(vectors)[:, self._known], dim=-1)
        return vectors.float().cpu(), scores.float().cpu()

    def _blank_padding(self, _layer: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        # Alone, a clip's convolutions see zeros beyond its end; here they would see the output of the layers for the padding.
        return (inputs[0] * self._valid,)


def _load(path: Path, labels: int) -> Any:
    """The model in `path`, loaded from tensors only: no code of the files is executed."""
    config = OmegaConf.load(path / "config.yaml").model_conf
    audio = config.modalities.audio
    if not _CONVOLUTIONS.fullmatch(audio.feature_encoder_spec):
        raise ValueError(f"{path / 'config.yaml'} has a strange feature_encoder_spec: use the file as it was published.")
    if audio.extractor_mode != "layer_norm":
        raise ValueError(f"{path} normalises over time, so clips cannot share a pass: use an emotion2vec_plus checkpoint.")
    model = _funasr_model()(model_conf=config, vocab_size=labels)
    state = torch.load(path / "model.pt", map_location="cpu", weights_only=True)
    try:
        # Not strict: it also holds the layers of pretraining.
        missing, _ = model.load_state_dict(state.get("model", state), strict=False)
    except RuntimeError as error:
        raise ValueError(f"{path / 'model.pt'} does not fit the config.yaml beside it: fetch all its files anew.") from error
    if missing:
        raise ValueError(f"{path / 'model.pt'} lacks {missing[0]}: use a checkpoint with a classifier, such as plus_large.")
    return model.eval()


def _bound_memory(extractor: Any) -> None:
    """Keep one attention bias for all clips of a batch.

    FunASR keeps one for each, as long as the longest clip ever seen: 4 GB after a batch of 30 words and then a clip of 30 s.
    """
    bias = extractor.get_alibi_bias
    extractor.get_alibi_bias = lambda batch_size, **rest: bias(batch_size=1, **rest)


def _batches(lengths: Mapping[int, int]) -> list[list[int]]:
    """The keys, similar lengths together, in batches of at most `BATCH_SAMPLES` with padding."""
    batches: list[list[int]] = []
    for index in sorted(lengths, key=lengths.__getitem__):
        if not batches or (len(batches[-1]) + 1) * lengths[index] > BATCH_SAMPLES:
            batches.append([])
        batches[-1].append(index)
    return batches
