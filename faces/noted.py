"""What entries of the journal note of faces (`Event.before`), read by the database.

An entry about 5,000 faces holds 300 kB; loading thirty of them takes a third of a second, and most of that is what only
undoing needs.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, Func, IntegerField, JSONField
from django.db.models.sql.compiler import SQLCompiler

# Of so many faces of an entry there is nearly always one that who reads it sees.
_FIRST = 20


class _Noted(Func):
    """A template for SQLite, and another for PostgreSQL."""

    template_postgresql: str

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template=self.template_postgresql, **context)


class MovedFaces(_Noted):
    """The ids of the faces that an entry is about: for `pk__in`.

    Those that it moved, those that it only refused, and the one that it made a cover. `first`: of many, a few only.
    """

    output_field = BigIntegerField()
    template = (
        "(SELECT value FROM (SELECT value FROM json_each(%(expressions)s, '$.faces') %(limit)s) UNION ALL "
        "SELECT value FROM (SELECT value FROM json_each(%(expressions)s, '$.refused') %(limit)s) UNION ALL "
        "SELECT json_extract(%(expressions)s, '$.face') UNION ALL "
        "SELECT CASE json_type(%(expressions)s, '$.after') WHEN 'integer' THEN "
        "json_extract(%(expressions)s, '$.after') END)"
    )
    template_postgresql = (
        "((SELECT (jsonb_path_query(%(expressions)s, '$.faces[%(part)s]') #>> '{}')::bigint %(limit)s) UNION ALL "
        "(SELECT (jsonb_path_query(%(expressions)s, '$.refused[%(part)s]') #>> '{}')::bigint %(limit)s) UNION ALL "
        "SELECT (%(expressions)s ->> 'face')::bigint UNION ALL "
        "SELECT (jsonb_path_query(%(expressions)s, '$.after ? (@.type() == \"number\")') #>> '{}')::bigint)"
    )

    def __init__(self, *expressions: Any, first: bool = False) -> None:
        limit, part = (f"LIMIT {_FIRST}", f"0 to {_FIRST - 1}") if first else ("", "*")
        super().__init__(*expressions, limit=limit, part=part)


class Rest(_Noted):
    """What an entry notes without its lists of faces. Of those by which kinds of entries are told apart it has empty
    ones."""

    output_field = JSONField()
    template = (
        "json_replace(json_remove(%(expressions)s, '$.faces', '$.refused', '$.refusals', '$.again', '$.lifted'),"
        " '$.formers', json('[]'), '$.released', json('[]'))"
    )
    template_postgresql = (
        "((%(expressions)s - '{faces,refused,refusals,again,lifted,formers,released}'::text[])"
        " || CASE WHEN jsonb_exists(%(expressions)s, 'formers') THEN jsonb '{\"formers\": []}' ELSE jsonb '{}' END"
        " || CASE WHEN jsonb_exists(%(expressions)s, 'released') THEN jsonb '{\"released\": []}' ELSE jsonb '{}' END)"
    )


class Length(_Noted):
    """How long a list (`name`) of an entry is; 0 if it has none."""

    output_field = IntegerField()
    template = "COALESCE(json_array_length(%(expressions)s, '$.%(name)s'), 0)"
    template_postgresql = "COALESCE(jsonb_array_length(%(expressions)s -> '%(name)s'), 0)"

    def __init__(self, *expressions: Any, name: str) -> None:
        super().__init__(*expressions, name=name)


class Beginning(_Noted):
    """The first `count` of a list (`name`) of an entry; empty if it has none."""

    output_field = JSONField()
    template = (
        "(SELECT json_group_array(value) FROM "
        "(SELECT value FROM json_each(%(expressions)s, '$.%(name)s') LIMIT %(count)s))"
    )
    template_postgresql = "jsonb_path_query_array(%(expressions)s, '$.%(name)s[0 to %(last)s]')"

    def __init__(self, *expressions: Any, name: str, count: int) -> None:
        super().__init__(*expressions, name=name, count=count, last=count - 1)
