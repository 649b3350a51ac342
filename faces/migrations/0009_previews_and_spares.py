"""Attempts of previews, and what is noted of each face that another model looks at in the background."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("faces", "0008_fill_embedding_crc")]

    operations = [
        migrations.AddField(
            model_name="preview",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="spareembedding",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="spareembedding",
            name="lease_owner",
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AddField(
            model_name="spareembedding",
            name="lease_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="spareembedding",
            name="crc",
            field=models.PositiveBigIntegerField(default=0, help_text="CRC-32 of the embedding"),
        ),
        migrations.AddField(
            model_name="spareembedding",
            name="reason",
            field=models.CharField(blank=True, help_text="Why there is none", max_length=200),
        ),
        migrations.AlterField(
            model_name="spareembedding",
            name="embedding",
            field=models.BinaryField(help_text="float32, L2 length 1; null: not made yet, or see reason", null=True),
        ),
    ]
