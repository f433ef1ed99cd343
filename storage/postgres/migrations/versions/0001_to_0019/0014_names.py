"""One name in several spellings is one name: names of speakers and people are spelled alike, and search finds each spelling.

Of two that have one name by now the older keeps it, and the other gets a number: `José (2)`. Nothing is merged. The column
`lexemes` is computed again, which rewrites the table: 21 s for 100,000 segments on two busy cores.
"""

import re
import unicodedata
from itertools import count

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0014"
down_revision = "0013"

SHAPING = r"\u180b-\u180d\u180f\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef"
INVISIBLE = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0"
    r"\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff" + SHAPING
)
SHAPED = ("Lo", "Mn", "Mc", "So", "Sk")
KEY = rf"btrim(regexp_replace(lower(regexp_replace(normalize(name, NFKC), '[{INVISIBLE}]', '', 'g')), '\s+', ' ', 'g'))"
VISIBLE = f"regexp_replace(normalize(text, NFC), '[{INVISIBLE}]', '', 'g')"
SPACED = rf"regexp_replace({VISIBLE}, '([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])', ' \1 ', 'g')"


def upgrade() -> None:
    op.drop_constraint("uq_speakers_name", "speakers")
    _respell("speakers", KEY)
    op.add_column("speakers", sa.Column("name_key", sa.Text(), sa.Computed(KEY, persisted=True), nullable=False))
    op.create_unique_constraint("uq_speakers_name_key", "speakers", ["name_key"])
    _respell("people", "name")  # a login is case-sensitive

    op.drop_column("segments", "lexemes")
    words = sa.Computed(f"to_tsvector('simple'::regconfig, {SPACED})", persisted=True)
    op.add_column("segments", sa.Column("lexemes", TSVECTOR(), words, nullable=False))
    op.create_index("ix_segments_lexemes", "segments", ["lexemes"], postgresql_using="gin")


def _respell(table: str, key: str) -> None:
    """Spell all names; of those with one `key` all but the first get numbers."""
    connection = op.get_bind()
    names = connection.execute(sa.text(f"SELECT id, name FROM {table}")).all()
    spelled = {row.id: _spelling(row.name) or "Unnamed" for row in names}
    given = sa.text(f"SELECT {key} FROM unnest(CAST(:names AS text[])) WITH ORDINALITY AS one(name, place) ORDER BY place")
    keys = dict(zip(spelled, connection.scalars(given, {"names": list(spelled.values())}), strict=True))
    taken, seen = set(keys.values()), set[str]()
    change = sa.text(f"UPDATE {table} SET name = :name WHERE id = :id")
    # A row that already has the name in this spelling keeps it.
    for id_, former in sorted(names, key=lambda row: (row.name != spelled[row.id], row.id)):
        name = spelled[id_]
        if keys[id_] in seen:
            number = next(n for n in count(2) if f"{keys[id_]} ({n})" not in taken)
            taken.add(f"{keys[id_]} ({number})")
            name = f"{name} ({number})"
        seen.add(keys[id_])
        if name != former:
            connection.execute(change, {"id": id_, "name": name})


def _spelling(name: str) -> str:
    kept: list[str] = []
    for character in unicodedata.normalize("NFC", name):
        shapes = re.match(f"[{SHAPING}]", character) and kept and unicodedata.category(kept[-1]) in SHAPED
        if shapes or not re.match(f"[{INVISIBLE}]", character):
            kept.append(character)
    return " ".join("".join(kept).split())
