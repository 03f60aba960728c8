"""The scope of a workspace: a tripwire that refuses to be None."""

import pytest
from django.apps import apps
from django.db import models
from django_scopes import ScopeError

from contacts.models import Contact
from workspaces.models import Workspace
from workspaces.scope import all_workspaces, workspace_scope


def test_none_is_never_a_scope():
    with pytest.raises(ValueError, match="A workspace is needed"), workspace_scope(None):  # type: ignore[arg-type]
        pass


@pytest.mark.parametrize("reason", ["", None])
def test_lifting_the_scope_takes_a_reason(reason):
    with pytest.raises(ValueError, match="Say why"), all_workspaces(reason):
        pass


def test_a_scope_shows_its_workspace_alone(cast, other):
    with workspace_scope(other.workspace):
        assert [contact.name for contact in Contact.objects.all()] == ["Oscar Orr"]


def test_an_inner_scope_ends_where_it_ends(cast, other):
    with workspace_scope(cast.workspace):
        with workspace_scope(other.workspace):
            assert Contact.objects.count() == 1
        assert Contact.objects.count() == 3


def test_a_scope_ends_also_where_something_fails(cast):
    with pytest.raises(ZeroDivisionError), workspace_scope(cast.workspace):
        raise ZeroDivisionError
    with pytest.raises(ScopeError):
        Contact.objects.count()


def test_lifting_it_shows_every_workspace(cast, other):
    with all_workspaces("a test of the scope"):
        assert Contact.objects.count() == 4


@pytest.mark.parametrize(
    "query",
    [
        lambda: list(Contact.objects.all()),
        lambda: Contact.objects.filter(name="Alice Adams").first(),
        lambda: Contact.objects.get(name="Alice Adams"),
        lambda: Contact.objects.count(),
        lambda: list(Contact.objects.exclude(name="")),
        lambda: Contact.objects.update(name="Nobody"),
        lambda: Contact.objects.all().delete(),
        lambda: list(Contact.objects.raw("SELECT * FROM contacts_contact")),
        lambda: Contact.objects.in_bulk(),
    ],
)
def test_a_query_outside_a_scope_is_an_error(cast, query):
    with pytest.raises(ScopeError):
        query()


# A global hold is no workspace's, and the engine reads the holds of all of them at once.
OF_NO_ONE_WORKSPACE = {"execution.Hold"}


def tenant_models():
    return [
        model
        for model in apps.get_models()
        if model._meta.app_label in ("contacts", "execution", "campaigns")
        and any(field.name == "workspace" for field in model._meta.fields)
        and model._meta.label not in OF_NO_ONE_WORKSPACE
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("model", tenant_models(), ids=lambda model: model._meta.label)
def test_every_tenants_model_is_behind_the_scope(model):
    with pytest.raises(ScopeError):
        model._default_manager.count()


@pytest.mark.parametrize("model", tenant_models(), ids=lambda model: model._meta.label)
def test_no_tenants_row_loses_its_workspace(model):
    field = model._meta.get_field("workspace")
    assert field.remote_field.on_delete is models.PROTECT
    assert field.remote_field.model is Workspace
    assert not field.null
