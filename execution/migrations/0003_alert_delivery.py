import django.db.models.deletion
import workspaces.ids
from django.db import migrations, models

from workspaces.migration_operations import CompositeForeignKey


class Migration(migrations.Migration):
    dependencies = [
        ("execution", "0002_heartbeat"),
        ("workspaces", "0001_tenants_members_audit"),
    ]

    operations = [
        migrations.CreateModel(
            name="AlertDelivery",
            fields=[
                (
                    "id",
                    models.UUIDField(default=workspaces.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("round", models.PositiveIntegerField()),
                ("target", models.CharField(max_length=80)),
                ("count", models.PositiveIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Waiting"),
                            ("sending", "Under way"),
                            ("sent", "Sent"),
                            ("failed", "Failed"),
                            ("dropped", "Not needed"),
                        ],
                        default="pending",
                        max_length=8,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("due_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(null=True)),
                ("error", models.CharField(blank=True, max_length=300)),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="AlertRoute",
            fields=[
                (
                    "id",
                    models.UUIDField(default=workspaces.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("name", models.CharField(max_length=80)),
                (
                    "severity",
                    models.CharField(
                        choices=[("info", "Information"), ("warning", "Warning"), ("critical", "Critical")],
                        default="warning",
                        max_length=8,
                        verbose_name="from",
                    ),
                ),
                ("secret", models.TextField(editable=False)),
                ("scheme", models.CharField(editable=False, max_length=20)),
                ("is_active", models.BooleanField(default=True, verbose_name="in use")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="EscalationStep",
            fields=[
                (
                    "id",
                    models.UUIDField(default=workspaces.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "severity",
                    models.CharField(
                        choices=[("info", "Information"), ("warning", "Warning"), ("critical", "Critical")],
                        max_length=8,
                    ),
                ),
                ("after_minutes", models.PositiveIntegerField()),
            ],
            options={
                "ordering": ["severity", "after_minutes", "id"],
            },
        ),
        migrations.CreateModel(
            name="Notification",
            fields=[
                (
                    "id",
                    models.UUIDField(default=workspaces.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("at", models.DateTimeField()),
                ("count", models.PositiveIntegerField(default=1)),
                ("read_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["-at"],
            },
        ),
        migrations.AddField(
            model_name="alert",
            name="quiet_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="alert",
            name="resolution",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="alert",
            name="rounds",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="alert",
            name="step",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="alert",
            name="tell_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="alert",
            name="told_count",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="resumed_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(("tell_at__isnull", False)), fields=["tell_at"], name="alert_to_tell"
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(("resolved_at", None)), fields=["kind", "workspace"], name="alert_unresolved"
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["workspace", "fingerprint", "-last_at"], name="alert_fingerprint"),
        ),
        migrations.AddField(
            model_name="alertdelivery",
            name="alert",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="deliveries",
                to="execution.alert",
            ),
        ),
        migrations.AddField(
            model_name="alertdelivery",
            name="workspace",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="workspaces.workspace"
            ),
        ),
        migrations.AddField(
            model_name="alertroute",
            name="workspace",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="workspaces.workspace"
            ),
        ),
        migrations.AddField(
            model_name="escalationstep",
            name="person",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="workspaces.principal",
            ),
        ),
        migrations.AddField(
            model_name="escalationstep",
            name="route",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="execution.alertroute",
            ),
        ),
        migrations.AddField(
            model_name="escalationstep",
            name="workspace",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="workspaces.workspace"
            ),
        ),
        migrations.AddField(
            model_name="notification",
            name="alert",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="execution.alert"
            ),
        ),
        migrations.AddField(
            model_name="notification",
            name="member",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="workspaces.principal"
            ),
        ),
        migrations.AddField(
            model_name="notification",
            name="workspace",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="workspaces.workspace"
            ),
        ),
        migrations.AddIndex(
            model_name="alertdelivery",
            index=models.Index(
                condition=models.Q(("state__in", ["pending", "sending"])), fields=["due_at"], name="alert_delivery_due"
            ),
        ),
        migrations.AddIndex(
            model_name="alertdelivery",
            index=models.Index(
                condition=models.Q(("state", "sent")),
                fields=["workspace", "target", "-sent_at"],
                name="alert_delivery_sent",
            ),
        ),
        migrations.AddConstraint(
            model_name="alertdelivery",
            constraint=models.UniqueConstraint(fields=("alert", "round", "target"), name="alert_told_once_a_round"),
        ),
        migrations.AddConstraint(
            model_name="alertroute",
            constraint=models.UniqueConstraint(fields=("workspace", "name"), name="alert_route_name_once"),
        ),
        migrations.AddIndex(
            model_name="escalationstep",
            index=models.Index(fields=["workspace", "severity", "after_minutes"], name="escalation_ladder"),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(fields=["workspace", "member", "-at", "-id"], name="notification_list"),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("read_at", None)), fields=["member", "workspace"], name="notification_unread"
            ),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.UniqueConstraint(fields=("alert", "member"), name="notified_once_an_alert"),
        ),
        CompositeForeignKey("alertdelivery", "alert_id", "execution.Alert"),
        CompositeForeignKey("notification", "alert_id", "execution.Alert"),
        CompositeForeignKey("escalationstep", "route_id", "execution.AlertRoute"),
    ]
