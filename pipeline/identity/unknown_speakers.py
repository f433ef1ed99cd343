"""Unknown speakers that turn out to be another speaker: a known one, or another unknown one."""

from collections.abc import Iterable, Mapping, Sequence, Set
from statistics import median

from pipeline.identity.matching import REASSIGN_MARGIN, Neighbours
from pipeline.identity.plan import Merge

Nearby = Mapping[int, Sequence[Neighbours]]
"""For each unknown speaker, for each of their references: the speakers near it."""


def certain_merges(nearby: Nearby, named: Set[int], apart: Iterable[frozenset[int]], threshold: float) -> list[Merge]:
    """The merges that need no confirmation by a person.

    Speakers are linked completely, not by their closest references: a chain of voices, each similar to the next, would
    otherwise become one person.

    * An unknown speaker becomes a named one where every reference of the unknown speaker is closer to the named one than
      `threshold`, and none is that close to another named speaker.
    * Two unknown speakers become the older one where every reference of either is that close to the other, and none of both is
      that close to a named speaker.
    * Nothing speaks against it (`apart`): both speak in one conversation, as different participants, or a person has
      undone this merge before.
    * Neither is part of another merge this time, except that several may become the same speaker, as long as nothing keeps
      them apart from each other. What follows from the merges is not examined until there is new evidence.

    Two speakers that people named are never merged. The result does not depend on the order of anything.
    """
    kept_apart = set(apart)
    close = {
        unknown: [{who for who, similarity in near.items() if similarity > threshold and who != unknown} for near in references]
        for unknown, references in nearby.items()
        if unknown not in named and references
    }
    merges: list[Merge] = []
    members: dict[int, set[int]] = {}
    gone: set[int] = set()
    candidates = _candidates(nearby, named, close)
    for merge in sorted(candidates, key=lambda m: (m.target not in named, -m.similarity, m.source, m.target)):
        group = members.get(merge.target, {merge.target})
        if merge.source in gone | members.keys() or merge.target in gone:
            continue
        if any(frozenset((merge.source, one)) in kept_apart for one in group):
            continue
        merges.append(merge)
        gone.add(merge.source)
        members[merge.target] = group | {merge.source}
    return merges


def likely_merges(nearby: Nearby, named: Set[int]) -> list[Merge]:
    """Pairs for a person to decide, the most similar first: at least half of an unknown speaker's references are near.

    An unknown speaker is proposed to become a named one; of two unknown ones the younger becomes the older.
    """
    found: dict[tuple[int, int], float] = {}
    for unknown, references in nearby.items():
        if unknown in named:
            continue
        for other in set().union(*references) - {unknown}:
            if other not in named and other not in nearby:
                continue
            pair = (unknown, other) if other in named else (max(unknown, other), min(unknown, other))
            similarity = _median_similarity(references, other)
            if similarity > -1.0:
                found[pair] = min(found.get(pair, 1.0), similarity)
    merges = [Merge(source, target, similarity) for (source, target), similarity in found.items()]
    return sorted(merges, key=lambda m: (-m.similarity, m.source, m.target))


def suggestion_floor(threshold: float) -> float:
    """The similarity above which two speakers may be one, where a certain merge takes more than `threshold`."""
    return threshold - REASSIGN_MARGIN


def _candidates(nearby: Nearby, named: Set[int], close: Mapping[int, Sequence[Set[int]]]) -> list[Merge]:
    """The most similar merge for each unknown speaker; `close` has the speakers above the threshold of each reference."""
    close_named = {unknown: set().union(*sets) & named for unknown, sets in close.items()}
    candidates: list[Merge] = []
    for unknown, sets in close.items():
        close_to_all = set(sets[0]).intersection(*sets[1:])
        if len(close_named[unknown]) == 1:
            possible = close_to_all & close_named[unknown]
        elif not close_named[unknown]:
            possible = {who for who in close_to_all if who in close and not close_named[who]}
        else:
            continue
        if possible:
            similarity, other = max((_median_similarity(nearby[unknown], who), -who) for who in possible)
            source, target = (unknown, -other) if -other in named else (max(unknown, -other), min(unknown, -other))
            candidates.append(Merge(source, target, similarity))
    return candidates


def _median_similarity(references: Sequence[Neighbours], other: int) -> float:
    """The median similarity of those references that are near `other`; -1 where they are less than half of all."""
    near = [found[other] for found in references if other in found]
    return float(median(near)) if near and 2 * len(near) >= len(references) else -1.0
