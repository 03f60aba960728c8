"""Operations for migrations that Django has no words for."""

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation, OperationCategory
from django.db.migrations.state import ProjectState


class CompositeForeignKey(Operation):
    """On PostgreSQL: a foreign key over two columns, (`together`, `column`) -> (`together`, id) of `to_model`.

    With the workspace as `together`, a row can point only at rows of its own tenant, whoever writes it. It stands
    beside Django's own key and is checked at the end of the transaction, like that one. The unique index that the
    target needs is made where no other such key made it before. SQLite cannot add a constraint to a table: there
    this does nothing.

    Args:
        model_name: the pointing model of the migration's app, such as "contact".
        column: its column that points, such as "organisation_id"; NULL points at nothing and is allowed.
        to_model: the model pointed at, such as "contacts.Organisation".
        together: the column that both tables share and that has to agree.
    """

    category = OperationCategory.ADDITION
    reversible = True
    reduces_to_sql = True

    def __init__(self, model_name: str, column: str, to_model: str, together: str = "workspace_id") -> None:
        self.model_name = model_name
        self.column = column
        self.to_model = to_model
        self.together = together

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Nothing: the models stay as they are."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Make the unique index, then the constraint."""
        names = self._names(app_label, to_state)
        if schema_editor.connection.vendor != "postgresql":
            return
        schema_editor.execute(
            'CREATE UNIQUE INDEX IF NOT EXISTS "{index}" ON "{target}" ("{together}", "{key}")'.format(**names)
        )
        schema_editor.execute(
            'ALTER TABLE "{table}" ADD CONSTRAINT "{constraint}" FOREIGN KEY ("{together}", "{column}") '
            'REFERENCES "{target}" ("{together}", "{key}") DEFERRABLE INITIALLY DEFERRED'.format(**names)
        )

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Drop the constraint, and the index with the last constraint that needs it."""
        names = self._names(app_label, from_state)
        if schema_editor.connection.vendor != "postgresql":
            return
        schema_editor.execute('ALTER TABLE "{table}" DROP CONSTRAINT "{constraint}"'.format(**names))
        schema_editor.execute(
            "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_constraint WHERE contype = 'f' AND conindid = "
            'to_regclass(\'"{index}"\')) THEN DROP INDEX IF EXISTS "{index}"; END IF; END $$'.format(**names)
        )

    def describe(self) -> str:
        return f"Tie {self.column} of {self.model_name} to {self.to_model} by {self.together}"

    @property
    def migration_name_fragment(self) -> str:
        return f"{self.model_name.lower()}_{self.column}_tied"

    def _names(self, app_label: str, state: ProjectState) -> dict[str, Any]:
        table = state.apps.get_model(app_label, self.model_name)._meta.db_table
        target = state.apps.get_model(self.to_model)._meta
        return {
            "table": table,
            "target": target.db_table,
            "together": self.together,
            "column": self.column,
            "key": target.get_field("id").column,
            "constraint": f"{table}_{self.column}_tied"[-63:],
            "index": f"{target.db_table}_{self.together}_and_id"[-63:],
        }
