"""The statements of a restore, in the order in which they run.

The file's entries go into temporary tables, which end with the transaction, and from there over the live state, all rows of a
kind at once. `:backup` is the row whose content is restored.
"""

LOAD = (
    """
    CREATE TEMPORARY TABLE restored_speakers (
        file_id integer PRIMARY KEY, id integer, name text, emotion_threshold float8, created_at timestamptz,
        updated_at timestamptz, "references" json, emotion_profiles json
    ) ON COMMIT DROP
    """,
    """
    CREATE TEMPORARY TABLE restored_participants (
        id integer PRIMARY KEY, conversation_uuid uuid, label text, speaker_id integer, confidence float8, enrolled boolean,
        speech float8, vector text, model text, conversation_id integer, speaker integer, live boolean DEFAULT false
    ) ON COMMIT DROP
    """,
    """
    CREATE TEMPORARY TABLE restored_segments (
        id bigint, file_conversation_id integer, conversation_uuid uuid, participant_id integer, speaker_id integer,
        speaker_name text, is_misidentified boolean, start_offset float8, end_offset float8, confidence float8,
        emotion_category text, emotion_confidence float8, emotion_corrected boolean, emotion_corrected_at timestamptz,
        emotion_misidentified boolean, emotion_learned boolean, emotion_vector text, emotion_model text, voice_vector text,
        voice_model text, conversation_id integer, speaker integer, by_name boolean DEFAULT false, live_id bigint,
        unchanged boolean DEFAULT false
    ) ON COMMIT DROP
    """,
    """
    INSERT INTO restored_speakers (file_id, name, emotion_threshold, created_at, updated_at, "references", emotion_profiles)
    SELECT x.id, x.name, x.emotion_threshold, x.created_at, x.updated_at, x."references", x.emotion_profiles
    FROM backups b, json_to_recordset(b.content::json -> 'speakers') AS x(
        id integer, name text, emotion_threshold float8, created_at timestamptz, updated_at timestamptz,
        "references" json, emotion_profiles json)
    WHERE b.id = :backup
    """,
    """
    INSERT INTO restored_participants
    SELECT x.id, x.conversation_uuid, x.label, x.speaker_id, x.confidence, x.enrolled, x.speech, x.vector, x.model, c.id
    FROM backups b, json_to_recordset(b.content::json -> 'participants') AS x(
        id integer, conversation_uuid uuid, label text, speaker_id integer, confidence float8, enrolled boolean, speech float8,
        vector text, model text)
    LEFT JOIN conversations c ON c.uuid = x.conversation_uuid
    WHERE b.id = :backup
    """,
    # A file of the reference system knows conversations by their ids alone.
    """
    INSERT INTO restored_segments
    SELECT x.id, x.conversation_id, x.conversation_uuid, x.participant_id, x.speaker_id, x.speaker_name, x.is_misidentified,
        x.start_offset, x.end_offset, x.confidence, x.emotion_category, x.emotion_confidence, x.emotion_corrected,
        x.emotion_corrected_at, x.emotion_misidentified, x.emotion_learned, x.emotion_vector, x.emotion_model,
        x.voice_vector, x.voice_model, coalesce(c.id, old.id)
    FROM backups b, json_to_recordset(b.content::json -> 'segments') AS x(
        id bigint, conversation_id integer, conversation_uuid uuid, participant_id integer, speaker_id integer,
        speaker_name text, is_misidentified boolean, start_offset float8, end_offset float8, confidence float8,
        emotion_category text, emotion_confidence float8, emotion_corrected boolean, emotion_corrected_at timestamptz,
        emotion_misidentified boolean, emotion_learned boolean, emotion_vector text, emotion_model text, voice_vector text,
        voice_model text)
    LEFT JOIN conversations c ON c.uuid = x.conversation_uuid
    LEFT JOIN conversations old ON x.conversation_uuid IS NULL AND old.id = x.conversation_id
    WHERE b.id = :backup
    """,
    "CREATE INDEX ON restored_participants (conversation_id)",
    "CREATE INDEX ON restored_segments (id)",
    "ANALYZE restored_speakers, restored_participants, restored_segments",
)

HEADER = """
SELECT json_object_agg(key, value)::text FROM backups b, json_each(b.content::json)
WHERE b.id = :backup AND key NOT IN ('speakers', 'participants', 'segments')
"""

LENGTHS = """
WITH file AS (
    SELECT model, json_array_length(vector::json) AS length FROM restored_participants WHERE vector IS NOT NULL
    UNION SELECT x.model, json_array_length(x.vector::json)
    FROM restored_speakers r, json_to_recordset(r."references") AS x(vector text, model text)
    UNION SELECT x.embedding_model, json_array_length(x.embedding)
    FROM restored_speakers r, json_to_recordset(r.emotion_profiles) AS x(embedding json, embedding_model text)
    UNION SELECT x.voice_embedding_model, json_array_length(x.voice_embedding)
    FROM restored_speakers r, json_to_recordset(r.emotion_profiles) AS x(voice_embedding json, voice_embedding_model text)
    WHERE x.voice_embedding IS NOT NULL
    UNION SELECT emotion_model, json_array_length(emotion_vector::json) FROM restored_segments WHERE emotion_vector IS NOT NULL
    UNION SELECT voice_model, json_array_length(voice_vector::json) FROM restored_segments WHERE voice_vector IS NOT NULL
), here AS (
    SELECT model, (SELECT vector_dims(vector) FROM participants p WHERE p.model = file.model LIMIT 1) AS length FROM file
    UNION SELECT model, (SELECT vector_dims(vector) FROM voiceprints v WHERE v.model = file.model LIMIT 1) FROM file
    UNION SELECT model, (SELECT vector_dims(emotion_vector) FROM segments s WHERE emotion_model = file.model LIMIT 1) FROM file
)
SELECT model, array_agg(DISTINCT length) AS lengths FROM (SELECT * FROM file UNION SELECT * FROM here) AS found
WHERE length IS NOT NULL GROUP BY model
"""

# Participants whose lines may have been judged by their speaker's emotion profiles.
PERSONAL = "SELECT id FROM participants WHERE speaker_id IN (SELECT speaker_id FROM emotion_profiles)"

SPEAKERS = (
    # Somebody is the same where they were made at the same moment under the same id, else by name; but two databases call two
    # strangers Unknown_01.
    """
    UPDATE restored_speakers r SET id = s.id FROM speakers s WHERE s.id = r.file_id AND s.created_at = r.created_at
    """,
    """
    UPDATE restored_speakers r SET id = s.id FROM speakers s
    WHERE r.id IS NULL AND s.name = r.name AND s.name !~ :unknown
        AND NOT EXISTS (SELECT 1 FROM restored_speakers taken WHERE taken.id = s.id)
    """,
    """
    UPDATE participants p SET speaker_id = NULL, confidence = NULL
    WHERE speaker_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM restored_speakers r WHERE r.id = p.speaker_id)
    """,
    "DELETE FROM speakers s WHERE NOT EXISTS (SELECT 1 FROM restored_speakers r WHERE r.id = s.id)",
    # Two may have swapped their names.
    """
    UPDATE speakers s SET name = gen_random_uuid()::text FROM restored_speakers r WHERE r.id = s.id AND r.name <> s.name
    """,
    """
    UPDATE speakers s SET name = r.name, emotion_threshold = r.emotion_threshold, updated_at = coalesce(r.updated_at, now())
    FROM restored_speakers r WHERE r.id = s.id
    """,
    # An id that this database has given out before is kept, so that what clients remember stays true.
    """
    UPDATE restored_speakers r SET id = file_id
    WHERE id IS NULL AND file_id BETWEEN 1 AND pg_sequence_last_value(pg_get_serial_sequence('speakers', 'id')::regclass)
        AND NOT EXISTS (SELECT 1 FROM speakers s WHERE s.id = r.file_id)
    """,
    "UPDATE restored_speakers SET id = nextval(pg_get_serial_sequence('speakers', 'id')) WHERE id IS NULL",
    """
    INSERT INTO speakers (id, name, emotion_threshold, created_at, updated_at)
    SELECT id, name, emotion_threshold, coalesce(created_at, now()), coalesce(updated_at, now()) FROM restored_speakers r
    WHERE NOT EXISTS (SELECT 1 FROM speakers s WHERE s.id = r.id)
    """,
    "DELETE FROM voiceprints",
    """
    INSERT INTO voiceprints (speaker_id, vector, model, source, created_at)
    SELECT r.id, x.vector::vector, x.model, x.source, coalesce(x.created_at, now())
    FROM restored_speakers r, json_to_recordset(r."references") AS x(
        vector text, model text, source text, created_at timestamptz)
    ORDER BY r.file_id
    """,
)

TRANSCRIPTS = (
    "UPDATE restored_participants p SET speaker = r.id FROM restored_speakers r WHERE r.file_id = p.speaker_id",
    "UPDATE restored_segments t SET speaker = r.id FROM restored_speakers r WHERE r.file_id = t.speaker_id",
    """
    UPDATE restored_segments t SET speaker = r.id, by_name = true FROM restored_speakers r
    WHERE t.speaker IS NULL AND r.name = t.speaker_name
    """,
    # Where a conversation has not been processed again, its participants and lines are still the same rows.
    """
    UPDATE restored_participants r SET live = true
    WHERE id <= pg_sequence_last_value(pg_get_serial_sequence('participants', 'id')::regclass)
        AND conversation_id IN (
            SELECT r.conversation_id FROM restored_participants r JOIN participants p USING (id, conversation_id))
        AND NOT EXISTS (SELECT 1 FROM participants p WHERE p.id = r.id AND p.conversation_id <> r.conversation_id)
    """,
    """
    UPDATE restored_segments t SET live_id = s.id, unchanged = true FROM segments s, restored_participants r
    WHERE s.id = t.id AND s.conversation_id = t.conversation_id AND r.id = t.participant_id AND r.live
        AND r.conversation_id = t.conversation_id
    """,
    """
    UPDATE restored_segments t SET live_id = s.id FROM segments s
    WHERE t.live_id IS NULL AND s.conversation_id = t.conversation_id
        AND round(s.start_offset * 100) = round(t.start_offset * 100) AND round(s.end_offset * 100) = round(t.end_offset * 100)
    """,
    # A label may meanwhile be another participant's.
    """
    UPDATE participants p SET label = gen_random_uuid()::text FROM restored_participants r
    WHERE r.live AND r.conversation_id = p.conversation_id AND r.label = p.label AND r.id <> p.id
    """,
    """
    INSERT INTO participants (id, conversation_id, label, speech)
    SELECT id, conversation_id, gen_random_uuid()::text, speech FROM restored_participants r
    WHERE live AND NOT EXISTS (SELECT 1 FROM participants p WHERE p.id = r.id)
    """,
    """
    UPDATE participants p SET label = r.label, speaker_id = r.speaker, confidence = r.confidence, enrolled = r.enrolled,
        speech = r.speech, vector = r.vector::vector, model = r.model
    FROM restored_participants r WHERE r.live AND r.id = p.id
        AND (p.label, p.speaker_id, p.confidence, p.enrolled, p.speech, p.vector::text, p.model) IS DISTINCT FROM
            (r.label, r.speaker, r.confidence, r.enrolled, r.speech, r.vector::vector::text, r.model)
    """,
    """
    UPDATE segments s SET participant_id = t.participant_id,
        detector_breakdown = CASE WHEN s.emotion_corrected THEN s.detector_breakdown END
    FROM restored_segments t WHERE t.unchanged AND s.id = t.live_id AND s.participant_id <> t.participant_id
    """,
    """
    DELETE FROM participants p
    WHERE conversation_id IN (SELECT conversation_id FROM restored_participants WHERE live)
        AND NOT EXISTS (SELECT 1 FROM restored_participants r WHERE r.id = p.id)
        AND NOT EXISTS (SELECT 1 FROM segments s WHERE s.participant_id = p.id)
        AND NOT EXISTS (SELECT 1 FROM turns t WHERE t.participant_id = p.id)
    """,
    # Elsewhere each participant becomes the speaker of most of its lines, by seconds, and the other lines move.
    """
    UPDATE participants p SET speaker_id = winner.speaker, confidence = NULL FROM (
        SELECT DISTINCT ON (s.participant_id) s.participant_id, t.speaker
        FROM restored_segments t JOIN segments s ON s.id = t.live_id
        WHERE NOT t.unchanged GROUP BY s.participant_id, t.speaker
        ORDER BY s.participant_id, sum(s.end_offset - s.start_offset) DESC, t.speaker
    ) winner WHERE winner.participant_id = p.id
    """,
    """
    INSERT INTO participants (conversation_id, label, speaker_id, enrolled)
    SELECT DISTINCT s.conversation_id, 'restored ' || coalesce(t.speaker::text, 'unknown'), t.speaker, false
    FROM restored_segments t JOIN segments s ON s.id = t.live_id JOIN participants p ON p.id = s.participant_id
    WHERE NOT t.unchanged AND p.speaker_id IS DISTINCT FROM t.speaker AND NOT EXISTS (
        SELECT 1 FROM participants other WHERE other.conversation_id = s.conversation_id AND other.speaker_id = t.speaker)
    ON CONFLICT (conversation_id, label) DO UPDATE SET speaker_id = excluded.speaker_id
    """,
    """
    UPDATE segments s SET participant_id = (
        SELECT min(other.id) FROM participants other WHERE other.conversation_id = s.conversation_id
            AND (other.speaker_id = t.speaker OR t.speaker IS NULL AND other.label = 'restored unknown'))
    FROM restored_segments t, participants p
    WHERE NOT t.unchanged AND s.id = t.live_id AND p.id = s.participant_id AND p.speaker_id IS DISTINCT FROM t.speaker
    """,
    """
    UPDATE segments s SET is_misidentified = t.is_misidentified FROM restored_segments t
    WHERE s.id = t.live_id AND s.is_misidentified <> t.is_misidentified
    """,
    """
    UPDATE segments s SET confidence = t.confidence, emotion_category = t.emotion_category,
        emotion_confidence = t.emotion_confidence, emotion_corrected = t.emotion_corrected,
        emotion_corrected_at = t.emotion_corrected_at, emotion_misidentified = t.emotion_misidentified,
        emotion_learned = t.emotion_learned,
        detector_breakdown = CASE WHEN s.emotion_corrected AND t.emotion_corrected THEN s.detector_breakdown END
    FROM restored_segments t WHERE s.id = t.live_id AND (t.unchanged OR t.emotion_corrected)
        AND (s.confidence, s.emotion_category, s.emotion_confidence, s.emotion_corrected,
            s.emotion_corrected_at, s.emotion_misidentified, s.emotion_learned) IS DISTINCT FROM
            (t.confidence, t.emotion_category, t.emotion_confidence, t.emotion_corrected,
            t.emotion_corrected_at, t.emotion_misidentified, t.emotion_learned)
    """,
    # What a speaker is known by is not forgotten with the conversation that it came from.
    """
    INSERT INTO voiceprints (speaker_id, vector, model, source)
    SELECT speaker, vector::vector, model, 'backup' FROM restored_participants
    WHERE NOT live AND enrolled AND speaker IS NOT NULL AND vector IS NOT NULL ORDER BY id
    """,
)

COUNTS = """
SELECT
    (SELECT count(*) FROM restored_speakers) AS speakers_restored,
    count(DISTINCT live_id) AS segments_updated,
    count(*) FILTER (WHERE speaker IS NULL AND (speaker_id IS NOT NULL OR speaker_name IS NOT NULL)) AS segments_unmapped,
    count(*) FILTER (WHERE by_name AND speaker_id IS NOT NULL) AS segments_remapped_by_name,
    count(*) FILTER (WHERE by_name AND speaker_id IS NULL) AS segments_remapped_from_local_names,
    count(*) FILTER (WHERE live_id IS NULL) AS segments_not_found,
    count(*) FILTER (WHERE conversation_id IS NULL) AS segments_skipped_namespace,
    count(*) FILTER (WHERE conversation_id IS NOT NULL AND live_id IS NULL) AS segments_skipped_identity,
    count(*) FILTER (WHERE live_id IS NOT NULL AND conversation_uuid IS NOT NULL) AS segments_replayed_by_identity,
    count(*) FILTER (WHERE live_id IS NOT NULL AND conversation_uuid IS NULL) AS segments_replayed_by_legacy_identity,
    coalesce(bool_and(conversation_uuid IS NOT NULL AND conversation_id IS NOT NULL), true) AS segment_namespace_match
FROM restored_segments
"""
