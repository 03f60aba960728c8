"""What this app puts on record, each with a sentence for people."""

from workspaces import audit

audit.register(
    {
        "campaign.created": "{actor} created a campaign",
        "campaign.changed": "{actor} changed {fields} of a campaign",
        "campaign.started": "{actor} started the agent {agent} on a campaign",
        "run.proposed": "{actor} proposed a plan of {size} from its drafts",
        "run.retried": "{actor} let a failed run go on",
        "run.failed": "the agent {agent} could not do its work: {code}",
        "task.created": "{actor} created a task",
        "task.changed": "{actor} changed {fields} of a task",
        "task.approved": "{actor} approved a task",
        "task.rejected": "{actor} rejected a task",
        "task.decision_refused": "{actor} was refused a decision on a task: {why}",
        "task.started": "{actor} took up a task, try {attempt}",
        "task.completed": "{actor} completed a task",
        "task.retry": "a task failed and will be tried again: {code}",
        "task.escalated": "a task failed for the last time and went to a person: {code}",
        "task.failed_again": "what a task was made for failed again",
        "task.given_back": "{actor} gave a task back before it had begun",
    }
)
