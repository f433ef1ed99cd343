"""What hot words cost and bring: word error rates with lists of words that are said, and of words that are not.

    python -m benchmarks.accuracy.hotwords [--data DIRECTORY]

The words are the rare ones of each reader of LibriSpeech: of six letters or more, that no other reader says. "Found" counts how
many of the reader's rare words are in the transcript.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import cycle, islice

from benchmarks.accuracy.transcription import text_of_ours
from benchmarks.harness import spoken
from benchmarks.harness.command import DATA, Data, run
from engines.in_process import LocalTranscriber
from engines.weights.resolver import resolve
from engines.whisper.transcription import Whisper
from pipeline.decoding import Decoding
from pipeline.evaluation.error_rates import word_errors
from pipeline.hotwords import text_of
from pipeline.process import Options
from settings import Settings
from vivavoce.printing import table

MIN_LETTERS = 6
FEW, MANY = 10, 35
"""Many are as many as there is room for."""
HEADER = ("hot words", "WER", "rare words found", "errors more in a reader, at most")


def main(data: Data = DATA) -> None:
    engine = Whisper(resolve("whisper", Settings(), gpu=False).path, threads=2)
    print(table(HEADER, list(rows(LocalTranscriber(lambda _: engine), list(spoken.readers(data))))))


def rows(transcriber: LocalTranscriber, recordings: Sequence[spoken.Spoken]) -> Iterator[Sequence[str]]:
    rare = rare_words([recording.text for recording in recordings])
    others = [[word for other in rare if other is not own for word in other] for own in rare]
    lists: dict[str, list[list[str]]] = {
        "none": [[] for _ in rare],
        f"{FEW} that are not said": [spread(other, FEW) for other in others],
        f"{MANY} that are not said": [spread(other, MANY) for other in others],
        f"up to {FEW} that are said": [own[:FEW] for own in rare],
        f"both, {FEW} each": [own[:FEW] + spread(other, FEW) for own, other in zip(rare, others, strict=True)],
    }
    plain: list[int] = []
    for name, words in lists.items():
        errors, total, found, sought = [], 0, 0, 0
        for recording, own, hotwords in zip(recordings, rare, words, strict=True):
            options = Options(language="en", decoding=Decoding(hotwords=text_of(hotwords)))
            text = text_of_ours(transcriber, recording.read(), options)
            wrong, spoken = word_errors(recording.text, text)
            errors.append(wrong)
            total += spoken
            said = set(words_of(text))
            found += sum(word in said for word in own[:FEW])
            sought += len(own[:FEW])
        plain = plain or errors
        worst = max(after - before for before, after in zip(plain, errors, strict=True))
        yield name, f"{sum(errors) / total:.2%}", f"{found} of {sought}", str(worst)


def rare_words(references: Sequence[str]) -> list[list[str]]:
    """Of each reference, those that no other has, in order."""
    said = [list(dict.fromkeys(words_of(reference))) for reference in references]
    return [
        [word for word in own if len(word) >= MIN_LETTERS and not any(word in other for other in said if other is not own)]
        for own in said
    ]


def words_of(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())


def spread(words: Sequence[str], count: int) -> list[str]:
    """`count` of the words, from all parts of the list."""
    return list(islice(cycle(words[:: max(1, len(words) // count)]), count))


if __name__ == "__main__":
    run(main)
