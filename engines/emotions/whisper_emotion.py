"""The embedded emotion model: the encoder of Whisper base, pooled over time, and a small logistic head.

The head has four of the nine labels and was trained on speech of actors. Its scores are compared with what is usual for the
speaker (`pipeline.emotion.feeling`). `data/README.md` beside this file gives its accuracy and its licence.
`benchmarks/accuracy/train_emotion_head.py` trains it.
"""

from collections.abc import Sequence
from pathlib import Path

import ctranslate2
import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from engines.emotions.judgement import audible, judged, unjudged
from pipeline.types import Emotion, Samples, Vector

HEAD = Path(__file__).parent / "data" / "whisper_emotion_head.npz"

FRAME, HOP = 2048, 512
"""Samples of a frame for the measurement of loudness, and the hop from one frame to the next."""
QUIET = 40.0
"""dB below the loudest frame; quieter frames at both ends of a clip are silence."""


def trim(clip: Samples) -> Samples:
    """`clip`, shape (n,), without the silence at both ends. The rule is that of `librosa.effects.trim`."""
    padded = np.pad(clip, FRAME // 2)
    loudness = np.square(sliding_window_view(padded, FRAME)[::HOP], dtype=np.float64).mean(axis=1)
    loud = np.flatnonzero(loudness > loudness.max() * 10 ** (-QUIET / 10))
    return clip[loud[0] * HOP : (loud[-1] + 1) * HOP]


class WhisperFeatures:
    """Pooled encoder states of a Whisper model, shape (2 * width,): the mean over time, then the standard deviation.

    A clip is trimmed and normalised in loudness first, and encoded without padding: with Whisper's padding to 30 s the features
    of a short segment would be those of silence. Training and recognition must prepare clips alike, so both use this class.

    Args:
        path: Directory of a CTranslate2 conversion.
        device: `cpu` or `cuda`.
        threads: Threads of one forward pass on a CPU.
    """

    def __init__(self, path: Path, *, device: str = "cpu", threads: int = 1) -> None:
        # The precisions of `engines.whisper.transcription`; the head was trained on features in int8.
        compute_type = "float16" if device == "cuda" else "int8"
        self._model = ctranslate2.models.Whisper(str(path), device=device, compute_type=compute_type, intra_threads=threads)
        self._log_mel = FeatureExtractor(feature_size=self._model.n_mels)

    def __call__(self, clip: Samples) -> Vector:
        """The features of an `audible` clip of at most 30 s."""
        clip = trim(clip)
        log_mel = self._log_mel(clip / np.abs(clip).max() / 2)[:, : self._log_mel.nb_max_frames]
        states = self._model.encode(ctranslate2.StorageView.from_array(np.ascontiguousarray(log_mel[None])), to_cpu=True)
        frames: NDArray[np.float32] = np.array(states, dtype=np.float32)[0]
        return np.concatenate([frames.mean(axis=0), frames.std(axis=0)])


class Head:
    """Multinomial logistic regression on standardised features.

    Args:
        path: An `.npz` with `labels` (classes,), `mean` and `scale` (features,), `weights` (classes, features) and `bias`
            (classes,).
    """

    def __init__(self, path: Path = HEAD) -> None:
        with np.load(path, allow_pickle=False) as arrays:
            self.labels = tuple(str(label) for label in arrays["labels"])
            self._mean, self._scale = arrays["mean"].astype(np.float32), arrays["scale"].astype(np.float32)
            self._weights, self._bias = arrays["weights"].astype(np.float32), arrays["bias"].astype(np.float32)

    @property
    def dimension(self) -> int:
        return len(self._mean)

    def standardise(self, features: Vector) -> Vector:
        standardised: Vector = (features - self._mean) / self._scale
        return standardised

    def probabilities(self, standardised: Vector) -> NDArray[np.float32]:
        """Softmax of the logits, shape (classes,)."""
        logits = self._weights @ standardised + self._bias
        powers: NDArray[np.float32] = np.exp(logits - logits.max())
        probabilities: NDArray[np.float32] = powers / powers.sum()
        return probabilities


class WhisperEmotion:
    """The embedded emotion model.

    The vector of an emotion is its standardised features: raw features share a large constant part, so all would be similar.

    Args:
        path: Directory of a CTranslate2 conversion of Whisper base, multilingual.
        device: `cpu` or `cuda`.
        threads: Threads of one forward pass on a CPU.

    Raises:
        ValueError: The model in `path` is of another size than the head was trained on.
    """

    name = "whisper-encoder-emotion-2"
    """Another one than that of the former head: vectors of the two cannot be compared."""

    def __init__(self, path: Path, *, device: str = "cpu", threads: int = 1) -> None:
        self.device = device
        self._features = WhisperFeatures(path, device=device, threads=threads)
        self._head = Head()
        noise = np.random.default_rng(0).standard_normal(16_000, np.float32)
        if (found := len(self._features(noise))) != self._head.dimension:
            raise ValueError(
                f"The emotion head needs {self._head.dimension} features and {path} gives {found}: point it at Whisper base."
            )

    def recognize(self, clips: Sequence[Samples]) -> list[Emotion]:
        """The emotion of each clip, shape (n,); `unknown` with confidence 0 where a clip cannot be classified.

        One forward pass for each clip: without an attention mask only clips of equal length can share a pass.
        """
        return [self._recognize(clip) for clip in clips]

    def _recognize(self, clip: Samples) -> Emotion:
        heard = audible(clip)
        if heard is None:
            return unjudged(self._head.dimension, self.name)
        vector = self._head.standardise(self._features(heard))
        return judged(self._head.labels, self._head.probabilities(vector), vector, self.name)
