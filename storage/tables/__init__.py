"""All tables. Importing the package makes `Base.metadata` complete."""

from storage.tables.access import ApiKey, AuditEntry, ConversationShare, LoginSession, Person, Ticket, Usage
from storage.tables.backups import Backup
from storage.tables.base import Base
from storage.tables.conversations import (
    STATUSES,
    Conversation,
    ConversationTag,
    LabelRow,
    ParticipantRow,
    SegmentRow,
    TurnRow,
    spoken_by,
)
from storage.tables.editing import OriginalSegment, TranscriptChange
from storage.tables.emotions import EmotionProfile
from storage.tables.erasure import PendingRemoval
from storage.tables.jobs import JobRow, JobStageRow
from storage.tables.speakers import (
    DistinctSpeakers,
    IdentityChange,
    Speaker,
    VoiceprintRow,
    VoiceRow,
    VoiceSetting,
    unknown_speaker_number,
)
from storage.tables.summaries import SummaryRow, SummaryTemplate
from storage.tables.vectors import SegmentToEmbed, SegmentVector
from storage.tables.vocabulary import VocabularyRow

__all__ = [
    "STATUSES",
    "ApiKey",
    "AuditEntry",
    "Backup",
    "Base",
    "Conversation",
    "ConversationShare",
    "ConversationTag",
    "DistinctSpeakers",
    "EmotionProfile",
    "IdentityChange",
    "JobRow",
    "JobStageRow",
    "LabelRow",
    "LoginSession",
    "OriginalSegment",
    "ParticipantRow",
    "PendingRemoval",
    "Person",
    "SegmentRow",
    "SegmentToEmbed",
    "SegmentVector",
    "Speaker",
    "SummaryRow",
    "SummaryTemplate",
    "Ticket",
    "TranscriptChange",
    "TurnRow",
    "Usage",
    "VocabularyRow",
    "VoiceRow",
    "VoiceSetting",
    "VoiceprintRow",
    "spoken_by",
    "unknown_speaker_number",
]
