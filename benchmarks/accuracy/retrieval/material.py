"""The archive that is searched, and the queries with what they should find.

The archive is an interview, a talk and read sentences of `../shared/data`; a sentence is named by its source and its number
there. Exact phrases are cut out of sentences by rule. Paraphrases were written by hand, in four languages, before any was run,
from the sentences alone, and with other words: word search is shown at its worst, which is what the phrases are for.
"""

import csv
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.harness.command import DATA

Kind = Literal["phrase", "paraphrase"]

PHRASES = 100
PHRASE_WORDS = (3, 5)
MIN_WORDS = 4
"""Of a sentence: "Okay." is no answer."""
PARAPHRASES = Path(__file__).with_name("paraphrases.tsv")


@dataclass(frozen=True, slots=True)
class Sentence:
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Query:
    text: str
    language: str
    kind: Kind
    wanted: str
    """The id of the sentence."""


def sentences(data: Path = DATA) -> list[Sentence]:
    found: list[Sentence] = []
    for source, texts in (("interview", _interview(data)), ("talk", _talk(data)), ("read", _read(data))):
        found += [Sentence(f"{source}-{number}", text) for number, text in enumerate(texts) if len(text.split()) >= MIN_WORDS]
    return found


def queries(data: Path = DATA) -> list[Query]:
    return [*paraphrases(), *phrases(sentences(data))]


def paraphrases() -> list[Query]:
    with PARAPHRASES.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        return [
            Query(text, language, "paraphrase", row["sentence"])
            for row in rows
            for language in ("en", "de", "fr", "es")
            if (text := row[language])
        ]


def phrases(archive: list[Sentence], seed: int = 1) -> list[Query]:
    """Words that follow each other in one sentence alone, in quotes."""
    draw = random.Random(seed)
    found: list[Query] = []
    while len(found) < PHRASES:
        sentence, count = draw.choice(archive), draw.randint(*PHRASE_WORDS)
        words = sentence.text.split()
        if len(words) < count:
            continue
        start = draw.randint(0, len(words) - count)
        phrase = " ".join(words[start : start + count]).strip(".,;:?!\"'()")
        if '"' not in phrase and sum(phrase.lower() in other.text.lower() for other in archive) == 1:
            found.append(Query(f'"{phrase}"', "en", "phrase", sentence.id))
    return found


def _interview(data: Path) -> list[str]:
    turns = json.loads((data / "long" / "baxley.transcript.json").read_text())["turns"]
    return [sentence for turn in turns for sentence in turn["sentences"]]


def _talk(data: Path) -> list[str]:
    """Sentences of the talk: its words up to each that ends with a full stop, or 20 words."""
    words = [word["text"] for word in json.loads((data / "long" / "ted_katedarling.words.json").read_text())]
    found: list[str] = []
    start = 0
    for end, word in enumerate(words, 1):
        if word.endswith((".", "?", "!")) or end - start == 20 or end == len(words):
            found.append(" ".join(words[start:end]))
            start = end
    return found


def _read(data: Path) -> list[str]:
    with (data / "read_speech" / "librispeech_test-other" / "transcripts.tsv").open(newline="") as file:
        return [row[-1].capitalize() for row in csv.reader(file, delimiter="\t")][1:]
