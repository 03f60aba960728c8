"""What the calls of this app take; the services say what is wrong with a value."""

from rest_framework import serializers

from campaigns.api.shapes import PRIORITIES
from campaigns.states import CampaignStatus, DraftStatus, RunStatus, TaskStatus
from workspaces.api.bodies import Body, CommaList, Text
from workspaces.api.shapes import AnyObject


class TaskBody(Body):
    """A task; without `assigned_agent` it is a person's."""

    title = Text(max_length=200)
    description = Text(required=False)
    assigned_agent = Text(required=False, allow_null=True, help_text="A slug or a name.")
    priority = serializers.ChoiceField(PRIORITIES, required=False)
    requires_approval = serializers.BooleanField(required=False)
    metadata = AnyObject(required=False, help_text="What the agent is told besides: its inputs.")
    campaign = serializers.UUIDField(required=False, allow_null=True)


class TaskPatchBody(TaskBody):
    status = serializers.ChoiceField(TaskStatus.choices, required=False)
    deliverable_url = Text(required=False)


class TasksQuery(Body):
    status = CommaList(choices=TaskStatus.values, required=False)
    assigned_agent = serializers.CharField(required=False)
    priority = serializers.ChoiceField(PRIORITIES, required=False)
    plan = serializers.UUIDField(required=False)
    campaign = serializers.UUIDField(required=False)
    q = serializers.CharField(required=False)


class CampaignBody(Body):
    """A campaign. Its prospects come from an uploaded list, or from the contact book by `query`."""

    goal = Text(max_length=4_000)
    name = Text(required=False)
    cause = Text(required=False)
    ask = Text(required=False)
    audience = Text(required=False)
    tone = Text(required=False)
    sender_name = Text(required=False)
    sender_role = Text(required=False)
    sender_organisation = Text(required=False)
    agent = Text(required=False)
    query = Text(required=False, max_length=200)
    at_most = serializers.IntegerField(required=False, min_value=1, max_value=500)
    prospect_list = serializers.UUIDField(required=False, allow_null=True)


class StartBody(Body):
    prospects = serializers.ListField(
        child=AnyObject(),
        required=False,
        allow_empty=False,
        max_length=500,
        help_text="Rows given by hand, for this run alone: name, email, organisation and whatever else is known.",
    )


class GoalBody(CampaignBody):
    """A goal in words; an agent is put to work on it at once."""

    prospects = StartBody().fields["prospects"]


class CampaignsQuery(Body):
    q = serializers.CharField(required=False)
    status = serializers.ChoiceField(CampaignStatus.choices, required=False)


class ProspectsBody(Body):
    name = Text(max_length=200)
    csv = Text(help_text="A CSV file's text, with a line of column names; one of them is email.")


class RunsQuery(Body):
    campaign = serializers.UUIDField(required=False)
    task = serializers.UUIDField(required=False)
    agent = serializers.CharField(required=False)
    status = serializers.ChoiceField(RunStatus.choices, required=False)


class OutputsQuery(Body):
    run = serializers.UUIDField(required=False)
    campaign = serializers.UUIDField(required=False)
    contact = serializers.UUIDField(required=False)
    status = serializers.ChoiceField(DraftStatus.choices, required=False)


class MetricsQuery(Body):
    hours = serializers.IntegerField(required=False, default=24, min_value=1, max_value=24 * 90)
