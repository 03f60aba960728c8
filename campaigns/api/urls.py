"""The addresses of this app's API, below /api/v1/."""

from django.urls import path

from campaigns.api import campaigns, metrics, tasks

urlpatterns = [
    path("tasks", tasks.TasksView.as_view(), name="tasks"),
    path("tasks/<uuid:task_id>", tasks.TaskView.as_view(), name="task"),
    path("tasks/<uuid:task_id>/approve", tasks.ApproveTaskView.as_view(), name="task-approve"),
    path("tasks/<uuid:task_id>/reject", tasks.RejectTaskView.as_view(), name="task-reject"),
    path("tasks/<uuid:task_id>/messages", tasks.MessagesView.as_view(), name="task-messages"),
    path("campaigns", campaigns.CampaignsView.as_view(), name="campaigns"),
    path("campaigns/<uuid:campaign_id>", campaigns.CampaignView.as_view(), name="campaign"),
    path("campaigns/<uuid:campaign_id>/start", campaigns.StartView.as_view(), name="campaign-start"),
    path("goals", campaigns.GoalsView.as_view(), name="goals"),
    path("prospect-lists", campaigns.ProspectListsView.as_view(), name="prospect-lists"),
    path("runs", campaigns.RunsView.as_view(), name="runs"),
    path("runs/<uuid:run_id>", campaigns.RunView.as_view(), name="run"),
    path("runs/<uuid:run_id>/retry", campaigns.RetryRunView.as_view(), name="run-retry"),
    path("outputs", campaigns.OutputsView.as_view(), name="outputs"),
    path("outputs/<uuid:draft_id>", campaigns.OutputView.as_view(), name="output"),
    path("metrics", metrics.MetricsView.as_view(), name="metrics"),
]
