"""The cron endpoint: whoever holds CRON_SECRET may ask how carrying out stands, and start one poll."""

from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from campaigns.services.polling import poll_tasks
from config.health import same_secret
from execution.api.operation import schedule_in_words
from execution.engine.drain import drain
from execution.selectors import is_paused
from workspaces.api.auth import REALM
from workspaces.api.bodies import Body
from workspaces.api.parsing import StrictJSONParser
from workspaces.api.shapes import Shape
from workspaces.api.views import problems
from workspaces.errors import NotAuthenticated, NotFound
from workspaces.models import Mode
from workspaces.settings_store import effective_settings


class CronStatusShape(Shape):
    status = serializers.ChoiceField(["operational", "paused"])
    enabled = serializers.BooleanField()
    dry_run = serializers.BooleanField()
    schedule = serializers.CharField()


class TasksPolledShape(Shape):
    claimed = serializers.IntegerField()
    completed = serializers.IntegerField()
    failed = serializers.IntegerField()


class RequestsDrainedShape(Shape):
    claimed = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()
    uncertain = serializers.IntegerField()


class PolledShape(Shape):
    tasks = TasksPolledShape()
    requests = RequestsDrainedShape()


@dataclass(frozen=True)
class Cron:
    """What stands as `request.user` here: whoever holds the secret."""

    is_authenticated: bool = True


class CronSecretAuthentication(BaseAuthentication):
    """`Authorization: Bearer CRON_SECRET`. Where none is set, the endpoint is not there."""

    def authenticate(self, request: Request) -> tuple[Cron, None]:
        if not settings.CRON_SECRET:
            raise NotFound("There is nothing at this address.")
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not same_secret(secret.strip(), settings.CRON_SECRET):
            raise NotAuthenticated("Send CRON_SECRET: Authorization: Bearer ...")
        return Cron(), None

    def authenticate_header(self, request: Request) -> str:
        return REALM


class CronScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema describes the secret."""

    target_class = CronSecretAuthentication
    name = "cron"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "CRON_SECRET."}


class CronView(APIView):
    """For the installation as a whole; there is no workspace here."""

    authentication_classes = (CronSecretAuthentication,)
    parser_classes = (StrictJSONParser,)

    @extend_schema(operation_id="cron_status", responses={200: CronStatusShape, **problems(404)})
    def get(self, request: Request) -> Response:
        """How carrying out stands in the installation."""
        setting = effective_settings(workspace=None, keys=["execution_enabled", "mode"])
        data = {
            "status": "paused" if is_paused(workspace=None) else "operational",
            "enabled": bool(settings.ENABLE_AUTO_EXECUTION and setting["execution_enabled"]),
            "dry_run": setting["mode"] == Mode.DRY_RUN,
            "schedule": schedule_in_words(),
        }
        return Response(CronStatusShape(data).data)

    @extend_schema(operation_id="cron_poll", request=None, responses={200: PolledShape, **problems(404)})
    def post(self, request: Request) -> Response:
        """One poll of tasks, then of requests; also where carrying out by itself is off."""
        Body(data=request.data).is_valid(raise_exception=True)
        tasks = poll_tasks(manual=True)
        requests = drain(manual=True)
        return Response(PolledShape({"tasks": asdict(tasks), "requests": asdict(requests)}).data)
