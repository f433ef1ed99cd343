from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.transcript.alignment import MAX_EDGE_WORDS, MAX_GAP_S, MIN_OVERLAP_S, ONLY_SPEAKER, align
from pipeline.types import Diarization, Segment, Turn, Utterance, Word

SAMPLE = Path("../shared/data/conversations/pyannote_sample")


def _utterance(*words: tuple[str, float, float]) -> Utterance:
    return Utterance(tuple(Word(f" {text}", start, end, 0.9) for text, start, end in words), -0.3, "en")


def _turns(*turns: tuple[float, float, str]) -> Diarization:
    """A diarization without overlaps."""
    made = tuple(Turn(*turn) for turn in turns)
    return Diarization(turns=made, exclusive=made)


def _speakers_and_texts(segments: list[Segment]) -> list[tuple[str, str]]:
    return [(segment.speaker, segment.text) for segment in segments]


def test_an_utterance_is_cut_where_the_speaker_changes() -> None:
    utterance = _utterance(("how", 0, 0.5), ("are", 0.5, 1), ("fine", 1.2, 1.8), ("you", 2.0, 2.4))
    segments = align([utterance], _turns((0, 1.1, "A"), (1.1, 1.9, "B"), (1.9, 3, "A")))
    assert _speakers_and_texts(segments) == [("A", "how are"), ("B", "fine"), ("A", "you")]
    assert [(s.start, s.end) for s in segments] == [(0, 1), (1.2, 1.8), (2.0, 2.4)]
    assert {s.avg_logprob for s in segments} == {-0.3}


def test_sentences_of_one_speaker_stay_apart() -> None:
    utterances = [_utterance(("Yes.", 0, 0.5)), Utterance((), -1.0, "en"), _utterance(("I", 0.6, 0.7), ("do.", 0.7, 1))]
    assert _speakers_and_texts(align(utterances, _turns((0, 1, "A")))) == [("A", "Yes."), ("A", "I do.")]


def test_a_word_belongs_to_the_turn_with_the_largest_overlap() -> None:
    turns = _turns((0, 1, "A"), (1, 2, "B"), (2, 3, "C"), (3, 3.3, "B"))
    assert align([_utterance(("word", 0.5, 1.4))], turns)[0].speaker == "A"
    assert align([_utterance(("word", 0.5, 1.6))], turns)[0].speaker == "B"
    assert align([_utterance(("word", 1.4, 3.3))], turns)[0].speaker == "C"
    assert align([_utterance(("word", 0.95, 3.2))], turns)[0].speaker == "B"  # in two turns, 1 and 0.2 s


@pytest.mark.parametrize("length", [0.0, 0.2])
def test_a_word_in_no_turn_goes_to_the_nearest(length: float) -> None:
    turns = _turns((0, 1, "A"), (2, 3, "B"))
    for start, speaker in [(1.1, "A"), (1.75, "B"), (3.5, "B"), (0.5, "A"), (2.0, "B")]:
        assert align([_utterance(("word", start, start + length))], turns)[0].speaker == speaker


def test_a_word_far_from_all_turns_follows_its_neighbours() -> None:
    turns = _turns((0, 1, "A"), (20, 21, "B"))
    far = 20 - MAX_GAP_S - 0.5
    assert _speakers_and_texts(align([_utterance(("one", 0.2, 0.5), ("two", far, far + 0.1))], turns)) == [("A", "one two")]
    assert _speakers_and_texts(align([_utterance(("one", 5, 5.2), ("two", 20, 20.5))], turns)) == [("B", "one two")]
    assert _speakers_and_texts(align([_utterance(("one", 5, 5.2), ("two", 6, 6.2))], turns)) == [("A", "one two")]


def test_without_turns_all_words_have_one_speaker() -> None:
    segments = align([_utterance(("one", 0, 1), ("two", 1, 2))], Diarization((), ()))
    assert _speakers_and_texts(segments) == [(ONLY_SPEAKER, "one two")]
    assert not segments[0].overlap


def test_without_words_there_is_no_segment() -> None:
    assert align([], _turns((0, 1, "A"))) == []
    assert align([Utterance((), 0.0, "en")], _turns((0, 1, "A"))) == []


def test_overlap_needs_another_speaker_and_a_minimum_length() -> None:
    exclusive = (Turn(0, 4, "A"),)

    def overlap(other: Turn, words: Utterance) -> bool:
        return align([words], Diarization((Turn(0, 4, "A"), other), exclusive))[0].overlap

    line = _utterance(("one", 0, 1), ("two", 1, 2))
    assert overlap(Turn(1, 1 + MIN_OVERLAP_S + 0.01, "B"), line)
    assert not overlap(Turn(1, 1 + MIN_OVERLAP_S - 0.01, "B"), line)
    assert not overlap(Turn(2, 4, "B"), line)
    assert not overlap(Turn(0.5, 3, "A"), line)
    assert overlap(Turn(0, 4, "B"), _utterance(("hm", 1, 1.1)))


def test_start_and_end_of_a_reversed_word_are_swapped() -> None:
    segment = align([_utterance(("one", 2.0, 1.5), ("two", 1.9, 2.2))], _turns((0, 3, "A")))[0]
    assert (segment.start, segment.end) == (1.5, 2.2)
    assert segment.words[0].start == 2.0


_times = st.floats(0, 60, allow_nan=False)
_raw_words = st.tuples(st.sampled_from(["a", "b", "c"]), _times, _times)
_utterances = st.lists(st.lists(_raw_words, max_size=9).map(lambda words: _utterance(*words)), max_size=6)


@st.composite
def _diarizations(draw: st.DrawFn) -> Diarization:
    edges = sorted(draw(st.lists(_times, max_size=12, unique=True)))
    names = draw(st.lists(st.sampled_from("ABCD"), min_size=6, max_size=6))
    exclusive = tuple(Turn(a, b, n) for a, b, n in zip(edges[::2], edges[1::2], names, strict=False))
    more = draw(st.lists(st.tuples(_times, _times, st.sampled_from("ABCD")), max_size=6))
    return Diarization((*exclusive, *(Turn(min(a, b), max(a, b), n) for a, b, n in more)), exclusive)


@given(_utterances, _diarizations())
def test_every_word_is_in_one_segment_of_one_speaker(utterances: list[Utterance], diarization: Diarization) -> None:
    segments = align(utterances, diarization)
    assert [id(w) for s in segments for w in s.words] == [id(w) for u in utterances for w in u.words]
    assert {s.speaker for s in segments} <= ({t.speaker for t in diarization.exclusive} or {ONLY_SPEAKER})
    for segment in segments:
        assert segment.start <= segment.end
        assert segment.start == min(min(w.start, w.end) for w in segment.words)
        assert segment.end == max(max(w.start, w.end) for w in segment.words)
    homes = {id(w): i for i, u in enumerate(utterances) for w in u.words}
    assert all(len({homes[id(w)] for w in s.words}) == 1 for s in segments)


@given(_utterances, _diarizations())
def test_a_word_within_a_turn_belongs_to_its_speaker(utterances: list[Utterance], diarization: Diarization) -> None:
    inner = {
        id(word) for utterance in utterances for word in utterance.words[MAX_EDGE_WORDS:-MAX_EDGE_WORDS]
    }  # each is one sentence
    for segment in align(utterances, diarization):
        for word in (word for word in segment.words if id(word) in inner):
            start, end = sorted((word.start, word.end))
            for turn in diarization.exclusive:
                if end - start > 1e-6 and turn.start <= start and end <= turn.end:
                    assert segment.speaker == turn.speaker


@pytest.mark.timeout(600)
def test_a_day_of_words_takes_a_second() -> None:
    rng = np.random.default_rng(0)
    words = 100_000
    ends = np.sort(rng.uniform(0, 40_000, words))
    utterances = [_utterance(*((str(i), ends[i] - 0.3, ends[i]) for i in range(k, k + 10))) for k in range(0, words, 10)]
    edges = np.sort(rng.uniform(0, 40_000, 20_000))
    turns = _turns(*((a, b, f"S{i % 12}") for i, (a, b) in enumerate(zip(edges[::2], edges[1::2], strict=True))))
    segments = align(utterances, turns)
    assert sum(len(s.words) for s in segments) == words


@pytest.mark.skipif(not SAMPLE.exists(), reason="../shared/data is not there")
def test_fast_turns_of_a_real_call_keep_their_speakers() -> None:
    """Sentences with words spread evenly over their reference times, against reference turns of another annotator."""
    utterances, speakers = [], []
    for line in (SAMPLE / "sample.stm").read_text().splitlines():
        _, _, speaker, start, end, text = line.split(maxsplit=5)
        words = text.split()
        edges = np.linspace(float(start), float(end), len(words) + 1)
        utterances.append(_utterance(*zip(words, edges[:-1].tolist(), edges[1:].tolist(), strict=True)))
        speakers.append([speaker] * len(words))
    rttm = [line.split() for line in (SAMPLE / "sample.rttm").read_text().splitlines()]
    turns = [Turn(float(row[3]), float(row[3]) + float(row[4]), row[7]) for row in rttm]
    # Exclusive turns: where two turns overlap, the earlier one continues, and a backchannel within a turn is dropped.
    exclusive: list[Turn] = []
    for turn in turns:
        begin = max(turn.start, exclusive[-1].end if exclusive else 0.0)
        if turn.end > begin:
            exclusive.append(Turn(begin, turn.end, turn.speaker))
    segments = align(utterances, Diarization(tuple(turns), tuple(exclusive)))
    names = {"speaker90": "Diane", "speaker91": "Sheila"}
    found = [names[segment.speaker] for segment in segments for _ in segment.words]
    expected = [speaker for line in speakers for speaker in line]
    assert np.mean([a == b for a, b in zip(found, expected, strict=True)]) > 0.93
    assert [(s.speaker, s.text) for s in segments[:2]] == [("speaker90", "Hello?"), ("speaker91", "Hello?")]
    assert any(segment.overlap for segment in segments)


def sentence(*words: tuple[str, str]) -> tuple[list[Utterance], Diarization]:
    """An utterance of words of one second, and a diarization with a turn of the given speaker for each word."""
    timed_words = tuple(Word(f" {text}", float(i), i + 1.0, 1.0) for i, (text, _) in enumerate(words))
    turns = tuple(Turn(float(i), i + 1.0, speaker) for i, (_, speaker) in enumerate(words))
    return [Utterance(timed_words, -0.2, "en")], Diarization(turns, turns)


def test_the_first_words_of_a_sentence_go_to_the_speaker_of_the_rest() -> None:
    talk = sentence(("Hello.", "A"), ("And", "A"), ("I'm", "A"), ("Sheila", "B"), ("in", "B"), ("Texas", "B"), ("too.", "B"))
    assert [(s.speaker, s.text) for s in align(*talk)] == [("A", "Hello."), ("B", "And I'm Sheila in Texas too.")]


def test_the_last_words_of_a_sentence_too() -> None:
    talk = sentence(("I'm", "A"), ("in", "A"), ("New", "A"), ("Jersey", "A"), ("now.", "B"), ("Well.", "B"))
    assert [(s.speaker, s.text) for s in align(*talk)] == [("A", "I'm in New Jersey now."), ("B", "Well.")]


def test_a_sentence_that_two_people_share_stays_divided() -> None:
    talk = sentence(("We", "A"), ("went", "A"), ("to", "A"), ("Rome", "B"), ("last", "B"), ("May.", "B"))
    assert [(s.speaker, s.text) for s in align(*talk)] == [("A", "We went to"), ("B", "Rome last May.")]


def test_a_word_of_another_speaker_within_a_sentence_stays() -> None:
    words = [("and", "A"), ("then", "A"), ("we", "A"), ("yes", "B"), ("all", "A"), ("went", "A"), ("home.", "A")]
    assert [s.speaker for s in align(*sentence(*words))] == ["A", "B", "A"]
