"""The CRC-32 of the embeddings that are there already."""

import zlib

from django.db import migrations, transaction

# Rows that are read at once, and written in one statement: of each its number is a branch of an expression.
PORTION = 400


def fill(apps, schema_editor):
    """Walks through all faces by id in portions of their own: one that was done may be done again."""
    faces = apps.get_model("faces", "Face").objects.using(schema_editor.connection.alias)
    last = 0
    while True:
        rows = faces.filter(pk__gt=last, embedding__isnull=False, embedding_crc=0)
        found = list(rows.only("pk", "embedding").order_by("pk")[:PORTION])
        if not found:
            return
        last = found[-1].pk
        for face in found:
            face.embedding_crc = zlib.crc32(bytes(face.embedding))
        with transaction.atomic(using=schema_editor.connection.alias):
            faces.bulk_update(found, ["embedding_crc"])


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("faces", "0007_grouping")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
