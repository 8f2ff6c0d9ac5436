from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("segments", "0003_applied_to")]

    operations = [
        migrations.RemoveIndex(model_name="membership", name="membership_by_time"),
        migrations.AddField(
            model_name="segment", name="sources", field=models.PositiveSmallIntegerField(default=0, editable=False)
        ),
        migrations.AlterField(
            model_name="segment", name="name_key", field=models.CharField(editable=False, max_length=765)
        ),
        migrations.AddIndex(
            model_name="membership",
            index=models.Index(fields=["store", "segment", "added_at", "id"], name="membership_by_time"),
        ),
    ]
