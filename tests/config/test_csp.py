"""Which policy a page gets: strict, unfold's additions in the admin, or what the view asked for."""

import pytest
from csp.decorators import csp_replace
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("page")


admin_pages = ([path("list", page), path("queue", csp_replace({})(page))], "admin")
urlpatterns = [path("page", page), path("console/", include(admin_pages))]

pytestmark = pytest.mark.urls(__name__)


@pytest.fixture
def policy(settings):
    settings.MIDDLEWARE = ["config.csp.PolicyMiddleware"]

    def policy_of(address: str) -> dict[str, str]:
        header = Client().get(address).headers["Content-Security-Policy"]
        return dict(directive.strip().split(" ", 1) for directive in header.split(";"))

    return policy_of


def test_a_page_is_under_the_strict_policy(policy):
    assert policy("/page")["script-src"] == "'self'"
    assert policy("/page")["style-src"] == "'self'"
    assert policy("/page")["default-src"] == "'none'"


def test_a_page_of_the_admin_gets_what_unfold_needs(policy):
    assert policy("/console/list")["script-src"] == "'self' 'unsafe-eval'"
    assert "'unsafe-inline'" not in policy("/console/list")["script-src"]


def test_a_page_of_ours_inside_the_admin_stays_strict(policy):
    assert policy("/console/queue") == policy("/page")


def test_an_address_that_leads_nowhere_is_under_the_strict_policy(policy):
    assert policy("/nowhere") == policy("/page")
