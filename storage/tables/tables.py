"""Former name of `storage.tables`."""

from storage.tables import IDEOGRAPHS as IDEOGRAPHS
from storage.tables import STATUSES as STATUSES
from storage.tables import Backup as Backup
from storage.tables import Base as Base
from storage.tables import Conversation as Conversation
from storage.tables import EmotionProfile as EmotionProfile
from storage.tables import IdentityChange as IdentityChange
from storage.tables import JobRow as JobRow
from storage.tables import JobStageRow as JobStageRow
from storage.tables import LabelRow as LabelRow
from storage.tables import ParticipantRow as ParticipantRow
from storage.tables import ReferenceChange as ReferenceChange
from storage.tables import SegmentRow as SegmentRow
from storage.tables import Speaker as Speaker
from storage.tables import TurnRow as TurnRow
from storage.tables import VoiceprintRow as VoiceprintRow
from storage.tables import VoiceSetting as VoiceSetting
from storage.tables import unknown_speaker_number as unknown_speaker_number
