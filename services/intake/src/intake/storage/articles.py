"""Articles of documentation: loaded as a whole, matched by full text (SIG-02)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from intake.domain.documentation import Article


@dataclass(frozen=True, slots=True)
class Hit:
    """An article that may answer a request."""

    address: str
    title: str


# An older server may lack the configuration of a language.
_CONFIG: Final = """
WITH config AS (SELECT coalesce(
    (SELECT cfgname FROM pg_ts_config WHERE cfgname = $2 LIMIT 1), 'simple')::regconfig AS name)
"""
_LOAD: Final = f"""{_CONFIG}
INSERT INTO articles (desk, address, title, words, loaded_at)
SELECT $1, new.address, new.title,
    setweight(to_tsvector(config.name, new.title), 'A')
    || setweight(to_tsvector(config.name, new.body), 'B'), $6
FROM unnest($3::text[], $4::text[], $5::text[]) AS new(address, title, body) CROSS JOIN config
ON CONFLICT (desk, address) DO UPDATE
    SET title = excluded.title, words = excluded.words, loaded_at = excluded.loaded_at
"""  # noqa: S608 - constants of our own


async def load(
    connection: asyncpg.Connection, desk: str, configuration: str,
    articles: Sequence[Article], now: datetime,
) -> None:  # fmt: skip
    """Put these articles in the place of all that the desk had. In a transaction of its own: who
    looks meanwhile finds the former ones."""
    async with connection.transaction():
        await connection.execute(
            "DELETE FROM articles WHERE desk = $1 AND address <> ALL($2::text[])",
            desk,
            [each.address for each in articles],
        )
        await connection.execute(
            _LOAD, desk, configuration, [each.address for each in articles],
            [each.title for each in articles], [each.body for each in articles], now,
        )  # fmt: skip


# An article is a hit if it shares a word of its title with the request, or two words at all: one
# word in common would hold up nearly everybody who asks.
_MATCHING: Final = f"""{_CONFIG}, asked AS (
    SELECT tsvector_to_array(to_tsvector(config.name, $3)) AS lexemes,
        replace(plainto_tsquery(config.name, $3)::text, '&', '|')::tsquery AS any_word
    FROM config
), found AS (
    SELECT address, title, ts_rank_cd(words, any_word, 1) AS rank,
        (SELECT count(*) FROM unnest(tsvector_to_array(words)) AS word
         WHERE word = ANY(lexemes)) AS shared,
        ts_filter(words, '{{a}}') @@ any_word AS is_titled
    FROM articles CROSS JOIN asked WHERE desk = $1 AND words @@ any_word
)
SELECT address, title FROM found WHERE shared > 1 OR is_titled
ORDER BY shared DESC, rank DESC, address LIMIT $4
"""  # noqa: S608 - constants of our own


async def matching(
    connection: asyncpg.Connection, desk: str, configuration: str, question: str, limit: int
) -> list[Hit]:
    """The articles of the desk that match the words best."""
    rows = await connection.fetch(_MATCHING, desk, configuration, question, limit)
    return [Hit(row["address"], row["title"]) for row in rows]
