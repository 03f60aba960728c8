"""The states of tasks, runs, drafts and campaigns, and the one table of moves between a task's."""

from django.db.models import TextChoices


class TaskStatus(TextChoices):
    """Where a task stands. Whether it may run yet is its approval, which is told apart."""

    NEW = "new", "New"  # waits for the poll, for an approval, or for its next try
    IN_PROGRESS = "in_progress", "In progress"  # leased to one process, or taken up by a person
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"  # a person gave it up
    ESCALATED = "escalated", "Escalated"  # every try failed; a person was asked
    CANCELLED = "cancelled", "Cancelled"  # withdrawn, or its approval was refused


S = TaskStatus

TASK_TRANSITIONS: dict[TaskStatus, frozenset[TaskStatus]] = {
    # Completed straight away: a person's own task, done by hand.
    S.NEW: frozenset({S.IN_PROGRESS, S.COMPLETED, S.CANCELLED}),
    S.IN_PROGRESS: frozenset({S.COMPLETED, S.NEW, S.ESCALATED, S.CANCELLED}),
    S.ESCALATED: frozenset({S.NEW, S.COMPLETED, S.FAILED, S.CANCELLED}),
    S.FAILED: frozenset({S.NEW}),
    S.COMPLETED: frozenset(),
    S.CANCELLED: frozenset(),
}

# What a member may set by hand; the rest is the machine's.
BY_HAND: dict[TaskStatus, frozenset[TaskStatus]] = {
    S.NEW: frozenset({S.COMPLETED, S.CANCELLED}),
    S.IN_PROGRESS: frozenset(),
    S.ESCALATED: frozenset({S.NEW, S.COMPLETED, S.FAILED, S.CANCELLED}),
    S.FAILED: frozenset({S.NEW}),
    S.COMPLETED: frozenset(),
    S.CANCELLED: frozenset(),
}


class RunStatus(TextChoices):
    """Where one run of an agent stands. A failed one can be run again and goes on where it stopped."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


class DraftStatus(TextChoices):
    """Where a draft stands; what happened to it after it was proposed is its request's to say."""

    CHOSEN = "chosen", "Target chosen"  # picked with a reason; not written yet
    WRITTEN = "written", "Written"
    PROPOSED = "proposed", "Proposed"


class CampaignStatus(TextChoices):
    """Where a campaign stands."""

    DRAFT = "draft", "Draft"  # nobody started its agent yet
    RUNNING = "running", "Agent at work"
    PROPOSED = "proposed", "Proposed"  # its requests wait or are being carried out
    FINISHED = "finished", "Finished"  # nothing of it is open any more
    ARCHIVED = "archived", "Archived"
