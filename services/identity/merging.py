"""Making one speaker of two."""

from pipeline.identity.policy import IdentityPolicy
from services.identity import emotion_refresh
from services.identity.speaker_changes import SpeakerChange
from storage.emotions import profile_merging
from storage.speakers import distinct_speakers, speakers


async def merge(change: SpeakerChange, policy: IdentityPolicy, source: int, target: int, *, enrolled: bool = True) -> list[int]:
    """Make all that is `source` part of `target`, and delete `source`; returns the participants that changed speaker.

    With `enrolled` false the references of `source` are no references of `target`. Emotion profiles become those of all their
    segments together; thresholds that were set for `target` stay. Raises SpeakerNotFoundError.
    """
    session = change.session
    had_profiles = await emotion_refresh.have_profiles(session, source, target)
    names = await speakers.names_of(session, (source, target))
    if len(names) < 2:
        raise speakers.SpeakerNotFoundError
    if had_profiles:
        await change.note_profiles(source)  # put back last, when the rows that `target` took over are out of the way
        await change.note_profiles(target)
        await profile_merging.merge_imported(session, source, target)
    moved = await change.give_all(source, target)
    if enrolled:
        await change.give_samples(source, target)
    else:
        await change.enroll(moved, enrolled=False)
    await change.remove([source], await distinct_speakers.pass_on(session, source, target))
    change.merged.append((source, target))
    change.notes.append(f"{names[source]} is {names[target]}")
    if had_profiles:
        await emotion_refresh.refresh(session, policy, {target}, moved)
    return list(moved)
