from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("segments", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="membership",
            name="entered_in",
            field=models.BigIntegerField(default=0, help_text="The segment's version that brought the customer in."),
            preserve_default=False,
        ),
    ]
