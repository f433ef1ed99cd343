"""All tables. Importing the package makes `Base.metadata` complete."""

from storage.tables.access import ApiKey, AuditEntry, ConversationShare, LoginSession, Person, Ticket, Usage
from storage.tables.backups import Backup
from storage.tables.base import Base
from storage.tables.conversations import STATUSES, Conversation, LabelRow, ParticipantRow, SegmentRow, TurnRow
from storage.tables.editing import OriginalSegment, TranscriptChange
from storage.tables.emotions import EmotionProfile
from storage.tables.erasure import PendingRemoval
from storage.tables.jobs import JobRow, JobStageRow
from storage.tables.speakers import (
    IdentityChange,
    ReferenceChange,
    Speaker,
    VoiceprintRow,
    VoiceSetting,
    unknown_speaker_number,
)

__all__ = [
    "STATUSES",
    "ApiKey",
    "AuditEntry",
    "Backup",
    "Base",
    "Conversation",
    "ConversationShare",
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
    "ReferenceChange",
    "SegmentRow",
    "Speaker",
    "Ticket",
    "TranscriptChange",
    "TurnRow",
    "Usage",
    "VoiceSetting",
    "VoiceprintRow",
    "unknown_speaker_number",
]
