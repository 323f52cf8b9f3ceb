"""A browser's number: given once with a page, random, and out of reach of scripts."""

from http.cookies import SimpleCookie

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from ui.index_page import routes
from ui.visitor import COOKIE


def client(base_url: str = "http://testserver") -> TestClient:
    return TestClient(Starlette(routes=routes(["runs"])), base_url=base_url)


def test_a_browser_gets_a_number_with_its_first_page_and_keeps_it() -> None:
    visitor = client()
    first = visitor.get("/runs")
    number = first.cookies[COOKIE]
    assert len(number) == 32
    assert "set-cookie" not in visitor.get("/").headers
    assert visitor.cookies[COOKIE] == number


def test_every_browser_gets_another() -> None:
    assert len({client().get("/").cookies[COOKIE] for _ in range(20)}) == 20


@pytest.mark.parametrize(("address", "secure"), [("http://testserver", False), ("https://testserver", True)])
def test_no_script_and_no_other_site_gets_it(address: str, *, secure: bool) -> None:
    response = client(address).get("/")
    (written,) = SimpleCookie(response.headers["set-cookie"]).values()
    assert written["httponly"]
    assert written["samesite"] == "lax"
    assert bool(written["secure"]) is secure
    # No cache on the way may hand one browser's number to another.
    assert "private" in response.headers["cache-control"]


@pytest.mark.parametrize("forged", ["", "x", "x" * 31, "x" * 33, "x" * 31 + ";", "'; drop table runs"])
def test_what_is_no_number_is_replaced(forged: str) -> None:
    response = client().get("/", headers={"cookie": f'{COOKIE}="{forged}"'})
    assert len(response.cookies[COOKIE]) == 32
