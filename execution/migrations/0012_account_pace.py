import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("execution", "0011_overdue_from"),
        ("workspaces", "0002_installation"),
    ]

    operations = [
        migrations.CreateModel(
            name="AccountPace",
            fields=[
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="pace",
                        serialize=False,
                        to="execution.provideraccount",
                    ),
                ),
                ("last_slot_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="per_second",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="At most so many acts in any second, evenly spaced over all workers. Empty: no pace.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1, "1 at least. Leave it empty for no pace.")],
            ),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="warm_up_first_day",
            field=models.PositiveIntegerField(
                default=50,
                help_text="At most so many people reached in any 24 hours on the first day.",
                validators=[django.core.validators.MinValueValidator(1, "1 at least.")],
            ),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="warm_up_growth_percent",
            field=models.PositiveSmallIntegerField(
                default=50,
                help_text="Each day so many percent more than the day before, and at least one more.",
                validators=[
                    django.core.validators.MinValueValidator(1, "1 at least."),
                    django.core.validators.MaxValueValidator(1000, "1000 at most."),
                ],
            ),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="warm_up_started_on",
            field=models.DateField(
                blank=True,
                help_text="The day on which the account is first used, by the workspace's clock. Empty: no warm-up.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="warm_up_target",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="From so many a day on the warm-up is over and holds nothing back. Empty: a million.",
                null=True,
            ),
        ),
        migrations.AddConstraint(
            model_name="provideraccount",
            constraint=models.CheckConstraint(
                condition=models.Q(("per_second__gte", 1)), name="account_pace_at_least_one"
            ),
        ),
    ]
