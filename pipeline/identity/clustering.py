"""Which unknown speakers turn out to be somebody who is known by now, or one another."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from statistics import median

from pipeline.identity.matching import REASSIGN_MARGIN


@dataclass(frozen=True, slots=True)
class Merge:
    """`source`, whom the program named, is `target`."""

    source: int
    target: int
    similarity: float
    """How close the references of `source` are to those of `target`, at the median."""


Nearby = Mapping[int, Sequence[Mapping[int, float]]]
"""For each unknown speaker, for each of their references: the speakers who are near, and how close the closest of their
references is."""


def certain(nearby: Nearby, named: Set[int], apart: Iterable[frozenset[int]], threshold: float) -> list[Merge]:
    """The merges that may be made without asking anybody.

    Speakers are linked completely, not by their closest references: a chain of voices, each a little like the next, would
    otherwise become one person.

    * An unknown speaker becomes a named one where every reference of theirs is closer to that speaker than `threshold`, and
      none is that close to another named one.
    * Two unknown speakers become the older one where every reference of either is that close to the other, and none of both is
      that close to a named speaker.
    * Nothing speaks against it (`apart`): both have been heard in one conversation, where they were told apart, or a person has
      undone this very merge before.
    * Neither is part of another merge this time, except that several may become the same speaker, as long as nothing keeps
      them apart from each other. What follows from the merges is not looked at until there is new evidence.

    Two speakers whom people named are never merged. The result does not depend on the order of anything.
    """
    kept_apart = set(apart)
    close = {
        unknown: [{who for who, similarity in near.items() if similarity > threshold and who != unknown} for near in references]
        for unknown, references in nearby.items()
        if unknown not in named and references
    }
    people = {unknown: set().union(*sets) & named for unknown, sets in close.items()}
    candidates: list[Merge] = []
    for unknown, sets in close.items():
        everywhere = set.intersection(*sets)
        if len(people[unknown]) == 1:
            possible = everywhere & people[unknown]
        elif not people[unknown]:
            possible = {who for who in everywhere if who in close and not people[who]}
        else:
            continue
        if possible:
            similarity, other = max((_typical(nearby[unknown], who), -who) for who in possible)
            source, target = (unknown, -other) if -other in named else (max(unknown, -other), min(unknown, -other))
            candidates.append(Merge(source, target, similarity))
    merges: list[Merge] = []
    members: dict[int, set[int]] = {}
    gone: set[int] = set()
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


def likely(nearby: Nearby, named: Set[int]) -> list[Merge]:
    """Pairs that a person should look at, the most similar first: at least half of an unknown speaker's references are near.

    An unknown speaker is proposed to become a named one; of two unknown ones the younger, the older.
    """
    found: dict[tuple[int, int], float] = {}
    for unknown, references in nearby.items():
        if unknown in named:
            continue
        for other in set().union(*references) - {unknown}:
            if other not in named and other not in nearby:
                continue
            pair = (unknown, other) if other in named else (max(unknown, other), min(unknown, other))
            similarity = _typical(references, other)
            if similarity > -1.0:
                found[pair] = min(found.get(pair, 1.0), similarity)
    merges = [Merge(source, target, similarity) for (source, target), similarity in found.items()]
    return sorted(merges, key=lambda m: (-m.similarity, m.source, m.target))


def floor(threshold: float) -> float:
    """Similarity above which two speakers are worth a look, where it takes more than `threshold` to be sure."""
    return threshold - REASSIGN_MARGIN


def _typical(references: Sequence[Mapping[int, float]], other: int) -> float:
    """The median similarity of those references that are near `other`; -1 where they are less than half of all."""
    near = [found[other] for found in references if other in found]
    return float(median(near)) if near and 2 * len(near) >= len(references) else -1.0
