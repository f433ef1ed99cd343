"""The first schema."""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import VECTOR
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("unknown_speaker_number")))

    op.create_table(
        "conversations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text()),
        sa.Column("start_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_time", sa.DateTime(timezone=True)),
        sa.Column("duration", sa.Double()),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("audio_format", sa.Text(), nullable=False),
        sa.Column("audio_key", sa.Text()),
        sa.Column("language", sa.Text()),
        sa.Column("stage", sa.Text()),
        sa.Column("progress", sa.REAL(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status IN ('recording', 'processing', 'completed', 'failed')", name="ck_conversations_status"),
        sa.CheckConstraint("duration >= 0", name="ck_conversations_duration"),
        sa.CheckConstraint("progress BETWEEN 0 AND 1", name="ck_conversations_progress"),
        sa.PrimaryKeyConstraint("id", name="pk_conversations"),
    )
    op.create_index("ix_conversations_newest", "conversations", [sa.text("start_time DESC"), sa.text("id DESC")])
    op.create_index(
        "ix_conversations_unfinished",
        "conversations",
        ["status"],
        postgresql_where=sa.text("status IN ('recording', 'processing')"),
    )

    op.create_table(
        "speakers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("emotion_threshold", sa.Double()),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("name <> ''", name="ck_speakers_name"),
        sa.CheckConstraint("emotion_threshold BETWEEN 0 AND 1", name="ck_speakers_emotion_threshold"),
        sa.PrimaryKeyConstraint("id", name="pk_speakers"),
        sa.UniqueConstraint("name", name="uq_speakers_name"),
    )

    op.create_table(
        "emotion_profiles",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("speaker_id", sa.Integer(), nullable=False),
        sa.Column("emotion_category", sa.Text(), nullable=False),
        sa.Column("vector", VECTOR(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("sample_count", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("confidence_threshold", sa.Double()),
        sa.Column("voice_vector", VECTOR()),
        sa.Column("voice_model", sa.Text()),
        sa.Column("voice_sample_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("voice_threshold", sa.Double()),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("confidence_threshold BETWEEN 0 AND 1", name="ck_emotion_profiles_confidence_threshold"),
        sa.CheckConstraint("num_nulls(voice_vector, voice_model) IN (0, 2)", name="ck_emotion_profiles_voice_vector_model"),
        sa.CheckConstraint("sample_count > 0 AND voice_sample_count >= 0", name="ck_emotion_profiles_counts"),
        sa.CheckConstraint("voice_threshold BETWEEN 0 AND 1", name="ck_emotion_profiles_voice_threshold"),
        sa.ForeignKeyConstraint(["speaker_id"], ["speakers.id"], name="fk_emotion_profiles_speaker_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_emotion_profiles"),
        sa.UniqueConstraint("speaker_id", "emotion_category", name="uq_emotion_profiles_speaker_id_emotion_category"),
    )

    op.create_table(
        "participants",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("conversation_id", sa.Integer(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("speaker_id", sa.Integer()),
        sa.Column("confidence", sa.Double()),
        sa.Column("vector", VECTOR()),
        sa.Column("model", sa.Text()),
        sa.Column("speech", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("num_nulls(vector, model) IN (0, 2)", name="ck_participants_vector_model"),
        sa.CheckConstraint("speech >= 0", name="ck_participants_speech"),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name="fk_participants_conversation_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["speaker_id"], ["speakers.id"], name="fk_participants_speaker_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_participants"),
        sa.UniqueConstraint("conversation_id", "label", name="uq_participants_conversation_id_label"),
        sa.UniqueConstraint("id", "conversation_id", name="uq_participants_id_conversation_id"),
    )
    op.create_index("ix_participants_speaker_id", "participants", ["speaker_id"])

    op.create_table(
        "voiceprints",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("speaker_id", sa.Integer(), nullable=False),
        sa.Column("vector", VECTOR(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["speaker_id"], ["speakers.id"], name="fk_voiceprints_speaker_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_voiceprints"),
    )
    op.create_index("ix_voiceprints_speaker_id", "voiceprints", ["speaker_id"])

    op.create_table(
        "segments",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("conversation_id", sa.Integer(), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("start_offset", sa.Double(), nullable=False),
        sa.Column("end_offset", sa.Double(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("words", JSONB()),
        sa.Column("avg_logprob", sa.Double()),
        sa.Column("confidence", sa.Double()),
        sa.Column("overlap", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("is_misidentified", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("emotion_category", sa.Text()),
        sa.Column("emotion_confidence", sa.Double()),
        sa.Column("emotion_scores", JSONB()),
        sa.Column("emotion_vector", VECTOR()),
        sa.Column("emotion_model", sa.Text()),
        sa.Column("emotion_corrected", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("emotion_corrected_at", sa.DateTime(timezone=True)),
        sa.Column("emotion_misidentified", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("detector_breakdown", JSONB()),
        sa.Column("voice_vector", VECTOR()),
        sa.Column("voice_model", sa.Text()),
        sa.CheckConstraint("emotion_confidence BETWEEN 0 AND 1", name="ck_segments_emotion_confidence"),
        sa.CheckConstraint("num_nulls(emotion_vector, emotion_model) IN (0, 2)", name="ck_segments_emotion_vector_model"),
        sa.CheckConstraint("num_nulls(voice_vector, voice_model) IN (0, 2)", name="ck_segments_voice_vector_model"),
        sa.CheckConstraint("start_offset >= 0 AND end_offset >= start_offset", name="ck_segments_offsets"),
        sa.ForeignKeyConstraint(
            ["participant_id", "conversation_id"],
            ["participants.id", "participants.conversation_id"],
            name="fk_segments_participant_id_conversation_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_segments"),
        sa.UniqueConstraint("conversation_id", "position", name="uq_segments_conversation_id_position"),
    )
    op.create_index("ix_segments_participant_id", "segments", ["participant_id"])

    op.create_table(
        "turns",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("conversation_id", sa.Integer(), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("start", sa.Double(), nullable=False),
        sa.Column("end", sa.Double(), nullable=False),
        sa.CheckConstraint('"end" >= start', name="ck_turns_times"),
        sa.ForeignKeyConstraint(
            ["participant_id", "conversation_id"],
            ["participants.id", "participants.conversation_id"],
            name="fk_turns_participant_id_conversation_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_turns"),
    )
    op.create_index("ix_turns_conversation_id_start", "turns", ["conversation_id", "start"])
    op.create_index("ix_turns_participant_id", "turns", ["participant_id"])
