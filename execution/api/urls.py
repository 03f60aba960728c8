"""The addresses of this app's API, below /api/v1/."""

from django.urls import path

from execution.api import alerts, contents, decisions, operation, plans, requests, snapshots, windows

urlpatterns = [
    path("execution/status", operation.StatusView.as_view(), name="execution-status"),
    path("execution/requests", requests.RequestsView.as_view(), name="requests"),
    path("execution/requests/<uuid:request_id>", requests.RequestView.as_view(), name="request"),
    path("execution/requests/<uuid:request_id>/cancel", requests.CancelView.as_view(), name="request-cancel"),
    path("execution/requests/<uuid:request_id>/run", requests.RunView.as_view(), name="request-run"),
    path("execution/requests/<uuid:request_id>/resolve", requests.ResolveView.as_view(), name="request-resolve"),
    path("execution/requests/<uuid:request_id>/retry", requests.RetryView.as_view(), name="request-retry"),
    path("execution/requests/<uuid:request_id>/undo", requests.UndoView.as_view(), name="request-undo"),
    path("execution/requests/<uuid:request_id>/reseal", requests.ResealView.as_view(), name="request-reseal"),
    path("execution/requests/<uuid:request_id>/contents/<str:sha256>", contents.ContentView.as_view(), name="content"),
    path("execution/requests/<uuid:request_id>/preflight", operation.PreflightView.as_view(), name="preflight"),
    path("execution/plans", plans.PlansView.as_view(), name="plans"),
    path("execution/plans/<uuid:plan_id>", plans.PlanView.as_view(), name="plan"),
    path("execution/plans/<uuid:plan_id>/approve", plans.PlanApproveView.as_view(), name="plan-approve"),
    path("execution/plans/<uuid:plan_id>/reject", plans.PlanRejectView.as_view(), name="plan-reject"),
    path("execution/plans/<uuid:plan_id>/continue", plans.PlanContinueView.as_view(), name="plan-continue"),
    path("execution/pending", decisions.PendingView.as_view(), name="pending"),
    path("execution/approve", decisions.ApproveView.as_view(), name="approve"),
    path("execution/reject", decisions.RejectView.as_view(), name="reject"),
    path("execution/request-changes", decisions.RequestChangesView.as_view(), name="request-changes"),
    path("execution/history", decisions.HistoryView.as_view(), name="history"),
    path("execution/hold", operation.HoldView.as_view(), name="hold"),
    path("execution/release", operation.ReleaseView.as_view(), name="release"),
    path("limits", operation.LimitsView.as_view(), name="limits"),
    path("limits/<str:name>", operation.LimitView.as_view(), name="limit"),
    path("windows", windows.WindowsView.as_view(), name="windows"),
    path("windows/<str:channel>", windows.WindowView.as_view(), name="window"),
    path("snapshots", snapshots.SnapshotsView.as_view(), name="snapshots"),
    path("snapshots/<uuid:snapshot_id>", snapshots.SnapshotView.as_view(), name="snapshot"),
    path("alerts", alerts.AlertsView.as_view(), name="alerts"),
    path("alerts/<uuid:alert_id>", alerts.AlertView.as_view(), name="alert"),
    path("alerts/<uuid:alert_id>/acknowledge", alerts.AcknowledgeView.as_view(), name="alert-acknowledge"),
    path("notifications", alerts.NotificationsView.as_view(), name="notifications"),
    path("notifications/read", alerts.NotificationsReadView.as_view(), name="notifications-read"),
    path("notifications/<uuid:notification_id>/read", alerts.NotificationReadView.as_view(), name="notification-read"),
]
