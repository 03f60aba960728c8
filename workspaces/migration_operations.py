"""Operations for migrations that Django has no words for."""

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import AddIndex, RemoveIndex
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


_DROP_KEY_OVER = """
DO $$ DECLARE name text; BEGIN
    SELECT conname INTO STRICT name FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid
    WHERE contype = 'f' AND conrelid = '"{table}"'::regclass AND conkey = ARRAY[attnum] AND attname = '{column}';
    EXECUTE format('ALTER TABLE "{table}" DROP CONSTRAINT %I', name);
END $$
"""


class DropImpliedForeignKey(Operation):
    """On PostgreSQL: drop Django's key over one column where a CompositeForeignKey implies it.

    Every row written has each of its keys looked up at the commit; a key that another one implies costs as much as
    that one and forbids nothing more. Of a row tied to a parent this holds for the key to the parent, and for its
    workspace, which is the parent's. SQLite, without composite keys, keeps them all.

    Args:
        model_name: the pointing model of the migration's app, such as "attempt".
        column: its column, such as "request_id".
        to_model: the model pointed at, for the way back.
    """

    category = OperationCategory.REMOVAL
    reversible = True
    reduces_to_sql = True

    def __init__(self, model_name: str, column: str, to_model: str) -> None:
        self.model_name = model_name
        self.column = column
        self.to_model = to_model

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Nothing: the models stay as they are."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Drop it, whatever its name."""
        if schema_editor.connection.vendor != "postgresql":
            return
        table = to_state.apps.get_model(app_label, self.model_name)._meta.db_table
        # Without parameters, since the percent sign in it is no placeholder.
        schema_editor.execute(_DROP_KEY_OVER.format(table=table, column=self.column), params=None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Make it anew; rows are looked up in a second step, which locks nobody out."""
        if schema_editor.connection.vendor != "postgresql":
            return
        table = to_state.apps.get_model(app_label, self.model_name)._meta.db_table
        target = to_state.apps.get_model(self.to_model)._meta
        name = f"{table}_{self.column}_fk"[-63:]
        schema_editor.execute(
            f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}" FOREIGN KEY ("{self.column}") '
            f'REFERENCES "{target.db_table}" ("{target.get_field("id").column}") '
            "DEFERRABLE INITIALLY DEFERRED NOT VALID"
        )
        schema_editor.execute(f'ALTER TABLE "{table}" VALIDATE CONSTRAINT "{name}"')

    def describe(self) -> str:
        return f"Drop the key over {self.column} of {self.model_name}, which another one implies"

    @property
    def migration_name_fragment(self) -> str:
        return f"{self.model_name.lower()}_{self.column}_implied"


class AddIndexOnline(AddIndex):
    """An index on a table that may be big: on PostgreSQL made beside the running writes (CREATE INDEX CONCURRENTLY).

    Its migration says `atomic = False` and holds nothing else. Where making it breaks off, PostgreSQL leaves an invalid
    index behind, which a second try drops first. SQLite has one writer anyway and makes it as usual.
    """

    atomic = False

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        elif self.allow_migrate_model(schema_editor.connection.alias, model):
            _require_no_transaction(schema_editor)
            schema_editor.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{self.index.name}"')
            schema_editor.add_index(model, self.index, concurrently=True)  # type: ignore[call-arg]

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_backwards(app_label, schema_editor, from_state, to_state)
        elif self.allow_migrate_model(
            schema_editor.connection.alias, from_state.apps.get_model(app_label, self.model_name)
        ):
            _require_no_transaction(schema_editor)
            schema_editor.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{self.index.name}"')


class RemoveIndexOnline(RemoveIndex):
    """The way back of AddIndexOnline: whoever uses the table goes on meanwhile. Its migration says `atomic = False`."""

    atomic = False

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self._made_by(from_state, app_label).database_backwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self._made_by(to_state, app_label).database_forwards(app_label, schema_editor, from_state, to_state)

    def _made_by(self, state: ProjectState, app_label: str) -> AddIndexOnline:
        """The operation that makes the index, as it stands where there is one."""
        model = state.models[app_label, self.model_name.lower()]
        return AddIndexOnline(model_name=self.model_name, index=model.get_index_by_name(self.name))


class KeepRoomInPages(Operation):
    """On PostgreSQL: leave a part of each page of a table free, so that a row that is changed stays in its page.

    Then no index is written where none of its columns changed (heap-only tuples). Only pages written from now on are
    filled so; nothing is rewritten, and readers and writers go on meanwhile.

    Args:
        model_name: a model of the migration's app, such as "contact".
        percent: how full a page is made by inserts.
    """

    category = OperationCategory.ALTERATION
    reversible = True
    reduces_to_sql = True

    def __init__(self, model_name: str, percent: int) -> None:
        self.model_name = model_name
        self.percent = percent

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Nothing: the models stay as they are."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self._alter(app_label, schema_editor, to_state, f"SET (fillfactor = {self.percent})")

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self._alter(app_label, schema_editor, to_state, "RESET (fillfactor)")

    def describe(self) -> str:
        return f"Fill the pages of {self.model_name} to {self.percent} %"

    @property
    def migration_name_fragment(self) -> str:
        return f"{self.model_name.lower()}_room_in_pages"

    def _alter(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, state: ProjectState, change: str) -> None:
        if schema_editor.connection.vendor == "postgresql":
            table = state.apps.get_model(app_label, self.model_name)._meta.db_table
            schema_editor.execute(f'ALTER TABLE "{table}" {change}')


def _require_no_transaction(schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.in_atomic_block:
        raise RuntimeError("An index is made online outside a transaction; set atomic = False on its migration.")
